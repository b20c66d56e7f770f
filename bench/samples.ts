import { type LeaseResult } from './lease.js'
import { type MutationsResult } from './measures.js'
import { type OfferedResult } from './offered.js'
import { type EvaluationResult, type Faults, type SealResult, type TaskResult } from './plan.js'
import { type RefusedResult } from './refused.js'
import { type SimulationResult } from './simulation.js'
import { type SnapshotResult } from './snapshot.js'
import { median } from './stats.js'
import { type TargetName } from './targets.js'

export type Result = TaskResult | MutationsResult | SnapshotResult | OfferedResult | RefusedResult | EvaluationResult | SimulationResult | SealResult | LeaseResult

/** What came out of one target in one round. */
export interface Sample {
  target: TargetName
  /** Subscribers; of a worker, sessions. */
  sockets: number
  groups: number
  round: number
  result: Result
}

/** Everything of a run, as `--out` writes it. */
export interface Run {
  date: string
  machine: string
  postgres: string
  isQuick: boolean
  rounds: number
  groups: number
  samples: Sample[]
}

export type ResultOf<Kind extends Result['kind']> = Extract<Result, { kind: Kind }>

export interface Where {
  target: TargetName
  sockets: number | null
  groups: number | null
}

/** The median over the rounds of one number of one sort of result; null when it was not measured. */
export function medianOf<Kind extends Result['kind']>(
  samples: Sample[], kind: Kind, where: Where, pick: (result: ResultOf<Kind>) => number | null | undefined,
): number | null {
  const values = samples
    .filter(({ target, sockets, groups }) => target === where.target && sockets === (where.sockets ?? sockets) && groups === (where.groups ?? groups))
    .flatMap(({ result }) => result.kind === kind ? [pick(result as ResultOf<Kind>) ?? NaN] : [])
  return median(values.filter(Number.isFinite))
}

/** What makes a run fail: nothing may be lost, doubled, refused or in disorder, however slow it is. */
export function problemsOf({ target, sockets, groups, round, result }: Sample): string[] {
  const at = `${target} with ${sockets} subscribed in ${groups} groups, ${result.kind}, round ${round}`
  switch (result.kind) {
    case 'SNAPSHOT': return []
    case 'OFFERED': case 'EVALUATION': case 'SIMULATION': case 'SEAL': case 'LEASE': return result.wrong.map((wrong) => `${result.kind}, round ${round}: ${wrong}`)
    case 'REFUSED': return refusalsOf(result).map((problem) => `REFUSED, ${sockets} sessions, round ${round}: ${problem}`)
    case 'MUTATIONS': return disorderOf(result).map((problem) => `${at}: ${problem}`)
    case 'LATENCY': case 'THROUGHPUT': case 'STORM': case 'MEMORY': return faultsOf(result.faults).map((fault) => `${at}: ${fault}`)
  }
}

function refusalsOf({ throughAfterwards, failed, examples }: RefusedResult): string[] {
  return [
    ...(throughAfterwards > 0 ? [`${throughAfterwards} calls got through after their session had been refused`] : []),
    ...(failed > 0 ? [`${failed} calls failed without being refused (${examples.join('; ')})`] : []),
  ]
}

function disorderOf(result: MutationsResult): string[] {
  const failed = result.runs.reduce((sum, run) => sum + run.failed, 0)
  return [
    ...(failed > 0 ? [`${failed} mutations failed (${result.runs.flatMap(({ examples }) => examples).join('; ')})`] : []),
    ...(result.auditRows !== result.answered ? [`${result.answered} mutations were answered, ${result.auditRows} are in the audit`] : []),
    ...(result.runs.every(({ areCursorsDistinct }) => areCursorsDistinct) ? [] : ['two mutations got one cursor']),
    ...(result.runs.every(({ areCursorsOrdered }) => areCursorsOrdered) ? [] : ['cursors went back']),
  ]
}

function faultsOf(faults: Faults): string[] {
  const named = { lost: 'lost', doubled: 'doubled', refused: 'refused', closed: 'closed', failedMutations: 'mutations failed' } as const
  const found = (Object.keys(named) as Array<keyof typeof named>).filter((key) => faults[key] > 0).map((key) => `${faults[key]} ${named[key]}`)
  return found.length === 0 ? [] : [`${found.join(', ')} (${faults.examples.join('; ')})`]
}
