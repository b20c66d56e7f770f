import { expect, it, vi } from 'vitest'
import { unreportedOf, type Unreported } from '../../src/catalog/unreported.js'
import { type Entry } from '../../src/core/entry.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { type OwnerRef, ownerKey, systemPrincipal, type User } from '../../src/core/owner.js'
import { type Revocation } from '../../src/core/revocation.js'
import { createCatalogIndex } from '../../src/index/catalog-index.js'

const at = '2026-01-01T00:00:00.000Z'
const people = 50
const ownerOf = (n: number): OwnerRef => ({ kind: 'USER', id: `user_${n}` })
const user = (n: number): User => ({ id: `user_${n}`, provider: 'test', subject: `${n}`, displayName: `${n}`, role: 'USER', deactivatedAt: null, claimsIssuedAt: null })
const entry = (n: number, more: Partial<Entry> = {}): Entry => ({
  id: `srv_${n}`, kind: 'MCP_SERVER', name: 'github', owner: ownerOf(n), visibility: 'PRIVATE', audience: [], locked: false, revision: 1, createdAt: at, updatedAt: at, enabled: true,
  revoked: null, approval: null, bindings: null, digest: `${n}`, apply: 'NEXT_TURN', updatedBy: systemPrincipal, definition: parseMcpServerDefinition({ transport: { http: { url: 'https://a.example.com' } } }), ...more,
})
const receipt = (entryId: string): Revocation => ({
  id: 'rev_1', sequence: 8, entryId, entryName: 'github', owner: ownerOf(0), revision: 1, verb: 'RIGHTS', mode: 'IMMEDIATE', reason: 'It was.',
  requestedBy: systemPrincipal, requestedAt: at, deadline: at,
})

/** Everybody has an entry of the same name, and so many sessions that are behind. */
function crowd(sessionsEach: number, more: Partial<Entry> = {}) {
  const numbers = Array.from({ length: people }, (_, n) => n)
  const entries = numbers.map((n) => entry(n, more))
  const index = createCatalogIndex({ incarnation: '00000000', sequence: 7, users: numbers.map(user), teams: [], memberships: [], tokens: [], consoleSessions: [], entries, blocks: [], secrets: [], userBindings: [], toolPins: [], policies: [] }, [])
  const parties: Unreported['parties'] = new Map(numbers.map((n) => [ownerKey(ownerOf(n)), {
    owner: ownerOf(n), scope: index.scopeOf(ownerOf(n)), subscriptions: [], chosen: new Map(),
    sessions: Array.from({ length: sessionsEach }, (_, at) => ({ workerId: 'w', sessionId: `s-${n}-${at}`, owner: ownerOf(n), processId: 'p', cursor: null })),
  }]))
  return { index, entries, unreported: { parties, cursors: new Map(entries.map(({ id }) => [id, '00000000-00000000000007'])) } }
}

it.each<[string, Partial<Entry>]>([
  ['their own', {}], ['what all may use', { visibility: 'PUBLIC' }],
])('S13: who has which entry of one name is asked once for each owner, however many lose one: %s', (_, more) => {
  const { index, entries, unreported } = crowd(3, more)
  const [chosen, scopeOf] = [vi.spyOn(index, 'chosen'), vi.spyOn(index, 'scopeOf')]
  const found = entries.map(({ id }) => unreportedOf(index, receipt(id), null, unreported, Infinity).map(({ sessionId }) => sessionId))
  expect(found).toEqual(entries.map((__, n) => [0, 1, 2].map((one) => `s-${n}-${one}`)))
  expect([chosen.mock.calls.length, scopeOf.mock.calls.length]).toEqual([people, 0])
})

it.each<[room: number, listed: number, reason: RegExp | null]>([
  [3, 3, null], [2, 2, /^1 more /], [0, 0, /^3 more /],
])('S13: with room for %i, %i are listed, and one target tells of the rest', (room, listed, reason) => {
  const { index, unreported } = crowd(3)
  const targets = unreportedOf(index, receipt('srv_1'), null, unreported, room)
  expect(targets.filter(({ state }) => state === 'STARTING')).toHaveLength(listed)
  const rest = targets.slice(listed)
  expect(rest).toEqual(reason === null ? [] : [expect.objectContaining({
    workerId: '', sessionId: 'others', state: 'UNREACHABLE', reason: expect.stringMatching(reason) as string, trustedUntil: '2026-01-01T00:10:10.000Z',
  })])
})
