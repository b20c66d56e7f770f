import { type MutationsResult } from './measures.js'
import { type Faults, type TaskResult } from './plan.js'
import { type SnapshotResult } from './snapshot.js'
import { median } from './stats.js'
import { type TargetName } from './targets.js'

export type Result = TaskResult | MutationsResult | SnapshotResult

/** What came out of one target in one round. */
export interface Sample {
  target: TargetName
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
  if (result.kind === 'SNAPSHOT') return []
  if (result.kind !== 'MUTATIONS') return faultsOf(result.faults).map((fault) => `${at}: ${fault}`)
  const failed = result.runs.reduce((sum, run) => sum + run.failed, 0)
  return [
    ...(failed > 0 ? [`${failed} mutations failed (${result.runs.flatMap(({ examples }) => examples).join('; ')})`] : []),
    ...(result.auditRows !== result.answered ? [`${result.answered} mutations were answered, ${result.auditRows} are in the audit`] : []),
    ...(result.runs.every(({ areCursorsDistinct }) => areCursorsDistinct) ? [] : ['two mutations got one cursor']),
    ...(result.runs.every(({ areCursorsOrdered }) => areCursorsOrdered) ? [] : ['cursors went back']),
  ].map((problem) => `${at}: ${problem}`)
}

function faultsOf(faults: Faults): string[] {
  const named = { lost: 'lost', doubled: 'doubled', refused: 'refused', closed: 'closed', failedMutations: 'mutations failed' } as const
  const found = (Object.keys(named) as Array<keyof typeof named>).filter((key) => faults[key] > 0).map((key) => `${faults[key]} ${named[key]}`)
  return found.length === 0 ? [] : [`${found.join(', ')} (${faults.examples.join('; ')})`]
}
