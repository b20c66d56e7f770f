import { describe, expect, it } from 'vitest'
import { completePolicy, type Policy, type PolicyDocument } from '../../src/core/policy-document.js'
import { carriedPolicy, holdsTools, readTeamPolicy } from '../../src/core/team-policy.js'

const unreadable: Policy = { revision: 1, document: null }
const policy = (document: PolicyDocument): Policy => ({ revision: 1, document: completePolicy(document) })

it('carries what is decided where entries run, and nothing that only its team may read', () => {
  const parts: PolicyDocument = { urls: { privateNetworks: [], insecureHttp: ['mcp.lan'] }, stdio: { directories: ['/srv/mcp'] }, tools: { drift: 'hold', maxPerMcpServer: 3 } }
  expect(carriedPolicy({
    ...parts, stdio: { ...parts.stdio, launchers: ['npx'], preapproved: [['npx', '-y', 'srv@1.2.3']] }, transports: { sse: 'deny' }, mcpServers: { deny: [{ serverName: 'secret-project-*' }] },
    env: { deny: ['X'] }, headers: { deny: ['X-*'] }, approval: { allowSelf: true }, quotas: { entriesPerTeam: 1 }, static: { overridable: ['a'] }, staleAfterSeconds: 60,
  })).toEqual(parts)
  expect(carriedPolicy({})).toEqual({})
})

it('S23: what cannot be read is told so, and read by nobody', () => {
  for (const stored of [null, 1, [], { unknown: true }, { tools: { drift: 'let in' } }]) {
    expect(carriedPolicy(stored)).toEqual({ unreadable: true })
    expect(readTeamPolicy(policy({}), 1, carriedPolicy(stored)).document).toBeNull()
  }
})

describe('what differs of a server\'s tools', () => {
  const read = (deployment: Policy, own: PolicyDocument) => readTeamPolicy(deployment, 1, carriedPolicy(own))
  it.each<[string, Policy, PolicyDocument, boolean]>([
    ['both hold', policy({ tools: { drift: 'hold' } }), { tools: { drift: 'hold' } }, true],
    ['the team alone holds', policy({ tools: { drift: 'accept' } }), { tools: { drift: 'hold' } }, true],
    ['the deployment alone holds', policy({ tools: { drift: 'hold' } }), { tools: { drift: 'accept' } }, true],
    ['nobody holds', policy({ tools: { drift: 'accept' } }), { tools: { drift: 'accept' } }, false],
    ['the team says nothing of it', policy({ tools: { drift: 'accept' } }), { tools: { maxPerMcpServer: 1 } }, false],
    ['the deployment\'s cannot be read', unreadable, { tools: { drift: 'accept' } }, true],
  ])('S23: %s', (_, deployment, own, isHeld) => { expect(holdsTools([deployment, read(deployment, own)])).toBe(isHeld) })

  it('S23: is held where there is no policy, or none that can be read', () => {
    expect([holdsTools([]), holdsTools([unreadable]), holdsTools([policy({ tools: { drift: 'accept' } }), unreadable])]).toEqual([true, true, true])
  })
})
