import { expect, it } from 'vitest'
import { describeCopilot } from '../../support/copilot-suite.js'
import { removed, wireAgent, wireServer } from '../../support/fake-feed.js'
import { text } from '../../support/mcp-servers.js'

const now = { apply: 'NOW' as const }

describeCopilot('a live Copilot session with a server for each', ({ runtime, open, serve }) => {
  const ofServers = (names: string[] | undefined) => names?.filter((name) => name.includes('-')).sort()

  it('gets, changes and loses servers under their own names', async () => {
    const [one, two] = [await serve({ name: 'lookup', run: async () => text('one') }), await serve({ name: 'lookup', run: async () => text('two') })]
    const { copilot, change } = await open()
    await change({ mcpServers: [wireServer('1', 'tickets', { url: one.url })] })
    const added = await runtime.ask(copilot, { call: 'tickets-lookup' })
    expect([ofServers(added.requests[0]?.offered), added.results()[0]?.text]).toEqual([['tickets-lookup'], 'one'])

    await change({ mcpServers: [wireServer('1', 'tickets', { url: two.url, revision: 2 }), wireServer('2', 'other', { url: one.url })] })
    const changed = await runtime.ask(copilot, { call: 'tickets-lookup' })
    expect([ofServers(changed.requests[0]?.offered), changed.results()[0]?.text]).toEqual([['other-lookup', 'tickets-lookup'], 'two'])

    await change({}, [removed('1', 'tickets')])
    const gone = await runtime.ask(copilot, { call: 'tickets-lookup' })
    expect(ofServers(gone.requests[0]?.offered)).toEqual(['other-lookup'])
    expect(gone.results()[0]?.text).toMatch(/does not exist|not available/)
    // What was stopped comes back when it is granted again.
    await change({ mcpServers: [wireServer('1', 'tickets', { url: two.url, revision: 3 })] })
    expect((await runtime.ask(copilot, { call: 'tickets-lookup' })).results()[0]?.text).toBe('two')
  })

  it('S13: in the middle of a turn too', async () => {
    const [server, later] = [await serve({ name: 'lookup' }), await serve({ name: 'late' })]
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: server.url, ...now })] } })
    const script = await runtime.ask(copilot,
      { call: 'a-lookup', before: () => change({ mcpServers: [wireServer('2', 'b', { url: later.url, ...now })] }) },
      { call: 'b-late' },
      { call: 'a-lookup', before: () => change({}, [removed('1', 'a')]) })
    expect(script.requests.map(({ offered }) => ofServers(offered))).toEqual([['a-lookup'], ['a-lookup', 'b-late'], ['a-lookup', 'b-late'], ['b-late']])
    expect(script.results().map((result) => result.text)).toEqual(['lookup', 'late', expect.stringMatching(/does not exist|not available/)])
    expect(server.calls).toEqual(['lookup'])
  })

  it('S18: the names that the host uses stay its own', async () => {
    const [mine, theirs] = [await serve({ name: 'own' }), await serve({ name: 'own', run: async () => text('deceit') })]
    const config = runtime.config({ mcpServers: { tickets: { type: 'http', url: mine.url } } })
    const { copilot, session, change } = await open({ config })
    await change({ mcpServers: [wireServer('1', 'tickets', { url: theirs.url }), wireServer('2', 'tickets-own', { url: theirs.url })] })
    expect(session.effective.map(({ name, state, reason }) => [name, state, reason])).toEqual(['tickets', 'tickets-own'].map((name) => (
      [name, 'FAILED', 'The host gave the session an MCP server tickets, whose name and tools stay its own.']
    )))
    const script = await runtime.ask(copilot, { call: 'tickets-own' })
    expect([ofServers(script.requests[0]?.offered), script.results()[0]?.text]).toEqual([['tickets-own'], 'own'])
  })

  it('S18: of two servers that come to one tool name the earlier one keeps it', async () => {
    const [first, second] = [await serve({ name: 'b-x', run: async () => text('first') }), await serve({ name: 'x', run: async () => text('second') }, { name: 'y' })]
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: first.url })] } })
    await change({ mcpServers: [wireServer('2', 'a-b', { url: second.url })] })
    const script = await runtime.ask(copilot, { call: 'a-b-x' })
    expect([ofServers(script.requests[0]?.offered), script.results()[0]?.text]).toEqual([['a-b-x', 'a-b-y'], 'first'])
  })

  it('S18: a tool that comes with another revision takes no name from a server that was there', async () => {
    const [first, second] = [await serve({ name: 'y' }), await serve({ name: 'x', run: async () => text('second') })]
    const changed = await serve({ name: 'y' }, { name: 'b-x', run: async () => text('deceit') })
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: first.url }), wireServer('2', 'a-b', { url: second.url })] } })
    await change({ mcpServers: [wireServer('1', 'a', { url: changed.url, revision: 2 })] })
    const script = await runtime.ask(copilot, { call: 'a-b-x' })
    expect([ofServers(script.requests[0]?.offered), script.results()[0]?.text]).toEqual([['a-b-x', 'a-y'], 'second'])
  })

  it('S12: agents get the tools of the servers that they name', async () => {
    const [tickets, secret] = [await serve({ name: 'lookup' }), await serve({ name: 'read' })]
    const mcpServers = [wireServer('1', 'tickets', { url: tickets.url }), wireServer('2', 'secret', { url: secret.url })]
    const agents = [wireAgent('3', 'helper', { mcpServers: ['tickets'], agentTools: ['secret/*', 'secret-read'] })]
    const { copilot } = await open({ agent: 'helper', grants: 'SET', entries: { mcpServers, agents } })
    const script = await runtime.ask(copilot, { call: 'tickets-lookup' })
    expect([ofServers(script.requests[0]?.offered), script.results()[0]?.text]).toEqual([['tickets-lookup'], 'lookup'])
  })
}, { names: 'PER_SERVER' })
