import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { type PermissionHandler, type SessionConfig, type SessionEvent } from '@github/copilot-sdk'
import { describe, expect, it } from 'vitest'
import { createResolver, type ResolverOptions, type SessionCapabilities, type SessionPrincipal } from '../../src/worker/pilotswarm-resolver.js'
import { createPilotSwarmSession } from '../../src/worker/pilotswarm-session.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { adapterConformance } from '../suites/adapter-conformance.js'
import { cursorAt, delta, type Entries, openPolicy, snapshot, startFakeFeed, wireAgent, wireServer } from '../support/fake-feed.js'
import { connectMcpClient } from '../support/mcp-client.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { closing, shared } from '../support/shared.js'

adapterConformance('a PilotSwarm session', () => createPilotSwarmSession({ hostServers: [], hostAgents: [], hostAgent: null, onAgents: () => {}, log: () => {} }))

const { tickets } = shared({ tickets: () => startTestMcpServer([{ name: 'lookup' }, { name: 'close' }]) })
const ticketsEntry = (changes = {}) => wireServer('1', 'tickets', { url: tickets.url, ...changes })
const principal = (changes: Partial<SessionPrincipal> = {}): SessionPrincipal => (
  { sessionId: 's', owner: { provider: 'github', subject: 'alice' }, agent: null, isHostAgent: false, hostServers: [], hostAgents: [], ...changes })

async function start(options: Partial<ResolverOptions> = {}) {
  const feed = closing(await startFakeFeed())
  const catalog = closing(await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1' }))
  const logged: string[] = []
  const resolver = createResolver({ catalog, log: (line) => logged.push(line), ...options })
  return {
    feed, catalog, resolver, logged,
    /** Asks for a session and answers the feed that opens for it. */
    begin: async (entries: Entries, asked = principal(), changes: Parameters<typeof snapshot>[2] = {}) => {
      const resolving = resolver.resolve(asked)
      const operation = await feed.operation()
      operation.send(snapshot(cursorAt(1), entries, changes))
      return { operation, capabilities: (await resolving)! }
    },
  }
}

const urlOf = (capabilities: SessionCapabilities, config: SessionConfig = {}): string => {
  const server = capabilities.configure(config).mcpServers?.catalog
  return server !== undefined && 'url' in server ? server.url : 'none'
}
const connect = async (capabilities: SessionCapabilities) => closing(await connectMcpClient(urlOf(capabilities)))

describe('a session of PilotSwarm', () => {
  it('S13: has one server, which offers what its owner has', async () => {
    const { begin } = await start()
    const { operation, capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    expect(operation.owner).toEqual({ kind: 'USER', provider: 'github', subject: 'alice' })
    const client = await connect(capabilities)
    expect(await client.tools()).toEqual(['tickets-lookup', 'tickets-close'])
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('2', 'more', { url: tickets.url })] }))
    await client.until('tools', ['tickets-lookup', 'tickets-close', 'more-lookup', 'more-close'])
  })

  it('shares nothing with another owner\'s on the same worker', async () => {
    const { begin } = await start()
    const alices = await begin({ mcpServers: [ticketsEntry()] })
    const bobs = await begin({}, principal({ sessionId: 't', owner: { provider: 'github', subject: 'bob' } }))
    expect([await (await connect(alices.capabilities)).tools(), await (await connect(bobs.capabilities)).tools()]).toEqual([['tickets-lookup', 'tickets-close'], []])
    expect(urlOf(alices.capabilities)).not.toBe(urlOf(bobs.capabilities))
  })

  it('S23: starts with nothing while the catalog is away, and has it all once that answers, behind the same address', async () => {
    const { resolver, feed } = await start({ patienceMs: 20 })
    const capabilities = await resolver.resolve(principal())
    const client = await connect(capabilities!)
    expect(await client.tools()).toEqual([])
    ;(await feed.operation()).send(snapshot(cursorAt(1), { mcpServers: [ticketsEntry()] }))
    await client.until('tools', ['tickets-lookup', 'tickets-close'])
    expect((await resolver.resolve(principal()))?.digest).toBe(capabilities?.digest)
  })

  it('S23: waits no longer for a server that does not answer, and has the others', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
    closing({ close: () => new Promise<void>((resolve) => { silent.close(() => resolve()); silent.closeAllConnections() }) })
    const { begin } = await start({ patienceMs: 1000 })
    const { port } = silent.address() as AddressInfo
    const { capabilities } = await begin({ mcpServers: [ticketsEntry(), wireServer('2', 'silent', { url: `http://127.0.0.1:${port}/mcp` })] })
    await (await connect(capabilities)).until('tools', ['tickets-lookup', 'tickets-close'])
  })

  it('S23: starts without the catalog when the owner is denied, and asks anew with the next turn', async () => {
    const { resolver, feed, begin, logged } = await start()
    const resolving = resolver.resolve(principal())
    ;(await feed.operation()).fail('FORBIDDEN')
    expect([await resolving, resolver.session('s')]).toEqual([null, null])
    expect(logged).toEqual([expect.stringMatching(/^pilotswarm: the session s of github alice has nothing of the catalog: /)])
    const { capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    expect(await (await connect(capabilities)).tools()).toHaveLength(2)
  })

  it('starts without the catalog when the worker was closed', async () => {
    const { resolver, catalog } = await start()
    await catalog.close()
    expect(await resolver.resolve(principal())).toBeNull()
  })

  it('is one for calls that come at once, and the same in later turns', async () => {
    const { resolver, begin } = await start()
    const first = begin({})
    const second = resolver.resolve(principal())
    expect((await second)?.digest).toBe((await first).capabilities.digest)
    expect((await resolver.resolve(principal({ hostServers: ['later'] })))?.digest).toBe((await first).capabilities.digest)
  })

  it.each<[string, Partial<SessionPrincipal>]>([
    ['owner', { owner: { provider: 'github', subject: 'bob' } }], ['provider', { owner: { provider: 'entra', subject: 'alice' } }], ['agent', { agent: 'triage' }],
  ])('leaves everything behind with another %s', async (_, changes) => {
    const { begin, resolver } = await start()
    const { capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    const url = urlOf(capabilities)
    const { capabilities: others } = await begin({}, principal(changes))
    expect(others.digest).not.toBe(capabilities.digest)
    // One owner's listener may have ended with its only session.
    await expect(fetch(url, { method: 'POST' }).then(({ status }) => status, () => 404)).resolves.toBe(404)
    expect(resolver.session('s')?.effective.filter(({ kind }) => kind === 'MCP_SERVER')).toEqual([])
  })

  it('leaves nothing when it is released, also while it opens, and may come back', async () => {
    const { begin, resolver } = await start()
    const { capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    await resolver.release('s')
    expect([tickets.sessions(), resolver.session('s'), urlOf(capabilities)]).toEqual([0, null, 'none'])
    await resolver.release('s')
    const again = begin({ mcpServers: [ticketsEntry()] })
    const released = resolver.release('s')
    const { capabilities: later } = await again
    await released
    expect([later.digest === capabilities.digest, resolver.session('s'), tickets.sessions()]).toEqual([false, null, 0])
  })

  it('has every server where its agent is PilotSwarm\'s, and those that the agent names where it is the catalog\'s', async () => {
    const { begin, resolver } = await start()
    const entries = { mcpServers: [ticketsEntry(), wireServer('2', 'more', { url: tickets.url })], agents: [wireAgent('3', 'triage', { mcpServers: ['more'] })] }
    const servers = (id: string) => resolver.session(id)?.effective.filter(({ kind, origin }) => kind === 'MCP_SERVER' && origin === 'catalog').map(({ name }) => name).sort()
    const { capabilities } = await begin(entries, principal({ agent: 'triage' }))
    expect(servers('s')).toEqual(['more'])
    expect(capabilities.agents().map(({ name }) => name)).toEqual(['triage'])
    await resolver.resolve(principal({ sessionId: 't', agent: 'deployed', isHostAgent: true }))
    expect(servers('t')).toEqual(['more', 'tickets'])
    await resolver.resolve(principal({ sessionId: 'u', agent: 'unknown' }))
    expect(servers('u')).toEqual([])
  })

  it('S18: protects the names that PilotSwarm has, and reports what the session has of them', async () => {
    const { begin, resolver, feed } = await start()
    const { capabilities } = await begin(
      { mcpServers: [wireServer('1', 'my-wiki'), wireServer('2', 'unused')], agents: [wireAgent('3', 'deployed')] },
      principal({ agent: 'deployed', isHostAgent: true, hostServers: ['My.Wiki', 'unused'], hostAgents: ['deployed'] }))
    capabilities.configure({ mcpServers: { 'My.Wiki': { type: 'http', url: 'http://127.0.0.1:1/' } } })
    const rows = () => resolver.session('s')?.effective.map(({ kind, name, origin, state }) => `${kind} ${name} ${origin} ${state}`)
    expect(rows()?.sort()).toEqual([
      'AGENT deployed catalog REFUSED', 'AGENT deployed pilotswarm APPLIED', 'MCP_SERVER My.Wiki pilotswarm APPLIED',
      'MCP_SERVER my-wiki catalog REFUSED', 'MCP_SERVER unused catalog REFUSED',
    ])
    expect(capabilities.agents()).toEqual([])
    await feed.report(({ sessions = [] }) => sessions.some(({ entries }) => entries.some(({ name, origin }) => name === 'deployed' && origin === 'pilotswarm')))
  })

  it('lets what waits for the next turn wait, until the turn ends or the Copilot session is another one', async () => {
    const { begin, resolver } = await start()
    const { operation, capabilities } = await begin({})
    const say = (config: SessionConfig, type: string) => config.onEvent?.({ type, data: {} } as SessionEvent)
    const heard: string[] = []
    const add = async (sequence: number, ...entries: NonNullable<Entries['mcpServers']>) => {
      operation.send(delta(cursorAt(sequence), { mcpServers: entries }))
      await resolver.session('s')?.settled(cursorAt(sequence))
      return resolver.session('s')?.effective.map(({ name, state }) => `${name} ${state}`)
    }
    const first = capabilities.configure({ onEvent: ({ type }) => heard.push(type) })
    say(first, 'assistant.turn_start')
    expect(await add(2, ticketsEntry())).toEqual(['tickets DEFERRED'])
    say(first, 'session.idle')
    expect(await add(3)).toEqual(['tickets APPLIED'])
    expect(heard).toEqual(['assistant.turn_start', 'session.idle'])
    say(first, 'assistant.turn_start')
    expect(await add(4, wireServer('2', 'more', { url: tickets.url }))).toEqual(['tickets APPLIED', 'more DEFERRED'])
    capabilities.configure({})
    expect(await add(5)).toEqual(['tickets APPLIED', 'more APPLIED'])
  })

  it.each<[string, SessionConfig]>([
    ['a server', { mcpServers: { catalog: { type: 'http', url: 'http://127.0.0.1:1/' } } }], ['a tool', { tools: [{ name: 'catalog-x' }] }],
  ])('S18: leaves a configuration alone that has %s of the catalog\'s names, and says so', async (_, config) => {
    const { begin, resolver, logged } = await start()
    const { capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    expect(capabilities.configure(config)).toBe(config)
    expect(logged).toHaveLength(1)
    expect(resolver.session('s')?.effective.at(-1)?.reason).toMatch(/nothing of the catalog: config\..*name/)
  })
})

describe('the check before a call', () => {
  const judge = (config: SessionConfig, toolName: string) => config.hooks?.onPreToolUse?.({ toolName } as never, {} as never)

  it('refuses what the session does not have any more, and asks the host about the rest', async () => {
    const { begin } = await start()
    const { operation, capabilities } = await begin({ mcpServers: [ticketsEntry()] })
    const config = capabilities.configure({ hooks: { onPreToolUse: () => ({ permissionDecision: 'ask' }) } })
    expect(await judge(config, 'catalog-tickets-lookup')).toEqual({ permissionDecision: 'ask' })
    expect(await judge(config, 'bash')).toEqual({ permissionDecision: 'ask' })
    operation.send(delta(cursorAt(2), {}, [{ id: '1', kind: 'MCP_SERVER', name: 'tickets', revision: 1, reason: 'REVOKED', mode: 'IMMEDIATE', deadlineSeconds: null }]))
    const client = await connect(capabilities)
    await client.until('tools', [])
    expect(await judge(capabilities.configure({}), 'catalog-tickets-lookup')).toMatchObject({ permissionDecision: 'deny' })
    expect(await judge(config, 'catalog-tickets-lookup')).toMatchObject({ permissionDecision: 'deny' })
  })

  it.each<[string, string[] | null, string[]]>([
    ['everything without a list', null, ['lookup', 'close']], ['what it picks', ['tickets/lookup'], ['lookup']], ['all of a server', ['tickets/*'], ['lookup', 'close']],
    ['all of its servers, where the list names none of their tools', ['bash'], ['lookup', 'close']], ['nothing that is not there', ['tickets/gone'], []],
    ['nothing of servers that it does not name', ['tickets/lookup', 'more/lookup'], ['lookup']],
  ])('S12: lets an agent of the catalog call %s', async (_, agentTools, expected) => {
    const { begin } = await start()
    const { capabilities } = await begin(
      { mcpServers: [ticketsEntry()], agents: [wireAgent('3', 'triage', { mcpServers: ['tickets'], agentTools })] }, principal({ agent: 'triage' }))
    const config = capabilities.configure({})
    const passed = ['lookup', 'close'].filter((name) => judge(config, `catalog-tickets-${name}`) === undefined)
    expect(passed).toEqual(expected)
  })

  it('S10: says of a tool that is held why, to a model that still has it in its list', async () => {
    const calc = closing(await startTestMcpServer([{ name: 'add' }, { name: 'sub' }]))
    const { begin } = await start()
    const policy = { ...openPolicy, document: { ...openPolicy.document, tools: { drift: 'hold' } } }
    const { capabilities } = await begin({ mcpServers: [wireServer('1', 'calc', { url: calc.url })] }, principal(), { policy })
    const config = capabilities.configure({})
    expect(['add', 'sub'].map((name) => judge(config, `catalog-calc-${name}`))).toEqual([undefined, undefined])
    const client = await connect(capabilities)
    await calc.setTools([{ name: 'add', description: 'and more' }, { name: 'sub' }, { name: 'new' }])
    await client.until('tools', ['calc-sub'])
    const held = { permissionDecision: 'deny', permissionDecisionReason: expect.stringMatching(/is held: its definition is not the one/) as string }
    expect(['add', 'sub', 'new', 'gone'].map((name) => judge(config, `catalog-calc-${name}`))).toEqual([
      held, undefined, held, { permissionDecision: 'deny', permissionDecisionReason: expect.stringContaining('not available in this session') as string },
    ])
  })

  it('makes approvals that last hold once where the tool is the catalog\'s', async () => {
    const { begin } = await start()
    const { capabilities } = await begin({})
    const permit: PermissionHandler = () => ({ kind: 'approve-for-session', approval: { kind: 'read' } })
    const ask = (serverName: string) => capabilities.configure({ onPermissionRequest: permit }).onPermissionRequest?.({ kind: 'mcp', serverName } as never, {} as never)
    expect(await ask('catalog')).toEqual({ kind: 'approve-once' })
    expect(await ask('wiki')).toMatchObject({ kind: 'approve-for-session' })
  })
})

it('does not take a worker that loads static configuration too', async () => {
  const catalog = closing(await createCatalogWorker({ url: 'http://127.0.0.1:1/graphql', token: 't', workerId: 'w', static: { inline: { mcpServers: { wiki: { type: 'http', url: 'http://127.0.0.1:1/' } } } } }))
  expect(() => createResolver({ catalog })).toThrow(/`static` option has to be left out/)
})
