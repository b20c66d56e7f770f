import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy, type FullPolicyDocument, parsePolicyDocument } from '../../../src/core/policy-document.js'
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

describe('command lines that need no approval', () => {
  const preapproved = [['npx', '-y', 'srv@1.2.3'], { command: ['npx', 'keyed@1.2.3'], env: ['API_KEY', 'LOG_*'] }]
  const effectOf = (stdio: object, outcome: 'allow' | 'approve' | 'deny' = 'approve') => transport(
    { kind: 'MCP_SERVER', name: 'x', definition: parseMcpServerDefinition({ transport: { stdio } }) },
    completePolicy(parsePolicyDocument({ transports: { stdio: outcome }, stdio: { preapproved } })))[0]?.effect ?? null
  const env = (...names: string[]) => names.map((name) => ({ name, value: 'v' }))

  it.each<[string, object, string | null]>([
    ['word for word', { command: 'npx', args: ['-y', 'srv@1.2.3'] }, null],
    ['with listed variables', { command: 'npx', args: ['keyed@1.2.3'], env: env('API_KEY', 'LOG_LEVEL') }, null],
    ['with none of them', { command: 'npx', args: ['keyed@1.2.3'] }, null],
    ['in another order', { command: 'npx', args: ['srv@1.2.3', '-y'] }, 'NEEDS_APPROVAL'],
    ['with more', { command: 'npx', args: ['-y', 'srv@1.2.3', ''] }, 'NEEDS_APPROVAL'],
    ['with less', { command: 'npx', args: ['-y'] }, 'NEEDS_APPROVAL'],
    ['by another command', { command: 'uvx', args: ['-y', 'srv@1.2.3'] }, 'NEEDS_APPROVAL'],
    ['split otherwise', { command: 'npx', args: ['-y srv@1.2.3'] }, 'NEEDS_APPROVAL'],
    ['in capitals', { command: 'npx', args: ['-Y', 'srv@1.2.3'] }, 'NEEDS_APPROVAL'],
    ['with a variable where none is listed', { command: 'npx', args: ['-y', 'srv@1.2.3'], env: env('API_KEY') }, 'NEEDS_APPROVAL'],
    ['with one variable too many', { command: 'npx', args: ['keyed@1.2.3'], env: env('API_KEY', 'OTHER') }, 'NEEDS_APPROVAL'],
    ['with a variable in another case', { command: 'npx', args: ['keyed@1.2.3'], env: env('api_key') }, 'NEEDS_APPROVAL'],
    ['in a folder', { command: 'npx', args: ['-y', 'srv@1.2.3'], cwd: '/srv/mcp' }, 'NEEDS_APPROVAL'],
  ])('%s', (_, definition, effect) => { expect(effectOf(definition)).toBe(effect) })

  it('are denied where stdio is', () => { expect(effectOf({ command: 'npx', args: ['-y', 'srv@1.2.3'] }, 'deny')).toBe('DENY') })
})
