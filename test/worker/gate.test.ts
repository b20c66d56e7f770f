import { describe, expect, it } from 'vitest'
import { createGate } from '../../src/worker/gate.js'
import { handClock } from '../support/fake-feed.js'

const immediate = { mode: 'IMMEDIATE' as const, deadlineSeconds: 0, reason: 'REVOKED' }
const drain = { mode: 'DRAIN' as const, deadlineSeconds: 30, reason: 'DISABLED' }
const withdrawn = { code: 'WITHDRAWN' }
const never = () => new Promise<never>(() => {})

/** A call that ends when told to, and heeds no signal. */
function stubborn() {
  let finish = (_: string) => {}
  let signal: AbortSignal | undefined
  const call = (given: AbortSignal) => {
    signal = given
    return new Promise<string>((resolve) => { finish = resolve })
  }
  return { call, finish: (value: string) => finish(value), signal: () => signal! }
}

describe('the gate', () => {
  it('lets calls through and counts them', async () => {
    const gate = createGate(handClock(), () => true)
    const one = stubborn()
    const result = gate.pass(one.call)
    expect(gate.inFlight()).toBe(1)
    one.finish('done')
    expect(await result).toBe('done')
    expect(gate.inFlight()).toBe(0)
  })

  it('closed IMMEDIATE fails calls in flight now, though they heed no signal, and never opens again', async () => {
    const gate = createGate(handClock(), () => true)
    const one = stubborn()
    const result = expect(gate.pass(one.call)).rejects.toMatchObject(withdrawn)
    await gate.close(immediate)
    await result
    expect(one.signal().aborted).toBe(true)
    expect(gate.isOpen()).toBe(false)
    let isCalled = false
    await expect(gate.pass(async () => { isCalled = true })).rejects.toMatchObject({ code: 'WITHDRAWN', message: expect.stringContaining('REVOKED') as string })
    expect(isCalled).toBe(false)
  })

  it('closed DRAIN lets calls in flight finish, and no new one start', async () => {
    const gate = createGate(handClock(), () => true)
    const one = stubborn()
    const result = gate.pass(one.call)
    const drained = gate.close(drain)
    await expect(gate.pass(never)).rejects.toMatchObject(withdrawn)
    one.finish('done')
    expect(await result).toBe('done')
    await drained
  })

  it('DRAIN ends at its deadline and not before', async () => {
    const clock = handClock()
    const gate = createGate(clock, () => true)
    const one = stubborn()
    const result = expect(gate.pass(one.call)).rejects.toMatchObject(withdrawn)
    const drained = gate.close(drain)
    clock.advance(29_999)
    expect(gate.inFlight()).toBe(1)
    expect(one.signal().aborted).toBe(false)
    clock.advance(1)
    await Promise.all([result, drained])
  })

  it('a later IMMEDIATE overrides a DRAIN; a later DRAIN does not soften an IMMEDIATE', async () => {
    const gate = createGate(handClock(), () => true)
    const result = expect(gate.pass(never)).rejects.toMatchObject({ message: expect.stringContaining('REVOKED') as string })
    void gate.close(drain)
    await gate.close(immediate)
    await result
    await gate.close(drain)
    await expect(gate.pass(never)).rejects.toMatchObject({ message: expect.stringContaining('REVOKED') as string })
  })

  it('tells of its closing once, when it is closed already, and nobody who stopped listening', () => {
    const gate = createGate(handClock(), () => true)
    const told: string[] = []
    gate.onClosed(() => told.push(`one ${gate.isOpen()}`))
    gate.onClosed(() => told.push('other'))()
    void gate.close(drain)
    void gate.close(immediate)
    expect(told).toEqual(['one false'])
  })

  it('S13: closes whatever a listener throws, and the other listeners hear of it', () => {
    const gate = createGate(handClock(), () => true)
    const told: string[] = []
    gate.onClosed(() => { throw new Error('of the host') })
    gate.onClosed(() => told.push('other'))
    void gate.close(immediate)
    expect([gate.isOpen(), told]).toEqual([false, ['other']])
  })

  it('fails closed while the catalog is not trusted, whatever timers do', async () => {
    let isTrusted = true
    const gate = createGate(handClock(), () => isTrusted)
    isTrusted = false
    expect(gate.isOpen()).toBe(false)
    await expect(gate.pass(never)).rejects.toMatchObject(withdrawn)
  })

  it('counts the calls that it refused, and not those that it ended', async () => {
    let told = 0
    const gate = createGate(handClock(), () => true, () => { told += 1 })
    const result = expect(gate.pass(never)).rejects.toMatchObject(withdrawn)
    await gate.close(immediate)
    await result
    expect(gate.refused()).toBe(0)
    for (let times = 0; times < 3; times += 1) await expect(gate.pass(never)).rejects.toMatchObject(withdrawn)
    expect([gate.refused(), told]).toEqual([3, 3])
  })

  it('passes the caller\'s cancellation on', async () => {
    const gate = createGate(handClock(), () => true)
    const caller = new AbortController()
    const one = stubborn()
    const result = expect(gate.pass(one.call, caller.signal)).rejects.toMatchObject({ code: 'CANCELLED' })
    caller.abort()
    await result
    expect(one.signal().aborted).toBe(true)
    await expect(gate.pass(never, caller.signal)).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
