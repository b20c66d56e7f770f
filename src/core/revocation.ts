import { parseCursor } from './change.js'
import { type RevocationMode } from './entry.js'
import { type OwnerRef, type PrincipalRef } from './owner.js'
import { type WithdrawalVerb } from './withdrawal.js'
import { type AppliedEntry, type AppliedState, trustForMs } from './worker-status.js'

/** A receipt: what was taken away, and until when every session should have said that it stopped. */
export interface Revocation {
  id: string
  /** Of the change that took it away. */
  sequence: number
  entryId: string
  entryName: string
  owner: OwnerRef
  /** Of the entry as it is by then; whatever a session has of a later one is something else. */
  revision: number
  verb: WithdrawalVerb
  mode: RevocationMode
  reason: string
  requestedBy: PrincipalRef
  /** ISO times. */
  requestedAt: string
  deadline: string
}

/**
 * A session that was reported to have what was taken away; or a subscription for which nobody reports, whose program may have it: then
 * `tokenId` and `trustedUntil` are set, and there is no worker. With `trustedUntil` alone it stands for all that is not listed.
 */
export interface RevocationTarget {
  /** Empty for a subscription. */
  workerId: string
  sessionId: string
  /** For whom the session acts. */
  owner: OwnerRef
  state: AppliedState
  /** ISO time of the report by which it has this state; null until one came. */
  at: string | null
  refusedCalls: number
  reason: string | null
  /** The worker's process that had it; null for a subscription, and in old receipts. */
  processId: string | null
  tokenId: string | null
  /** ISO time. */
  trustedUntil: string | null
}

/** A target with what its worker's silence says of it. */
export interface JudgedTarget extends RevocationTarget {
  /** ISO time; by then it must have stopped by itself. null: the worker was heard of, or it has stopped. */
  mustStopBy: string | null
}

export const revocationStates = ['PENDING', 'COMPLETE', 'OVERDUE'] as const
export type RevocationState = (typeof revocationStates)[number]

/** Nothing of it runs there, and no later report brings it back (S26). */
export function isEnded({ state }: { state: AppliedState }): boolean {
  return state === 'STOPPED' || state === 'REFUSED'
}

/** A worker reports at least every 30 seconds, and may be late. */
export const silentAfterMs = 45_000
export const reportEveryMs = 30_000
/**
 * Calls may be drained up to the deadline, by a worker's clock that started when it heard of it; then connections and processes end, and it is
 * reported. A drain that uses its whole time is not late.
 */
export const settleMs = 15_000
/** For so long a node that has lost the database may still vouch for what it knows. */
export const staleNodeMs = 10_000

/**
 * Until when a worker can have gone on that has not heard of it: what it hears after a change tells of the change, so it trusts at most what it
 * heard before; and it heard nothing long after it was last heard of.
 */
function mustStopBy({ requestedAt }: Revocation, seenAt: Date | null): Date {
  const heardBy = seenAt === null ? Infinity : seenAt.getTime() + reportEveryMs
  return new Date(Math.min(heardBy, Date.parse(requestedAt) + staleNodeMs) + trustForMs)
}

/** Who reports under a worker's id. */
export interface HeardWorker {
  processId: string
  seenAt: Date
  /** When the process before it last reported; null: there was none. */
  replacedSeenAt: Date | null
}

/** When the process that had it last reported: another one under the same id knows nothing of it. null: nobody knows. */
export function heardAt({ processId }: Pick<RevocationTarget, 'processId'>, worker: HeardWorker | null): Date | null {
  if (worker === null) return null
  return isReplaced({ processId }, worker) ? worker.replacedSeenAt : worker.seenAt
}

const isReplaced = ({ processId }: Pick<RevocationTarget, 'processId'>, worker: HeardWorker) => processId !== null && processId !== worker.processId

/** @param seenAt when its process last reported; null: it is forgotten, days after it was last heard of */
export function judgeTarget<Target extends Pick<RevocationTarget, 'state' | 'trustedUntil'>>(
  revocation: Revocation, target: Target, seenAt: Date | null, now: Date,
): Target & Pick<JudgedTarget, 'state' | 'mustStopBy'> {
  if (isEnded(target)) return { ...target, mustStopBy: null }
  if (target.trustedUntil !== null) return { ...target, state: 'UNREACHABLE', mustStopBy: target.trustedUntil }
  const isSilent = seenAt === null || now.getTime() - seenAt.getTime() > silentAfterMs
  const isTold = seenAt !== null && seenAt.getTime() > Date.parse(revocation.requestedAt)
  return {
    ...target, state: isSilent ? 'UNREACHABLE' : target.state,
    mustStopBy: isSilent || !isTold ? mustStopBy(revocation, seenAt).toISOString() : null,
  }
}

/** COMPLETE when everything has stopped; OVERDUE when something has not although its time is over: for a DRAIN a little after the deadline. */
export function revocationState({ deadline, mode }: Pick<Revocation, 'deadline' | 'mode'>, targets: Iterable<Pick<JudgedTarget, 'state' | 'mustStopBy'>>, now: Date): RevocationState {
  const open = [...targets].filter((target) => !isEnded(target))
  if (open.length === 0) return 'COMPLETE'
  const dueMs = Date.parse(deadline) + (mode === 'DRAIN' ? settleMs : 0)
  const isLate = ({ mustStopBy }: Pick<JudgedTarget, 'mustStopBy'>) => (mustStopBy === null ? dueMs : Date.parse(mustStopBy)) <= now.getTime()
  return open.some(isLate) ? 'OVERDUE' : 'PENDING'
}

/** What is stored of a session, as its worker last reported it. */
export interface ReportedSession {
  cursor: string | null
  entries: readonly AppliedEntry[]
}

export interface ReadAt {
  incarnation: string
  now: Date
  /** Its owner has the entry again, as it was. */
  isBack: boolean
}

/**
 * What becomes of a target by what its worker last reported. Where the session does not have the entry any more, that counts once the
 * session has come past the change: before, it may still start it.
 * @param session null: the worker has no such session any more
 */
export function targetAfter(
  revocation: Revocation, target: RevocationTarget, session: ReportedSession | null, worker: HeardWorker, at: ReadAt,
): RevocationTarget {
  if (isEnded(target) || !isReplaced(target, worker)) return sessionAfter(revocation, target, session, at)
  // A worker that was killed is started again under its id and lists what it has now; what it had may still run, as long as it trusts.
  if (at.now < mustStopBy(revocation, worker.replacedSeenAt)) return target
  const after = sessionAfter(revocation, { ...target, processId: worker.processId }, session, at)
  return after.state === 'STOPPED' ? { ...after, reason: 'Another process took its worker id; by now it must have stopped by itself.' } : after
}

function sessionAfter(
  revocation: Revocation, target: RevocationTarget, session: ReportedSession | null, { incarnation, now, isBack }: ReadAt,
): RevocationTarget {
  const rows = session?.entries.filter(({ entryId }) => entryId === revocation.entryId) ?? []
  const refusedCalls = Math.max(target.refusedCalls, ...rows.map((row) => row.refusedCalls ?? 0))
  // What has ended stays as it is; only calls that are refused are still counted.
  if (isEnded(target)) return { ...target, refusedCalls }
  const survivor = rows.find(({ state }) => state === 'SURVIVED')
  if (survivor !== undefined) return { ...target, state: 'SURVIVED', at: survivor.at, reason: survivor.reason, refusedCalls }
  const ended = rows.findLast(isEnded)
  // What could not be ended has ended when it is said to, not when nobody speaks of it any more.
  if (target.state === 'SURVIVED' && ended === undefined) return { ...target, refusedCalls }
  if (session === null) return { ...target, state: 'STOPPED', at: now.toISOString(), reason: 'The session is closed.', refusedCalls }
  const running = rows.find((row) => !isEnded(row))
  const isOther = running?.revision != null && running.revision > revocation.revision
  if (running !== undefined && isBack && isPast(revocation, session.cursor, incarnation)) {
    return { ...target, state: 'STOPPED', at: now.toISOString(), reason: 'Its owner has it again.', refusedCalls }
  }
  if (running !== undefined && !isOther) return { ...target, state: running.state, at: running.at, reason: running.reason, refusedCalls }
  if (isOther) return { ...target, state: 'STOPPED', at: running.at, reason: `Revision ${running.revision} took its place.`, refusedCalls }
  if (!isPast(revocation, session.cursor, incarnation)) return { ...target, refusedCalls }
  return { ...target, state: ended?.state ?? 'STOPPED', at: ended?.at ?? now.toISOString(), reason: ended?.reason ?? null, refusedCalls }
}

function isPast({ sequence }: Revocation, cursor: string | null, incarnation: string): boolean {
  const at = cursor === null ? null : parseCursor(cursor)
  return at !== null && at.incarnation === incarnation && at.sequence >= sequence
}
