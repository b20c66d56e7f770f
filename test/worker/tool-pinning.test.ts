import { describe, expect, it } from 'vitest'
import { type PinSource } from '../../src/worker/pin-source.js'
import { createToolBook } from '../../src/worker/tool-book.js'
import { createToolPinning } from '../../src/worker/tool-pinning.js'
import { handClock } from '../support/fake-feed.js'

/** A pinning whose catalog answers when it is told to. */
function pinningOf(answer: () => Promise<boolean> = () => Promise.resolve(true), pins: ReadonlyMap<string | null, string> | null = new Map()) {
  const clock = handClock()
  let reports = 0
  let isDue = true
  const source: PinSource = {
    pins: () => pins, holds: () => true, isDue: () => isDue,
    tell: () => {
      reports += 1
      return answer()
    },
  }
  const pinning = createToolPinning(source, createToolBook({ include: ['*'], exclude: [] }, () => 9, source), clock)
  return { clock, pinning, reports: () => reports, due: (value: boolean) => { isDue = value } }
}

describe('what is told of a server', () => {
  it('S10: that says something else each time, is told ever more seldom, and the last of it always', async () => {
    const { clock, pinning, reports } = pinningOf()
    const flood = async () => { for (let times = 0; times < 100; times++) await pinning.tell() }
    await flood()
    expect(reports()).toBe(1)
    const told: number[] = []
    for (const seconds of [1, 2, 4, 8]) {
      await flood()
      clock.advance(seconds * 1_000 - 1)
      await flood()
      expect(reports()).toBe(told.length + 1)
      clock.advance(1)
      await pinning.tell()
      told.push(reports())
    }
    expect(told).toEqual([2, 3, 4, 5])
    for (let hour = 0; hour < 60; hour++) {
      await flood()
      clock.advance(60_000)
      await pinning.tell()
    }
    // Once in five minutes at most.
    expect(reports()).toBeLessThan(5 + 20)
    pinning.close()
  })

  it('S10: is told one report at a time, and what came meanwhile afterwards', async () => {
    const answers: Array<() => void> = []
    const { pinning, reports, due } = pinningOf(() => new Promise((resolve) => answers.push(() => resolve(false))))
    const first = pinning.tell()
    void pinning.tell()
    void pinning.tell()
    expect(reports()).toBe(1)
    answers.shift()!()
    await expect.poll(() => answers.length).toBe(1)
    due(false)
    answers.shift()!()
    await first
    expect(reports()).toBe(2)
    // Nothing to tell asks nobody, however often it is asked for, and neither stops what comes then.
    for (let times = 0; times < 3; times++) await pinning.tell()
    due(true)
    void pinning.tell()
    expect(reports()).toBe(3)
    pinning.close()
  })

  it('S23: is tried again after a while when the catalog did not take it, however often the server changes in between', async () => {
    const { clock, pinning, reports, due } = pinningOf(() => Promise.reject(new Error('away')), null)
    for (let times = 0; times < 50; times++) await pinning.tell()
    expect([reports(), pinning.trouble()]).toEqual([1, expect.stringContaining('away')])
    clock.advance(60_000)
    await pinning.tell()
    expect(reports()).toBe(2)
    due(false)
    await pinning.tell()
    expect(pinning.trouble()).toBeNull()
    pinning.close()
  })

  it('S13: holds up nobody who ends it while the catalog does not answer', async () => {
    const { pinning } = pinningOf(() => new Promise(() => {}), null)
    const first = pinning.tellFirst()
    pinning.close()
    await first
  })
})
