import { describe, expect, it } from 'vitest'
import { formatCursor } from '../../src/core/change.js'
import { isConnected } from '../../src/core/connected.js'
import {
  type AppliedEntry, convergenceOf, firstMissing, judgeReport, lagSeconds, type SessionGroup, stamped, standingOf,
} from '../../src/core/worker-status.js'

const incarnation = '0123abcd'
const at = (sequence: number) => formatCursor({ incarnation, sequence })
const group = (workerId: string, cursor: string | null, more: Partial<SessionGroup> = {}): SessionGroup => (
  { workerId, owner: { kind: 'USER', id: 'u' }, count: 1, cursor, lostSince: null, hasEntry: true, hasFailed: false, ...more })

describe('S26: the order of reports', () => {
  const known = { processId: 'p', number: 7 }
  it.each([
    ['the first of all, full', null, { processId: 'p', number: 1, full: true }, 'REPLACE'],
    ['the first of all, in part', null, { processId: 'p', number: 1, full: false }, 'REFUSE'],
    ['the next, in part', known, { processId: 'p', number: 8, full: false }, 'MERGE'],
    ['the next, full', known, { processId: 'p', number: 8, full: true }, 'REPLACE'],
    ['the same once more', known, { processId: 'p', number: 7, full: false }, 'REFUSE'],
    ['the same once more, full', known, { processId: 'p', number: 7, full: true }, 'REFUSE'],
    ['an older one', known, { processId: 'p', number: 3, full: false }, 'REFUSE'],
    ['an older one, full', known, { processId: 'p', number: 3, full: true }, 'REFUSE'],
    ['one after a gap, in part', known, { processId: 'p', number: 9, full: false }, 'REFUSE'],
    ['one after a gap, full', known, { processId: 'p', number: 90, full: true }, 'REPLACE'],
    ['another process, in part', known, { processId: 'q', number: 8, full: false }, 'REFUSE'],
    ['another process, full', known, { processId: 'q', number: 1, full: true }, 'REPLACE'],
  ] as const)('%s', (_, before, report, verdict) => expect(judgeReport(before, report)).toBe(verdict))
})

describe('how far a worker is', () => {
  it('is told by the slowest of its sessions', () => {
    expect(standingOf([group('w', at(9)), group('w', at(3)), group('w', at(5))])).toEqual({ cursor: at(3), lostSince: null })
    expect(standingOf([])).toEqual({ cursor: null, lostSince: null })
    const [early, late] = [new Date(1_000), new Date(2_000)]
    expect(standingOf([group('w', at(9), { lostSince: late }), group('w', null, { lostSince: early })])).toEqual({ cursor: null, lostSince: early })
  })

  it('lags since the first change that it does not have', () => {
    const now = new Date(10_000)
    const standing = { cursor: at(5), lostSince: null }
    expect([firstMissing(standing, 9), firstMissing(standing, 5), firstMissing(standing, 4), firstMissing({ cursor: null, lostSince: now }, 9)]).toEqual([6, null, null, null])
    expect(lagSeconds(standing, new Date(7_500), now)).toBe(2.5)
    expect(lagSeconds(standing, null, now)).toBeNull()
    expect(lagSeconds({ cursor: null, lostSince: new Date(4_000) }, null, now)).toBe(6)
    expect(lagSeconds(standing, new Date(10_500), now)).toBe(0)
  })

  it('is connected for 90 seconds after a report', () => {
    expect([isConnected(new Date(0), new Date(90_000)), isConnected(new Date(0), new Date(90_001))]).toEqual([true, false])
  })
})

describe('convergence', () => {
  const target = { incarnation, sequence: 5 }
  it.each<[string, SessionGroup[], { workers: number; current: number; behind: number; failed: number }]>([
    ['nobody', [], { workers: 0, current: 0, behind: 0, failed: 0 }],
    ['one that is there, and one past it', [group('a', at(5)), group('b', at(8))], { workers: 2, current: 2, behind: 0, failed: 0 }],
    ['one that is not there yet', [group('a', at(5)), group('b', at(4))], { workers: 2, current: 1, behind: 1, failed: 0 }],
    ['one with one session that is not', [group('a', at(9)), group('a', at(4))], { workers: 1, current: 0, behind: 1, failed: 0 }],
    ['one with a session without a cursor', [group('a', at(9)), group('a', null, { lostSince: new Date(0) })], { workers: 1, current: 0, behind: 1, failed: 0 }],
    ['one that is there and failed', [group('a', at(9), { hasFailed: true }), group('a', at(9))], { workers: 1, current: 1, behind: 0, failed: 1 }],
    ['one that is behind and failed', [group('a', at(1), { hasFailed: true })], { workers: 1, current: 0, behind: 1, failed: 1 }],
  ])('%s', (_, groups, expected) => expect(convergenceOf(groups, target)).toEqual({ cursor: at(5), ...expected }))
})

describe('since when an entry is as it is', () => {
  const entry = (more: Partial<AppliedEntry> = {}) => (
    { entryId: 'srv_1', name: 'a', kind: 'MCP_SERVER' as const, origin: 'catalog', revision: 1, state: 'APPLIED' as const, reason: null, refusedCalls: null, ...more })

  it('is kept while only reason and counter differ', () => {
    const before = [{ ...entry(), at: 'then' }]
    expect(stamped(before, [entry({ reason: 'slow', refusedCalls: 3 })], 'now')).toEqual([{ ...entry({ reason: 'slow', refusedCalls: 3 }), at: 'then' }])
    for (const changed of [{ state: 'FAILED' as const }, { revision: 2 }, { name: 'b' }, { entryId: null }, { origin: '.mcp.json' }, { kind: 'AGENT' as const }]) {
      expect(stamped(before, [entry(changed)], 'now')[0]!.at).toBe('now')
    }
  })
})
