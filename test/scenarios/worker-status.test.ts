import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConvergenceDocument, RevokeAccessTokenDocument, WorkersDocument } from '../../src/client/index.js'
import { type AppTuning } from '../../src/app.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

/** Nobody tells such a node anything, and it does not look by itself. */
const deaf: AppTuning = { listens: false, pollMs: 3_600_000 }

let server: TestServer
let second: TestNode
beforeAll(async () => {
  server = await startTestServer(deaf)
  second = await server.node(deaf)
})
afterAll(() => server.close())

const seenBy = async (who: Person) => (await who.client.execute(WorkersDocument, {})).workers.map(({ id, sessions }) => [id, sessions.nodes.map((session) => session.id)])

describe('S17: several nodes know of workers as one', () => {
  it('a worker may report to any of them, each time to another, and all answer alike', async () => {
    const [user, machine] = [await server.user('roamer'), await server.worker()]
    const [here, there] = [machine, second.as(machine)]
    for (let number = 1; number <= 6; number++) {
      expect(await report(number % 2 === 1 ? here : there, 'roaming', number, [sessionOf(user, `s${number}`)], { full: number === 1 })).toBe(true)
    }
    const all = [['roaming', ['s1', 's2', 's3', 's4', 's5', 's6']]]
    expect([await seenBy(user), await seenBy(second.as(user))]).toEqual([all, all])
    expect(await report(there, 'roaming', 6, [], { full: true })).toBe(false)
    const taken = await Promise.all(Array.from({ length: 8 }, (_, at) => report(at % 2 === 0 ? here : there, 'roaming', 7, [sessionOf(user, `only-${at}`)])))
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(await seenBy(user)).toEqual([['roaming', [`only-${taken.indexOf(true)}`]]])
  })

  it('what was made or ended on one of them a moment ago counts on the other', async () => {
    const first = await second.as(server.admin).client.execute(ConvergenceDocument, {})
    const [user, machine, successor] = [await server.user('fresh'), await server.worker(), await server.worker()]
    const { id, cursor } = await server.register(user, 'fresh-one')
    const session = sessionOf(user, 's', { cursor, entries: [applied('fresh-one', { entryId: id })] })
    expect(await report(second.as(machine), 'fresh-worker', 1, [session])).toBe(true)
    expect((await user.client.execute(ConvergenceDocument, { entryId: id })).convergence).toEqual({ cursor, workers: 1, current: 1, behind: 0, failed: 0, failures: [] })
    expect((await second.as(server.admin).client.execute(ConvergenceDocument, {})).convergence.workers).toBe(first.convergence.workers + 1)
    await expect(report(second.as(successor), 'fresh-worker', 1, [session], { processId: 'p2' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: machine.id })
    await expect(report(second.as(machine), 'fresh-worker', 2, [session])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await report(second.as(successor), 'fresh-worker', 1, [session], { processId: 'p2' })).toBe(true)
  })
})
