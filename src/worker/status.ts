import { type OwnerInput } from '../client/index.js'
import { type StatusRow } from './departures.js'

/**
 * What is to be told to the catalog of this worker's sessions, and when: pure; sending and waiting belong to
 * `status-reporter.ts`. A part names only the sessions that changed; a full report replaces everything known of the worker,
 * so it is never cut: what it left out would count as ended.
 */
export interface SessionStatus {
  id: string
  owner: OwnerInput
  agent: string | null
  entries: StatusRow[]
  cursor: string | null
}

export interface StatusReport {
  workerId: string
  processId: string
  /** Rises by one with each report of a process, whether it arrived or not. */
  number: number
  full: boolean
  sessions: SessionStatus[]
  closedSessions: string[]
}

/** What was sent and what is known to have arrived. */
export interface Ledger {
  /** Of the last report. */
  number: number
  /** Each session as the catalog has it, as text. */
  known: ReadonlyMap<string, string>
  needsFull: boolean
  inFlight: boolean
  sentAtMs: number
  fullAtMs: number
  /** In a row. */
  failures: number
  /** After a failure: nothing is sent before. */
  notBeforeMs: number
}

export const emptyLedger: Ledger = {
  number: 0, known: new Map(), needsFull: true, inFlight: false, sentAtMs: -Infinity, fullAtMs: -Infinity, failures: 0, notBeforeMs: -Infinity,
}

export type Due =
  | { type: 'SEND'; full: boolean; sessions: SessionStatus[]; closedSessions: string[] }
  /** Look again then. */
  | { type: 'WAIT'; untilMs: number }
  /** Only something new can make a report due: a change, or the answer to the one that is on its way. */
  | { type: 'IDLE' }

/** Between two reports of changes. */
const pauseMs = 1000
/** Between two full reports. */
const fullEveryMs = 30_000
const firstRetryMs = 1000
const longestRetryMs = 30_000
/** After a refusal, which only somebody's doing can change: another token, a newer server. */
const refusedRetryMs = 300_000

/** The sessions that there are. */
export interface OpenSessions {
  ids: readonly string[]
  /** Of those that the catalog knows, the ones that may have something new: a report that is not full asks no others. */
  touched: ReadonlySet<string>
  /** Is only asked when a report may be sent. */
  statusOf: (id: string) => SessionStatus
}

export function dueReport(ledger: Ledger, { ids, touched, statusOf }: OpenSessions, nowMs: number): Due {
  const { number, known, needsFull, inFlight, sentAtMs, fullAtMs, failures, notBeforeMs } = ledger
  // A worker is heard of with its first session, and from then on for as long as it is open.
  if (inFlight || (ids.length === 0 && number === 0)) return { type: 'IDLE' }
  // A session that the catalog does not know yet waits for its report, so that goes without a pause.
  const isAwaited = failures === 0 && ids.some((id) => !known.has(id))
  const earliestMs = Math.max(notBeforeMs, isAwaited ? -Infinity : sentAtMs + pauseMs)
  if (nowMs < earliestMs) return { type: 'WAIT', untilMs: earliestMs }
  const full = needsFull || nowMs >= fullAtMs + fullEveryMs
  const open = new Set(ids)
  const closedSessions = full ? [] : [...known.keys()].filter((id) => !open.has(id))
  const asked = full ? ids : ids.filter((id) => touched.has(id) || !known.has(id))
  const changed = asked.map(statusOf).map(within).filter((status) => full || JSON.stringify(status) !== known.get(status.id))
  if (!full && changed.length + closedSessions.length === 0) return { type: 'WAIT', untilMs: fullAtMs + fullEveryMs }
  return { type: 'SEND', full, sessions: changed, closedSessions }
}

export function afterSending(ledger: Ledger, { full }: { full: boolean }, nowMs: number): Ledger {
  const { number, needsFull, fullAtMs } = ledger
  return { ...ledger, number: number + 1, inFlight: true, sentAtMs: nowMs, needsFull: needsFull && !full, fullAtMs: full ? nowMs : fullAtMs }
}

export function afterAcceptance(ledger: Ledger, { full, sessions, closedSessions }: Pick<StatusReport, 'full' | 'sessions' | 'closedSessions'>): Ledger {
  const known = new Map(full ? [] : ledger.known)
  for (const id of closedSessions) known.delete(id)
  for (const status of sessions) known.set(status.id, JSON.stringify(status))
  return { ...ledger, known, inFlight: false, failures: 0 }
}

/**
 * Whether it arrived is not known, so the next one is full.
 * @param isRefused trying again soon cannot help
 */
export function afterFailure(ledger: Ledger, isRefused: boolean, nowMs: number): Ledger {
  const retryMs = isRefused ? refusedRetryMs : Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(ledger.failures, 10))
  return { ...ledger, inFlight: false, needsFull: true, failures: ledger.failures + 1, notBeforeMs: nowMs + retryMs }
}

/** What the catalog knows under the name is of another session, which has closed. */
export function afterOpening(ledger: Ledger, id: string): Ledger {
  return { ...ledger, known: new Map([...ledger.known].filter(([known]) => known !== id)) }
}

/** One session of it is not wanted; what it left out, the rest may be sent. */
export function afterExclusion(ledger: Ledger): Ledger {
  return { ...ledger, inFlight: false, needsFull: true }
}

/** The catalog may be another one, or may have forgotten this worker. */
export function afterReconnect(ledger: Ledger): Ledger {
  return { ...ledger, needsFull: true, notBeforeMs: -Infinity }
}

const mostRows = 500
const longestReason = 500
const longestName = 200

/** What a host or a static file calls things may be of any length, and so may their number be. */
function within(status: SessionStatus): SessionStatus {
  return {
    ...status,
    entries: status.entries.slice(0, mostRows).map((row) => (
      { ...row, name: row.name.slice(0, longestName), origin: row.origin.slice(-longestReason), reason: row.reason?.slice(0, longestReason) ?? null }
    )),
  }
}
