import { expect, it } from 'vitest'
import { type Entry } from '../../src/core/entry.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { deploymentOwner, systemPrincipal } from '../../src/core/owner.js'
import { previewChanges } from '../../src/index/preview.js'
import { buildState, type CatalogState } from '../../src/index/state.js'

const at = '2026-01-01T00:00:00.000Z'
const team = { id: 'team_1', slug: 'crew', displayName: 'Crew', deletedAt: null }
const user = { id: 'usr_1', provider: 'test', subject: 'ada', displayName: 'Ada', role: 'USER' as const, deactivatedAt: null, claimsIssuedAt: null }
const membership = { teamId: team.id, userId: user.id, role: 'MEMBER' as const, expiresAt: null }
const entry = (id: string, name: string): Entry => ({
  id, kind: 'MCP_SERVER', name, owner: { kind: 'TEAM', id: team.id }, visibility: 'PRIVATE', audience: [], locked: false, revision: 1, createdAt: at, updatedAt: at,
  enabled: true, revoked: null, approval: null, bindings: null, digest: id, apply: 'NEXT_TURN', updatedBy: systemPrincipal, definition: parseMcpServerDefinition({ transport: { http: { url: 'https://a.example.com' } } }),
})

it('S19: what is looked at before it is decided changes nothing of what is', () => {
  const make = () => buildState({
    incarnation: '00000000', sequence: 7, users: [user], teams: [team], memberships: [membership], tokens: [], consoleSessions: [], entries: [entry('srv_1', 'one'), entry('srv_2', 'two')], blocks: [], secrets: [], userBindings: [], toolPins: [],
    policies: [{ owner: deploymentOwner, revision: 1, document: {} }, { owner: { kind: 'TEAM', id: team.id }, revision: 1, document: {} }],
  })
  const state = make()
  const { state: after } = previewChanges(state, [
    { subject: 'POLICY', id: deploymentOwner.id, before: null, after: { owner: deploymentOwner, revision: 2, document: { transports: { http: 'deny' } } } },
    { subject: 'ENTRY', id: 'srv_1', before: null, after: null }, { subject: 'ENTRY', id: 'srv_3', before: null, after: entry('srv_3', 'three') }, { subject: 'ENTRY', id: 'srv_4', before: null, after: entry('srv_4', 'four') },
    { subject: 'MEMBERSHIP', id: `${team.id}/${user.id}`, before: membership, after: null, userId: user.id, teamId: team.id },
    { subject: 'TEAM', id: team.id, before: team, after: { ...team, deletedAt: at } }, { subject: 'USER', id: user.id, before: user, after: { ...user, displayName: 'Eve', deactivatedAt: at } },
  ])
  expect([after.entries.size, after.owned.get(`TEAM:${team.id}`)?.size, after.teams.size, after.policy.revision]).toEqual([3, 3, 0, 2])
  expect(after.entries.get('srv_2')!.status).toBe('POLICY_DENIED')
  const plain = ({ teamPolicies: _, ...rest }: CatalogState) => rest
  expect(plain(state)).toEqual(plain(make()))
})
