import { expect, it } from 'vitest'
import { withoutSockets } from '../../bench/arguments.js'
import { toMarkdown } from '../../bench/markdown.js'
import { type EvaluationResult, type SealResult } from '../../bench/plan.js'
import { problemsOf, type Run, type Sample } from '../../bench/samples.js'
import { type SimulationResult } from '../../bench/simulation.js'
import { spread } from '../../bench/stats.js'

const evaluation = (one: number, wrong: string[] = []): EvaluationResult => ({
  kind: 'EVALUATION', one: spread([one, one, 3 * one]), narrowed: spread([2 * one]), parsed: spread([10]), sorts: [{ sort: 'docker', p50: 2 * one }], wrong,
})
const simulation = (allMs: number, wrong: string[] = []): SimulationResult => (
  { kind: 'SIMULATION', entries: 10_000, allMs, noneMs: 100, deniedMs: 3_000, allowedMs: 900, askedMs: 1_200, endedMs: 800, wrong })
const seal = (p50: number, wrong: string[] = []): SealResult => ({ kind: 'SEAL', bySize: [40, 65_536].map((bytes) => ({ bytes, both: { count: 1, p50: p50 + bytes - 40, p95: 2 * p50 } })), wrong })
const sample = (result: Sample['result'], round = 1): Sample => ({ target: 'OURS', sockets: 0, groups: 10, round, result })
const markdownOf = (...results: Array<Sample['result']>) => {
  const run: Run = { date: '2026-01-02T03:04:05.000Z', machine: 'a machine', postgres: 'Postgres', isQuick: false, rounds: 3, groups: 10, samples: results.map(sample) }
  return toMarkdown(run).split('\n')
}
const lineOf = (lines: string[], beginning: string) => lines.find((line) => line.startsWith(`| ${beginning}`))

it('one evaluation stands beside the parsing of the same definition, and is judged by 50 µs', () => {
  const lines = markdownOf(evaluation(20), evaluation(30), evaluation(90))
  expect(lineOf(lines, 'definitions of all sorts, p50')).toBe('| definitions of all sorts, p50 | 10 µs | – | 30 µs (3.00) | 0.60 × 50 µs | ≤ 1 × 50 µs | met |')
  expect(lineOf(lines, 'by the default policy: docker')).toContain('| 60 µs |')
  expect(lineOf(markdownOf(evaluation(51)), 'definitions of all sorts, p50')).toContain('**missed**')
})

it('a policy that is tried is judged by 2 s; one that is set is not', () => {
  const lines = markdownOf(simulation(2_400), simulation(300), simulation(2_100))
  expect(lineOf(lines, 'simulatePolicy, first page')).toContain('| 2,100 ms | 1.05 × 2 s | ≤ 1 × 2 s | **missed** |')
  expect(lineOf(lines, 'the same, no verdict would change')).toContain('| 100 ms | 0.050 × 2 s | ≤ 1 × 2 s | met |')
  expect(lineOf(lines, 'setPolicy, everything is denied')).toBe('| setPolicy, everything is denied | – | – | 3,000 ms |  |  |  |')
})

it('a secret of the size of a token is judged by 100 µs', () => {
  const lines = markdownOf(seal(20), seal(40))
  expect(lineOf(lines, 'a value of 40 bytes, p50')).toBe('| a value of 40 bytes, p50 | – | – | 30 µs | 0.30 × 100 µs | ≤ 1 × 100 µs | met |')
  expect(lineOf(lines, 'a value of 65,536 bytes, p50')).toContain('| 65,526 µs |  |  |  |')
  expect(problemsOf(sample(seal(1, ['another']), 1))).toEqual(['SEAL, round 1: another'])
})

it('a verdict or a page that is not what it should be makes a run fail; neither needs open files for subscribers', () => {
  expect([sample(evaluation(20)), sample(simulation(300))].flatMap(problemsOf)).toEqual([])
  expect(problemsOf(sample(evaluation(20, ['npx: DENY and DENY instead of NEEDS_APPROVAL']), 2))).toEqual(['EVALUATION, round 2: npx: DENY and DENY instead of NEEDS_APPROVAL'])
  expect(problemsOf(sample(simulation(300, ['nothing would change'])))).toEqual(['SIMULATION, round 1: nothing would change'])
  expect(withoutSockets).toEqual(expect.arrayContaining(['evaluation', 'simulation', 'seal']))
})
