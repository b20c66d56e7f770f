import { expect, it } from 'vitest'
import { describeCopilot, ofCatalog } from '../../support/copilot-suite.js'
import { removed, wireServer } from '../../support/fake-feed.js'
import { hangingTool, text } from '../../support/mcp-servers.js'

/** Applied within a running turn too. */
const now = { apply: 'NOW' as const }

describeCopilot('a live Copilot session', ({ runtime, open, serve }) => {
  it('is offered the servers it begins with, and calls them', async () => {
    const server = await serve({ name: 'lookup' })
    const { copilot } = await open({ entries: { mcpServers: [wireServer('1', 'tickets', { url: server.url })] } })
    const script = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect(ofCatalog(script.requests[0]?.offered)).toEqual(['catalog-tickets-lookup'])
    expect(script.results()).toEqual([{ tool: 'catalog-tickets-lookup', text: 'lookup' }])
  })

  it('is offered a server that is added in its next request, the changed one after a change, and nothing once it is removed', async () => {
    const [one, two] = [await serve({ name: 'lookup', run: async () => text('one') }), await serve({ name: 'lookup', run: async () => text('two') }, { name: 'more' })]
    const { copilot, change } = await open()
    expect(ofCatalog((await runtime.ask(copilot)).requests[0]?.offered)).toEqual([])

    await change({ mcpServers: [wireServer('1', 'tickets', { url: one.url })] })
    const added = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect([ofCatalog(added.requests[0]?.offered), added.results()[0]?.text]).toEqual([['catalog-tickets-lookup'], 'one'])

    await change({ mcpServers: [wireServer('1', 'tickets', { url: two.url, revision: 2 })] })
    const changed = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect([ofCatalog(changed.requests[0]?.offered), changed.results()[0]?.text]).toEqual([['catalog-tickets-lookup', 'catalog-tickets-more'], 'two'])

    await change({}, [removed('1', 'tickets')])
    const gone = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect(ofCatalog(gone.requests[0]?.offered)).toEqual([])
    expect(gone.results()[0]?.text).not.toContain('two')
    expect(two.calls).toEqual(['lookup'])
  })

  it('S13: gets and loses servers in the middle of a turn: the next request of that turn knows, and a call is refused', async () => {
    const [server, later] = [await serve({ name: 'lookup' }), await serve({ name: 'late' })]
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: server.url, ...now })] } })
    const script = await runtime.ask(copilot,
      { call: 'catalog-a-lookup', before: () => change({ mcpServers: [wireServer('2', 'b', { url: later.url, ...now })] }) },
      { call: 'catalog-b-late', before: () => change({}, [removed('1', 'a')]) },
      { call: 'catalog-a-lookup' })
    expect(script.requests.map(({ offered }) => ofCatalog(offered))).toEqual([
      ['catalog-a-lookup'], ['catalog-a-lookup', 'catalog-b-late'], ['catalog-b-late'], ['catalog-b-late'],
    ])
    const [first, second, refused] = script.results()
    expect([first?.text, second?.text]).toEqual(['lookup', 'late'])
    expect(refused?.text).toMatch(/does not exist|not available/)
    expect(server.calls).toEqual(['lookup'])
  })

  it('S13: a call in flight fails when its server is removed, and the turn goes on without the tool', async () => {
    const tool = hangingTool('wait')
    const server = await serve(tool)
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'slow', { url: server.url })] } })
    const turn = runtime.ask(copilot, { call: 'catalog-slow-wait' }, { text: 'went on' })
    await tool.started
    await change({}, [removed('1', 'slow')])
    const script = await turn
    expect(script.results()[0]?.text).toContain('not available any more')
    expect(script.requests.map(({ offered }) => ofCatalog(offered))).toEqual([['catalog-slow-wait'], []])
    await tool.aborted
  })

  it('S13: a sub-agent loses servers while it runs; the next one has what was added', async () => {
    const [server, later] = [await serve({ name: 'lookup' }), await serve({ name: 'late' })]
    const { copilot, change } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: server.url, ...now })] } })
    const inner = runtime.model.script(
      { call: 'catalog-a-lookup', before: () => change({ mcpServers: [wireServer('2', 'b', { url: later.url, ...now })] }) },
      { call: 'catalog-a-lookup', before: () => change({}, [removed('1', 'a')]) })
    const next = runtime.model.script({ call: 'catalog-b-late' })
    const delegate = (prompt: string) => ({ call: 'task', args: { agent_type: 'general-purpose', description: 'd', name: 'n', mode: 'sync', prompt } })
    await runtime.ask(copilot, delegate(inner.prompt), delegate(next.prompt))
    expect([inner.requests[0], inner.requests[2]].map((request) => ofCatalog(request?.offered))).toEqual([['catalog-a-lookup'], []])
    expect(inner.results().map((result) => result.text)).toEqual(['lookup', expect.stringMatching(/does not exist|not available/)])
    expect(ofCatalog(next.requests[0]?.offered)).toEqual(['catalog-b-late'])
    expect(next.results()[0]?.text).toBe('late')
    expect(server.calls).toEqual(['lookup'])
  })

  it('leaves what waits for the next turn until this one has ended, and takes away at once', async () => {
    const [server, later] = [await serve({ name: 'lookup' }), await serve({ name: 'late' })]
    const { copilot, change, session } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: server.url })] } })
    const script = await runtime.ask(copilot,
      { call: 'catalog-a-lookup', before: () => change({ mcpServers: [wireServer('2', 'b', { url: later.url })] }, [removed('1', 'a')]) },
      { text: 'over' })
    expect(script.requests.map(({ offered }) => ofCatalog(offered))).toEqual([['catalog-a-lookup'], []])
    await expect.poll(() => session.effective.map(({ name, state }) => [name, state])).toEqual([['b', 'APPLIED']])
    expect(ofCatalog((await runtime.ask(copilot)).requests[0]?.offered)).toEqual(['catalog-b-late'])
  })

  it('follows what a server changes of its own tools', async () => {
    const server = await serve({ name: 'old' })
    const { copilot, adapter } = await open({ entries: { mcpServers: [wireServer('1', 'a', { url: server.url })] } })
    expect(ofCatalog((await runtime.ask(copilot)).requests[0]?.offered)).toEqual(['catalog-a-old'])
    const told = new Promise<void>((resolve) => { copilot.on('mcp.tools.list_changed', () => resolve()) })
    await server.setTools([{ name: 'new' }])
    await told
    const script = await runtime.ask(copilot, { call: 'catalog-a-new' })
    expect(ofCatalog(script.requests[0]?.offered)).toEqual(['catalog-a-new'])
    expect(script.results()[0]?.text).toBe('new')
    expect(adapter.list()).toMatchObject([{ name: 'a', reason: null }])
  })

  it('keeps the servers, tools and hooks that the host gave it', async () => {
    const [mine, theirs] = [await serve({ name: 'own' }), await serve({ name: 'lookup' })]
    const asked: string[] = []
    const events: string[] = []
    const config = runtime.config({
      mcpServers: { mine: { type: 'http', url: mine.url } },
      tools: [{ name: 'hello', description: 'd', parameters: { type: 'object', properties: {} }, handler: async () => 'hello back' }],
      hooks: {
        onPreToolUse: ({ toolName }) => {
          asked.push(toolName)
          return toolName === 'catalog-a-forbidden' ? { permissionDecision: 'deny', permissionDecisionReason: 'the host says no' } : undefined
        },
      },
      onEvent: ({ type }) => { events.push(type) },
    })
    await theirs.setTools([{ name: 'lookup' }, { name: 'forbidden' }])
    const { copilot } = await open({ config, entries: { mcpServers: [wireServer('1', 'a', { url: theirs.url })] } })
    const script = await runtime.ask(copilot, { call: 'mine-own' }, { call: 'hello' }, { call: 'catalog-a-lookup' }, { call: 'catalog-a-forbidden' })
    expect(script.results().map((result) => result.text)).toEqual(['own', 'hello back', 'lookup', expect.stringContaining('the host says no')])
    expect(asked).toEqual(['mine-own', 'hello', 'catalog-a-lookup', 'catalog-a-forbidden'])
    expect(events).toContain('session.idle')
  })

  it('goes on cold with the set of the moment', async () => {
    const [old, fresh] = [await serve({ name: 'old' }), await serve({ name: 'new' })]
    const first = await open({ entries: { mcpServers: [wireServer('1', 'old', { url: old.url })] } })
    const { sessionId } = first.copilot
    await runtime.ask(first.copilot, { text: 'remember me' })
    await first.close()
    const { copilot } = await open({ resume: true, config: runtime.config({ sessionId }), entries: { mcpServers: [wireServer('2', 'new', { url: fresh.url })] } })
    expect(copilot.sessionId).toBe(sessionId)
    const script = await runtime.ask(copilot, { call: 'catalog-new-new' })
    expect(ofCatalog(script.requests[0]?.offered)).toEqual(['catalog-new-new'])
    const said = (await copilot.getEvents()).flatMap((event) => (event.type === 'assistant.message' ? [event.data.content] : []))
    expect(said).toContain('remember me')
  })

  it('of one owner knows nothing of another\'s', async () => {
    const [hers, his] = [await serve({ name: 'hers' }), await serve({ name: 'his' })]
    const [one, two] = await Promise.all([
      open({ entries: { mcpServers: [wireServer('1', 'mine', { url: hers.url })] } }), open({ entries: { mcpServers: [wireServer('2', 'mine', { url: his.url })] } }),
    ])
    const [a, b] = await Promise.all([one, two].map(({ copilot }) => runtime.ask(copilot, { calls: [{ call: 'catalog-mine-hers' }, { call: 'catalog-mine-his' }] })))
    expect([a, b].map((script) => ofCatalog(script?.requests[0]?.offered))).toEqual([['catalog-mine-hers'], ['catalog-mine-his']])
    expect([hers.calls, his.calls]).toEqual([['hers'], ['his']])
    await one.change({}, [removed('1', 'mine')])
    expect((await runtime.ask(two.copilot, { call: 'catalog-mine-his' })).results()[0]?.text).toBe('his')
  })

  it('cannot be disconnected over the head of the worker, and is gone when the worker closes it', async () => {
    const { copilot, session } = await open()
    await expect(copilot.disconnect()).rejects.toThrow('close the worker')
    await session.close()
    expect(() => copilot.sessionId).toThrow('was closed')
    await expect(copilot.sendAndWait('hello')).rejects.toThrow('was closed')
  })
})
