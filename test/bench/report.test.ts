import { describe, expect, it } from 'vitest'
import { hottest } from '../../bench/profile.js'
import { isMet, toMarkdown } from '../../bench/markdown.js'
import { type LatencyResult, type StormResult, type TaskResult } from '../../bench/plan.js'
import { type Aim } from '../../bench/rows.js'
import { problemsOf, type Run, type Sample } from '../../bench/samples.js'
import { median, percentile, summarize } from '../../bench/stats.js'
import { type TargetName } from '../../bench/targets.js'

const faults = { lost: 0, doubled: 0, refused: 0, closed: 0, failedMutations: 0, retries: 0, examples: [] }

function latency(all: number, answer = 2): TaskResult {
  const summary = { ...summarize([all]), p99: 2 * all }
  const result: LatencyResult = {
    kind: 'LATENCY', all: summary, first: summary, each: summary, answer: summarize([answer]), bytesPerEvent: 630, serverUsPerEvent: 8, generatorUsPerEvent: 5,
  }
  return { ...result, connectMs: 1, faults }
}

function storm(...times: number[]): TaskResult {
  const storms: StormResult['storms'] = times.map((currentMs) => ({ missed: 1, currentMs, bytes: 1, snapshots: 0, retries: 0, serverUsPerSocket: 1 }))
  return { kind: 'STORM', storms, connectMs: 1, faults }
}

const sample = (target: TargetName, sockets: number, result: Sample['result'], round = 1, groups = 10): Sample => ({ target, sockets, groups, round, result })
const runOf = (samples: Sample[], isQuick = false): Run => (
  { date: '2026-01-02T03:04:05.000Z', machine: 'a machine', postgres: 'Postgres', isQuick, rounds: 3, groups: 10, samples }
)
const lineOf = (markdown: string, beginning: string) => markdown.split('\n').find((line) => line.startsWith(`| ${beginning}`))

describe('numbers of many', () => {
  it('the median of an even number is the mean of the middle two; of nothing there is none', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null])
  })

  it('a percentile is one of the values', () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at)
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1), percentile([], 0.5)]).toEqual([50, 99, 100, null])
  })
})

describe('aims', () => {
  const aim = (bound: Aim['bound'], limit: number, other: number | null): Aim => ({ against: 'A', other, bound, limit })

  it.each([
    [150, aim('AT_MOST', 1.5, 100), true], [151, aim('AT_MOST', 1.5, 100), false], [150, aim('AT_LEAST', 1.5, 100), true],
    [149, aim('AT_LEAST', 1.5, 100), false], [null, aim('AT_MOST', 1, 1), null], [1, aim('AT_MOST', 1, null), null],
  ])('%d against %j: %s', (ours, one, met) => expect(isMet(ours, one)).toBe(met))
})

describe('the tables', () => {
  const samples = [
    ...[100, 120, 110].map((all, at) => sample('A', 1_000, latency(all), at)), ...[150, 999, 154].map((all, at) => sample('OURS', 1_000, latency(all), at)),
    sample('B', 1_000, latency(990)), sample('OURS', 1, latency(5, 3)), sample('OURS', 10_000, latency(200, 16)), sample('A', 10_000, latency(190)),
    sample('OURS', 1_000, latency(400), 1, 50), sample('A', 1_000, latency(100), 1, 50),
  ]

  it('hold medians of the rounds, their ratio to A, and whether the aim is met', () => {
    const markdown = toMarkdown(runOf(samples))
    expect(lineOf(markdown, 'mutation sent until all have it, 1,000 subscribed, p50'))
      .toBe('| mutation sent until all have it, 1,000 subscribed, p50 | 110 ms | 990 ms (9.00) | 154 ms (1.40) | 1.40 × A | ≤ 1.5 × A | met |')
    expect(lineOf(markdown, 'mutation sent until answered, 10,000 subscribed')).toContain('16 ms (8.00) | 5.33 × ours with 1 | ≤ 5 × ours with 1 | **missed** |')
  })

  it('keep more groups apart', () => {
    expect(lineOf(toMarkdown(runOf(samples)), 'mutation sent until all have it, 1,000 subscribed in 50 groups')).toContain('| 100 ms | – | 400 ms (4.00) |')
  })

  it('a storm counts each time that all returned', () => {
    const storms = runOf([sample('A', 10_000, storm(1_000, 2_000)), sample('OURS', 10_000, storm(2_100, 2_100))])
    expect(lineOf(toMarkdown(storms), '10,000 return at once, 1 change missed')).toContain('1,500 ms | – | 2,100 ms (1.40) | 1.40 × A | ≤ 1.4 × A | met |')
  })

  it('of a quick run are not judged, and leave out what was not measured', () => {
    const markdown = toMarkdown(runOf(samples, true))
    expect(markdown).not.toMatch(/met|missed/)
    expect(markdown).not.toContain('Storm')
  })
})

describe('problems of a run', () => {
  it('are what was lost, doubled or refused; coming again is none', () => {
    expect(problemsOf(sample('A', 10, latency(1)))).toEqual([])
    expect(problemsOf(sample('A', 10, { ...latency(1), faults: { ...faults, retries: 3 } }))).toEqual([])
    const [problem] = problemsOf(sample('OURS', 10, { ...latency(1), faults: { ...faults, lost: 2, doubled: 1, examples: ['why'] } }))
    expect(problem).toBe('OURS with 10 subscribed in 10 groups, LATENCY, round 1: 2 lost, 1 doubled (why)')
  })

  it('are mutations that failed, share a cursor, or are not in the audit', () => {
    const clients = { clients: 1, answered: 9, perSecond: 9, latency: summarize([1]), failed: 0, areCursorsDistinct: true, areCursorsOrdered: true, examples: [] }
    const result = { kind: 'MUTATIONS' as const, runs: [clients], auditRows: 9, answered: 9 }
    expect(problemsOf(sample('OURS', 0, result))).toEqual([])
    const worse = { ...result, auditRows: 8, runs: [{ ...clients, failed: 1, areCursorsDistinct: false, areCursorsOrdered: false }] }
    expect(problemsOf(sample('OURS', 0, worse))).toHaveLength(4)
  })
})

describe('a profile', () => {
  it('names functions and places by their own time, without the idle one', () => {
    const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 4 })
    const profile = {
      nodes: [frame('(idle)'), frame('deliver', 'file:///somewhere/dist/feed/hub.js'), frame('', 'file:///x/node_modules/@a/b/c.js'), frame('writev')].map((callFrame, id) => ({ id, callFrame })),
      samples: [0, 1, 2, 3, 1], timeDeltas: [1_000, 30, 20, 40, 10],
    }
    expect(hottest(profile, 3)).toEqual({
      functions: [' 40.0 %  deliver dist/feed/hub.js:5', ' 40.0 %  writev', ' 20.0 %  (anonymous) node_modules/@a/b/c.js:5'],
      places: [' 40.0 %  dist/feed', ' 40.0 %  the engine: writev', ' 20.0 %  node_modules/@a/b'],
    })
  })
})
