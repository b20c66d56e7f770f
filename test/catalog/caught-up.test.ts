import { expect, it } from 'vitest'
import { caughtUp } from '../../src/catalog/caught-up.js'
import { formatCursor, type LoggedChange } from '../../src/core/change.js'
import { type SessionGroup } from '../../src/core/worker-status.js'
import { createCatalogIndex } from '../../src/index/catalog-index.js'

const incarnation = '00000000'
const at = '2026-01-01T00:00:00.000Z'
const signIn = (sequence: number): LoggedChange => ({
  sequence, subject: 'CONSOLE_SESSION', id: 'c', before: null, after: { id: 'c', hash: 'h', userId: 'u', tokenId: null, createdAt: at, expiresAt: at, endedAt: null },
})
const group = (owner: string, sequence: number): SessionGroup => (
  { workerId: 'w', owner: { kind: 'USER', id: owner }, count: 1, cursor: formatCursor({ incarnation, sequence }), lostSince: null, hasEntry: false, hasFailed: false })

it('looks at so many changes at most for one answer, and leaves the rest as it was reported; equal ones are looked at once', () => {
  const index = createCatalogIndex(
    { incarnation, sequence: 1, users: [], teams: [], memberships: [], tokens: [], consoleSessions: [], entries: [], blocks: [], secrets: [], userBindings: [], toolPins: [], policies: [] }, [], 20_000)
  index.apply(Array.from({ length: 6_000 }, (_, place) => signIn(2 + place)))
  const stands = (...groups: SessionGroup[]) => caughtUp(index, (owner) => owner, groups).map(({ cursor }) => cursor === index.cursor())
  expect(stands(group('a', 1), group('a', 1), group('b', 1), group('c', 5_500), group('d', 6_001))).toEqual([true, true, false, true, true])
  expect(stands({ ...group('a', 1), cursor: null }, { ...group('a', 1), cursor: formatCursor({ incarnation: '11111111', sequence: 1 }) })).toEqual([false, false])
})
