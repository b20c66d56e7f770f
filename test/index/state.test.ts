import { expect, it } from 'vitest'
import { type Change, type PolicyRecord } from '../../src/core/change.js'
import { type Entry } from '../../src/core/entry.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { deploymentOwner, systemPrincipal } from '../../src/core/owner.js'
import { previewChanges } from '../../src/index/preview.js'
import { applyChanges, buildState } from '../../src/index/state.js'

const at = '2026-01-01T00:00:00.000Z'
const entries = ['one', 'two'].map((name): Entry => ({
  id: `srv_${name}`, kind: 'MCP_SERVER', name, owner: deploymentOwner, visibility: 'PUBLIC', audience: [], locked: false, revision: 1, createdAt: at, updatedAt: at,
  enabled: true, revoked: null, approval: null, bindings: null, digest: name, apply: 'NEXT_TURN', updatedBy: systemPrincipal,
  definition: parseMcpServerDefinition({ transport: { http: { url: `https://${name}.example.com` } } }),
}))
const record = (revision: number, document: object): PolicyRecord => ({ owner: deploymentOwner, revision, document })
const build = (policy: PolicyRecord, sequence = 7) => (
  buildState({ incarnation: '00000000', sequence, users: [], teams: [], memberships: [], tokens: [], consoleSessions: [], entries, blocks: [], secrets: [], userBindings: [], toolPins: [], policies: [policy] }))
const change = (before: PolicyRecord, after: PolicyRecord): Change => ({ subject: 'POLICY', id: deploymentOwner.id, before, after })

it('a new policy leaves the state as if it had been read with it', () => {
  const [before, after] = [record(1, {}), record(2, { mcpServers: { deny: [{ serverName: 'two' }] } })]
  const state = build(before)
  applyChanges(state, [{ ...change(before, after), sequence: 8 }])
  expect(state.entries.get('srv_two')!.status).toBe('POLICY_DENIED')
  expect(state).toEqual(build(after, 8))
})

it('a new policy judges an entry once, for those who look ahead and for what comes of it; the next one judges it again', () => {
  const [before, after] = [record(1, {}), record(2, { transports: { http: 'deny' } })]
  const state = build(before)
  const next = change(before, after)
  const { verdict } = previewChanges(state, [next]).state.entries.get('srv_one')!
  applyChanges(state, [{ ...next, sequence: 8 }])
  expect(verdict).toMatchObject({ kind: 'DENY', policyRevision: 2 })
  expect(state.entries.get('srv_one')!.verdict).toBe(verdict)
  applyChanges(state, [{ ...change(after, record(3, after.document as object)), sequence: 9 }])
  expect(state.entries.get('srv_one')!.verdict).toMatchObject({ kind: 'DENY', policyRevision: 3 })
})
