import { afterEach, describe, expect, it } from 'vitest'
import { type AdapterContext } from '../../src/worker/adapter.js'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { cursorAt, delta, handClock, removed, snapshot, wireAgent, wireServer } from '../support/fake-feed.js'
import { type FakeSession, openFakeSession } from '../support/fake-session.js'
import { startTestMcpServer, type TestMcpServer } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

async function open(...args: Parameters<typeof openFakeSession>): Promise<FakeSession> {
  const opened = await openFakeSession(...args)
  cleanups.push(opened.close)
  return opened
}

async function startServer(tool: string): Promise<TestMcpServer> {
  const server = await startTestMcpServer([{ name: tool }])
  cleanups.push(server.close)
  return server
}

/** A turn that goes on until it is ended. */
function beginTurn({ session }: Pick<FakeSession, 'session'>): () => Promise<void> {
  let end = () => {}
  const over = session.turn(() => new Promise<void>((resolve) => { end = resolve }))
  return () => { end(); return over }
}

/** Two servers, `a` at revision 1 with tool `x` before the turn begins. */
async function inTurn() {
  const [a, b] = [await startServer('x'), await startServer('y')]
  const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
  return { a, b, endTurn: beginTurn(opened), ...opened }
}

describe('in a turn', () => {
  it('a new entry waits for its end, and settled does not wait for it', async () => {
    const { b, endTurn, session, operation, tools, states, reasonOf } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await session.settled(cursorAt(2))
    expect([states(), await tools(), b.requests.length]).toEqual([['a@1 APPLIED', 'b@1 DEFERRED'], ['a-x'], 0])
    expect(reasonOf('b')).toBe('Revision 1 is applied when the running turn ends.')
    await endTurn()
    await session.settled(cursorAt(2))
    expect([states(), await tools()]).toEqual([['a@1 APPLIED', 'b@1 APPLIED'], ['a-x', 'b-y']])
  })

  it('a changed entry waits, and what ran of it goes on', async () => {
    const { b, endTurn, session, host, operation, tools, states, reasonOf } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 2 })] }))
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 3, description: 'told anew' })] }))
    await session.settled(cursorAt(3))
    expect(states()).toEqual(['a@1 DEFERRED'])
    expect(reasonOf('a')).toBe('Revision 3 is applied when the running turn ends; revision 1 keeps running.')
    await host.callTool('a-x')
    await endTurn()
    await session.settled(cursorAt(3))
    expect([states(), await tools()]).toEqual([['a@3 APPLIED'], ['a-y']])
  })

  it('NOW is at once', async () => {
    const { b, endTurn, session, operation, tools } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url, apply: 'NOW' })] }))
    await session.settled(cursorAt(2))
    expect(await tools()).toEqual(['a-x', 'b-y'])
    await endTurn()
  })

  it('what is told of an entry changes at once', async () => {
    const { a, endTurn, session, operation, states } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: a.url, revision: 2, description: 'told anew' })] }))
    await session.settled(cursorAt(2))
    expect(states()).toEqual(['a@2 APPLIED'])
    await endTurn()
  })

  it('a removal is at once, and beats what waited', async () => {
    const { b, endTurn, session, operation, tools, states } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 2 }), wireServer('2', 'b', { url: b.url })] }))
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a'), removed('2', 'b')]))
    await session.settled(cursorAt(3))
    expect([await tools(), states()]).toEqual([[], []])
    await endTurn()
    await session.settled(cursorAt(3))
    expect([await tools(), states(), b.requests.length]).toEqual([[], [], 0])
  })

  it('a refusal is at once, and beats what waited', async () => {
    const { b, endTurn, session, operation, tools, states } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 2 })] }))
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: 'http://10.0.0.1/', revision: 3 })] }))
    await session.settled(cursorAt(3))
    expect([await tools(), states()]).toEqual([[], ['a@3 REFUSED']])
    await endTurn()
    expect(states()).toEqual(['a@3 REFUSED'])
  })

  it('what is taken back while it waits leaves what runs alone', async () => {
    const { a, b, endTurn, session, operation, states } = await inTurn()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 2 })] }))
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: a.url, revision: 3 })] }))
    await session.settled(cursorAt(3))
    expect(states()).toEqual(['a@3 APPLIED'])
    const before = a.requests.length
    await endTurn()
    await session.settled(cursorAt(3))
    expect([a.requests.length, b.requests.length]).toEqual([before, 0])
  })

  it('trust that runs out withdraws everything, and what waited does not come with the end of the turn', async () => {
    const clock = handClock()
    const [a, b] = [await startServer('x'), await startServer('y')]
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    const endTurn = beginTurn(opened)
    opened.operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await opened.session.settled(cursorAt(2))
    clock.advance(600_000)
    expect(await opened.tools()).toEqual([])
    await endTurn()
    expect([await opened.tools(), b.requests.length]).toEqual([[], 0])
  })

  it('a changed agent waits with its grants', async () => {
    const [a, b] = [await startServer('x'), await startServer('y')]
    const servers = [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url, apply: 'NOW' })]
    const opened = await open({ mcpServers: servers, agents: [wireAgent('3', 'helper', { mcpServers: ['a'] })] }, {}, { agent: 'helper' })
    const { session, operation, tools, host } = opened
    const endTurn = beginTurn(opened)
    operation.send(delta(cursorAt(2), { agents: [wireAgent('3', 'helper', { revision: 2, prompt: 'Anew.', mcpServers: ['b'] })] }))
    await session.settled(cursorAt(2))
    expect([await tools(), host.listAgents().map(({ definition }) => definition.prompt)]).toEqual([['a-x'], ['Help.']])
    await endTurn()
    await session.settled(cursorAt(2))
    expect([await tools(), host.listAgents().map(({ definition }) => definition.prompt)]).toEqual([['b-y'], ['Anew.']])
  })
})

describe('turns', () => {
  it('that nest or overlap are one: what waits starts when the last has ended', async () => {
    const { b, endTurn, session, operation, tools } = await inTurn()
    const endOther = beginTurn({ session })
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await session.settled(cursorAt(2))
    await endTurn()
    await session.settled(cursorAt(2))
    expect(await tools()).toEqual(['a-x'])
    await endOther()
    await session.settled(cursorAt(2))
    expect(await tools()).toEqual(['a-x', 'b-y'])
  })

  it('give what they are given, and pass on what is thrown; they have ended then', async () => {
    const b = await startServer('y')
    const { session, operation, tools } = await open({})
    expect(await session.turn(() => 42)).toBe(42)
    expect(await session.turn(() => Promise.resolve('done'))).toBe('done')
    await expect(session.turn(() => { throw new Error('the model said no') })).rejects.toThrow('the model said no')
    await expect(session.turn(() => Promise.reject(new Error('later')))).rejects.toThrow('later')
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await session.settled(cursorAt(2))
    expect(await tools()).toEqual(['b-y'])
  })

  it('may be told by the adapter; one end too many is nothing', async () => {
    const b = await startServer('y')
    let context: AdapterContext | null = null
    const adapter = { ...memoryAdapter(), open: async (given: AdapterContext) => { context = given } }
    const { session, operation, states } = await open({}, {}, { adapter })
    context!.turnBegan()
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'b', { url: b.url })] }))
    await session.settled(cursorAt(2))
    expect(states()).toEqual(['b@1 DEFERRED'])
    context!.turnEnded()
    context!.turnEnded()
    await session.settled(cursorAt(2))
    expect(states()).toEqual(['b@1 APPLIED'])
    context!.turnBegan()
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('2', 'b', { url: b.url, revision: 2, digest: 'other' })] }))
    await session.settled(cursorAt(3))
    expect(states()).toEqual(['b@1 DEFERRED'])
  })
})

describe('NEXT_SESSION', () => {
  it('is for sessions that open later: this one keeps what it has, over turns too', async () => {
    const [a, b] = [await startServer('x'), await startServer('y')]
    const first = wireServer('1', 'a', { url: a.url, apply: 'NEXT_SESSION' })
    const { worker, session, host, operation, tools, states, reasonOf } = await open({ mcpServers: [first] })
    expect(states()).toEqual(['a@1 APPLIED'])
    const changed = [
      wireServer('1', 'a', { url: b.url, revision: 2, apply: 'NEXT_SESSION' }), wireServer('2', 'b', { url: b.url, apply: 'NEXT_SESSION' }),
    ]
    operation.send(delta(cursorAt(2), { mcpServers: changed }))
    await session.settled(cursorAt(2))
    await session.turn(() => {})
    expect([states(), await tools()]).toEqual([['a@1 DEFERRED', 'b@1 DEFERRED'], ['a-x']])
    expect(reasonOf('a')).toBe('Revision 2 is applied in sessions that open later (NEXT_SESSION); revision 1 keeps running.')
    await host.callTool('a-x')
    const later = memoryAdapter()
    const other = await worker.openSession({ id: 's2', owner: { kind: 'USER', id: 'u1' }, adapter: later })
    expect(other.effective.map(({ name, revision, state }) => `${name}@${revision} ${state}`)).toEqual(['a@2 APPLIED', 'b@1 APPLIED'])
  })

  it('is applied when the entry says NOW after all', async () => {
    const [a, b] = [await startServer('x'), await startServer('y')]
    const { session, operation, tools } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 2, apply: 'NEXT_SESSION' })] }))
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: b.url, revision: 3, apply: 'NOW' })] }))
    await session.settled(cursorAt(3))
    expect(await tools()).toEqual(['a-y'])
  })

  it('comes with the snapshot after the worker failed closed, as to a session that opens', async () => {
    const clock = handClock()
    const [a, b] = [await startServer('x'), await startServer('y')]
    const { feed, session, operation, tools } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    const changed = wireServer('1', 'a', { url: b.url, revision: 2, apply: 'NEXT_SESSION' })
    operation.send(delta(cursorAt(2), { mcpServers: [changed] }))
    await session.settled(cursorAt(2))
    clock.advance(600_000)
    await operation.ended
    clock.advance(30_000)
    const again = await feed.operation()
    again.send(snapshot(cursorAt(3), { mcpServers: [changed] }))
    await session.settled(cursorAt(3))
    expect(await tools()).toEqual(['a-y'])
  })

  it('is with what a session begins with, also when that comes in a turn', async () => {
    const a = await startServer('x')
    const { feed, worker } = await open({})
    const adapter = memoryAdapter()
    const session = await worker.openSession({ id: 's2', owner: { kind: 'DEPLOYMENT' }, adapter, waitForCatalog: false })
    const endTurn = beginTurn({ session })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1), { mcpServers: [wireServer('1', 'a', { url: a.url, apply: 'NEXT_SESSION' })] }))
    await session.settled(cursorAt(1))
    expect(session.effective).toMatchObject([{ state: 'DEFERRED', reason: 'Revision 1 is applied when the running turn ends.' }])
    await endTurn()
    await session.settled(cursorAt(1))
    expect(session.effective).toMatchObject([{ state: 'APPLIED' }])
  })
})
