import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy, type FullPolicyDocument } from '../../../src/core/policy-document.js'
import { transport } from '../../../src/core/rules/transport.js'

const kinds = ['stdio', 'http', 'sse'] as const
const inputs = { stdio: { command: 'c' }, http: { url: 'https://a.com' }, sse: { url: 'https://a.com' } }
const judge = (kind: (typeof kinds)[number], policy: FullPolicyDocument) =>
  transport({ kind: 'MCP_SERVER', name: 'x', definition: parseMcpServerDefinition({ transport: { [kind]: inputs[kind] } }) }, policy)
const allowing = completePolicy({ transports: { stdio: 'allow', http: 'allow', sse: 'allow' } })

describe('the transports of the policy', () => {
  it.each(kinds)('%s: each outcome has its effect, and no other transport is touched', (kind) => {
    const effects = { allow: [], approve: ['NEEDS_APPROVAL'], deny: ['DENY'] } as const
    for (const [outcome, expected] of Object.entries(effects)) {
      const policy: FullPolicyDocument = { ...allowing, transports: { ...allowing.transports, [kind]: outcome } }
      expect(judge(kind, policy).map(({ effect }) => effect)).toEqual(expected)
      for (const { field } of judge(kind, policy)) expect(field).toBe(`definition.transport.${kind}`)
      for (const other of kinds.filter((one) => one !== kind)) expect(judge(other, policy)).toEqual([])
    }
  })

  it('S23: an outcome that is none denies', () => {
    const policy = { ...allowing, transports: {} } as unknown as FullPolicyDocument
    for (const kind of kinds) expect(judge(kind, policy).map(({ effect }) => effect)).toEqual(['DENY'])
  })

  it('agents have none', () => {
    const policy = completePolicy({ transports: { stdio: 'deny', http: 'deny', sse: 'deny' } })
    expect(transport({ kind: 'AGENT', name: 'x', definition: parseAgentDefinition({ prompt: 'p' }) }, policy)).toEqual([])
  })
})
