import { describe, expect, it } from 'vitest'
import { mcpAdapter } from '../../../src/worker/adapters/mcp.js'
import { adapterConformance, agentItem, serverItem, upstreamOf } from '../../suites/adapter-conformance.js'
import { text } from '../../support/mcp-servers.js'

adapterConformance('mcp', mcpAdapter)

describe('the mcp adapter', () => {
  const names = async (adapter: ReturnType<typeof mcpAdapter>) => (await adapter.listTools()).map(({ name }) => name)

  it('offers tools as <server>-<tool>, in the order of the session, and calls the right one', async () => {
    const adapter = mcpAdapter()
    const [a, b] = [upstreamOf('x', 'y'), upstreamOf('x')]
    await adapter.load(serverItem('b', { order: 1, upstream: b }))
    await adapter.load(serverItem('a', { order: 0, upstream: a }))
    expect(await adapter.listTools()).toContainEqual({ name: 'a-x', description: '', inputSchema: { type: 'object' } })
    expect(await names(adapter)).toEqual(['a-x', 'a-y', 'b-x'])
    expect(await adapter.callTool('b-x')).toEqual(text('x'))
    expect([a.calls, b.calls]).toEqual([[], ['x']])
  })

  it('refuses what it does not list', async () => {
    const adapter = mcpAdapter()
    await adapter.load(serverItem('a'))
    await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
    await expect(adapter.callTool('a-tool')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
  })

  it('S18: of two servers with one tool name the later one\'s tool is withheld and said so', async () => {
    const adapter = mcpAdapter()
    const [first, second] = [upstreamOf('b-x'), upstreamOf('x', 'y')]
    await adapter.load(serverItem('a', { order: 1, upstream: first }))
    await adapter.load(serverItem('a-b', { order: 0, upstream: second }))
    expect(await names(adapter)).toEqual(['a-b-y', 'a-b-x'])
    await adapter.callTool('a-b-x')
    expect([first.calls, second.calls]).toEqual([['b-x'], []])
    expect(adapter.list().map(({ name, reason }) => [name, reason])).toEqual([['a-b', 'Withheld: x (a-b-x is a tool of a).'], ['a', null]])
  })

  it('S18: on hot change too; and a static server comes before any of the catalog', async () => {
    const adapter = mcpAdapter()
    const [first, second, fixed] = [upstreamOf('b-x'), upstreamOf('y'), upstreamOf('b-x')]
    await adapter.load(serverItem('a', { upstream: first }))
    await adapter.load(serverItem('a-b', { upstream: second }))
    second.change('y', 'x')
    await adapter.callTool('a-b-x')
    expect(second.calls).toEqual([])
    await adapter.load(serverItem('a', { origin: 'inline', entryId: null, upstream: fixed }))
    await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
    await adapter.load(serverItem('A!', { origin: 'inline', entryId: null, upstream: upstreamOf('x') }))
    expect(await names(adapter)).toContain('A--x')
  })

  it('tells of every change of its tools', async () => {
    const adapter = mcpAdapter()
    let told = 0
    const unlisten = adapter.onToolsChanged(() => { told += 1 })
    const upstream = upstreamOf('x')
    await adapter.load(serverItem('a', { upstream }))
    upstream.change('y')
    await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
    upstream.change('z')
    unlisten()
    await adapter.load(serverItem('b'))
    expect(told).toBe(3)
  })

  it('takes a server whatever a listener of the host throws', async () => {
    const adapter = mcpAdapter()
    adapter.onToolsChanged(() => { throw new Error('of the host') })
    await adapter.load(serverItem('a'))
    expect(await names(adapter)).toEqual(['a-tool'])
  })

  it('lists the agents it was given', async () => {
    const adapter = mcpAdapter()
    await adapter.load(agentItem('helper'))
    expect(adapter.listAgents().map(({ name }) => name)).toEqual(['helper'])
  })
})
