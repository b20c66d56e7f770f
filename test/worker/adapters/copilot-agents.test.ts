import { expect, it } from 'vitest'
import { type LiveCopilot } from '../../support/copilot-session.js'
import { describeCopilot, ofCatalog } from '../../support/copilot-suite.js'
import { removed, wireAgent, wireServer } from '../../support/fake-feed.js'
import { startTestMcpServer } from '../../support/mcp-servers.js'
import { shared } from '../../support/shared.js'

const now = { apply: 'NOW' as const }

describeCopilot('the agents of a live Copilot session', ({ runtime, open }) => {
  const { tickets, secret } = shared({ tickets: () => startTestMcpServer([{ name: 'lookup' }]), secret: () => startTestMcpServer([{ name: 'read' }]) })

  const servers = () => [wireServer('1', 'tickets', { url: tickets.url, ...now }), wireServer('2', 'secret', { url: secret.url, ...now })]
  const helper = (changes: Parameters<typeof wireAgent>[2] = {}) => wireAgent('3', 'helper', { prompt: 'You are helper one.', mcpServers: ['tickets'], agentTools: [], ...now, ...changes })
  const idsOf = async ({ copilot }: LiveCopilot) => (await copilot.rpc.agent.list()).agents.map(({ id }) => id)
  const selectedIn = async ({ copilot }: LiveCopilot) => (await copilot.rpc.agent.getCurrent()).agent?.id ?? null
  /** Has a sub-agent play these steps. */
  const delegate = (agent: string, prompt: string) => ({ call: 'task', args: { agent_type: agent, description: 'd', name: 'n', mode: 'sync', prompt } })

  it('are there from the beginning, and the one that the session is for is selected', async () => {
    const live = await open({ agent: 'helper', entries: { mcpServers: servers(), agents: [helper()] } })
    expect([await idsOf(live), await selectedIn(live)]).toEqual([['helper'], 'helper'])
    const script = await runtime.ask(live.copilot, { call: 'catalog-tickets-lookup' })
    expect(JSON.stringify(script.requests[0])).toContain('You are helper one.')
    expect(script.results()[0]?.text).toBe('lookup')
  })

  it('S12: come at run time, are selected, and run with the servers that they name and no others', async () => {
    const live = await open({ entries: { mcpServers: servers() } })
    await live.change({ agents: [helper({ agentTools: ['*', 'secret/read', 'catalog/secret-read', 'mcp:*'] })] })
    await live.copilot.rpc.agent.select({ name: 'helper' })
    const script = await runtime.ask(live.copilot, { call: 'catalog-tickets-lookup' })
    expect(script.requests[0]?.offered.filter((name) => !name.startsWith('catalog-'))).not.toContain('bash')
    expect(ofCatalog(script.requests[0]?.offered)).toEqual(['catalog-tickets-lookup'])
    expect(script.results()[0]?.text).toBe('lookup')
    const row = live.session.effective.find(({ name }) => name === 'helper')
    expect(row).toMatchObject({ state: 'APPLIED', reason: expect.stringContaining('Runs without "*", "secret/read"') as string })
  })

  it('have the default servers besides when they inherit them', async () => {
    const inherited = [servers()[0]!, wireServer('2', 'secret', { url: secret.url, default: true, ...now })]
    const live = await open({ agent: 'helper', entries: { mcpServers: inherited, agents: [helper({ inheritDefaultMcpServers: true })] } })
    expect(ofCatalog((await runtime.ask(live.copilot)).requests[0]?.offered)?.sort()).toEqual(['catalog-secret-read', 'catalog-tickets-lookup'])
    await live.change({ agents: [helper({ inheritDefaultMcpServers: false, revision: 2 })] })
    expect(ofCatalog((await runtime.ask(live.copilot)).requests[0]?.offered)).toEqual(['catalog-tickets-lookup'])
  })

  it('S12: as sub-agents too', async () => {
    const live = await open({ entries: { mcpServers: servers(), agents: [helper()] } })
    const inner = runtime.model.script({ call: 'catalog-tickets-lookup' }, { call: 'catalog-secret-read' })
    const script = await runtime.ask(live.copilot, delegate('helper', inner.prompt))
    expect(script.requests[0]?.agentTypes).toContain('helper')
    expect(ofCatalog(inner.requests[0]?.offered)).toEqual(['catalog-tickets-lookup'])
    expect(inner.results()[0]?.text).toBe('lookup')
    expect(secret.calls).toEqual([])
  })

  it('change and go: the selected one is taken anew when it changes, and let go of when it is removed', async () => {
    const live = await open({ agent: 'helper', grants: 'SET', entries: { mcpServers: servers(), agents: [helper()] } })
    await live.change({ agents: [helper({ prompt: 'You are helper two.', revision: 2 })] })
    const changed = await runtime.ask(live.copilot)
    expect(JSON.stringify(changed.requests[0])).toContain('You are helper two.')
    expect(await selectedIn(live)).toBe('helper')

    await live.change({}, [removed('3', 'helper', { kind: 'AGENT' })])
    expect([await idsOf(live), await selectedIn(live)]).toEqual([[], null])
    const gone = await runtime.ask(live.copilot)
    expect(JSON.stringify(gone.requests[0])).not.toContain('You are helper two.')
    expect(gone.requests[0]?.agentTypes).not.toContain('helper')
  })

  it('come in the middle of a turn: it goes on, what waits for it gets its end, and they can be started', async () => {
    const live = await open({ entries: { mcpServers: servers() } })
    const seen: string[] = []
    live.copilot.on('session.idle', ({ type }) => { seen.push(type) })
    live.copilot.on((event) => { if (event.type === 'assistant.message') seen.push(event.type) })
    const inner = runtime.model.script({ call: 'catalog-tickets-lookup' })
    const script = runtime.model.script({ ...delegate('helper', inner.prompt), before: () => live.change({ agents: [helper()] }) }, { text: 'the end' })
    const message = await live.copilot.sendAndWait({ prompt: script.prompt })
    expect(message?.data.content).toBe('the end')
    expect(seen).toEqual([...seen.slice(0, -1), 'session.idle'])
    expect(seen).toContain('assistant.message')
    expect(script.results()).toEqual([{ tool: 'task', text: 'DONE' }])
    expect(inner.results()[0]?.text).toBe('lookup')
    expect((await runtime.ask(live.copilot)).requests[0]?.agentTypes).toContain('helper')
  })

  it('follow the tools of their servers', async () => {
    const live = await open({ agent: 'helper', entries: { mcpServers: servers(), agents: [helper()] } })
    const followed = new Promise<void>((resolve) => { live.copilot.on('subagent.selected', () => resolve()) })
    await tickets.setTools([{ name: 'lookup' }, { name: 'close' }])
    await followed
    expect(ofCatalog((await runtime.ask(live.copilot)).requests[0]?.offered)).toEqual(['catalog-tickets-close', 'catalog-tickets-lookup'])
    await tickets.setTools([{ name: 'lookup' }])
  })

  it('that the host has stay, with their names', async () => {
    const config = runtime.config({ customAgents: [{ name: 'helper', description: 'd', prompt: 'You are the host\'s.', tools: [] }] })
    const live = await open({ config })
    await live.change({ agents: [helper(), wireAgent('4', 'other', now)] })
    expect((await idsOf(live)).sort()).toEqual(['helper', 'other'])
    expect(live.session.effective.find(({ name }) => name === 'helper')).toMatchObject({ state: 'FAILED', reason: expect.stringContaining('The host gave') as string })
    const inner = runtime.model.script()
    await runtime.ask(live.copilot, delegate('helper', inner.prompt))
    expect(JSON.stringify(inner.requests[0])).toContain('You are the host\'s.')
  })

  it('come after a cold resume too', async () => {
    const first = await open()
    const { sessionId } = first.copilot
    await runtime.ask(first.copilot)
    await first.close()
    const live = await open({ resume: true, agent: 'helper', config: runtime.config({ sessionId }), entries: { mcpServers: servers(), agents: [helper()] } })
    expect(await selectedIn(live)).toBe('helper')
    expect(ofCatalog((await runtime.ask(live.copilot)).requests[0]?.offered)).toEqual(['catalog-tickets-lookup'])
  })

  it('S12: have all built-in tools when they leave their tools to the runtime, and still no other server\'s', async () => {
    const { copilot } = await open({ agent: 'helper', grants: 'SET', entries: { mcpServers: servers(), agents: [helper({ agentTools: null })] } })
    const { offered } = (await runtime.ask(copilot)).requests[0]!
    expect(offered).toEqual(expect.arrayContaining(['bash', 'view', 'task']))
    expect(ofCatalog(offered)).toEqual(['catalog-tickets-lookup'])
  })

  it('change without a trace in the conversation, and without undoing what the host chose', async () => {
    const live = await open()
    await runtime.ask(live.copilot)
    await live.copilot.setModel('another-model')
    await live.change({ agents: [helper()] })
    await live.change({ agents: [helper({ prompt: 'You are helper two.', revision: 2 })] })
    expect((await live.copilot.rpc.model.getCurrent()).modelId).toBe('another-model')
    expect((await live.copilot.getEvents()).map(({ type }) => type)).not.toContain('session.resume')
  })
})
