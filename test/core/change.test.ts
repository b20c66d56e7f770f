import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { altersRights, type Change, foldWithdrawals, formatCursor, parseCursor } from '../../src/core/change.js'

const sequence = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 1, 15, 16, Number.MAX_SAFE_INTEGER))

describe('cursors', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(fc.stringMatching(/^[0-9a-f]{8}$/), sequence, (incarnation, sequence) => {
      expect(parseCursor(formatCursor({ incarnation, sequence }))).toEqual({ incarnation, sequence })
    }))
  })

  it('of one incarnation compare as text', () => {
    fc.assert(fc.property(sequence, sequence, (a, b) => {
      const [left, right] = [a, b].map((sequence) => formatCursor({ incarnation: '0badf00d', sequence })) as [string, string]
      expect([left < right, left === right]).toEqual([a < b, a === b])
    }))
  })

  it.each([
    '', '-', '0badf00d', '0badf00d-', '0badf00d-1', '0badf00d-0000000000000', '0badf00d-000000000000001', 'badf00d-00000000000001',
    '0BADF00D-00000000000001', '0badf00d-0000000000000G', '0badf00d-0000000000000A', '0badf00d_00000000000001', ' 0badf00d-00000000000001',
    '0badf00d-00000000000001 ', '0badf00d-00000000000001\n', '0badf00d--0000000000001', '0badf00d-0x000000000001', '0badf00d-０0000000000001',
    // Beyond what a number holds exactly.
    '0badf00d-20000000000000', '0badf00d-ffffffffffffff', 'null', 'undefined', '{"incarnation":"0badf00d","sequence":1}',
  ])('%j is none', (text) => { expect(parseCursor(text)).toBeNull() })

  it('are read to the last safe number', () => {
    expect(parseCursor('0badf00d-1fffffffffffff')).toEqual({ incarnation: '0badf00d', sequence: Number.MAX_SAFE_INTEGER })
  })

  it('are never read from other text', () => {
    fc.assert(fc.property(fc.string(), (text) => {
      const cursor = parseCursor(text)
      if (cursor !== null) expect(formatCursor(cursor)).toBe(text)
    }))
  })
})

describe('changes', () => {
  it('S19: of rights and policy make decisions be taken again; new people and teams alter nobody\'s, nor do memberships that only last longer', () => {
    const change = (subject: Change['subject'], before: unknown) => altersRights({ subject, id: 'x', before, after: { role: 'MAINTAINER' } } as Change)
    const subjects: Array<Change['subject']> = ['ENTRY', 'USER', 'TEAM', 'MEMBERSHIP', 'POLICY', 'TOKEN']
    expect(subjects.filter((subject) => change(subject, {}))).toEqual(['USER', 'TEAM', 'MEMBERSHIP', 'POLICY', 'TOKEN'])
    expect(subjects.filter((subject) => change(subject, null))).toEqual(['MEMBERSHIP', 'POLICY', 'TOKEN'])
    expect(change('MEMBERSHIP', { role: 'MAINTAINER' })).toBe(false)
  })

  it('S7, S19: a session of the console that ends closes what it opened at once; one that begins alters nobody\'s', () => {
    const alters = (endedAt: string | null) => altersRights({ subject: 'CONSOLE_SESSION', id: 'x', before: null, after: { endedAt } } as unknown as Change)
    expect([alters(null), alters('2026-01-01T00:00:00.000Z')]).toEqual([false, true])
  })

  it('S19: what is revoked makes decisions be taken again; what is restored, or stays revoked, does not', () => {
    const alters = (status: string | null, revoked: object | null) => altersRights(
      { subject: 'ENTRY', id: 'x', before: status === null ? null : { status }, after: { revoked } } as unknown as Change)
    expect([alters('ACTIVE', { restored: null }), alters('DISABLED', { restored: null }), alters(null, { restored: null })]).toEqual([true, true, true])
    expect([alters('REVOKED', { restored: {} }), alters('REVOKED', { restored: null }), alters('ACTIVE', null), alters(null, { restored: {} })]).toEqual([false, false, false, false])
  })

  it('S13: folded, an entry is lost in the strictest way that was said', () => {
    const change = (id: string, withdrawal?: object) => ({ subject: 'ENTRY', id, before: { withdrawal }, after: null }) as unknown as Change
    const [long, short, now] = [{ mode: 'DRAIN', deadlineSeconds: 300 }, { mode: 'DRAIN', deadlineSeconds: 5 }, { mode: 'IMMEDIATE', deadlineSeconds: 30 }]
    const folded = foldWithdrawals([
      change('a', long), change('b', now), change('a', short), change('c'), change('b', long), change('d', long),
      { subject: 'ENTRY', id: 'e', before: null, after: null }, { subject: 'USER', id: 'a', before: null, after: {} } as unknown as Change,
    ])
    expect(Object.fromEntries(folded)).toEqual({ a: short, b: now, d: long })
  })
})
