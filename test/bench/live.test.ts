import { describe, expect, it } from 'vitest'
import { readArguments, withoutSockets } from '../../bench/arguments.js'
import { toMarkdown } from '../../bench/markdown.js'
import { type OfferedResult } from '../../bench/offered.js'
import { type RefusedResult } from '../../bench/refused.js'
import { problemsOf, type Run, type Sample } from '../../bench/samples.js'
import { summarize } from '../../bench/stats.js'

const runOf = (samples: Sample[]): Run => (
  { date: '2026-01-02T03:04:05.000Z', machine: 'a machine', postgres: 'Postgres', isQuick: false, rounds: 3, groups: 10, samples }
)
const sample = (sockets: number, result: Sample['result'], round = 1): Sample => ({ target: 'OURS', sockets, groups: 10, round, result })
const lineOf = (markdown: string, beginning: string) => markdown.split('\n').find((line) => line.startsWith(`| ${beginning}`))

function offered(ours: number, direct: number, wrong: string[] = []): OfferedResult {
  const times = (ms: number) => ({ prompt: summarize([ms / 2]), offered: summarize([ms, ms, 3 * ms]) })
  return { kind: 'OFFERED', ours: times(ours), direct: times(direct), answer: summarize([ours / 4]), wrong }
}

function refused(sessions: number, callMs: number, last: number, more: Partial<RefusedResult> = {}): RefusedResult {
  return {
    kind: 'REFUSED', sessions, callMs, last: summarize([last]), first: summarize([last]), answer: summarize([5]), callsPerSecond: 100, failed: 0, throughAfterwards: 0,
    examples: [], ...more,
  }
}

describe('what came out of live sessions', () => {
  it('a change in a Copilot session stands beside the direct resume of the same run', () => {
    const markdown = toMarkdown(runOf([offered(42, 30), offered(40, 20), offered(90, 30)].map((result, at) => sample(1, result, at))))
    expect(lineOf(markdown, 'server added until the model is offered its tool, p50')).toContain('| 30 ms | – | 42 ms (1.40) | 1.40 × direct | ≤ 1.5 × direct | met |')
    expect(lineOf(markdown, 'the same, p99')).toContain('| 90 ms | – | 126 ms')
    expect(lineOf(markdown, 'of it, until the prompt is sent')).toContain('| 15 ms | – | 21 ms')
  })

  it('a revocation of 100 sessions is judged against one session with the same calls, and against a second', () => {
    const results = [refused(1, 0, 20), refused(100, 0, 1_100), refused(1, 1_000, 10), refused(100, 1_000, 60)]
    const markdown = toMarkdown(runOf(results.map((result) => sample(result.sessions, result))))
    const goals = '≤ 10 × ours with 1, ≤ 1 × 1 s'
    expect(lineOf(markdown, 'revocation sent until the last call was refused, 100 sessions, calls of 0 ms')).toContain(`55.0 × ours with 1, 1.10 × 1 s | ${goals} | **missed**, **missed** |`)
    expect(lineOf(markdown, 'revocation sent until the last call was refused, 100 sessions, calls of 1,000 ms')).toContain(`6.00 × ours with 1, 0.060 × 1 s | ${goals} | met, met |`)
  })

  it('fails for a tool that was not offered, and for a call that got through after a refusal', () => {
    expect(problemsOf(sample(1, offered(1, 1)))).toEqual([])
    expect(problemsOf(sample(1, offered(1, 1, ['a-lookup was still offered'])))).toEqual(['OFFERED, round 1: a-lookup was still offered'])
    expect(problemsOf(sample(10, refused(10, 0, 5)))).toEqual([])
    expect(problemsOf(sample(10, refused(10, 0, 5, { throughAfterwards: 1, failed: 2, examples: ['why'] })))).toEqual([
      'REFUSED, 10 sessions, round 1: 1 calls got through after their session had been refused',
      'REFUSED, 10 sessions, round 1: 2 calls failed without being refused (why)',
    ])
  })

  it('needs no subscribers', () => {
    expect(readArguments(['--only', 'refused,offered']).only).toEqual(['offered', 'refused'])
    expect(withoutSockets).toEqual(expect.arrayContaining(['offered', 'refused']))
  })
})
