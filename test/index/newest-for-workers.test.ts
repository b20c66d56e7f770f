import { expect, it } from 'vitest'
import { type LoggedChange } from '../../src/core/change.js'
import { createCatalogIndex } from '../../src/index/catalog-index.js'

const at = '2026-01-01T00:00:00.000Z'
const signIn = (sequence: number): LoggedChange => ({
  sequence, subject: 'CONSOLE_SESSION', id: `cns_${sequence}`, before: null,
  after: { id: `cns_${sequence}`, hash: String(sequence), userId: 'usr_1', tokenId: null, createdAt: at, expiresAt: at, endedAt: null },
})
const team = (sequence: number): LoggedChange => ({ sequence, subject: 'TEAM', id: 'team_1', before: null, after: { id: 'team_1', slug: 'red', displayName: 'Red', deletedAt: null } })
const open = (sequence: number, recent: LoggedChange[], ringSize?: number) => createCatalogIndex(
  { incarnation: '00000000', sequence, users: [], teams: [], memberships: [], tokens: [], consoleSessions: [], entries: [], blocks: [], secrets: [], userBindings: [], toolPins: [], policies: [] }, recent, ringSize)

it('S11: workers are behind of the newest change that concerns them, and of what nobody remembers', () => {
  const index = open(7, [])
  expect(index.newestForWorkers()).toBe(7)
  index.apply([signIn(8), signIn(9)])
  expect(index.newestForWorkers()).toBe(7)
  index.apply([team(10), signIn(11)])
  expect(index.newestForWorkers()).toBe(10)
  expect(open(11, [team(10), signIn(11)]).newestForWorkers()).toBe(10)
})

it('what is held of a server\'s tools concerns no worker; what is accepted does', () => {
  const tools = (sequence: number, before: number | null, version: number): LoggedChange => (
    { sequence, subject: 'TOOLS', id: 'srv_1', before: before === null ? null : { version: before }, after: { entryId: 'srv_1', digest: 'd', place: 'p', version, tools: [], held: [] } })
  const index = open(7, [])
  index.apply([tools(8, 1, 1)])
  expect(index.newestForWorkers()).toBe(7)
  index.apply([tools(9, null, 1), tools(10, 1, 1)])
  expect(index.newestForWorkers()).toBe(9)
  index.apply([tools(11, 1, 2)])
  expect(index.newestForWorkers()).toBe(11)
})

it('S11: a long run of sign-ins makes nobody current who was not seen to be', () => {
  const index = open(7, [], 4)
  index.apply([team(8), ...Array.from({ length: 20 }, (_, place) => signIn(9 + place))])
  const newest = index.newestForWorkers()
  expect(newest).toBeGreaterThanOrEqual(8)
  expect(index.changesAfter(newest)).toHaveLength(28 - newest)
})
