import { expect, it } from 'vitest'
import { withoutSockets } from '../../bench/arguments.js'
import { type LeaseResult } from '../../bench/lease.js'
import { toMarkdown } from '../../bench/markdown.js'
import { problemsOf, type Run, type Sample } from '../../bench/samples.js'
import { summarize } from '../../bench/stats.js'

const lease = (ms: number, wrong: string[] = []): LeaseResult => ({ kind: 'LEASE', one: summarize([ms, ms, 4 * ms]), query: summarize([1]), many: summarize([90, 100]), allMs: 500, wrong })
const sample = (result: LeaseResult): Sample => ({ target: 'OURS', sockets: 0, groups: 10, round: 1, result })
const linesOf = (result: LeaseResult) => {
  const run: Run = { date: '2026-01-02T03:04:05.000Z', machine: 'a machine', postgres: 'Postgres', isQuick: false, rounds: 1, groups: 10, samples: [sample(result)] }
  return toMarkdown(run).split('\n')
}

it('a lease stands beside a small query, and is judged by 5 ms', () => {
  expect(linesOf(lease(3)).find((line) => line.startsWith('| one after the other'))).toBe('| one after the other, p50 | 1.0 ms | – | 3.0 ms (3.00) | 0.60 × 5 ms | ≤ 1 × 5 ms | met |')
  expect(linesOf(lease(6)).find((line) => line.startsWith('| one after the other'))).toContain('**missed**')
  expect(withoutSockets).toContain('lease')
})

it('an answer that is no lease makes a run fail', () => {
  expect(problemsOf(sample(lease(3)))).toEqual([])
  expect(problemsOf(sample(lease(3, ['RATE_LIMITED'])))).toEqual(['LEASE, round 1: RATE_LIMITED'])
})
