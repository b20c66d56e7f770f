import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  follow, type FollowerEffect, type FollowerEvent, type FollowerEventType, type FollowerState, hasReached, initialState,
  type Phase, phases, reconnectDelayMs,
} from '../../src/worker/follower.js'
import { applyEvent, type CatalogEvent, type CatalogView } from '../../src/worker/view.js'
import { bookmark, cursorAt, delta, removed, snapshot, wireServer } from '../support/fake-feed.js'

const at = { nowMs: 1_000_000, random: 0.5 }
const heard = (sequence: number, incarnation?: string) => ({ ...at, cursor: cursorAt(sequence, incarnation), trustForSeconds: 60, payload: 'payload' })

/** One state of each phase, holding position 5 with trust until second 1,010 where the phase can hold anything. */
const states: Record<Phase, FollowerState> = {
  DISCONNECTED: { phase: 'DISCONNECTED', cursor: cursorAt(5), canResume: true, trustUntilMs: 1_010_000, attempt: 1 },
  CATCHING_UP: { phase: 'CATCHING_UP', cursor: cursorAt(5), canResume: true, trustUntilMs: 1_010_000, attempt: 1 },
  LIVE: { phase: 'LIVE', cursor: cursorAt(5), canResume: true, trustUntilMs: 1_010_000, attempt: 0 },
  STALE: { phase: 'STALE', cursor: null, canResume: false, trustUntilMs: null, attempt: 2 },
  CLOSED: { phase: 'CLOSED', cursor: null, canResume: false, trustUntilMs: null, attempt: 0 },
}

const events: Record<FollowerEventType, FollowerEvent> = {
  START: { type: 'START', ...at },
  SNAPSHOT: { type: 'SNAPSHOT', ...heard(6) },
  DELTA: { type: 'DELTA', ...heard(6) },
  BOOKMARK: { type: 'BOOKMARK', ...heard(6) },
  DROPPED: { type: 'DROPPED', reason: 'closed with 1012', ...at },
  DENIED: { type: 'DENIED', code: 'FORBIDDEN', reason: 'no', ...at },
  RECONNECT_DUE: { type: 'RECONNECT_DUE', ...at },
  TRUST_EXPIRED: { type: 'TRUST_EXPIRED', nowMs: 1_010_000, random: 0.5 },
  STOP: { type: 'STOP', ...at },
}

type Expected = [phase: Phase, ...effects: Array<FollowerEffect['type']>]
const applied: Expected = ['LIVE', 'APPLY', 'SET_TRUST_TIMER']
const advanced: Expected = ['LIVE', 'ADVANCE', 'SET_TRUST_TIMER']
const closed: Expected = ['CLOSED', 'FAIL_CLOSED', 'UNSUBSCRIBE', 'STOP']
const staleAgain: Expected = ['STALE', 'UNSUBSCRIBE', 'SCHEDULE_RECONNECT']

/** The whole table, cell by cell. */
const table: Record<Phase, Record<FollowerEventType, Expected>> = {
  DISCONNECTED: {
    START: ['CATCHING_UP', 'SUBSCRIBE'], SNAPSHOT: ['DISCONNECTED'], DELTA: ['DISCONNECTED'], BOOKMARK: ['DISCONNECTED'],
    DROPPED: ['DISCONNECTED'], DENIED: closed, RECONNECT_DUE: ['CATCHING_UP', 'SUBSCRIBE'],
    TRUST_EXPIRED: ['STALE', 'FAIL_CLOSED'], STOP: closed,
  },
  CATCHING_UP: {
    START: ['CATCHING_UP'], SNAPSHOT: applied, DELTA: applied, BOOKMARK: advanced, DROPPED: ['DISCONNECTED', 'SCHEDULE_RECONNECT'],
    DENIED: closed, RECONNECT_DUE: ['CATCHING_UP'],
    TRUST_EXPIRED: ['STALE', 'FAIL_CLOSED', 'UNSUBSCRIBE', 'SCHEDULE_RECONNECT'], STOP: closed,
  },
  LIVE: {
    START: ['LIVE'], SNAPSHOT: applied, DELTA: applied, BOOKMARK: advanced, DROPPED: ['DISCONNECTED', 'SCHEDULE_RECONNECT'],
    DENIED: closed, RECONNECT_DUE: ['LIVE'],
    TRUST_EXPIRED: ['STALE', 'FAIL_CLOSED', 'UNSUBSCRIBE', 'SCHEDULE_RECONNECT'], STOP: closed,
  },
  STALE: {
    START: ['STALE'], SNAPSHOT: applied, DELTA: staleAgain, BOOKMARK: staleAgain, DROPPED: ['STALE', 'SCHEDULE_RECONNECT'],
    DENIED: closed, RECONNECT_DUE: ['STALE', 'SUBSCRIBE'], TRUST_EXPIRED: ['STALE'], STOP: closed,
  },
  CLOSED: {
    START: ['CLOSED'], SNAPSHOT: ['CLOSED'], DELTA: ['CLOSED'], BOOKMARK: ['CLOSED'], DROPPED: ['CLOSED'], DENIED: ['CLOSED'],
    RECONNECT_DUE: ['CLOSED'], TRUST_EXPIRED: ['CLOSED'], STOP: ['CLOSED'],
  },
}

describe('the transition table', () => {
  for (const phase of phases) {
    for (const type of Object.keys(events) as FollowerEventType[]) {
      it(`${phase} + ${type} -> ${table[phase][type].join(' ')}`, () => {
        const { state, effects } = follow(states[phase], events[type])
        expect([state.phase, ...effects.map((effect) => effect.type)]).toEqual(table[phase][type])
      })
    }
  }
})

describe('trust', () => {
  it('counts from receipt on the monotonic clock, and every event says anew how long', () => {
    const { state, effects } = follow(states.LIVE, { type: 'BOOKMARK', ...heard(5), nowMs: 42, trustForSeconds: 7 })
    expect(state.trustUntilMs).toBe(7042)
    expect(effects).toContainEqual({ type: 'SET_TRUST_TIMER', untilMs: 7042 })
  })

  it.each([-1, Number.NaN, 0])('%s seconds are none', (trustForSeconds) => {
    expect(follow(states.LIVE, { type: 'BOOKMARK', ...heard(5), trustForSeconds }).state.trustUntilMs).toBe(at.nowMs)
  })

  it('a timer that fires early arms itself again and withdraws nothing', () => {
    const { state, effects } = follow(states.LIVE, { type: 'TRUST_EXPIRED', nowMs: 1_009_999, random: 0 })
    expect(state).toEqual(states.LIVE)
    expect(effects).toEqual([{ type: 'SET_TRUST_TIMER', untilMs: 1_010_000 }])
  })

  it('nothing but a snapshot leads out of STALE, asked for without a cursor', () => {
    const stale = follow(states.LIVE, events.TRUST_EXPIRED).state
    expect(follow(stale, events.RECONNECT_DUE).effects).toEqual([{ type: 'SUBSCRIBE', after: null }])
    expect(follow(stale, events.DELTA).state.phase).toBe('STALE')
    expect(follow(stale, { type: 'SNAPSHOT', ...heard(3) }).state).toMatchObject({ phase: 'LIVE', cursor: cursorAt(3) })
  })

  it('an event from before is no proof that the server is there now', () => {
    expect(follow(states.LIVE, { type: 'BOOKMARK', ...heard(4), nowMs: 1_009_000 })).toEqual({ state: states.LIVE, effects: [] })
  })
})

describe('cursors', () => {
  it.each(['SNAPSHOT', 'DELTA', 'BOOKMARK'] as const)('an older %s of the same incarnation is ignored', (type) => {
    expect(follow(states.LIVE, { type, ...heard(4) })).toEqual({ state: states.LIVE, effects: [] })
  })

  it('an older snapshot replaces when it is the answer to a subscription: a restored server does not know our cursor', () => {
    expect(follow(states.CATCHING_UP, { type: 'SNAPSHOT', ...heard(2) }).state).toMatchObject({ phase: 'LIVE', cursor: cursorAt(2) })
  })

  it('a snapshot of another incarnation replaces, however small its number', () => {
    expect(follow(states.LIVE, { type: 'SNAPSHOT', ...heard(1, '00000002') }).state.cursor).toBe(cursorAt(1, '00000002'))
  })

  it.each(['DELTA', 'BOOKMARK'] as const)('a %s of another incarnation asks for a snapshot', (type) => {
    const { state, effects } = follow(states.LIVE, { type, ...heard(9, '00000002') })
    expect(state).toMatchObject({ phase: 'DISCONNECTED', cursor: cursorAt(5), canResume: false, trustUntilMs: states.LIVE.trustUntilMs })
    expect(effects.map(({ type }) => type)).toEqual(['UNSUBSCRIBE', 'SCHEDULE_RECONNECT'])
    expect(follow(state, events.RECONNECT_DUE).effects).toEqual([{ type: 'SUBSCRIBE', after: null }])
  })

  it('a delta before any snapshot asks for one', () => {
    const { state, effects } = follow({ ...initialState, phase: 'CATCHING_UP' }, events.DELTA)
    expect(state.cursor).toBeNull()
    expect(effects.map(({ type }) => type)).toEqual(['UNSUBSCRIBE', 'SCHEDULE_RECONNECT'])
  })

  it('a reconnect goes on from the newest cursor, a bookmark\'s included', () => {
    const { state } = follow(states.LIVE, { type: 'BOOKMARK', ...heard(9) })
    expect(follow(follow(state, events.DROPPED).state, events.RECONNECT_DUE).effects).toEqual([{ type: 'SUBSCRIBE', after: cursorAt(9) }])
  })

  it.each([
    [cursorAt(5), cursorAt(5), true], [cursorAt(6), cursorAt(5), true], [cursorAt(4), cursorAt(5), false],
    [null, cursorAt(5), false], [cursorAt(9, '00000002'), cursorAt(5), false],
  ])('what stands at %s has reached %s: %s', (held, wanted, expected) => { expect(hasReached(held, wanted)).toBe(expected) })
})

describe('reconnects', () => {
  it('back off exponentially with full jitter, from 100 ms to 30 s', () => {
    expect([0, 1, 2, 8, 9, 50].map((attempt) => reconnectDelayMs(attempt, 0.999999))).toEqual([99, 199, 399, 25_599, 29_999, 29_999])
    expect(reconnectDelayMs(50, 0)).toBe(0)
  })

  it('wait as long as the server wishes, at most 30 s', () => {
    const delays = [1500, 3_600_000].map((retryAfterMs) => follow(states.LIVE, { type: 'DROPPED', reason: '', retryAfterMs, ...at }).effects)
    expect(delays).toEqual([[{ type: 'SCHEDULE_RECONNECT', delayMs: 1500 }], [{ type: 'SCHEDULE_RECONNECT', delayMs: 30_000 }]])
  })

  it('start small again once something was heard', () => {
    expect(follow({ ...states.CATCHING_UP, attempt: 9 }, events.BOOKMARK).state.attempt).toBe(0)
  })
})

describe('properties', () => {
  const anyEvent: fc.Arbitrary<FollowerEvent> = fc.record({
    nowMs: fc.integer({ min: 0, max: 200_000 }), random: fc.double({ min: 0, max: 0.99, noNaN: true }),
    sequence: fc.integer({ min: 0, max: 8 }), incarnation: fc.constantFrom('00000001', '00000002'),
    // What ends everything is rare, or no sequence would come far.
    type: fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...(Object.keys(events) as FollowerEventType[]).filter((type) => type !== 'STOP' && type !== 'DENIED')) },
      { weight: 1, arbitrary: fc.constantFrom<FollowerEventType>('STOP', 'DENIED') },
    ),
  }).map(({ nowMs, random, sequence, incarnation, type }) => ({ ...events[type], nowMs, random, cursor: cursorAt(sequence, incarnation) }) as FollowerEvent)

  it('never applies after CLOSED, nor in an incarnation an older position than before, unless all was withdrawn or subscribed anew between', () => {
    fc.assert(fc.property(fc.array(anyEvent, { maxLength: 60 }), (sequence) => {
      let state = initialState
      let newest: string | null = null
      for (const event of sequence) {
        const before = state
        const step = follow(state, event)
        state = step.state
        for (const effect of step.effects) {
          const isFirstAnswer = before.phase === 'CATCHING_UP' && event.type === 'SNAPSHOT'
          if (effect.type === 'FAIL_CLOSED' || isFirstAnswer) newest = null
          if (effect.type !== 'APPLY' && effect.type !== 'ADVANCE') continue
          expect(before.phase).not.toBe('CLOSED')
          const cursor = 'cursor' in event ? event.cursor : ''
          if (newest !== null && newest.slice(0, 8) === cursor.slice(0, 8)) expect(cursor >= newest).toBe(true)
          newest = cursor
        }
        if (state.phase === 'LIVE') expect(state.trustUntilMs).not.toBeNull()
        if (state.phase === 'STALE' || state.phase === 'CLOSED') expect([state.cursor, state.trustUntilMs]).toEqual([null, null])
      }
    }))
  })

  /** A history of changes to four names, as a server would send it: one snapshot, then deltas and bookmarks in order. */
  const history = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('put', 'remove', 'bookmark')), { maxLength: 12 })
    .map((steps) => steps.reduce<CatalogEvent[]>((sent, [name, what], index) => {
      const cursor = cursorAt(index + 2)
      if (what === 'bookmark') return [...sent, bookmark(cursor)]
      if (what === 'remove') return [...sent, delta(cursor, {}, [removed(`id-${name}`, name)])]
      return [...sent, delta(cursor, { mcpServers: [wireServer(`id-${name}`, name, { revision: index + 2 })] })]
    }, [snapshot(cursorAt(1), { mcpServers: [wireServer('id-a', 'a')] })]))

  const types = { CatalogSnapshot: 'SNAPSHOT', CatalogDelta: 'DELTA', CatalogBookmark: 'BOOKMARK' } as const

  function play(sent: CatalogEvent[]): { names: string[]; seen: string[] } {
    let state = follow(initialState, events.START).state
    let view: CatalogView | null = null
    const seen: string[] = []
    for (const event of sent) {
      const step = follow<CatalogEvent>(state, { ...at, type: types[event.__typename], cursor: event.cursor, trustForSeconds: 60, payload: event })
      state = step.state
      for (const effect of step.effects) {
        if (effect.type === 'APPLY' && effect.payload.__typename !== 'CatalogBookmark') view = applyEvent(view, effect.payload, 1).view
      }
      seen.push([...view?.entries ?? []].map(([key, { revision }]) => `${key}@${revision}`).sort().join())
    }
    return { names: seen.at(-1)?.split(',') ?? [], seen }
  }

  it('F5: replaying any prefix twice changes nothing, and shows nothing in between that was not so already', () => {
    fc.assert(fc.property(history, fc.nat(), (sent, cut) => {
      const length = cut % (sent.length + 1)
      const prefix = sent.slice(0, length)
      const once = play(sent)
      const twice = play([...prefix, ...prefix, ...sent.slice(length)])
      expect(twice.names).toEqual(once.names)
      // The replay itself is invisible: while it lasts the view stays what it was at the cut.
      expect(new Set(twice.seen.slice(length, 2 * length))).toEqual(new Set(length === 0 ? [] : [once.seen[length - 1]]))
    }))
  })
})
