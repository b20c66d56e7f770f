import { formatCursor, parseCursor } from './change.js'
import { type EntryKind } from './entry.js'
import { type OwnerRef } from './owner.js'

export const appliedStates = ['STARTING', 'APPLIED', 'DEFERRED', 'FAILED', 'REFUSED', 'STOPPING', 'STOPPED', 'SURVIVED', 'UNREACHABLE'] as const
export type AppliedState = (typeof appliedStates)[number]

/** In these something does not run, or does not end, as it should; each has its reason. */
export const failedStates: readonly AppliedState[] = ['FAILED', 'REFUSED', 'SURVIVED', 'UNREACHABLE']

/** In these a session has an entry, or may have it: withdrawing it takes it away there. */
export const heldStates: readonly AppliedState[] = appliedStates.filter((state) => state !== 'STOPPED' && state !== 'REFUSED')

/** One entry, of the catalog or static, as a session has it. */
export interface AppliedEntry {
  /** null for static entries. */
  entryId: string | null
  name: string
  kind: EntryKind
  /** Where it comes from: `catalog`, or the file or option of a static one. */
  origin: string
  revision: number | null
  state: AppliedState
  /** Redacted; null when there is nothing to say. */
  reason: string | null
  /** Calls refused since it was withdrawn; null where nobody counts. */
  refusedCalls: number | null
  /** Names of tools that it does without, because their definitions are not the accepted ones. Left out: none. */
  toolsHeld?: string[] | undefined
  /** ISO time of the report that first had it in this state. */
  at: string
}

/** How long a worker goes on without hearing from the server; then it stops what the catalog gave it. */
export const trustForMs = 600_000
/** A worker that was not heard of for this long is forgotten. */
export const rememberedForMs = 7 * 86_400_000

/** Where a report stands: numbers of one process rise by one. */
export interface ReportPlace {
  processId: string
  number: number
}

/**
 * What becomes of a report, by the last one that was taken of that worker. A part counts only right after what it continues; a full
 * one whenever it is not older. What is refused makes the worker send a full one.
 */
export function judgeReport(known: ReportPlace | null, report: ReportPlace & { full: boolean }): 'REPLACE' | 'MERGE' | 'REFUSE' {
  const isSameProcess = known !== null && known.processId === report.processId
  if (isSameProcess && report.number <= known.number) return 'REFUSE'
  if (report.full) return 'REPLACE'
  return isSameProcess && report.number === known.number + 1 ? 'MERGE' : 'REFUSE'
}

/** Entries with the time since which each is as it is: the old one while nothing but its reason or its counter differs. */
export function stamped(before: readonly AppliedEntry[], after: ReadonlyArray<Omit<AppliedEntry, 'at'>>, at: string): AppliedEntry[] {
  const known = new Map(before.map((entry) => [stateKey(entry), entry.at]))
  return after.map((entry) => ({ ...entry, at: known.get(stateKey(entry)) ?? at }))
}

const stateKey = ({ entryId, kind, name, origin, revision, state }: Omit<AppliedEntry, 'at'>) => JSON.stringify([entryId, kind, name, origin, revision, state])

/** The sessions that one worker has for one owner, summed up. */
export interface SessionGroup {
  workerId: string
  owner: OwnerRef
  count: number
  /** The oldest cursor of this incarnation; null when none has one. */
  cursor: string | null
  /** Since when one of them has no cursor, or only one of before a restore; null when all have one. */
  lostSince: Date | null
  /** Whether one of them reports the entry that is asked about. */
  hasEntry: boolean
  /** Whether an entry (the one that is asked about) is in one of `failedStates`. */
  hasFailed: boolean
}

/** How far a worker is: the cursor up to which all of its sessions are, or since when one of them has none. */
export interface Standing {
  cursor: string | null
  lostSince: Date | null
}

export function standingOf(groups: readonly SessionGroup[]): Standing {
  const lost = groups.flatMap(({ lostSince }) => (lostSince === null ? [] : [lostSince.getTime()]))
  if (lost.length > 0) return { cursor: null, lostSince: new Date(Math.min(...lost)) }
  const cursors = groups.flatMap(({ cursor }) => (cursor === null ? [] : [cursor])).sort()
  return { cursor: cursors[0] ?? null, lostSince: null }
}

/** The first change that the worker does not have; null when it has all up to `sequence`, or none can be told. */
export function firstMissing({ cursor }: Standing, sequence: number): number | null {
  const at = cursor === null ? null : parseCursor(cursor)
  return at === null || at.sequence >= sequence ? null : at.sequence + 1
}

/** Seconds for which there has been something that the worker does not have; null when it is current, or has no sessions. */
export function lagSeconds({ lostSince }: Standing, missingSince: Date | null, now: Date): number | null {
  const since = lostSince ?? missingSince
  return since === null ? null : Math.max(0, now.getTime() - since.getTime()) / 1_000
}

export interface Convergence {
  /** What is asked for: the newest cursor, or that of the entry's last change. */
  cursor: string
  /** `current + behind`. */
  workers: number
  /** Workers all of whose sessions are at the cursor or past it. */
  current: number
  behind: number
  /** Workers with a session in which an entry is in one of `failedStates`; they are among the others too. */
  failed: number
}

/** Sums up workers by their sessions that count here; a worker with none of them does not count. */
export function convergenceOf(groups: readonly SessionGroup[], target: { incarnation: string; sequence: number }): Convergence {
  const cursor = formatCursor(target)
  const workers = [...byWorker(groups).values()]
  const current = workers.filter((each) => {
    const standing = standingOf(each)
    return standing.cursor !== null && standing.cursor >= cursor
  }).length
  const failed = workers.filter((each) => each.some(({ hasFailed }) => hasFailed)).length
  return { cursor, workers: workers.length, current, behind: workers.length - current, failed }
}

export function byWorker(groups: readonly SessionGroup[]): Map<string, SessionGroup[]> {
  const workers = new Map<string, SessionGroup[]>()
  for (const group of groups) {
    const known = workers.get(group.workerId)
    if (known === undefined) workers.set(group.workerId, [group])
    else known.push(group)
  }
  return workers
}
