import { describe, expect, it } from 'vitest'
import { parseWithdrawal, stricterOf, type Withdrawal, type WithdrawalVerb } from '../../src/core/withdrawal.js'

describe('how an entry is to be lost', () => {
  it.each<[WithdrawalVerb, object, Withdrawal]>([
    ['DISABLE', {}, { mode: 'DRAIN', deadlineSeconds: 30 }],
    ['DELETE', {}, { mode: 'IMMEDIATE', deadlineSeconds: 30 }],
    ['REVOKE', {}, { mode: 'IMMEDIATE', deadlineSeconds: 30 }],
    ['REVOKE', { mode: null, deadlineSeconds: null }, { mode: 'IMMEDIATE', deadlineSeconds: 30 }],
    ['DISABLE', { mode: 'IMMEDIATE' }, { mode: 'IMMEDIATE', deadlineSeconds: 30 }],
    ['DELETE', { mode: 'DRAIN', deadlineSeconds: 1 }, { mode: 'DRAIN', deadlineSeconds: 1 }],
    ['REVOKE', { mode: 'DRAIN', deadlineSeconds: 3_600 }, { mode: 'DRAIN', deadlineSeconds: 3_600 }],
  ])('%s with %j', (verb, input, expected) => { expect(parseWithdrawal(verb, input)).toEqual(expected) })

  it.each([0, -1, 3_601, 1.5, NaN, Infinity, 2 ** 31])('a deadline of %d seconds is refused', (deadlineSeconds) => {
    expect(() => parseWithdrawal('REVOKE', { deadlineSeconds })).toThrow(expect.objectContaining({
      code: 'INVALID_INPUT', details: { field: 'deadlineSeconds', mend: expect.any(String) as string },
    }) as Error)
  })

  const drain = (deadlineSeconds: number): Withdrawal => ({ mode: 'DRAIN', deadlineSeconds })
  const now = (deadlineSeconds: number): Withdrawal => ({ mode: 'IMMEDIATE', deadlineSeconds })
  it.each([
    [drain(10), drain(20), drain(10)],
    [drain(1), now(300), now(300)],
    [now(30), now(5), now(5)],
    [drain(10), drain(10), drain(10)],
  ])('S13: of %j and %j the stricter is %j, in either order', (one, other, stricter) => {
    expect(stricterOf(one, other)).toEqual(stricter)
    expect(stricterOf(other, one)).toEqual(stricter)
  })
})
