import { expect, it } from 'vitest'
import { DeleteEntryDocument, RegisterAgentDocument } from '../../src/client/index.js'
import { attachPilotSwarm } from '../../src/worker/adapters/pilotswarm.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { describeOnRuntime, startCopilotRuntime } from '../support/copilot-runtime.js'
import { ofCatalog } from '../support/copilot-suite.js'
import { hangingTool, startTestMcpServer } from '../support/mcp-servers.js'
import { createSwarm, createSwarmStore, type TestSwarm } from '../support/pilotswarm.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

describeOnRuntime('PilotSwarm workers and the real catalog', () => {
  const hanging = hangingTool('close')
  const { server, first, second, store, tickets, wiki } = shared({
    server: startLoopbackServer, first: startCopilotRuntime, second: startCopilotRuntime, store: createSwarmStore,
    tickets: () => startTestMcpServer([{ name: 'lookup' }, hanging]), wiki: () => startTestMcpServer([{ name: 'read' }]),
  })

  const attach = async (runtime: typeof first, workerId: string) => {
    const swarm = createSwarm(runtime, store, { wiki: { type: 'http', url: wiki.url, tools: ['*'] } })
    const catalog = closing(await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId }))
    const binding = closing(attachPilotSwarm({ worker: swarm.worker, catalog }))
    closing({ close: () => swarm.sessions.shutdown() })
    return { ...swarm, binding }
  }
  const sessionOf = (id: string, subject: string, more = {}) => store.rows.set(id, { owner: { provider: 'test', subject }, ...more })
  /** Resolves when the runtime of a warm session heard that its tools are others. */
  const heard = ({ sessions }: TestSwarm, id: string) => new Promise<void>((resolve) => {
    const unlisten = sessions.get(id)!.on('mcp.tools.list_changed', ({ data }) => {
      if (data.serverName !== 'catalog') return
      unlisten()
      resolve()
    })
  })
  const remove = async (who: Person, id: string) => (await who.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })).deleteEntry.cursor

  it('S13: what an owner registers is in their warm session within the turn and in nobody else\'s; deleted in mid-call, the call fails and the turn goes on; static servers stay', async () => {
    const swarm = await attach(first, 'swarm-1')
    const alice = await server.user('alice')
    await server.user('bob')
    sessionOf('a', 'alice')
    sessionOf('b', 'bob')
    const before = await Promise.all(['a', 'b'].map((id) => swarm.turn(id)))
    expect(before.map(({ requests }) => requests[0]?.offered.filter((name) => /^(catalog|wiki)-/.test(name)))).toEqual([['wiki-read'], ['wiki-read']])

    let entryId = ''
    const register = async () => {
      const told = heard(swarm, 'a')
      entryId = (await server.register(alice, 'tickets', { url: tickets.url, apply: 'NOW' })).id
      await told
    }
    const within = await swarm.turn('a', [{ before: register, call: 'wiki-read' }, { call: 'catalog-tickets-lookup' }])
    const own = ['catalog-tickets-close', 'catalog-tickets-lookup']
    expect(within.requests.map(({ offered }) => ofCatalog(offered))).toEqual([[], own, own])
    expect(within.results().map(({ text }) => text)).toEqual(['read', 'lookup'])

    const turn = swarm.turn('a', [{ call: 'catalog-tickets-close' }, { call: 'catalog-tickets-lookup' }, { call: 'wiki-read' }])
    await hanging.started
    await remove(alice, entryId)
    const after = await turn
    // The request that follows the failure may have been on its way when the runtime heard.
    expect([0, 2, 3].map((at) => ofCatalog(after.requests[at]?.offered))).toEqual([own, [], []])
    expect(after.results().map(({ text }) => text)).toEqual([
      expect.stringContaining('not available any more'), expect.stringMatching(/does not exist|not available/), 'read',
    ])
    expect(ofCatalog((await swarm.turn('b')).requests[0]?.offered)).toEqual([])
    expect(swarm.binding.session('a')?.effective.map(({ name, origin, state }) => `${name} ${origin} ${state}`)).toEqual(['wiki pilotswarm APPLIED'])
  })

  it('S13: a session has the same set on another worker, and on two at once until it is withdrawn from both; sub-agents have their owner\'s', async () => {
    const [one, two] = [await attach(first, 'swarm-1'), await attach(second, 'swarm-2')]
    const carol = await server.user('carol')
    const { id } = await server.register(carol, 'tickets', { url: tickets.url })
    sessionOf('c', 'carol')
    store.rows.set('child', { owner: null, parentSessionId: 'c' })
    const own = ['catalog-tickets-close', 'catalog-tickets-lookup', 'wiki-read']
    const offered = async (swarm: TestSwarm, session: string) => (await swarm.turn(session)).requests[0]?.offered.filter((name) => /^(catalog|wiki)-/.test(name)).sort()

    expect([await offered(one, 'c'), await offered(one, 'child')]).toEqual([own, own])
    await one.sessions.dehydrate('c')
    expect(one.binding.session('c')).toBeNull()
    expect(await offered(two, 'c')).toEqual(own)
    // The first worker comes back to it, as one does that was thought dead.
    expect(await offered(one, 'c')).toEqual(own)
    const told = Promise.all([heard(one, 'c'), heard(two, 'c')])
    const cursor = await remove(carol, id)
    for (const { binding } of [one, two]) await binding.session('c')?.settled(cursor)
    await told
    expect([await offered(one, 'c'), await offered(two, 'c'), await offered(one, 'child')]).toEqual([['wiki-read'], ['wiki-read'], ['wiki-read']])
  })

  it('S12: an agent of the catalog is its owner\'s alone, with the servers that it names and the tools that it picks; it goes in the next turn', async () => {
    const swarm = await attach(first, 'swarm-1')
    const dave = await server.user('dave')
    await server.user('erin')
    for (const name of ['tickets', 'other']) await server.register(dave, name, { url: tickets.url })
    const { registerAgent } = await dave.client.execute(RegisterAgentDocument, {
      input: { owner: { kind: 'USER' }, name: 'triage', definition: { prompt: 'You triage for Dave.', mcpServers: ['tickets'], tools: ['tickets/lookup'] } },
    })
    sessionOf('d', 'dave')
    sessionOf('e', 'erin')
    const his = await swarm.turn('d', [{ call: 'catalog-tickets-lookup' }, { call: 'catalog-tickets-close' }], 'triage')
    expect(his.requests[0]?.system).toContain('You triage for Dave.')
    expect(ofCatalog(his.requests[0]?.offered)).toEqual(['catalog-tickets-close', 'catalog-tickets-lookup'])
    expect(his.results().map(({ text }) => text)).toEqual(['lookup', expect.stringContaining('not a tool that the agent triage picks')])
    const hers = await swarm.turn('e', [], 'triage')
    expect(hers.requests[0]?.system).not.toContain('Dave')
    expect(ofCatalog(hers.requests[0]?.offered)).toEqual([])

    await swarm.binding.session('d')?.settled(await remove(dave, registerAgent.agent.id))
    const after = await swarm.turn('d', [], 'triage')
    expect(after.requests[0]?.system).not.toContain('Dave')
    expect(ofCatalog(after.requests[0]?.offered)).toEqual([])
    expect(swarm.sessions.workerDefaults.agentPromptLookup).toEqual({})
  })
})
