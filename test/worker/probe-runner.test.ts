import { describe, expect, it } from 'vitest'
import { createProbeRunner, type ProbeRunnerOptions } from '../../src/worker/probe-runner.js'
import { type ProbeResult } from '../../src/worker/probe-session.js'
import { type FeedMessage } from '../../src/worker/transport.js'
import { handClock } from '../support/fake-feed.js'

/** A runner whose tasks end when they are told to. */
function start(changes: Partial<ProbeRunnerOptions> = {}) {
  const clock = handClock()
  const subscriptions: Array<(message: FeedMessage<string>) => void> = []
  const [taken, running, reported, log]: string[][] = [[], [], [], []]
  const ends = new Map<string, (result: ProbeResult) => void>()
  let ended = 0
  const runner = createProbeRunner({
    workerId: 'w', clock, log: (line) => log!.push(line),
    subscribe: (_, listener) => {
      subscriptions.push(listener)
      return () => { ended += 1 }
    },
    take: async (id) => {
      taken!.push(id)
      return { id, entryId: 'srv_1', owner: { kind: 'USER', id: 'u' }, cursor: 'c', seconds: 30 }
    },
    run: ({ id }) => {
      running!.push(id)
      return new Promise((resolve) => ends.set(id, resolve))
    },
    report: async (id) => { reported!.push(id) },
    ...changes,
  })
  const say = (message: FeedMessage<string>) => subscriptions.at(-1)!(message)
  return {
    runner, clock, subscriptions, taken: taken!, running: running!, reported: reported!, log: log!, say, ended: () => ended,
    offer: (...ids: string[]) => { for (const event of ids) say({ type: 'EVENT', event }) },
    end: (id: string) => ends.get(id)!({ succeeded: true }),
  }
}

describe('a worker that waits for probes', () => {
  it('runs two at a time and takes no third before; what is offered twice is run once, and what is too much is left to others', async () => {
    const { offer, taken, running, end, reported, runner } = start()
    offer('a', 'b', 'a', 'c', 'c')
    await expect.poll(() => running, { interval: 1 }).toEqual(['a', 'b'])
    expect(taken).toEqual(['a', 'b'])
    end('a')
    await expect.poll(() => running, { interval: 1 }).toEqual(['a', 'b', 'c'])
    offer(...Array.from({ length: 100 }, (_, at) => `more-${at}`))
    for (const id of ['b', 'c']) end(id)
    for (let at = 0; at < 20; at++) {
      await expect.poll(() => running, { interval: 1 }).toContain(`more-${at}`)
      end(`more-${at}`)
    }
    await expect.poll(() => reported.length, { interval: 1 }).toBe(23)
    expect(taken.length).toBe(23)
    await runner.close()
  })

  it('runs nothing that another has, goes on after a failed question, and says so', async () => {
    const { offer, running, log, end, runner } = start({
      take: async (id) => {
        if (id === 'broken') throw new Error('no answer')
        return id === 'theirs' ? null : { id, entryId: 'srv_1', owner: { kind: 'USER', id: 'u' }, cursor: 'c', seconds: 30 }
      },
    })
    offer('broken', 'theirs', 'mine')
    await expect.poll(() => running, { interval: 1 }).toEqual(['mine'])
    expect(log).toEqual(['probe broken: no answer'])
    end('mine')
    await runner.close()
  })

  it('comes back after it was cut off, ever later while it does not stand, and not at all when it is not wanted', async () => {
    const { say, subscriptions, clock, log, runner } = start()
    say({ type: 'DROPPED', reason: 'gone' })
    clock.advance(499)
    expect(subscriptions.length).toBe(1)
    clock.advance(1_001)
    expect(subscriptions.length).toBe(2)
    say({ type: 'DROPPED', reason: 'gone', retryAfterMs: 5_000 })
    clock.advance(4_999)
    expect(subscriptions.length).toBe(2)
    clock.advance(1)
    expect(subscriptions.length).toBe(3)
    say({ type: 'DENIED', code: 'GRAPHQL_VALIDATION_FAILED', reason: 'no such field' })
    clock.advance(1e9)
    expect([subscriptions.length, log]).toEqual([3, ['probes: GRAPHQL_VALIDATION_FAILED: no such field']])
    await runner.close()
  })

  it('S17: tells what came of it once the catalog answers again, a few times', async () => {
    let away = 2
    const told: string[] = []
    const { offer, end, running, clock, runner } = start({
      report: async (id) => {
        if (away-- > 0) throw new Error('away')
        told.push(id)
      },
    })
    offer('a')
    await expect.poll(() => running, { interval: 1 }).toEqual(['a'])
    end('a')
    for (const ms of [1_000, 2_000]) {
      await clock.armed()
      clock.advance(ms)
    }
    await expect.poll(() => told, { interval: 1 }).toEqual(['a'])
    await runner.close()
  })

  it('takes none once it stops, and waits for no more than two seconds for what runs', async () => {
    const { offer, running, taken, runner, clock, ended } = start()
    offer('a', 'b', 'c')
    await expect.poll(() => running, { interval: 1 }).toEqual(['a', 'b'])
    runner.stop()
    offer('d')
    const closed = runner.close()
    await clock.armed()
    clock.advance(2_000)
    await closed
    expect([taken, ended()]).toEqual([['a', 'b'], 2])
  })
})
