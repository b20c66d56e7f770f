import { describe, expect, it } from 'vitest'
import { createDepartures } from '../../src/worker/departures.js'
import { createGate } from '../../src/worker/gate.js'
import { type EffectiveEntry } from '../../src/worker/slot.js'
import { handClock } from '../support/fake-feed.js'

const revoked = { mode: 'IMMEDIATE' as const, deadlineSeconds: 0, reason: 'REVOKED' }
const row = (name: string): EffectiveEntry => ({ kind: 'MCP_SERVER', name, origin: 'catalog', entryId: `id-${name}`, revision: 2, state: 'APPLIED', reason: null })

describe('what left a session', () => {
  it('is told for ten minutes after it ended, and no more than two hundred of them', async () => {
    const clock = handClock()
    const departures = createDepartures(clock, () => {})
    await departures.add(row('first'), revoked, [], [])
    clock.advance(5 * 60_000)
    for (let at = 0; at < 200; at += 1) await departures.add(row(`e${at}`), revoked, [], [])
    expect(departures.rows().map(({ name }) => name)).toEqual(Array.from({ length: 200 }, (_, at) => `e${at}`))
    clock.advance(10 * 60_000 - 1)
    expect(departures.rows()).toHaveLength(200)
    clock.advance(1)
    expect(departures.rows()).toEqual([])
  })

  it('is kept for as long as it has not ended, whatever else there is', async () => {
    const clock = handClock()
    const departures = createDepartures(clock, () => {})
    let end = () => {}
    const over = departures.add(row('slow'), revoked, [], [new Promise<void>((resolve) => { end = resolve })])
    for (let at = 0; at < 201; at += 1) await departures.add(row(`e${at}`), revoked, [], [])
    clock.advance(20 * 60_000)
    expect(departures.rows()).toMatchObject([{ name: 'slow', state: 'STOPPING' }])
    expect(departures.stopping()).toMatchObject([{ name: 'slow', state: 'STOPPING' }])
    end()
    await over
    expect([departures.stopping(), departures.rows()]).toMatchObject([[], [{ name: 'slow', state: 'STOPPED', reason: 'REVOKED: ended after 1200000 ms' }]])
  })

  it('counts refused calls of all its gates, and those that only knew its name', async () => {
    const clock = handClock()
    let changes = 0
    const departures = createDepartures(clock, () => { changes += 1 })
    const gates = [createGate(clock, () => true), createGate(clock, () => true)]
    for (const gate of gates) await gate.close(revoked)
    await departures.add(row('a-b'), revoked, gates, [])
    await departures.add(row('a'), revoked, [], [])
    for (const gate of gates) await expect(gate.pass(async () => {})).rejects.toThrow('REVOKED')
    const before = changes
    departures.refused('a-b-tool')
    departures.refused('a-tool')
    departures.refused('other-tool')
    expect(changes).toBe(before + 2)
    expect(departures.rows().map(({ name, refusedCalls }) => [name, refusedCalls])).toEqual([['a-b', 3], ['a', 1]])
  })
})
