import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCursor } from '../../src/core/change.js'
import { systemPrincipal } from '../../src/core/owner.js'
import {
  heardAt, isEnded, judgeTarget, type ReportedSession, type Revocation, type RevocationState, revocationState, type RevocationTarget, targetAfter,
} from '../../src/core/revocation.js'
import { type AppliedEntry, type AppliedState, appliedStates } from '../../src/core/worker-status.js'

const second = (at: number) => new Date(Date.UTC(2026, 0, 1) + 1_000 * at)
const incarnation = '0badf00d'
const cursor = (sequence: number, of = incarnation) => formatCursor({ incarnation: of, sequence })

/** Taken away at second 0, by change 10; sessions have 30 seconds. */
const revocation: Revocation = {
  id: 'rev_1', sequence: 10, entryId: 'srv_1', entryName: 'tickets', owner: { kind: 'USER', id: 'me' }, revision: 3, verb: 'REVOKE', mode: 'IMMEDIATE',
  reason: 'It leaked.', requestedBy: systemPrincipal, requestedAt: second(0).toISOString(), deadline: second(30).toISOString(),
}
const target = (state: AppliedState, more: Partial<RevocationTarget> = {}): RevocationTarget => (
  { workerId: 'w', sessionId: 's', owner: { kind: 'USER', id: 'me' }, state, at: null, refusedCalls: 0, reason: null, processId: null, tokenId: null, trustedUntil: null, ...more })
const row = (state: AppliedState, more: Partial<AppliedEntry> = {}): AppliedEntry => (
  { entryId: 'srv_1', name: 'tickets', kind: 'MCP_SERVER', origin: 'catalog', revision: 2, state, reason: null, refusedCalls: null, at: second(5).toISOString(), ...more })
const session = (at: string | null, ...entries: AppliedEntry[]): ReportedSession => ({ cursor: at, entries })
const after = (was: RevocationTarget, reported: ReportedSession | null) => targetAfter(revocation, was, reported, { processId: 'p1', seenAt: second(6), replacedSeenAt: null }, { incarnation, now: second(6), isBack: false })

describe('what a report makes of a target', () => {
  const past = cursor(10)
  const before = cursor(9)
  it.each<[string, AppliedState, ReportedSession | null, AppliedState, string | null]>([
    ['a report from before it heard', 'APPLIED', session(before, row('APPLIED')), 'APPLIED', null],
    ['it is ending', 'APPLIED', session(before, row('STOPPING')), 'STOPPING', null],
    ['it has ended', 'STOPPING', session(past, row('STOPPED', { reason: 'REVOKED: ended after 3 ms' })), 'STOPPED', 'REVOKED: ended after 3 ms'],
    ['it ended for another reason, and may be started again until it hears', 'APPLIED', session(before, row('STOPPED')), 'APPLIED', null],
    ['nobody speaks of it, past the change', 'APPLIED', session(past), 'STOPPED', null],
    ['nobody speaks of it, before the change', 'APPLIED', session(before), 'APPLIED', null],
    ['nobody speaks of it, without a cursor', 'APPLIED', session(null), 'APPLIED', null],
    ['nobody speaks of it, at a cursor of another past', 'APPLIED', session(cursor(99, 'ffffffff')), 'APPLIED', null],
    ['nobody speaks of it, at what is no cursor', 'APPLIED', session('x'), 'APPLIED', null],
    ['it was refused', 'APPLIED', session(past, row('REFUSED', { reason: 'policy' })), 'REFUSED', 'policy'],
    ['it runs on although the session is past the change', 'APPLIED', session(past, row('APPLIED')), 'APPLIED', null],
    ['it was never started', 'DEFERRED', session(past), 'STOPPED', null],
    ['a slow start that ends late', 'STARTING', session(past, row('STARTING')), 'STARTING', null],
    ['the session is closed', 'APPLIED', null, 'STOPPED', 'The session is closed.'],
    ['a later revision runs', 'APPLIED', session(past, row('APPLIED', { revision: 4 })), 'STOPPED', 'Revision 4 took its place.'],
    ['another entry runs', 'APPLIED', session(past, row('APPLIED', { entryId: 'srv_2' })), 'STOPPED', null],
    ['a static entry of its name runs', 'APPLIED', session(past, row('APPLIED', { entryId: null })), 'STOPPED', null],
    ['an earlier life ended, this one runs', 'APPLIED', session(past, row('STOPPED'), row('APPLIED')), 'APPLIED', null],
    ['something could not be ended', 'APPLIED', session(past, row('SURVIVED', { reason: 'process 7' })), 'SURVIVED', 'process 7'],
    ['... and nobody speaks of it any more', 'SURVIVED', session(past), 'SURVIVED', null],
    ['... nor is there a session', 'SURVIVED', null, 'SURVIVED', null],
    ['... and it ended after all', 'SURVIVED', session(past, row('STOPPED')), 'STOPPED', null],
  ])('%s', (_, was, reported, state, reason) => {
    expect(after(target(was), reported)).toMatchObject({ state, reason })
  })

  it('counts the calls that were refused, and never fewer than before', () => {
    expect(after(target('APPLIED'), session(past, row('STOPPED', { refusedCalls: 4 })))).toMatchObject({ state: 'STOPPED', refusedCalls: 4 })
    expect(after(target('STOPPED', { refusedCalls: 4 }), session(past, row('STOPPED', { refusedCalls: 9 })))).toMatchObject({ refusedCalls: 9 })
    expect(after(target('STOPPED', { refusedCalls: 4 }), session(past))).toMatchObject({ refusedCalls: 4 })
  })

  const reports = fc.oneof(fc.constant(null), fc.record({
    cursor: fc.oneof(fc.constant(null), fc.nat(20).map((sequence) => cursor(sequence))),
    entries: fc.array(fc.record({ state: fc.constantFrom(...appliedStates), revision: fc.nat(6), calls: fc.nat(9) }), { maxLength: 3 })
      .map((rows) => rows.map(({ state, revision, calls }) => row(state, { revision, refusedCalls: calls }))),
  }))

  it('S26: whatever comes afterwards, and in whatever order, what has stopped stays stopped, as it was told first', () => {
    fc.assert(fc.property(fc.array(reports, { maxLength: 12 }), (all) => {
      let ended: RevocationTarget | null = null
      let now = target('APPLIED')
      for (const reported of all) {
        now = after(now, reported)
        if (ended !== null) expect({ ...now, refusedCalls: 0 }).toEqual({ ...ended, refusedCalls: 0 })
        else if (isEnded(now)) ended = now
      }
    }))
  })

  it('F5: the same report twice says nothing more', () => {
    fc.assert(fc.property(reports, (reported) => {
      const once = after(target('APPLIED'), reported)
      expect(after(once, reported)).toEqual(once)
    }))
  })
})

describe('what a report of another process under the same worker id makes of it', () => {
  const past = cursor(10)
  /** The process that had it last reported at second -20. */
  const at = (now: number, reported: ReportedSession | null, was = target('APPLIED', { processId: 'p1' }), replacedSeenAt: Date | null = second(-20)) => (
    targetAfter(revocation, was, reported, { processId: 'p2', seenAt: second(now), replacedSeenAt }, { incarnation, now: second(now), isBack: false }))
  it.each<[string, number, ReportedSession | null, AppliedState]>([
    ['no such session', 6, null, 'APPLIED'],
    ['the session, without it', 6, session(past), 'APPLIED'],
    ['the session, in which it has ended', 6, session(past, row('STOPPED')), 'APPLIED'],
    ['... until the trust of the old one is over', 609, null, 'APPLIED'],
    ['... and then', 610, null, 'STOPPED'],
    ['the session, without it, then', 610, session(past), 'STOPPED'],
    ['the session with it, then', 610, session(past, row('APPLIED')), 'APPLIED'],
    ['the session with what could not be ended, then', 610, session(past, row('SURVIVED')), 'SURVIVED'],
  ])('S13: %s', (_, now, reported, state) => {
    const after = at(now, reported)
    expect(after).toMatchObject({ state, processId: now < 610 ? 'p1' : 'p2' })
    if (state === 'STOPPED') expect(after.reason).toContain('Another process')
  })
  it('counts from the change where nobody knows when the old one was heard of', () => {
    expect(at(609, null, undefined, null)).toMatchObject({ state: 'APPLIED' })
    expect(at(610, null, undefined, null)).toMatchObject({ state: 'STOPPED' })
  })
  it('S26: what had ended before stays so, and what could not be ended does not end by it', () => {
    expect(at(6, session(past, row('APPLIED')), target('STOPPED', { processId: 'p1' }))).toMatchObject({ state: 'STOPPED', processId: 'p1' })
    expect(at(9_999, null, target('SURVIVED', { processId: 'p1' }))).toMatchObject({ state: 'SURVIVED' })
  })
  it.each<[string, ReportedSession, AppliedState]>([
    ['runs past the change', session(past, row('APPLIED')), 'STOPPED'], ['has not heard of the change', session(cursor(9), row('APPLIED')), 'APPLIED'],
  ])('what its owner has again, in a session that %s', (_, reported, state) => {
    const heard = { processId: 'p1', seenAt: second(6), replacedSeenAt: null }
    expect(targetAfter(revocation, target('APPLIED'), reported, heard, { incarnation, now: second(6), isBack: true })).toMatchObject({ state })
  })
  it('an old receipt, which does not know the process, believes the worker', () => {
    expect(at(6, null, target('APPLIED'))).toMatchObject({ state: 'STOPPED', reason: 'The session is closed.' })
  })
  it('shows it as silent since its own process was heard of, whoever reports now', () => {
    const heard = (processId: string | null) => heardAt(target('APPLIED', { processId }), { processId: 'p2', seenAt: second(40), replacedSeenAt: second(-20) })
    expect([heard('p1'), heard('p2'), heard(null), heardAt(target('APPLIED'), null)]).toEqual([second(-20), second(40), second(40), null])
    expect(judgeTarget(revocation, target('APPLIED', { processId: 'p1' }), heard('p1'), second(40))).toMatchObject({ state: 'UNREACHABLE', mustStopBy: second(610).toISOString() })
  })
})

describe('the state of a receipt', () => {
  /** Each target: its state and when its worker was last heard of. */
  const stateAt = (now: number, ...targets: Array<[AppliedState, number | null]>): RevocationState => revocationState(
    revocation, targets.map(([state, seen]) => judgeTarget(revocation, target(state), seen === null ? null : second(seen), second(now))), second(now))
  it.each<[string, number, Array<[AppliedState, number | null]>, RevocationState]>([
    ['nobody had it', 0, [], 'COMPLETE'],
    ['all have stopped', 1, [['STOPPED', 1], ['STOPPED', 1]], 'COMPLETE'],
    ['one refused it', 1, [['STOPPED', 1], ['REFUSED', 1]], 'COMPLETE'],
    ['all had stopped before their worker fell silent', 9_999, [['STOPPED', 1]], 'COMPLETE'],
    ['one has not', 1, [['STOPPED', 1], ['APPLIED', 1]], 'PENDING'],
    ['... up to the deadline', 29, [['STOPPING', 29]], 'PENDING'],
    ['... and at the deadline', 30, [['STOPPING', 29]], 'OVERDUE'],
    ['one survived, within the time', 10, [['SURVIVED', 9]], 'PENDING'],
    ['... and past it', 31, [['SURVIVED', 30]], 'OVERDUE'],
    ['past the deadline, of a worker that was not heard of since', 40, [['APPLIED', -5]], 'PENDING'],
    ['... until its trust is over', 609, [['APPLIED', -5]], 'PENDING'],
    ['... and then', 611, [['APPLIED', -5]], 'OVERDUE'],
    ['... cut off long before', 200, [['APPLIED', -500]], 'OVERDUE'],
    ['one is late, another unreachable', 40, [['APPLIED', 39], ['APPLIED', -5]], 'OVERDUE'],
    ['heard of once, then silent', 100, [['APPLIED', 20]], 'PENDING'],
    ['... until its trust is over', 612, [['APPLIED', 20]], 'OVERDUE'],
    ['a worker that is forgotten', 609, [['APPLIED', null]], 'PENDING'],
    ['... until its trust is over', 611, [['APPLIED', null]], 'OVERDUE'],
    ['nothing is ever too late to be complete', 99_999, [['STOPPED', null]], 'COMPLETE'],
  ])('%s', (_, now, targets, state) => { expect(stateAt(now, ...targets)).toBe(state) })

  it.each<[string, number, RevocationState]>([
    ['at the deadline, when the last call ends', 30, 'PENDING'],
    ['while what ended is reported', 44, 'PENDING'],
    ['long after it', 45, 'OVERDUE'],
  ])('a drain that uses its whole time: %s', (_, now, state) => {
    const judged = judgeTarget(revocation, target('STOPPING'), second(29), second(now))
    expect(revocationState({ ...revocation, mode: 'DRAIN' }, [judged], second(now))).toBe(state)
  })

  it('a target whose worker is forgotten has no time of 1970', () => {
    expect(judgeTarget(revocation, target('APPLIED'), null, second(1))).toMatchObject({ state: 'UNREACHABLE', mustStopBy: second(610).toISOString() })
  })

  it.each<[string, AppliedState, number, number, AppliedState, number | null]>([
    ['heard of since', 'APPLIED', 1, 2, 'APPLIED', null],
    ['not heard of since, not yet silent', 'APPLIED', -10, 2, 'APPLIED', 610],
    ['silent', 'APPLIED', -100, 60, 'UNREACHABLE', 530],
    ['connected when it was asked for', 'APPLIED', 0, 60, 'UNREACHABLE', 610],
    ['stopped, then silent', 'STOPPED', 1, 500, 'STOPPED', null],
  ])('a target whose worker is %s', (_, state, seen, now, shown, until) => {
    expect(judgeTarget(revocation, target(state), second(seen), second(now)))
      .toMatchObject({ state: shown, mustStopBy: until === null ? null : second(until).toISOString() })
  })

  it('S13: the time given to the unreachable is never less than the trust they can have left', () => {
    // It heard from the server last at `heard`, at most as late as the change, and told of itself up to half a minute before.
    fc.assert(fc.property(fc.integer({ min: -1_000, max: 0 }), fc.integer({ min: 0, max: 30 }), (heard, before) => {
      const { mustStopBy } = judgeTarget(revocation, target('APPLIED'), second(heard - before), second(60))
      expect(Date.parse(mustStopBy!)).toBeGreaterThanOrEqual(second(heard + 600).getTime())
    }))
  })
})
