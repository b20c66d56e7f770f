import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCatalogWorker, type StaticOptions } from '../../src/worker/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { cursorAt, delta, type Entries, type FakeOperation, openPolicy, removed, snapshot, startFakeFeed, wireAgent, wireServer } from '../support/fake-feed.js'
import { serverScript, startTestMcpServer, type TestMcpServer } from '../support/mcp-servers.js'

let mine: TestMcpServer
let theirs: TestMcpServer
beforeAll(async () => { [mine, theirs] = [await startTestMcpServer([{ name: 'x' }]), await startTestMcpServer([{ name: 'y' }])] })
afterAll(async () => { await Promise.all([mine.close(), theirs.close()]) })

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

const listing = (revision: number, ...overridable: string[]) => ({ revision, document: { ...openPolicy.document, static: { overridable } } })
const tickets = (changes = {}) => wireServer('1', 'tickets', { url: theirs.url, ...changes })

/** A session with static entries, told of the catalog and its policy step by step. */
async function open(options: StaticOptions, entries: Entries, policy = openPolicy, agent?: string) {
  const feed = await startFakeFeed()
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', static: options, graceMs: 500 })
  cleanups.push(feed.close, worker.close)
  const host = mcpAdapter()
  const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter: host, agent })
  const operation: FakeOperation = await feed.operation()
  operation.send(snapshot(cursorAt(1), entries, { policy }))
  const session = await opening
  let sequence = 1
  const tell = async (...[changed, gone, changes]: [Entries?, Parameters<typeof delta>[2]?, Parameters<typeof delta>[3]?]) => {
    sequence += 1
    operation.send(delta(cursorAt(sequence), changed ?? {}, gone, changes))
    await session.settled(cursorAt(sequence))
  }
  return {
    session, host, operation, tell,
    setPolicy: (changedPolicy: ReturnType<typeof listing> | { revision: number; document: never }) => tell({}, [], { changedPolicy }),
    tools: async () => (await host.listTools()).map(({ name }) => name),
    states: () => session.effective.map(({ kind, name, origin, state }) => `${kind === 'AGENT' ? 'agent ' : ''}${name} ${origin} ${state}`),
    reasonOf: (name: string, origin: string) => session.effective.find((row) => row.name === name && row.origin === origin)?.reason,
  }
}

const replaced = 'Replaced by the catalog entry of its name, because the policy lists the name in static.overridable.'

describe('S23: a static server gives way where the policy lists its name', () => {
  it('live, and comes back when the policy does not any more; never both under one name', async () => {
    const stdio = { command: process.execPath, args: [serverScript('memory')], tools: ['read_graph'] }
    const { setPolicy, tools, states, reasonOf, host, session } = await open({ inline: { mcpServers: { tickets: stdio, other: { type: 'http', url: mine.url } } } }, { mcpServers: [tickets(), wireServer('2', 'other', { url: theirs.url })] })
    const seen = new Set<string>()
    host.onToolsChanged(() => void host.listTools().then((all) => seen.add(all.map(({ name }) => name).filter((name) => name.startsWith('tickets-')).join())))
    const asEver = [await tools(), states()]
    expect(asEver).toEqual([['tickets-read_graph', 'other-x'], ['tickets inline APPLIED', 'other inline APPLIED', 'other catalog REFUSED', 'tickets catalog REFUSED']])

    await setPolicy(listing(2, 'tickets'))
    expect(states()).toEqual(['tickets inline REFUSED', 'other inline APPLIED', 'other catalog REFUSED', 'tickets catalog APPLIED'])
    expect([(await tools()).sort(), reasonOf('tickets', 'inline'), reasonOf('tickets', 'catalog')]).toEqual([['other-x', 'tickets-y'], replaced, null])
    expect(await host.callTool('tickets-y')).toMatchObject({ content: [{ type: 'text' }] })
    await expect(host.callTool('tickets-read_graph')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })

    await setPolicy(listing(3))
    expect([(await tools()).sort(), states()]).toEqual([['other-x', 'tickets-read_graph'], asEver[1]])
    expect(await host.callTool('tickets-read_graph')).toMatchObject({ content: [{ type: 'text' }] })
    await setPolicy(listing(4, 'tickets', 'other'))
    expect((await tools()).sort()).toEqual(['other-y', 'tickets-y'])
    // A policy that cannot be read lists nothing.
    await setPolicy({ revision: 5, document: { static: { overridable: 'tickets' } } as never })
    expect([(await tools()).sort(), states()]).toEqual([['other-x', 'tickets-read_graph'], asEver[1]])
    expect([...seen].sort()).toEqual(['', 'tickets-read_graph', 'tickets-y'])
    await session.close()
    expect(session.effective).toEqual([])
  })

  it('as long as the catalog\'s is there, whichever way it leaves', async () => {
    const { tell, setPolicy, tools, states, operation } = await open({ inline: { mcpServers: { tickets: { type: 'http', url: mine.url } } } }, { mcpServers: [tickets()] }, listing(1, 'tickets'))
    expect([await tools(), states()]).toEqual([['tickets-y'], ['tickets inline REFUSED', 'tickets catalog APPLIED']])
    await tell({}, [removed('1', 'tickets')])
    expect([await tools(), states()]).toEqual([['tickets-x'], ['tickets inline APPLIED']])
    await tell({ mcpServers: [tickets()] })
    expect(await tools()).toEqual(['tickets-y'])
    // Denied by another rule than the name's.
    await setPolicy({ ...listing(2, 'tickets'), document: { ...listing(2, 'tickets').document, transports: { stdio: 'deny', http: 'deny', sse: 'deny' } } })
    expect([await tools(), states()]).toEqual([['tickets-x'], ['tickets inline APPLIED', 'tickets catalog REFUSED']])
    await setPolicy(listing(3, 'tickets'))
    expect(await tools()).toEqual(['tickets-y'])
    // The server ends the feed: the worker fails closed.
    operation.fail('FORBIDDEN')
    await operation.ended
    await expect.poll(async () => [await tools(), states()]).toEqual([['tickets-x'], ['tickets inline APPLIED']])
  })

  it('only once the catalog\'s has come up: one that cannot start takes nothing away', async () => {
    const dead = await startTestMcpServer([{ name: 'z' }])
    await dead.close()
    const { tell, tools, states, reasonOf } = await open({ inline: { mcpServers: { tickets: { type: 'http', url: mine.url } } } }, { mcpServers: [tickets({ url: dead.url })] }, listing(1, 'tickets'))
    expect([await tools(), states()]).toEqual([['tickets-x'], ['tickets inline APPLIED', 'tickets catalog FAILED']])
    await tell({ mcpServers: [tickets({ revision: 2 })] })
    expect([await tools(), states(), reasonOf('tickets', 'inline')]).toEqual([['tickets-y'], ['tickets inline REFUSED', 'tickets catalog APPLIED'], replaced])
    // As with any revision that cannot start, the one before goes on.
    await tell({ mcpServers: [tickets({ revision: 3, url: dead.url })] })
    expect([await tools(), states()]).toEqual([['tickets-y'], ['tickets inline REFUSED', 'tickets catalog APPLIED']])
  })

  it('in a turn when the turn ends; what comes back does not wait', async () => {
    const { session, tell, tools, setPolicy } = await open({ inline: { mcpServers: { tickets: { type: 'http', url: mine.url } } } }, { mcpServers: [tickets()] })
    await session.turn(async () => {
      await setPolicy(listing(2, 'tickets'))
      expect(await tools()).toEqual(['tickets-x'])
    })
    await tell()
    expect(await tools()).toEqual(['tickets-y'])
    await session.turn(async () => {
      await setPolicy(listing(3))
      expect(await tools()).toEqual(['tickets-x'])
    })
  })
})

describe('S23: a static agent gives way where the policy lists its name', () => {
  it('with the servers that it brought, and both come back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilothouse-static-'))
    mkdirSync(join(folder, 'agents'))
    writeFileSync(join(folder, '.mcp.json'), JSON.stringify({ own: { type: 'http', url: mine.url }, tickets: { type: 'http', url: mine.url } }))
    writeFileSync(join(folder, 'agents', 'helper.agent.md'), '---\nschemaVersion: 2\nversion: 1.0.0\nname: helper\nmcpServers: [own, tickets]\n---\nStatic.')
    const { setPolicy, tools, states, host } = await open({ pluginDirs: [folder] }, {
      mcpServers: [tickets(), wireServer('2', 'theirs', { url: theirs.url })], agents: [wireAgent('3', 'helper', { prompt: 'Catalog.', mcpServers: ['theirs', 'own'] })],
    }, openPolicy, 'helper')
    const prompts = () => host.listAgents().map(({ definition }) => definition.prompt)
    const rows = () => states().map((row) => row.replace(/\S*pilothouse-static\S*/, 'plugin'))
    const asEver = [['own-x', 'tickets-x'], ['Static.'], ['own plugin APPLIED', 'tickets plugin APPLIED', 'agent helper plugin APPLIED', 'agent helper catalog REFUSED', 'tickets catalog REFUSED']]
    expect([await tools(), prompts(), rows()]).toEqual(asEver)
    // The catalog's agent is granted what it names of the catalog, and nothing that came with the static one.
    const anew = [['theirs-y'], ['Catalog.'], ['agent helper plugin REFUSED', 'agent helper catalog APPLIED', 'theirs catalog APPLIED']]
    await setPolicy(listing(2, 'helper', 'tickets'))
    expect([await tools(), prompts(), rows()]).toEqual(anew)
    // A server may give way beside it.
    await setPolicy(listing(3, 'tickets'))
    expect([await tools(), prompts()]).toEqual([['own-x', 'tickets-y'], ['Static.']])
    await setPolicy(listing(4))
    expect([(await tools()).sort(), prompts(), rows().sort()]).toEqual([asEver[0], asEver[1], [...asEver[2]!].sort()])
  })
})
