import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker, type CatalogWorker, type CatalogWorkerOptions, type OpenSessionOptions, type WorkerSession } from '../../src/worker/index.js'
import { type CatalogEvent } from '../../src/worker/view.js'
import {
  bookmark, cursorAt, delta, type Entries, type FakeFeed, type FakeOperation, freeFeedUrl, handClock, openPolicy, removed, snapshot, startFakeFeed, wireAgent, wireServer,
} from '../support/fake-feed.js'
import { hangingTool, startTestMcpServer, type TestMcpServer, type TestTool, text } from '../support/mcp-servers.js'
import { unhandledIn } from '../support/rejections.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

let feed: FakeFeed
beforeEach(async () => {
  feed = await startFakeFeed()
  cleanups.push(feed.close)
})

const me = { kind: 'USER' as const, id: 'u1' }

async function startWorker(options: Partial<CatalogWorkerOptions> = {}): Promise<CatalogWorker> {
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', ...options })
  cleanups.push(worker.close)
  return worker
}

async function startServer(...tools: TestTool[]): Promise<TestMcpServer> {
  const server = await startTestMcpServer(tools)
  cleanups.push(server.close)
  return server
}

interface Opened { worker: CatalogWorker; session: WorkerSession; host: McpAdapter; operation: FakeOperation }

/** A worker with one session whose owner's first snapshot holds `entries`. */
async function open(entries: Entries, options: Partial<CatalogWorkerOptions> = {}, request: Partial<OpenSessionOptions> = {}): Promise<Opened> {
  const worker = await startWorker(options)
  const host = mcpAdapter()
  const opening = worker.openSession({ id: 's1', owner: me, adapter: host, ...request })
  const operation = await feed.operation()
  operation.send(snapshot(cursorAt(1), entries))
  return { worker, session: await opening, host, operation }
}

const toolsOf = async (host: McpAdapter) => (await host.listTools()).map(({ name }) => name)
const statesOf = ({ effective }: WorkerSession) => effective.map(({ name, revision, state }) => `${name}@${revision} ${state}`)
const reasonOf = ({ effective }: WorkerSession, name: string) => effective.find((entry) => entry.name === name)?.reason
const gone = { code: 'UNKNOWN_TOOL' }

describe('what a session has', () => {
  it('is the first snapshot when openSession resolves, and follows every delta', async () => {
    const [a, b] = [await startServer({ name: 'x' }), await startServer({ name: 'y' })]
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    expect(session.effective).toEqual([{ kind: 'MCP_SERVER', name: 'a', origin: 'catalog', entryId: '1', revision: 1, state: 'APPLIED', reason: null }])
    expect(await host.callTool('a-x')).toEqual(text('x'))
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await session.settled(cursorAt(2))
    expect(await toolsOf(host)).toEqual(['a-x', 'b-y'])
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(3))
    expect(await toolsOf(host)).toEqual(['b-y'])
    await expect(host.callTool('a-x')).rejects.toMatchObject(gone)
    expect(a.sessions()).toBe(0)
  })

  it('is settled up to a cursor that only a bookmark brings', async () => {
    const { session, operation } = await open({})
    const settled = session.settled(cursorAt(9))
    operation.send(bookmark(cursorAt(8)), bookmark(cursorAt(12)))
    await settled
    await session.settled(cursorAt(10))
  })

  it('does not hurt when one server does not come up; it is tried again', async () => {
    const clock = handClock()
    const late = await startServer({ name: 'x' })
    await late.close()
    const fine = await startServer({ name: 'y' })
    const { session, host } = await open({ mcpServers: [wireServer('1', 'late', { url: late.url }), wireServer('2', 'fine', { url: fine.url })] }, { clock })
    expect(statesOf(session)).toEqual(['fine@1 APPLIED', 'late@1 FAILED'])
    expect(reasonOf(session, 'late')).toContain('ECONNREFUSED')
    cleanups.push((await startTestMcpServer([{ name: 'x' }], { port: late.port })).close)
    const changed = new Promise<void>((resolve) => host.onToolsChanged(resolve))
    clock.advance(60_000)
    await changed
    expect(await toolsOf(host)).toContain('late-x')
  })

  it('says why something does not run', async () => {
    const secret = { transport: { __typename: 'RemoteTransport' as const, kind: 'HTTP' as const, url: 'https://x.example.com/', headers: [{ name: 'Authorization', value: '${user:GITHUB}' }] } }
    const stdio = { transport: { __typename: 'StdioTransport' as const, command: '$SHELL', args: [], env: [], cwd: null } }
    const { session } = await open({
      mcpServers: [wireServer('1', 'denied', { url: 'http://10.0.0.1/' }), wireServer('2', 'needy', secret), wireServer('3', 'process', stdio)],
      agents: [wireAgent('4', 'helper', { mcpServers: ['gone'] })],
    })
    expect(statesOf(session)).toEqual(['denied@1 REFUSED', 'process@1 REFUSED', 'helper@1 APPLIED', 'needy@1 FAILED'])
    expect(reasonOf(session, 'denied')).toContain('[url]')
    expect(reasonOf(session, 'process')).toContain('[dollar]')
    expect(reasonOf(session, 'needy')).toContain('Connect your account: needy needs user:GITHUB')
    expect(reasonOf(session, 'helper')).toContain('Runs without gone')
  })

  it('with an agent is what the agent names, as soon as it is there', async () => {
    const [a, b] = [await startServer({ name: 'x' }), await startServer({ name: 'y' })]
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url })] }, {}, { agent: 'helper' })
    expect(await toolsOf(host)).toEqual([])
    expect(reasonOf(session, 'helper')).toContain('There is no agent of that name')
    operation.send(delta(cursorAt(2), { agents: [wireAgent('3', 'helper', { mcpServers: ['b'] })] }))
    await session.settled(cursorAt(2))
    expect(await toolsOf(host)).toEqual(['b-y'])
    expect(host.listAgents().map(({ name }) => name)).toEqual(['helper'])
  })
})

describe('a change', () => {
  it('of what is only told restarts nothing, and the new revision is reported', async () => {
    const a = await startServer({ name: 'x' })
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const before = a.requests.length
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: a.url, revision: 2, description: 'told anew', visibility: 'PUBLIC' })] }))
    await session.settled(cursorAt(2))
    expect(statesOf(session)).toEqual(['a@2 APPLIED'])
    expect(host.list()).toMatchObject([{ revision: 2 }])
    expect(a.requests.length).toBe(before)
  })

  it('of content starts the new one first, lets calls of the old one finish, and then ends it', async () => {
    let finish = () => {}
    let started = () => {}
    const isStarted = new Promise<void>((resolve) => { started = resolve })
    const slow: TestTool = { name: 'slow', run: () => new Promise((resolve) => { finish = () => resolve(text('old')); started() }) }
    const [old, fresh] = [await startServer(slow), await startServer({ name: 'slow' })]
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: old.url })] })
    const call = host.callTool('a-slow')
    await isStarted
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: fresh.url, revision: 2 })] }))
    await session.settled(cursorAt(2))
    expect(statesOf(session)).toEqual(['a@2 APPLIED'])
    expect(await host.callTool('a-slow')).toEqual(text('slow'))
    finish()
    expect(await call).toEqual(text('old'))
    await session.close()
    expect(old.sessions()).toBe(0)
  })

  it('that cannot start leaves the last good revision running; one that is refused does not', async () => {
    const [good, dead] = [await startServer({ name: 'x' }), await startServer()]
    await dead.close()
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: good.url })] })
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: dead.url, revision: 2 })] }))
    await session.settled(cursorAt(2))
    expect(statesOf(session)).toEqual(['a@1 APPLIED'])
    expect(reasonOf(session, 'a')).toMatch(/^Revision 2 could not start \(.*ECONNREFUSED.*\); revision 1 keeps running\.$/)
    expect(await host.callTool('a-x')).toEqual(text('x'))
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: 'http://10.0.0.1/', revision: 3 })] }))
    await session.settled(cursorAt(3))
    expect(statesOf(session)).toEqual(['a@3 REFUSED'])
    await expect(host.callTool('a-x')).rejects.toMatchObject(gone)
  })

  it('of policy alone withdraws what it denies', async () => {
    const a = await startServer({ name: 'x' })
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const strict = { revision: 2, document: { ...openPolicy.document, urls: { insecureHttp: [], privateNetworks: [] } } }
    operation.send(delta(cursorAt(2), {}, [], { changedPolicy: strict }))
    await session.settled(cursorAt(2))
    expect(statesOf(session)).toEqual(['a@1 REFUSED'])
    expect(await toolsOf(host)).toEqual([])
    operation.send(delta(cursorAt(3), {}, [], { changedPolicy: { ...openPolicy, revision: 3 } }))
    await session.settled(cursorAt(3))
    expect(await toolsOf(host)).toEqual(['a-x'])
  })
})

describe('a removal', () => {
  it('IMMEDIATE fails calls in flight now', async () => {
    const slow = hangingTool('slow')
    const a = await startServer(slow)
    const { host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const call = expect(host.callTool('a-slow')).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await slow.started
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a')]))
    await Promise.all([call, slow.aborted])
  })

  it('DRAIN lets them finish until the deadline, and no new one start', async () => {
    const clock = handClock()
    const slow = hangingTool('slow')
    const a = await startServer(slow)
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    const call = expect(host.callTool('a-slow')).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await slow.started
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a', { reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 5 })]))
    await session.settled(cursorAt(2))
    expect(session.effective).toMatchObject([{ state: 'STOPPING', reason: 'DISABLED' }])
    await expect(host.callTool('a-slow')).rejects.toMatchObject(gone)
    clock.advance(5000)
    await call
  })

  it('wins over a start that is late: it never reaches the session', async () => {
    let answer = () => {}
    const reached = new Promise<void>((resolve) => { answer = resolve })
    const stuck = createServer(() => answer()).listen(0, '127.0.0.1')
    await new Promise((resolve) => stuck.once('listening', resolve))
    cleanups.push(async () => { stuck.closeAllConnections(); stuck.close() })
    const { port } = stuck.address() as { port: number }
    const { session, host, operation } = await open({})
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: `http://127.0.0.1:${port}/` })] }))
    await reached
    expect(statesOf(session)).toEqual(['a@1 STARTING'])
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(3))
    expect(session.effective).toEqual([])
    expect(host.list()).toEqual([])
  })
})

describe('S17: changes that arrive together, as after a moment in which the worker or the catalog was held up, end no process of a host', () => {
  const [first, other] = ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b']
  it.each<[string, CatalogEvent[]]>([
    ['an entry that comes and is removed', [delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: first })] }), delta(cursorAt(3), {}, [removed('1', 'a')])]],
    ['an entry that comes and is changed', [
      delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: first })] }), delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: other, revision: 2 })] }),
    ]],
    ['an entry that comes and a snapshot without it', [delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: first })] }), snapshot(cursorAt(3))]],
    ['an entry that comes and a policy that denies it', [
      delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: first })] }),
      delta(cursorAt(3), {}, [], { changedPolicy: { ...openPolicy, revision: 2, document: { ...openPolicy.document, transports: { http: 'deny' } } } }),
    ]],
  ])('%s', async (_, events) => {
    const { session, operation } = await open({})
    expect(await unhandledIn(async () => {
      operation.send(...events)
      await session.settled(cursorAt(3))
    })).toEqual([])
  })
})

describe('trust', () => {
  it('that runs out withdraws everything by itself, and a snapshot brings it back', async () => {
    const clock = handClock()
    const slow = hangingTool('slow')
    const a = await startServer(slow, { name: 'x' })
    const entries = { mcpServers: [wireServer('1', 'a', { url: a.url })] }
    const { session, host, operation } = await open(entries, { clock })
    const call = expect(host.callTool('a-slow')).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await slow.started
    clock.advance(600_000)
    expect(await toolsOf(host)).toEqual([])
    await call
    await operation.ended
    clock.advance(30_000)
    const again = await feed.operation()
    expect(again.after).toBeNull()
    again.send(snapshot(cursorAt(7), entries))
    await session.settled(cursorAt(7))
    expect(await host.callTool('a-x')).toEqual(text('x'))
  })

  it('goes on over a reconnect, which resumes by cursor', async () => {
    const clock = handClock()
    const a = await startServer({ name: 'x' })
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    operation.send(bookmark(cursorAt(5)))
    await session.settled(cursorAt(5))
    operation.close(1012)
    await operation.ended
    expect(await host.callTool('a-x')).toEqual(text('x'))
    const armed = feed.operation()
    for (let isBack = false; !isBack;) {
      clock.advance(100)
      isBack = await Promise.race([armed.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))])
    }
    const again = await armed
    expect(again.after).toBe(cursorAt(5))
    again.send(delta(cursorAt(6), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(6))
    expect(await toolsOf(host)).toEqual([])
  })

  it.each([[4401, 'UNAUTHENTICATED'], [4403, 'FORBIDDEN']])('ends at once when the socket closes with %s', async (code, expected) => {
    const a = await startServer({ name: 'x' })
    const { session, host, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const settled = expect(session.settled(cursorAt(99))).rejects.toMatchObject({ code: expected })
    operation.close(code)
    await settled
    expect(await toolsOf(host)).toEqual([])
    await expect(host.callTool('a-x')).rejects.toMatchObject(gone)
  })
})

describe('opening and closing', () => {
  it('fails with the server\'s code when the owner cannot be read, and leaves nothing open', async () => {
    const worker = await startWorker()
    const opening = expect(worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const operation = await feed.operation()
    operation.fail('FORBIDDEN')
    await opening
    const again = worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })
    ;(await feed.operation()).send(snapshot(cursorAt(1)))
    expect((await again).effective).toEqual([])
  })

  it('fails when the token is refused, and when nobody answers in time', async () => {
    const refused = await startWorker({ token: 'wrong' })
    await expect(refused.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    const lost = await startWorker({ url: await freeFeedUrl(), readyTimeoutMs: 200 })
    await expect(lost.openSession({ id: 's1', owner: me, adapter: mcpAdapter() })).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') as string })
  })

  it('can do without the catalog for a start', async () => {
    const worker = await startWorker()
    const session = await worker.openSession({ id: 's1', owner: me, adapter: mcpAdapter(), waitForCatalog: false })
    expect(session.effective).toEqual([])
  })

  it('one operation serves all sessions of an owner and ends with the last; owners are apart', async () => {
    const a = await startServer({ name: 'x' })
    const { worker, session, operation } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const [second, other] = [mcpAdapter(), mcpAdapter()]
    const twin = await worker.openSession({ id: 's2', owner: me, adapter: second })
    expect(await toolsOf(second)).toEqual(['a-x'])
    expect(a.sessions()).toBe(2)
    const opening = worker.openSession({ id: 's3', owner: { kind: 'DEPLOYMENT' }, adapter: other })
    const elsewhere = await feed.operation()
    elsewhere.send(snapshot(cursorAt(1)))
    await opening
    expect([feed.sockets(), await toolsOf(other)]).toEqual([1, []])
    await expect(worker.openSession({ id: 's2', owner: me, adapter: mcpAdapter() })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await session.close()
    expect(await toolsOf(second)).toEqual(['a-x'])
    await twin.close()
    await operation.ended
    expect(a.sessions()).toBe(0)
    await expect(twin.settled(cursorAt(1))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
