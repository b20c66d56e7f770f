import { type Outcome } from './model.js'

/** What a run did; printed as it goes, and as a table at the end. */
export interface Report {
  violate: (problem: string) => void
  violations: () => readonly string[]
  /** One line for one fault. */
  fault: (name: string, detail: string, healMs: number | null, checkMs: number, problems: number) => void
  /** Kilobytes of the node that lives through everything. */
  rss: (kilobytes: number) => void
  memoryProblems: () => string[]
  summary: (ended: Ended) => void
}

export interface Ended {
  seed: number
  nodes: number
  minutes: number
  counts: Record<Outcome, number>
  refusals: ReadonlyMap<string, number>
  delivered: number
  drops: ReadonlyMap<string, number>
  logged: ReadonlyMap<string, number>
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const mostViolations = 60

export function createReport(): Report {
  const begun = performance.now()
  const violations: string[] = []
  const heals = new Map<string, Array<number | null>>()
  const samples: number[] = []

  const clock = () => {
    const seconds = Math.round((performance.now() - begun) / 1_000)
    return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
  }
  const thirds = () => {
    const third = Math.floor(samples.length / 3)
    return third === 0 ? null : { first: median(samples.slice(0, third)), last: median(samples.slice(-third)) }
  }
  return {
    violate: (problem) => {
      violations.push(problem)
      if (violations.length <= mostViolations) say(`${clock()}  VIOLATION  ${problem}`)
    },
    violations: () => violations,
    fault: (name, detail, healMs, checkMs, problems) => {
      heals.set(name, [...heals.get(name) ?? [], healMs])
      const healed = healMs === null ? 'did not heal' : `healed in ${Math.round(healMs)} ms`
      say(`${clock()}  ${name}: ${detail}; ${healed}; checked in ${Math.round(checkMs)} ms: ${problems === 0 ? 'all holds' : `${problems} violations`}`)
    },
    rss: (kilobytes) => void samples.push(kilobytes),
    memoryProblems: () => {
      const found = thirds()
      // Less than a gross growth is the garbage collector's business; the summary shows the numbers.
      return found !== null && found.last > 1.5 * found.first + 65_536 ? [`F4 the first node grew from ${megabytes(found.first)} to ${megabytes(found.last)}`] : []
    },
    summary: ({ seed, nodes, minutes, counts, refusals, delivered, drops, logged }) => {
      const found = thirds()
      say('')
      say(`chaos: ${minutes.toFixed(1)} minutes, seed ${seed}, ${nodes} nodes`)
      say(`mutations: ${counts.COMMITTED} committed, ${counts.REFUSED} refused (${tally(refusals)}), ${counts.UNKNOWN} unknown`)
      say(`events delivered to followers: ${delivered}; operations resumed: ${tally(drops)}`)
      if (found !== null) say(`memory of the first node (median RSS): ${megabytes(found.first)} in the first third, ${megabytes(found.last)} in the last`)
      if (logged.size > 0) say('the nodes logged')
      for (const [text, count] of [...logged].sort(([, a], [, b]) => b - a).slice(0, 12)) say(`  ${count}x ${text}`)
      say('')
      say('fault                              times  median heal   longest')
      for (const [name, all] of [...heals].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const healed = all.filter((ms) => ms !== null)
        const times = healed.length === 0 ? ['never', 'never'] : [median(healed), Math.max(...healed)].map((ms) => `${Math.round(ms)} ms`)
        say(`${name.padEnd(35)}${String(all.length).padStart(5)}${times[0]!.padStart(13)}${times[1]!.padStart(10)}`)
      }
      say('')
      say(violations.length === 0 ? 'PASS' : `FAIL: ${violations.length} violations`)
      for (const [kind, count] of kindsOf(violations)) say(`  ${count}x ${kind}`)
    },
  }
}

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
const megabytes = (kilobytes: number) => `${Math.round(kilobytes / 1_024)} MB`
const tally = (counts: ReadonlyMap<string, number>) => [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `${count} ${what}`).join(', ') || 'none'

/** Violations that differ in names, ids and numbers only are one kind; the first of each stands for all. */
function kindsOf(violations: readonly string[]): Array<[string, number]> {
  const kinds = new Map<string, [string, number]>()
  for (const problem of violations) {
    const kind = problem.replaceAll(/[0-9a-f]{8}-[0-9a-f]{14}|[a-z]+_[0-9a-f]{24}|\d+/g, '#')
    const known = kinds.get(kind)
    kinds.set(kind, [known?.[0] ?? problem, (known?.[1] ?? 0) + 1])
  }
  return [...kinds.values()]
}
