import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SessionRelay } from '../../src/worker/adapter.js'
import { systemClock } from '../../src/worker/clock.js'
import { createConnector, type Upstream } from '../../src/worker/connector.js'
import { createGate, type Gate } from '../../src/worker/gate.js'
import { createRelay } from '../../src/worker/relay.js'
import { createSeniority, createTicker } from '../../src/worker/seniority.js'
import { gated } from '../../src/worker/slot.js'
import { serverItem } from '../suites/adapter-conformance.js'
import { connectMcpClient, type TestMcpClient } from '../support/mcp-client.js'
import { startEverything } from '../support/mcp-servers.js'
import { type OfferingOptions, type OfferingServer, startOfferingServer } from '../support/offering-server.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

let relay: SessionRelay
beforeEach(async () => {
  unknown = []
  relay = await createRelay().open((name) => unknown.push(name))
  cleanups.push(relay.close)
})

function closing<Thing extends { close: () => Promise<unknown> }>(thing: Thing): Thing {
  cleanups.push(() => thing.close())
  return thing
}

const ended = { mode: 'IMMEDIATE' as const, deadlineSeconds: 0, reason: 'REVOKED' }
const tick = createTicker()
let order = 0
let unknown: string[]

/** Connects to a server and puts it behind a gate into the relay, as a session does. */
async function load(name: string, url: string, entryId: string | null = name): Promise<{ upstream: Upstream; gate: Gate }> {
  const connector = createConnector({ clock: systemClock, connectTimeoutMs: 20_000 })
  const target = { transport: { kind: 'HTTP' as const, url, headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null }
  const upstream = closing(await connector.connect(target, {}, new AbortController().signal))
  const gate = createGate(systemClock, () => true)
  relay.load(serverItem(name, { entryId, order: order += 1, upstream: gated(upstream, gate, createSeniority(tick)) }))
  return { upstream, gate }
}

async function loadOffering(options: OfferingOptions, entryId: string | null = options.name): Promise<{ server: OfferingServer; gate: Gate }> {
  const server = closing(await startOfferingServer(options))
  return { server, gate: (await load(options.name, server.url, entryId)).gate }
}

const connect = async (url = relay.url) => closing(await connectMcpClient(url))
const read = async ({ client }: TestMcpClient, uri: string) => {
  const [first] = (await client.readResource({ uri })).contents
  return first !== undefined && 'text' in first ? first.text : null
}
const get = async ({ client }: TestMcpClient, name: string) => {
  const { messages: [first] } = await client.getPrompt({ name, arguments: { q: '1' } })
  return first?.content.type === 'text' ? first.content.text : null
}

describe('the official everything server, with all others', () => {
  it('has its prompts, resources, templates and completions', async () => {
    const { url } = closing(await startEverything())
    await load('every', url)
    const direct = await connect(url)
    const client = await connect()
    expect(await client.prompts()).toEqual((await direct.prompts()).map((name) => `every-${name}`))
    expect(await client.client.listResources()).toEqual(await direct.client.listResources())
    expect(await client.client.listResourceTemplates()).toEqual(await direct.client.listResourceTemplates())
    const [uri] = await client.resources()
    expect(await read(client, uri!)).toEqual(await read(direct, uri!))
    expect(await read(client, 'demo://resource/dynamic/text/7')).toContain('Resource 7')
    expect((await client.client.getPrompt({ name: 'every-args-prompt', arguments: { city: 'Ulm' } })).messages[0]?.content).toMatchObject({ text: 'What\'s weather in Ulm?' })
    const complete = (ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string }, name: string, value: string) => (
      client.client.complete({ ref, argument: { name, value } }).then(({ completion }) => completion.values)
    )
    expect(await complete({ type: 'ref/prompt', name: 'every-completable-prompt' }, 'department', 'S')).toEqual(['Sales', 'Support'])
    expect(await complete({ type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' }, 'resourceId', '7')).toEqual(['7'])
  })

  it('has its structured content and instructions on its own endpoint', async () => {
    const { url } = closing(await startEverything())
    await load('every', url)
    const [direct, { client }] = await Promise.all([connect(url), connect(relay.urlOf('every'))])
    expect(client.getInstructions()).toBe(direct.client.getInstructions())
    const weather = { name: 'get-structured-content', arguments: { location: 'New York' } }
    expect(await client.callTool(weather)).toEqual(await direct.client.callTool(weather))
  })
})

describe('a call of a tool that no server has', () => {
  it('is told of by its public name, on every endpoint', async () => {
    await loadOffering({ name: 'a' })
    const [all, one] = [await connect(), await connect(relay.urlOf('a'))]
    relay.unload('a')
    for (const { client, name } of [{ ...all, name: 'a-x' }, { ...one, name: 'y' }]) await expect(client.callTool({ name })).rejects.toMatchObject({ code: -32602 })
    expect(unknown).toEqual(['a-x', 'a-y'])
  })
})

describe('prompts and resources', () => {
  it('of a server that comes, changes and is withdrawn reach a client that was there before', async () => {
    const client = await connect()
    expect([await client.prompts(), await client.resources()]).toEqual([[], []])
    const { server, gate } = await loadOffering({ name: 'a', prompts: ['p'], resources: ['x:1'] })
    await Promise.all([client.until('prompts', ['a-p']), client.until('resources', ['x:1'])])
    expect([await get(client, 'a-p'), await read(client, 'x:1')]).toEqual(['a p {"q":"1"}', 'a'])
    await server.setPrompts('p', 'q')
    await client.until('prompts', ['a-p', 'a-q'])
    await server.setResources('x:2')
    await client.until('resources', ['x:2'])
    await expect(read(client, 'x:1')).rejects.toMatchObject({ code: -32002 })

    // S28: the gate alone, before the adapter has heard of anything.
    await client.untilHeard('TOOLS', 1)
    void gate.close(ended)
    await client.untilHeard('TOOLS', 2)
    await Promise.all([client.until('prompts', []), client.until('resources', []), client.until('tools', [])])
    await expect(get(client, 'a-p')).rejects.toMatchObject({ code: -32602 })
    await expect(read(client, 'x:2')).rejects.toMatchObject({ code: -32002 })
    const before = [...server.asked]
    await expect(read(await connect(relay.urlOf('a')), 'x:2')).rejects.toMatchObject({ data: { reason: 'WITHDRAWN' } })
    expect(server.asked).toEqual(before)
  })

  it('S18: with one name or URI are those of the server that was there first, a static one before any other', async () => {
    const late = await loadOffering({ name: 'a', prompts: ['b-p'], resources: ['x:1', 'x:2'], templates: ['t:{id}'] })
    await loadOffering({ name: 'a-b', prompts: ['p', 'q'], resources: ['x:2', 'x:3'], templates: ['t:{id}', 't:x/{id}', '{+all}'] })
    const client = await connect()
    expect(await client.prompts()).toEqual(['a-b-p', 'a-b-q'])
    expect(await client.resources()).toEqual(['x:1', 'x:2', 'x:3'])
    expect([await get(client, 'a-b-p'), await read(client, 'x:2'), await read(client, 't:7'), await read(client, 't:x/7')])
      .toEqual(['a b-p {"q":"1"}', 'a', 'a', 'a-b'])
    await expect(read(client, 'u:7')).rejects.toMatchObject({ code: -32002 })
    expect(late.server.asked).not.toContain('read u:7')
    await loadOffering({ name: 'static', resources: ['x:2'] }, null)
    expect(await read(client, 'x:2')).toBe('static')
    relay.unload('static')
    relay.unload('a')
    expect([await get(client, 'a-b-p'), await read(client, 'x:2')]).toEqual(['a-b p {"q":"1"}', 'a-b'])
  })

  it('S18: that a server adds do not take the names and URIs of others, and are had when those go', async () => {
    const { server } = await loadOffering({ name: 'a', prompts: ['o'], resources: ['x:0'] })
    const { server: other } = await loadOffering({ name: 'a-b', prompts: ['p'], resources: ['x:1'] })
    const client = await connect()
    expect([await client.prompts(), await client.resources()]).toEqual([['a-o', 'a-b-p'], ['x:0', 'x:1']])
    await Promise.all([server.setPrompts('b-p', 'b-q', 'o'), server.setResources('x:1', 'x:2')])
    await Promise.all([client.until('prompts', ['a-b-q', 'a-o', 'a-b-p']), client.until('resources', ['x:2', 'x:1'])])
    expect([await get(client, 'a-b-p'), await get(client, 'a-b-q'), await read(client, 'x:1'), await read(client, 'x:2')])
      .toEqual(['a-b p {"q":"1"}', 'a b-q {"q":"1"}', 'a-b', 'a'])
    await Promise.all([other.setPrompts('r'), other.setResources('x:3')])
    await Promise.all([client.until('prompts', ['a-b-p', 'a-b-q', 'a-o', 'a-b-r']), client.until('resources', ['x:1', 'x:2', 'x:3'])])
    expect([await get(client, 'a-b-p'), await read(client, 'x:1')]).toEqual(['a b-p {"q":"1"}', 'a'])
    // What comes back is the newcomer now.
    await Promise.all([other.setPrompts('p', 's'), other.setResources('x:1', 'x:4')])
    await Promise.all([client.until('prompts', ['a-b-p', 'a-b-q', 'a-o', 'a-b-s']), client.until('resources', ['x:1', 'x:2', 'x:4'])])
    expect([await get(client, 'a-b-p'), await read(client, 'x:1')]).toEqual(['a b-p {"q":"1"}', 'a'])
  })

  it('on the endpoint of one server have its own names, and every URI is the server\'s to judge', async () => {
    await loadOffering({ name: 'a', prompts: ['p'], resources: ['x:1'] })
    await loadOffering({ name: 'b', prompts: ['p'], resources: ['x:1'] })
    const client = await connect(relay.urlOf('b'))
    expect([await client.prompts(), await get(client, 'p'), await read(client, 'x:1'), await read(client, 'u:unlisted')]).toEqual([['p'], 'b p {"q":"1"}', 'b', 'b'])
  })

  it('are listed once by a server that tells of changes, and every time by one that does not', async () => {
    const [tells, silent] = [await loadOffering({ name: 'a', prompts: ['p'] }), await loadOffering({ name: 'b', prompts: ['p'], listChanged: false })]
    const client = await connect()
    for (let times = 0; times < 3; times += 1) expect(await client.prompts()).toEqual(['a-p', 'b-p'])
    expect([tells, silent].map(({ server }) => server.asked)).toEqual([['prompts'], ['prompts', 'prompts', 'prompts']])
  })

  it('of a server that cannot list them are left out', async () => {
    const { server } = await loadOffering({ name: 'a', prompts: ['p'] })
    await loadOffering({ name: 'b', prompts: ['p'] })
    await server.close()
    expect(await (await connect()).prompts()).toEqual(['b-p'])
  })
})

describe('a subscription', () => {
  /** Collects what a client is told of; `next` resolves with the next one. */
  function updatesOf({ client }: TestMcpClient): { next: () => Promise<string> } {
    const told: string[] = []
    let wake = () => {}
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      told.push(params.uri)
      wake()
    })
    return {
      next: async () => {
        while (told.length === 0) await new Promise<void>((resolve) => { wake = resolve })
        return told.shift()!
      },
    }
  }
  const update = (server: OfferingServer, uri: string) => server.tell({ method: 'notifications/resources/updated', params: { uri } })

  it('is made once for all clients, brings changes to those who have it, and ends with the last', async () => {
    const { server } = await loadOffering({ name: 'a', resources: ['x:1', 'x:2'] })
    const [one, two] = [await connect(), await connect(relay.urlOf('a'))]
    const [toOne, toTwo] = [updatesOf(one), updatesOf(two)]
    await one.client.subscribeResource({ uri: 'x:1' })
    await Promise.all([two.client.subscribeResource({ uri: 'x:1' }), two.client.subscribeResource({ uri: 'x:2' })])
    await update(server, 'x:1/part')
    expect(await Promise.all([toOne.next(), toTwo.next()])).toEqual(['x:1/part', 'x:1/part'])
    await one.client.unsubscribeResource({ uri: 'x:1' })
    await update(server, 'x:2')
    expect(await toTwo.next()).toBe('x:2')
    expect(server.asked).not.toContain('unsubscribe x:1')
    await two.client.unsubscribeResource({ uri: 'x:1' })
    await two.client.unsubscribeResource({ uri: 'x:2' })
    await expect(one.client.subscribeResource({ uri: 'u:1' })).rejects.toMatchObject({ code: -32002 })
    // Unsubscribing is told in the background; a later question finds it told.
    await read(two, 'x:1')
    expect(server.asked.filter((each) => each.startsWith('unsubscribe')).sort()).toEqual(['unsubscribe x:1', 'unsubscribe x:2'])
  })

  it('outlives the server: what has the URI next is watched there, and told as changed', async () => {
    const first = await loadOffering({ name: 'a', resources: ['x:1'] })
    const client = await connect()
    const { next } = updatesOf(client)
    await client.client.subscribeResource({ uri: 'x:1' })
    void first.gate.close(ended)
    relay.unload('a')
    const { server } = await loadOffering({ name: 'b', resources: ['x:1'] })
    expect(await next()).toBe('x:1')
    await update(server, 'x:1')
    expect(await next()).toBe('x:1')
    await update(first.server, 'x:1')
    expect(server.asked).toContain('subscribe x:1')
  })

  it('outlives the connection', async () => {
    const server = await startOfferingServer({ name: 'a', resources: ['x:1'] })
    await load('a', server.url)
    const client = await connect()
    const { next } = updatesOf(client)
    await client.client.subscribeResource({ uri: 'x:1' })
    await server.close()
    await read(client, 'x:1').catch(() => {})
    const again = closing(await startOfferingServer({ name: 'again', resources: ['x:1'], port: server.port }))
    expect(await read(client, 'x:1')).toBe('again')
    expect(await next()).toBe('x:1')
    expect(again.asked).toContain('subscribe x:1')
  })
})
