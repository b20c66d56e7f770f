import { describe, expect, it } from 'vitest'
import { type AgentDefinition } from '../../src/core/agent.js'
import { type AgentSurroundings, agentTools, runtimeAgent } from '../../src/worker/copilot-agents.js'

const offers: Record<string, string[]> = { tickets: ['lookup', 'close'], 'tickets-x': ['close', 'more'], secret: ['read'] }
const surroundings: AgentSurroundings = {
  toolsOf: (server) => (server in offers ? new Map(offers[server]!.map((tool) => [tool, `catalog/${server}-${tool}`])) : null),
  defaultServers: ['secret'], builtinTools: ['view', 'bash'], hostTools: new Set(['host-tool']),
}
const definition = (changes: Partial<AgentDefinition> = {}): AgentDefinition => ({
  description: 'd', prompt: 'p', tools: null, skills: [], mcpServers: ['tickets'], inheritDefaultMcpServers: false, model: null, ...changes,
})
const all = ['catalog/tickets-lookup', 'catalog/tickets-close']

describe('S12: what an agent of the catalog may use', () => {
  it.each([
    { tools: null, gets: ['view', 'bash', ...all] },
    { tools: [], gets: all },
    { tools: ['view'], gets: ['view', ...all] },
    { tools: ['host-tool'], gets: ['host-tool', ...all] },
    { tools: ['tickets/lookup'], gets: ['catalog/tickets-lookup'] },
    { tools: ['tickets-lookup', 'view'], gets: ['view', 'catalog/tickets-lookup'] },
    { tools: ['tickets/*'], gets: all },
    // What it picks is not there (any more): that is less, never everything.
    { tools: ['tickets/gone'], gets: [] },
  ])('$tools gives $gets', ({ tools, gets }) => {
    expect(agentTools(definition({ tools }), surroundings)).toEqual({ tools: gets, dropped: [] })
  })

  it.each([
    '*', '**', ' * ', 'builtin:*', 'mcp:*', 'custom:*', 'builtin:bash', 'mcp:secret-read', 'catalog/*', 'catalog-*', 'catalog/secret-read',
    'catalog-secret-read', 'catalog/tickets-lookup', 'secret/*', 'secret/read', 'secret-read', 'tickets-*', 'tickets/', 'tickets-', 'mine/*', 'mine-own',
    'github-mcp-server/*', '../tickets/lookup', 'ｖiew', 'view ', 'view\u0000', 'view,bash', '$bash', '/.*/', '?', '',
  ])('the forged %j gives nothing', (text) => {
    expect(agentTools(definition({ tools: [text] }), surroundings)).toEqual({ tools: all, dropped: [text] })
  })

  it('of a server that it does not name is nothing, though the session has it', () => {
    expect(agentTools(definition({ mcpServers: [], tools: ['tickets/lookup', 'tickets-lookup', 'tickets/*'] }), surroundings).tools).toEqual([])
  })

  it('of a server that the session does not have is nothing', () => {
    expect(agentTools(definition({ mcpServers: ['private', 'tickets'], tools: ['private/read'] }), surroundings)).toEqual({ tools: all, dropped: [] })
  })

  it('of servers tagged default comes along only when it inherits them', () => {
    expect(agentTools(definition({ tools: [], inheritDefaultMcpServers: true }), surroundings).tools).toEqual([...all, 'catalog/secret-read'])
  })

  it('of two servers that fit a name is the longer one\'s', () => {
    const both = definition({ mcpServers: ['tickets', 'tickets-x'], tools: ['tickets-x-close'] })
    expect(agentTools(both, surroundings).tools).toEqual([...all, 'catalog/tickets-x-close'])
  })
})

describe('a catalog agent for the runtime', () => {
  it('has what its definition says, and no server of its own', () => {
    const { config, note } = runtimeAgent('helper', definition({ tools: ['view'], skills: ['triage'], model: 'm' }), surroundings)
    expect(config).toEqual({ name: 'helper', description: 'd', prompt: 'p', tools: ['view', ...all], skills: ['triage'], model: 'm' })
    expect(note).toBeNull()
  })

  it('says what it does without, shortly', () => {
    const tools = ['*', 'x'.repeat(200) + '/', ...Array.from({ length: 9 }, (_, at) => `other/${at}`)]
    const { note } = runtimeAgent('helper', definition({ tools }), surroundings)
    expect(note).toContain('Runs without "*", ')
    expect(note).toContain(' and 6 more')
    expect(note!.length).toBeLessThan(400)
  })
})
