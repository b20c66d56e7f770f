import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type StatusRow } from '../../src/worker/departures.js'
import {
  afterAcceptance, afterExclusion, afterFailure, afterReconnect, afterSending, dueReport, emptyLedger, type Ledger, type OpenSessions, type SessionStatus,
} from '../../src/worker/status.js'

const row = (name: string, changes: Partial<StatusRow> = {}): StatusRow => (
  { kind: 'MCP_SERVER', name, origin: 'catalog', entryId: name, revision: 1, state: 'APPLIED', reason: null, ...changes })
const session = (id: string, changes: Partial<SessionStatus> = {}): SessionStatus => (
  { id, owner: { kind: 'USER', id: 'u1' }, agent: null, entries: [row('a')], cursor: null, ...changes })

const openOf = (sessions: SessionStatus[], touched = sessions.map(({ id }) => id)): OpenSessions => (
  { ids: sessions.map(({ id }) => id), touched: new Set(touched), statusOf: (id) => sessions.find((one) => one.id === id)! })

const due = (ledger: Ledger, sessions: SessionStatus[], nowMs: number) => (
  dueReport(ledger, openOf(sessions), nowMs))

/** In short: what would be sent, or when to look again. */
function brief(ledger: Ledger, sessions: SessionStatus[], nowMs: number): string {
  const next = due(ledger, sessions, nowMs)
  if (next.type === 'WAIT') return `wait ${next.untilMs - nowMs}`
  if (next.type === 'IDLE') return 'idle'
  return `${next.full ? 'full' : 'part'} ${next.sessions.map(({ id }) => id).join()}${next.closedSessions.length === 0 ? '' : ` without ${next.closedSessions.join()}`}`
}

/** What a reporter does whose reports all arrive at once. */
function exchange(ledger: Ledger, sessions: SessionStatus[], nowMs: number): Ledger {
  const next = due(ledger, sessions, nowMs)
  if (next.type !== 'SEND') throw new Error(`nothing to send: ${next.type}`)
  return afterAcceptance(afterSending(ledger, next, nowMs), next)
}

const [a, b] = [session('a'), session('b')]
const changed = session('a', { entries: [row('a', { revision: 2 })] })
const failing = (times: number, isRefused = false) => Array.from({ length: times })
  .reduce<Ledger>((ledger) => afterFailure(afterSending(ledger, { full: true }, 0), isRefused, 0), exchange(emptyLedger, [a], 0))

describe('what is due', () => {
  const known = exchange(emptyLedger, [a, b], 0)

  it.each<[string, Ledger, SessionStatus[], number, string]>([
    ['no session yet', emptyLedger, [], 5, 'idle'],
    ['the first ever', emptyLedger, [a], 5, 'full a'],
    ['one on its way', afterSending(emptyLedger, { full: true }, 0), [a], 5000, 'idle'],
    ['nothing new', known, [a, b], 1000, 'wait 29000'],
    ['a change', known, [changed, b], 1000, 'part a'],
    ['a change, too soon after the last', known, [changed, b], 400, 'wait 600'],
    ['a session that closed', known, [b], 1000, 'part  without a'],
    ['one that closed, too soon', known, [b], 999, 'wait 1'],
    ['one that opens: it waits for its report', known, [a, b, session('c')], 1, 'part c'],
    ['one that opens, with what else there is to tell', known, [changed, session('c')], 1, 'part a,c without b'],
    ['the time for a full one', known, [a, b], 30_000, 'full a,b'],
    ['the time for a full one, with nobody left', exchange(known, [], 1000), [], 30_000, 'full '],
    ['after a failure', failing(1), [a], 999, 'wait 1'],
    ['after a failure, everything again', failing(1), [a], 1000, 'full a'],
    ['after a failure no opening hurries', failing(1), [a, b], 1, 'wait 999'],
    ['after ten failures', failing(10), [a], 29_999, 'wait 1'],
    ['after a refusal', failing(1, true), [changed], 299_999, 'wait 1'],
    ['after a refusal, later', failing(1, true), [changed], 300_000, 'full a'],
    ['after a reconnect', afterReconnect(known), [a, b], 1000, 'full a,b'],
    ['after a reconnect, too soon', afterReconnect(known), [a, b], 1, 'wait 999'],
    ['after a refusal and a reconnect', afterReconnect(failing(3, true)), [a], 1000, 'full a'],
    ['without a session that is not wanted', afterExclusion(afterSending(known, { full: false }, 1000)), [b], 2000, 'full b'],
  ])('%s', (_, ledger, sessions, nowMs, expected) => { expect(brief(ledger, sessions, nowMs)).toBe(expected) })

  it('numbers rise by one, also over a failure', () => {
    const first = afterSending(emptyLedger, { full: true }, 0)
    expect([first.number, afterSending(afterFailure(first, false, 0), { full: true }, 9000).number]).toEqual([1, 2])
  })

  it('a reconnect while a full one is on its way asks for another', () => {
    const sent = afterReconnect(afterSending(emptyLedger, { full: true }, 0))
    expect(brief(afterAcceptance(sent, { full: true, sessions: [a], closedSessions: [] }), [a], 1000)).toBe('full a')
  })

  it('a session that the catalog knows is only asked when it was touched, or for a full one', () => {
    const at = (nowMs: number, touched: string[]) => {
      const next = dueReport(known, openOf([changed, session('b', { cursor: 'c' }), session('c')], touched), nowMs)
      return next.type === 'SEND' ? next.sessions.map(({ id }) => id) : next.type
    }
    expect([at(1000, ['a']), at(1000, []), at(30_000, [])]).toEqual([['a', 'c'], ['c'], ['a', 'b', 'c']])
  })

  it('sessions are only asked when something may be sent', () => {
    dueReport(known, { ...openOf([a, b]), statusOf: () => { throw new Error('asked') } }, 500)
  })
})

describe('bounds', () => {
  it('reasons, names and rows are cut', () => {
    const entries = [row('n'.repeat(900), { reason: 'r'.repeat(900), origin: `/${'o'.repeat(900)}` }), ...Array.from({ length: 600 }, (_, at) => row(`e${at}`))]
    const next = due(emptyLedger, [session('a', { entries })], 0)
    if (next.type !== 'SEND') throw new Error('not due')
    const [first, ...rest] = next.sessions[0]!.entries
    expect([first!.name.length, first!.reason!.length, first!.origin.length, rest.length]).toEqual([200, 500, 500, 499])
  })

  it('S13: a full report is whole, however large, because what it leaves out counts as ended', () => {
    const entries = Array.from({ length: 500 }, (_, at) => row(`e${at}`, { reason: 'r'.repeat(500) }))
    const many = Array.from({ length: 30 }, (_, at) => session(`s${at}`, { entries }))
    expect([...exchange(emptyLedger, many, 0).known.keys()]).toEqual(many.map(({ id }) => id))
  })
})

it('whatever happens, at most one a second but for openings, and in the end everything is known', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 2000 }), ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')), revision: fc.integer({ min: 1, max: 3 }),
    answer: fc.constantFrom('ok', 'ok', 'ok', 'fails', 'refuses'), isReconnected: fc.boolean(),
  })
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    let ledger = emptyLedger
    let nowMs = 0
    const play = (sessions: SessionStatus[], answer: string) => {
      const { sentAtMs, known } = ledger
      const next = due(ledger, sessions, nowMs)
      if (next.type !== 'SEND') return
      if (sessions.every(({ id }) => known.has(id))) expect(nowMs - sentAtMs).toBeGreaterThanOrEqual(1000)
      ledger = afterSending(ledger, next, nowMs)
      ledger = answer === 'ok' ? afterAcceptance(ledger, next) : afterFailure(ledger, answer === 'refuses', nowMs)
    }
    let sessions: SessionStatus[] = []
    for (const { afterMs, ids, revision, answer, isReconnected } of steps) {
      nowMs += afterMs
      sessions = ids.map((id) => session(id, { entries: [row('x', { revision })] }))
      if (isReconnected) ledger = afterReconnect(ledger)
      play(sessions, answer)
    }
    nowMs += 300_000
    play(sessions, 'ok')
    expect([...ledger.known].sort()).toEqual(sessions.map((one) => [one.id, JSON.stringify(one)]).sort())
  }))
})
