import { afterEach, describe, expect, it } from 'vitest'
import { relayAdapter } from '../../src/worker/adapters/relay.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { cursorAt, delta, type Entries, removed, snapshot, startFakeFeed, wireServer } from '../support/fake-feed.js'
import { connectMcpClient, type TestMcpClient } from '../support/mcp-client.js'
import { hangingTool, startTestMcpServer, type TestMcpServerOptions, type TestTool, text } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

async function startServer(tools: TestTool[], options: TestMcpServerOptions = {}) {
  const server = await startTestMcpServer(tools, options)
  cleanups.push(server.close)
  return server
}

async function connect(url: string): Promise<TestMcpClient> {
  const client = await connectMcpClient(url)
  cleanups.push(client.close)
  return client
}

/** A worker with one session for each of `ids`, all of them of one owner whose first snapshot holds `entries`. */
async function open(entries: Entries, ids = ['s1']) {
  const feed = await startFakeFeed()
  cleanups.push(feed.close)
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1' })
  cleanups.push(worker.close)
  const opening = ids.map((id) => {
    const host = relayAdapter()
    return { host, session: worker.openSession({ id, owner: { kind: 'USER', id: 'u1' }, adapter: host }) }
  })
  const operation = await feed.operation()
  operation.send(snapshot(cursorAt(1), entries))
  const all = await Promise.all(opening.map(async ({ host, session }) => ({ host, session: await session })))
  return { worker, feed, operation, all, ...all[0]! }
}

const call = ({ client }: TestMcpClient, name: string, args: Record<string, unknown> = {}) => client.callTool({ name, arguments: args })

describe('a client that was connected before', () => {
  it('has the tools of a server that is registered, whole, and calls them', async () => {
    const more = {
      title: 'X', annotations: { readOnlyHint: true }, outputSchema: { type: 'object' as const, properties: { n: { type: 'number' } }, required: ['n'] },
      inputSchema: { type: 'object' as const, properties: { q: { type: 'string' } } }, _meta: { 'example.com/a': 1 },
    }
    const server = await startServer([
      { name: 'x', description: 'the X', more, run: async ({ q }) => ({ ...text(String(q)), structuredContent: { n: 7 } }) },
      { name: 'fails', run: async () => ({ ...text('no'), isError: true }) },
      { name: 'task', more: { execution: { taskSupport: 'required' } } },
    ])
    const { operation, host } = await open({})
    const client = await connect(host.endpoint())
    expect(await client.tools()).toEqual([])
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: server.url })] }))
    await client.until('tools', ['a-x', 'a-fails'])
    expect(client.heard.TOOLS).toBeGreaterThan(0)
    expect((await client.client.listTools()).tools[0]).toEqual({ name: 'a-x', description: 'the X', ...more })
    expect(await call(client, 'a-x', { q: 'hi' })).toEqual({ ...text('hi'), structuredContent: { n: 7 } })
    expect(await call(client, 'a-fails')).toEqual({ ...text('no'), isError: true })
    await expect(call(client, 'a-task')).rejects.toMatchObject({ code: -32602, data: { reason: 'UNKNOWN_TOOL' } })
  })

  it('S28: has nothing of what is withdrawn: the call in flight fails, the next is refused, the list lacks it', async () => {
    const slow = hangingTool('slow')
    const [a, b] = [await startServer([slow]), await startServer([{ name: 'y' }])]
    const { operation, host, session } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url })] })
    const client = await connect(host.endpoint())
    expect(await client.tools()).toEqual(['a-slow', 'b-y'])
    const inFlight = call(client, 'a-slow')
    await slow.started
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a')]))
    await expect(inFlight).rejects.toMatchObject({ code: -32602, data: { reason: 'WITHDRAWN' } })
    await expect(call(client, 'a-slow')).rejects.toMatchObject({ code: -32602 })
    await client.until('tools', ['b-y'])
    expect(client.heard.TOOLS).toBeGreaterThan(0)
    await Promise.all([slow.aborted, session.settled(cursorAt(2))])
    expect([a.calls, a.sessions()]).toEqual([['slow'], 0])
  })

  it('S13: is refused what was revoked, and the receipt gets to know how often', async () => {
    const a = await startServer([{ name: 'x' }])
    const { operation, host, session, feed } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const [all, one] = [await connect(host.endpoint()), await connect(host.endpointOf('a'))]
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a', { reason: 'REVOKED' })]))
    await session.settled(cursorAt(2))
    await Promise.all([call(all, 'a-x'), call(one, 'x')].map((refused) => expect(refused).rejects.toMatchObject({ code: -32602 })))
    await feed.report(({ sessions }) => sessions.some(({ entries }) => entries.some(({ entryId, refusedCalls }) => entryId === '1' && refusedCalls === 2)))
    expect(a.calls).toEqual([])
  })

  it('has the tools of a server\'s own change', async () => {
    const a = await startServer([{ name: 'x' }])
    const { host } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const client = await connect(host.endpoint())
    expect(await client.tools()).toEqual(['a-x'])
    await a.setTools([{ name: 'y' }])
    await client.until('tools', ['a-y'])
  })

  it('has another revision in the place of the old one', async () => {
    const [old, fresh, b] = [await startServer([{ name: 'x' }]), await startServer([{ name: 'z' }]), await startServer([{ name: 'y' }])]
    const { operation, host } = await open({ mcpServers: [wireServer('1', 'a', { url: old.url }), wireServer('2', 'b', { url: b.url })] })
    const client = await connect(host.endpoint())
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: fresh.url, revision: 2 })] }))
    await client.until('tools', ['a-z', 'b-y'])
    expect(await call(client, 'a-z')).toEqual(text('z'))
  })

  it('S18: has of two tools with one name the one that was there first, on hot change too', async () => {
    const [first, second] = [await startServer([{ name: 'b-x', run: async () => text('first') }]), await startServer([{ name: 'y' }])]
    const { operation, host, session } = await open({ mcpServers: [wireServer('1', 'a', { url: first.url })] })
    const client = await connect(host.endpoint())
    expect(await client.tools()).toEqual(['a-b-x'])
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'a-b', { url: second.url })] }))
    await client.until('tools', ['a-b-x', 'a-b-y'])
    await second.setTools([{ name: 'x' }, { name: 'z' }])
    await client.until('tools', ['a-b-x', 'a-b-z'])
    expect(await call(client, 'a-b-x')).toEqual(text('first'))
    expect(session.effective.map(({ reason }) => reason)).toEqual([null, 'Withheld: x (a-b-x is a tool of a).'])
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a')]))
    await client.until('tools', ['a-b-x', 'a-b-z'])
    await session.settled(cursorAt(3))
    expect(await call(client, 'a-b-x')).toEqual(text('x'))
  })

  it('S18: leads no name to a tool that its server adds later, by itself or in another revision', async () => {
    const own = (name: string) => ({ name, run: async () => text(`a ${name}`) })
    const [a, b, changed] = [await startServer([own('y')]), await startServer([{ name: 'x' }]), await startServer([own('b-x'), own('b-z'), own('y')])]
    const { operation, host, session } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'a-b', { url: b.url })] })
    const client = await connect(host.endpoint())
    expect(await client.tools()).toEqual(['a-y', 'a-b-x'])
    await a.setTools([own('y'), own('b-x'), own('z')])
    await client.until('tools', ['a-y', 'a-z', 'a-b-x'])
    expect([await call(client, 'a-b-x'), session.effective[0]?.reason]).toEqual([text('x'), 'Withheld: b-x (a-b-x is a tool of a-b).'])
    // Another definition, another server: what is new in it is as late, also to what comes after it.
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: changed.url, revision: 2 })] }))
    await client.until('tools', ['a-b-z', 'a-y', 'a-b-x'])
    await session.settled(cursorAt(2))
    expect(await call(client, 'a-b-x')).toEqual(text('x'))
    // What the first revision had keeps its place in the second.
    await b.setTools([{ name: 'x' }, { name: 'z' }, { name: 'w' }])
    await client.until('tools', ['a-b-z', 'a-y', 'a-b-x', 'a-b-w'])
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('1', 'a', { url: changed.url, revision: 3, digest: 'three' })] }))
    await session.settled(cursorAt(3))
    expect([await call(client, 'a-b-x'), await call(client, 'a-b-z')]).toEqual([text('x'), text('a b-z')])
    await b.setTools([])
    await client.until('tools', ['a-b-x', 'a-b-z', 'a-y'])
    expect(await call(client, 'a-b-x')).toEqual(text('a b-x'))
    await b.setTools([{ name: 'x' }, { name: 'v' }])
    await client.until('tools', ['a-b-x', 'a-b-z', 'a-y', 'a-b-v'])
    expect(await call(client, 'a-b-x')).toEqual(text('a b-x'))
  })
})

describe('a call', () => {
  it('brings its progress, as it comes', async () => {
    let finish = () => {}
    const server = await startServer([{
      name: 'slow',
      run: async (_, __, tell) => {
        await tell({ progress: 1, total: 2, message: 'half' })
        await new Promise<void>((resolve) => { finish = resolve })
        return text('done')
      },
    }])
    const { host } = await open({ mcpServers: [wireServer('1', 'a', { url: server.url })] })
    const { client } = await connect(host.endpoint())
    // The call ends only after its progress has come.
    const onprogress = (progress: object) => {
      expect(progress).toEqual({ progress: 1, total: 2, message: 'half' })
      finish()
    }
    expect(await client.callTool({ name: 'a-slow' }, undefined, { onprogress })).toEqual(text('done'))
    expect.assertions(2)
  })

  it('that its client cancels is cancelled on the server', async () => {
    const slow = hangingTool('slow')
    const server = await startServer([slow])
    const { host } = await open({ mcpServers: [wireServer('1', 'a', { url: server.url })] })
    const { client, tools } = await connect(host.endpoint())
    const caller = new AbortController()
    const ended = expect(client.callTool({ name: 'a-slow' }, undefined, { signal: caller.signal })).rejects.toThrow()
    await slow.started
    caller.abort()
    await Promise.all([ended, slow.aborted])
    expect(await tools()).toEqual(['a-slow'])
  })

  it('that the server fails brings the server\'s own code and words, once', async () => {
    const server = await startServer([{ name: 'throws', run: async () => { throw Object.assign(new Error('not so'), { code: -32099 }) } }])
    const { host } = await open({ mcpServers: [wireServer('1', 'a', { url: server.url })] })
    await expect(call(await connect(host.endpoint()), 'a-throws')).rejects.toMatchObject({ code: -32099, message: 'MCP error -32099: not so', data: { reason: 'UPSTREAM' } })
  })
})

describe('the endpoint of one server', () => {
  it('has its own names and its instructions, and no other server\'s', async () => {
    const [a, b] = [await startServer([{ name: 'x' }], { instructions: 'Ask for x.' }), await startServer([{ name: 'y' }])]
    const { host } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url })] })
    const [one, all] = [await connect(host.endpointOf('a')), await connect(host.endpoint())]
    expect([one.client.getInstructions(), one.client.getServerVersion()?.name, all.client.getInstructions()]).toEqual(['Ask for x.', 'a', undefined])
    expect(await one.tools()).toEqual(['x'])
    expect(await call(one, 'x')).toEqual(text('x'))
    await expect(call(one, 'y')).rejects.toMatchObject({ code: -32602 })
  })

  it('lets nobody in while the server is away; who was there has nothing, and all of it when the server is back', async () => {
    const a = await startServer([{ name: 'x' }])
    const { operation, host } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const client = await connect(host.endpointOf('a'))
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a')]))
    await client.until('tools', [])
    await expect(call(client, 'x')).rejects.toMatchObject({ code: -32602 })
    await expect(connectMcpClient(host.endpointOf('a'))).rejects.toMatchObject({ code: 404 })
    operation.send(delta(cursorAt(3), { mcpServers: [wireServer('3', 'a', { url: a.url })] }))
    await client.until('tools', ['x'])
    expect(await call(client, 'x')).toEqual(text('x'))
  })
})

describe('sessions', () => {
  it('are apart: their own connections, their own clients, their own end', async () => {
    const a = await startServer([{ name: 'x' }])
    const { all: [one, two], worker } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, ['s1', 's2'])
    expect(a.sessions()).toBe(2)
    const clients = [await connect(one!.host.endpoint()), await connect(two!.host.endpoint())] as const
    const gone = one!.host.endpoint()
    await one!.session.close()
    await expect(call(clients[0], 'a-x')).rejects.toThrow()
    await expect(connectMcpClient(gone)).rejects.toMatchObject({ code: 404 })
    expect(await call(clients[1], 'a-x')).toEqual(text('x'))
    const last = two!.host.endpoint()
    await worker.close()
    await expect(connectMcpClient(last)).rejects.toThrow('fetch failed')
    expect(a.sessions()).toBe(0)
  })

  it('end a client\'s call and stream, and leave no handle behind', async () => {
    const handles = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
    const slow = hangingTool('slow')
    const a = await startServer([slow])
    const { host, session } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const before = handles()
    const client = await connect(host.endpoint())
    const broken = new Promise((resolve) => { client.client.onerror = resolve })
    const inFlight = expect(call(client, 'a-slow')).rejects.toMatchObject({ data: { reason: 'WITHDRAWN' } })
    await slow.started
    await session.close()
    await Promise.all([inFlight, slow.aborted, broken])
    expect(handles()).toBe(before - 1)
  })
})
