import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { createCatalogWorker, type CatalogWorker, type CatalogWorkerOptions } from '../../src/worker/index.js'
import { type StatusReport } from '../../src/worker/status.js'
import { cursorAt, delta, type FakeFeed, removed, snapshot, startFakeFeed, wireAgent, wireServer } from '../support/fake-feed.js'
import { startTestMcpServer, type TestMcpServer } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

let feed: FakeFeed
let server: TestMcpServer
beforeEach(async () => {
  ;[feed, server] = await Promise.all([startFakeFeed(), startTestMcpServer([{ name: 'x' }])])
  cleanups.push(feed.close, server.close)
})

const me = { kind: 'USER' as const, id: 'u1' }
const other = { kind: 'USER' as const, provider: 'test', subject: 'bob' }

async function startWorker(options: Partial<CatalogWorkerOptions> = {}): Promise<CatalogWorker> {
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', ...options })
  cleanups.push(worker.close)
  return worker
}

const brief = ({ entries }: StatusReport['sessions'][number]) => entries.map(({ name, origin, entryId, revision, state }) => `${name} ${origin} ${entryId}@${revision} ${state}`)

describe('the status of a worker', () => {
  it('S13: tells of a session before anything is loaded for it', async () => {
    let take = () => {}
    const reached = new Promise<StatusReport>((resolve) => feed.answerReports((report) => {
      resolve(report)
      return new Promise((answer) => { take = () => answer({ accepted: true }) })
    }))
    const worker = await startWorker()
    let isOpened = false
    const adapter = { ...memoryAdapter(), open: async () => { isOpened = true } }
    const opening = worker.openSession({ id: 's1', owner: me, adapter })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1), { mcpServers: [wireServer('1', 'a', { url: server.url })] }))
    expect(await reached).toMatchObject({ workerId: 'w1', number: 1, full: true, sessions: [{ id: 's1', owner: me, agent: null, entries: [], cursor: null }] })
    expect([isOpened, server.requests.length, adapter.list()]).toEqual([false, 0, []])
    feed.answerReports(() => ({ accepted: true }))
    take()
    await opening
    expect(adapter.list()).toHaveLength(1)
  })

  it('S13: tells what survives the end of a session before it tells that the session is closed', async () => {
    const adapter = { ...memoryAdapter(), unload: () => Promise.reject(new Error('the runtime holds on to it')) }
    const opening = (await startWorker()).openSession({ id: 's1', owner: me, adapter })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1), { agents: [wireAgent('4', 'helper')] }))
    const session = await opening
    await session.close()
    const isOpen = ({ sessions }: StatusReport) => sessions.some(({ id }) => id === 's1')
    expect(feed.reports.filter(isOpen).at(-1)!.sessions[0]!.entries).toMatchObject([{ entryId: '4', state: 'SURVIVED', reason: 'CLOSED: the runtime holds on to it' }])
  })

  it('tells what each session has, of the catalog and static, with where it comes from and why not', async () => {
    const secret = 'hunter2-hunter2'
    const worker = await startWorker({ static: { inline: { mcpServers: { mine: { type: 'http', url: `${server.url}?key=${secret}` }, dead: { type: 'http', url: `http://127.0.0.1:1/?key=${secret}` } } } } })
    const opening = worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1), {
      mcpServers: [wireServer('1', 'a', { url: server.url }), wireServer('2', 'mine', { url: server.url }), wireServer('3', 'denied', { url: 'http://10.0.0.1/' })],
      agents: [wireAgent('4', 'helper', { mcpServers: ['gone'] })],
    }))
    await opening
    const { sessions: [told] } = await feed.report(({ sessions: [session] }) => session?.cursor === cursorAt(1) && session.entries.every(({ state }) => state !== 'STARTING'))
    expect(brief(told!).sort()).toEqual([
      'a catalog 1@1 APPLIED', 'dead inline null@null FAILED', 'denied catalog 3@1 REFUSED', 'helper catalog 4@1 APPLIED',
      'mine catalog 2@1 REFUSED', 'mine inline null@null APPLIED',
    ])
    expect(told!.entries.find(({ name }) => name === 'helper')?.reason).toContain('Runs without gone')
    expect(JSON.stringify(feed.reports)).not.toContain(secret)
  })

  it('tells of changes, of closed sessions, and at the end that nothing is left', async () => {
    const worker = await startWorker()
    const opening = worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1)))
    const session = await opening
    const openingOther = worker.openSession({ id: 's2', owner: other, adapter: mcpAdapter(), agent: 'helper' })
    ;(await feed.operation()).send(snapshot(cursorAt(1)))
    await openingOther
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: server.url })] }))
    await feed.report(({ sessions }) => sessions.some((each) => each.id === 's1' && brief(each).includes('a catalog 1@1 APPLIED')))
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a')]))
    await feed.report(({ sessions }) => sessions.some((each) => each.id === 's1' && brief(each).includes('a catalog 1@1 STOPPED')))
    await session.close()
    await feed.report(({ closedSessions }) => closedSessions.includes('s1'))
    await worker.close()
    expect(feed.reports.map(({ number }) => number)).toEqual(feed.reports.map((_, at) => at + 1))
    expect(new Set(feed.reports.map(({ processId }) => processId)).size).toBe(1)
    expect(feed.reports.find(({ sessions }) => sessions.some(({ id }) => id === 's2'))?.sessions.at(-1)).toMatchObject({ owner: other, agent: 'helper' })
    expect(feed.reports.at(-1)).toMatchObject({ full: true, sessions: [] })
  })

  it('is told in full after a reconnect', async () => {
    const worker = await startWorker()
    const opening = worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1)))
    await opening
    await feed.report(({ full }) => !full)
    operation.close(1012)
    await feed.operation()
    await feed.report(({ full, number }) => full && number > 1)
  })

  it.each(['FORBIDDEN', 'GRAPHQL_VALIDATION_FAILED', 'UNAVAILABLE'])('changes nothing for the sessions when it is answered with %s, and is logged once', async (code) => {
    const logged: string[] = []
    feed.answerReports(() => ({ code }))
    const worker = await startWorker({ log: (message) => { if (message.startsWith('status')) logged.push(message) } })
    for (const id of ['s1', 's2']) {
      const opening = worker.openSession({ id, owner: me, adapter: mcpAdapter() })
      if (id === 's1') (await feed.operation()).send(snapshot(cursorAt(1), { mcpServers: [wireServer('1', 'a', { url: server.url })] }))
      expect((await opening).effective).toMatchObject([{ state: 'APPLIED' }])
    }
    expect(logged).toEqual([`status: ${code}: ${code}`])
  })
})

describe('S17: a worker that is gone without a word and starts again', () => {
  it('reports as a new process, from 1 and in full, so that its old sessions are forgotten', async () => {
    const before = await startWorker()
    const opening = before.openSession({ id: 'old', owner: me, adapter: mcpAdapter() })
    ;(await feed.operation()).send(snapshot(cursorAt(1)))
    await opening
    const after = await startWorker()
    const again = after.openSession({ id: 'new', owner: me, adapter: mcpAdapter() })
    ;(await feed.operation()).send(snapshot(cursorAt(1)))
    await again
    const first = feed.reports[0]!
    const next = feed.reports.find(({ processId }) => processId !== first.processId)
    expect(next).toMatchObject({ workerId: 'w1', number: 1, full: true, sessions: [{ id: 'new' }] })
    expect(next!.sessions).toHaveLength(1)
  })
})
