import { describe, expect, it } from 'vitest'
import { ConvergenceDocument, DeleteEntryDocument, UpdateMcpServerDocument, WorkersDocument, type WorkersQuery } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { start } from '../support/process.js'
import { startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server, tickets } = shared({ server: startLoopbackServer, tickets: () => startTestMcpServer([{ name: 'lookup' }]) })

type WorkerAnswer = WorkersQuery['workers'][number]

/** Asks until the worker of that name is as wanted. */
async function workerThat(name: string, isWanted: (worker: WorkerAnswer) => boolean): Promise<WorkerAnswer> {
  for (;;) {
    const { workers } = await server.admin.client.execute(WorkersDocument)
    const found = workers.find((worker) => worker.name === name && isWanted(worker))
    if (found !== undefined) return found
  }
}

const sessionsOf = ({ sessions: { nodes } }: WorkerAnswer) => nodes.map(({ id, agent, entries }) => (
  `${id} ${agent}: ${entries.map(({ name, origin, revision, state }) => `${name} ${origin} ${revision} ${state}`).join(', ')}`))
const has = (text: string) => (worker: WorkerAnswer) => sessionsOf(worker).some((session) => session.includes(text))

describe('what workers report', () => {
  it('S13: is there before the session has anything, follows its changes, and tells how it lost an entry', async () => {
    const alice = await server.user('alice')
    const { token } = await server.worker()
    const worker = await createCatalogWorker({ url: server.url, token, workerId: 'one', static: { inline: { mcpServers: { mine: { type: 'http', url: tickets.url } } } } })
    const host = mcpAdapter()
    const session = await worker.openSession({ id: 's', owner: { kind: 'USER', id: alice.id }, adapter: host })
    expect((await workerThat('one', () => true)).sessions.nodes).toMatchObject([{ id: 's', owner: { kind: 'USER', id: alice.id } }])
    const { id, cursor } = await server.register(alice, 'tickets', { url: tickets.url })
    await session.settled(cursor)
    await workerThat('one', has('mine inline null APPLIED, tickets catalog 1 APPLIED'))
    const { updateMcpServer: later } = await alice.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: 1, apply: 'NEXT_SESSION', definition: { transport: { http: { url: `${tickets.url}?two` } } } },
    })
    await session.settled(later.cursor)
    await workerThat('one', has('tickets catalog 1 DEFERRED'))
    const { deleteEntry } = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 2 } })
    await session.settled(deleteEntry.cursor)
    await expect(host.callTool('tickets-lookup')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    const stopped = await workerThat('one', (answer) => answer.sessions.nodes.some(({ entries }) => entries.some((entry) => entry.entryId === id && entry.refusedCalls === 1)))
    expect(stopped.sessions.nodes[0]!.entries.find(({ entryId }) => entryId === id)).toMatchObject({ state: 'STOPPED', reason: expect.stringMatching(/^DELETED: ended after \d+ ms$/) as string })
    const { convergence } = await server.admin.client.execute(ConvergenceDocument)
    expect(convergence).toMatchObject({ workers: 1, current: 1, behind: 0, failed: 0 })
    await worker.close()
    expect((await workerThat('one', () => true)).sessions.nodes).toEqual([])
  })

  it('of an owner that the token does not serve hurts no other session', async () => {
    const [alice, bob] = await Promise.all([server.user('served'), server.user('foreign')])
    const { token } = await server.worker([{ kind: 'USER', id: alice.id }])
    const worker = await createCatalogWorker({ url: server.url, token, workerId: 'narrow' })
    const opening = worker.openSession({ id: 'hers', owner: { kind: 'USER', id: alice.id }, adapter: mcpAdapter() })
    await expect(worker.openSession({ id: 'his', owner: { kind: 'USER', id: bob.id }, adapter: mcpAdapter() })).rejects.toMatchObject({ name: 'CatalogRequestError' })
    await opening
    expect(sessionsOf(await workerThat('narrow', ({ sessions }) => sessions.nodes.length > 0))).toMatchObject([expect.stringMatching(/^hers/) as string])
    await worker.close()
  })

  it('changes nothing for a worker with a personal token', async () => {
    const alice = await server.user('personal')
    const { cursor } = await server.register(alice, 'tickets', { url: tickets.url })
    const logged: string[] = []
    const worker = await createCatalogWorker({ url: server.url, token: alice.token, workerId: 'personal', log: (message) => { if (message.startsWith('status')) logged.push(message) } })
    const session = await worker.openSession({ id: 's', owner: { kind: 'USER' }, adapter: mcpAdapter() })
    await session.settled(cursor)
    expect(session.effective).toMatchObject([{ name: 'tickets', state: 'APPLIED' }])
    expect(logged).toHaveLength(1)
    await worker.close()
  })
})

describe('S17: a worker that is killed and starts again', () => {
  it('has the sessions of its new process alone', async () => {
    const alice = await server.user('restarter')
    const { token } = await server.worker()
    const run = (session: string) => start(['--import', 'tsx', 'test/support/one-session.ts', JSON.stringify({ url: server.url, token, workerId: 'phoenix', session, owner: alice.id })], {})
    const first = run('old')
    await first.says(/open/)
    expect((await workerThat('phoenix', () => true)).sessions.nodes.map(({ id }) => id)).toEqual(['old'])
    await first.stop('SIGKILL')
    const second = run('new')
    await second.says(/open/)
    expect((await workerThat('phoenix', () => true)).sessions.nodes.map(({ id }) => id)).toEqual(['new'])
    await second.stop()
  })
})
