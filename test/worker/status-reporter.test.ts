import { describe, expect, it } from 'vitest'
import { CatalogRequestError } from '../../src/client/index.js'
import { type SessionStatus, type StatusReport } from '../../src/worker/status.js'
import { createStatusReporter } from '../../src/worker/status-reporter.js'
import { handClock } from '../support/fake-feed.js'

/** A catalog that answers when the test says so. */
function setUp() {
  const clock = handClock()
  const reports: StatusReport[] = []
  const answers: Array<{ resolve: (accepted: boolean) => void; reject: (error: Error) => void }> = []
  const logged: string[] = []
  const sessions = new Map<string, { status: () => SessionStatus }>()
  const states = new Map<string, string>()
  const reporter = createStatusReporter({
    workerId: 'w1', sessions, clock, log: (message) => logged.push(message),
    send: (report) => {
      reports.push(report)
      return new Promise((resolve, reject) => answers.push({ resolve, reject }))
    },
  })
  const asked: string[] = []
  const add = (id: string) => sessions.set(id, {
    status: () => {
      asked.push(id)
      return { id, owner: { kind: 'DEPLOYMENT' }, agent: null, entries: [], cursor: states.get(id) ?? null }
    },
  })
  return {
    clock, reports, logged, sessions, reporter, add, asked,
    set: (id: string, cursor: string) => { states.set(id, cursor); reporter.touch(id) },
    answer: async (accepted = true) => { answers.shift()!.resolve(accepted); await turns() },
    refuse: async (code: string, extensions: object = {}) => { answers.shift()!.reject(new CatalogRequestError(`no: ${code}`, code, { ...extensions })); await turns() },
    said: () => reports.map(({ number, full, sessions, closedSessions }) => (
      `${number} ${full ? 'full' : 'part'} ${[...sessions.map(({ id }) => id), ...closedSessions.map((id) => `-${id}`)].join()}`)),
  }
}

/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))
const hasEnded = async (work: Promise<unknown>) => {
  let isOver = false
  void work.finally(() => { isOver = true })
  await turns()
  return isOver
}

describe('a status reporter', () => {
  it('sends what happens within one second in one report, and never two at once', async () => {
    const { clock, reporter, add, set, answer, said } = setUp()
    add('a')
    reporter.touch()
    await turns()
    expect(said()).toEqual(['1 full a'])
    set('a', '1')
    set('a', '2')
    clock.advance(5000)
    await turns()
    expect(said()).toHaveLength(1)
    await answer()
    expect(said()).toEqual(['1 full a', '2 part a'])
    await answer()
    for (const cursor of ['3', '4', '5']) {
      set('a', cursor)
      await turns()
      clock.advance(300)
    }
    expect(said()).toHaveLength(2)
    clock.advance(100)
    expect(said()).toEqual(['1 full a', '2 part a', '3 part a'])
  })

  it('outlives a session that cannot say what it has, says so once, and asks again', async () => {
    const { clock, reporter, sessions, add, logged, said } = setUp()
    sessions.set('a', { status: () => { throw new Error('of the adapter') } })
    reporter.touch()
    await turns()
    clock.advance(1000)
    add('a')
    clock.advance(1000)
    expect([logged, said()]).toEqual([['status: of the adapter'], ['1 full a']])
  })

  it('asks those again that were touched, and all of them for a full one', async () => {
    const { clock, reporter, add, set, answer, asked, said } = setUp()
    for (const id of ['a', 'b', 'c']) add(id)
    reporter.touch()
    await turns()
    await answer()
    asked.length = 0
    set('b', '1')
    reporter.touch('c')
    clock.advance(1000)
    await turns()
    expect([asked, said().at(-1)]).toEqual([['b', 'c'], '2 part b'])
    await answer()
    set('b', '2')
    clock.advance(1000)
    await turns()
    expect([asked, said().at(-1)]).toEqual([['b', 'c', 'b'], '3 part b'])
    await answer()
    clock.advance(30_000)
    expect([asked.slice(3), said().at(-1)]).toEqual([['a', 'b', 'c'], '4 full a,b,c'])
  })

  it('forgets nothing of those that were asked before one that cannot say what it has', async () => {
    const { clock, sessions, reporter, add, set, answer, said } = setUp()
    add('a')
    sessions.set('b', { status: () => ({ id: 'b', owner: { kind: 'DEPLOYMENT' }, agent: null, entries: [], cursor: null }) })
    reporter.touch()
    await turns()
    await answer()
    sessions.set('b', { status: () => { throw new Error('of the adapter') } })
    set('a', '1')
    reporter.touch('b')
    clock.advance(1000)
    await turns()
    add('b')
    clock.advance(1000)
    expect(said()).toEqual(['1 full a,b', '2 part a'])
  })

  it('sends a full one every thirty seconds, and none when nothing changed', async () => {
    const { clock, reporter, add, answer, said } = setUp()
    add('a')
    reporter.touch()
    await turns()
    await answer()
    reporter.touch()
    await turns()
    clock.advance(29_999)
    expect(said()).toHaveLength(1)
    clock.advance(1)
    expect(said()).toEqual(['1 full a', '2 full a'])
  })

  it('lets a session open once the catalog knows of it; those that open together share a report', async () => {
    const { reporter, add, answer, said } = setUp()
    add('a')
    add('b')
    const opening = Promise.all([reporter.opening('a'), reporter.opening('b')])
    expect(await hasEnded(opening)).toBe(false)
    expect(said()).toEqual(['1 full a,b'])
    add('c')
    const third = reporter.opening('c')
    await answer()
    await opening
    expect([await hasEnded(third), said()]).toEqual([false, ['1 full a,b', '2 part c']])
    await answer()
    await third
  })

  it('tells of a session anew that opens under the name of one that just closed', async () => {
    const { reporter, add, answer, said } = setUp()
    add('a')
    const opening = reporter.opening('a')
    await turns()
    await answer()
    await opening
    add('a')
    const again = reporter.opening('a')
    expect([await hasEnded(again), said()]).toEqual([false, ['1 full a', '2 part a']])
    await answer()
    await again
  })

  it('waits for that three seconds at most, and not at all while reports do not get through', async () => {
    const { clock, reporter, add, refuse } = setUp()
    add('a')
    const opening = reporter.opening('a')
    await turns()
    clock.advance(2999)
    expect(await hasEnded(opening)).toBe(false)
    clock.advance(1)
    await opening
    await refuse('UNAVAILABLE')
    add('b')
    await reporter.opening('b')
  })

  it.each([
    ['FORBIDDEN', 300_000, 300_000], ['GRAPHQL_VALIDATION_FAILED', 300_000, 300_000], ['UNAVAILABLE', 1000, 2000],
  ])('%s: complains once, goes on after %s ms, and %s ms, with a full one', async (code, pauseMs, nextPauseMs) => {
    const { clock, reporter, add, set, refuse, answer, said, logged } = setUp()
    add('a')
    const opening = reporter.opening('a')
    await turns()
    await refuse(code)
    await opening
    set('a', '1')
    await turns()
    clock.advance(pauseMs - 1)
    expect(said()).toHaveLength(1)
    clock.advance(1)
    await refuse(code)
    expect([said(), logged]).toEqual([['1 full a', '2 full a'], [`status: ${code}: no: ${code}`]])
    clock.advance(nextPauseMs)
    await answer()
    clock.advance(1000)
    set('a', '2')
    await turns()
    expect(said().slice(2)).toEqual(['3 full a', '4 part a'])
  })

  it('sends a full one after one that was not taken, and after a reconnect', async () => {
    const { clock, reporter, add, set, answer, said } = setUp()
    add('a')
    reporter.touch()
    await turns()
    await answer()
    clock.advance(1000)
    set('a', '1')
    await turns()
    await answer(false)
    clock.advance(1000)
    await answer()
    clock.advance(1000)
    reporter.reconnected()
    await turns()
    expect(said()).toEqual(['1 full a', '2 part a', '3 full a', '4 full a'])
  })

  it('leaves a session out that is refused, and goes on with the others', async () => {
    const { clock, reporter, add, set, refuse, answer, said } = setUp()
    add('a')
    add('foreign')
    add('b')
    const opening = reporter.opening('foreign')
    await turns()
    await refuse('FORBIDDEN', { field: 'sessions.1.owner' })
    await opening
    expect(said()).toEqual(['1 full a,foreign,b', '2 full a,b'])
    await answer()
    clock.advance(1000)
    set('foreign', '1')
    set('b', '1')
    await turns()
    expect(said()[2]).toBe('3 part b')
  })

  it('says farewell when it closes, after the report that is on its way', async () => {
    const { reporter, add, sessions, answer, said } = setUp()
    add('a')
    reporter.touch()
    await turns()
    sessions.delete('a')
    const closing = reporter.close()
    expect(await hasEnded(closing)).toBe(false)
    await answer()
    expect(said()).toEqual(['1 full a', '2 full '])
    await answer()
    await closing
    reporter.touch()
    await turns()
    expect(said()).toHaveLength(2)
  })

  it('does not wait for its farewell for more than two seconds', async () => {
    const { clock, reporter, add, answer } = setUp()
    add('a')
    reporter.touch()
    await turns()
    await answer()
    const closing = reporter.close()
    await turns()
    clock.advance(2000)
    await closing
  })
})
