import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { agentReferences } from '../../../src/core/rules/agent-references.js'

const judge = (...mcpServers: string[]) =>
  agentReferences({ kind: 'AGENT', name: 'a', definition: parseAgentDefinition({ prompt: 'p', mcpServers }) }, completePolicy({}))

describe('S12: an agent names servers', () => {
  it.each([[[]], [['github']], [['a', 'b-c', '0_d']], [['x'.repeat(40)]]])('%j', (names) => { expect(judge(...names)).toEqual([]) })

  it.each([
    'GitHub', 'mcp:github', 'github/*', 'github-*', '*', 'user:u1/github', 'srv_1 ', ' github', '../github', '${secret:X}', '$x', '{"command":"sh"}', 'https://evil.org/mcp',
    'sh -c id', 'builtin:bash', 'g\u0456thub', 'x'.repeat(41), '__proto__', 'a,b',
  ])('%j is the name of none', (name) => {
    expect(judge('first', name, 'last')).toEqual([expect.objectContaining({ rule: 'agent-references', effect: 'DENY', field: 'definition.mcpServers.1' })])
  })

  it('reports each', () => { expect(judge('A', 'b', 'C').map(({ field }) => field)).toEqual(['definition.mcpServers.0', 'definition.mcpServers.2']) })

  const judgeSkills = (...skills: string[]) =>
    agentReferences({ kind: 'AGENT', name: 'a', definition: parseAgentDefinition({ prompt: 'p', skills }) }, completePolicy({}))

  it.each(['triage', 'Triage Notes', 'desk:triage', 'v1.2', '..data', '...', '$x', 'é'])('S16: a skill may be called %j', (name) => { expect(judgeSkills(name)).toEqual([]) })

  it.each(['../triage', '/etc/passwd', 'a/b', 'a/../../b', '.', '..', '..\\triage', 'C:\\skills', '\\\\host\\share', '~/x', 'a/'])('S16: %j is a path and no skill', (name) => {
    expect(judgeSkills('first', name)).toEqual([expect.objectContaining({ rule: 'agent-references', effect: 'DENY', field: 'definition.skills.1' })])
  })

  it('says nothing of MCP servers', () => {
    const definition = parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } } })
    expect(agentReferences({ kind: 'MCP_SERVER', name: 'a', definition }, completePolicy({}))).toEqual([])
  })
})
