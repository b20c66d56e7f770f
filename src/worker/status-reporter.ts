import { randomUUID } from 'node:crypto'
import { CatalogRequestError } from '../client/index.js'
import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { passed } from './step.js'
import { orAfter } from './or-after.js'
import {
  afterAcceptance, afterExclusion, afterFailure, afterOpening, afterReconnect, afterSending, type Due, dueReport, emptyLedger, type Ledger, type SessionStatus, type StatusReport,
} from './status.js'

export interface StatusReporterOptions {
  workerId: string
  /**
   * Sends one report; resolves with whether the catalog took it.
   * @throws CatalogRequestError
   */
  send: (report: StatusReport) => Promise<boolean>
  /** Those that there are, by id. */
  sessions: ReadonlyMap<string, { status: () => SessionStatus }>
  clock: Clock
  log: (message: string) => void
}

/**
 * Tells the catalog what this worker's sessions have. It is news and nothing else: a catalog that cannot be reached, does
 * not know reports or does not want them from this token changes nothing in what the sessions get.
 */
export interface StatusReporter {
  /** Of this start; the catalog knows the worker's process by it. */
  readonly processId: string
  /** Something may have changed in the session of that id; without one: in which sessions there are. */
  touch: (sessionId?: string) => void
  /**
   * Resolves when the catalog knows of the session as it now is: before that it should load nothing, or a revocation would
   * not know of it. Such a report waits for no pause. Resolves as well when reports do not get through, and after three seconds.
   */
  opening: (sessionId: string) => Promise<void>
  /** The connection to the catalog stands again. */
  reconnected: () => void
  /** Tells that no session is left, if there was one, and sends nothing more. Resolves after two seconds at the latest. */
  close: () => Promise<void>
}

const openingWaitMs = 3000
const farewellMs = 2000
/** After a session that could not say what it has. */
const retryMs = 1000

/** With these trying again soon may help; all others are refusals. */
const passingCodes = new Set(['UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED', 'NOT_ACCEPTED'])

/** A reporter's memory. */
interface Desk extends StatusReporterOptions {
  processId: string
  ledger: Ledger
  cancelTimer: () => void
  isQueued: boolean
  isClosed: boolean
  /** Sessions that were touched since they were last asked. */
  touched: Set<string>
  /** Sessions that the catalog takes no report of, e.g. because the token does not serve their owner. */
  excluded: WeakSet<object>
  /** What it last complained of. */
  complaint: string | null
  sending: Promise<void>
  waiters: Map<() => void, string>
}

export function createStatusReporter(options: StatusReporterOptions): StatusReporter {
  const desk: Desk = {
    ...options, processId: randomUUID(), ledger: emptyLedger, cancelTimer: () => {}, isQueued: false, isClosed: false, touched: new Set(), excluded: new WeakSet(), complaint: null,
    sending: Promise.resolve(), waiters: new Map(),
  }
  return {
    processId: desk.processId,
    touch: (sessionId) => {
      if (sessionId !== undefined) desk.touched.add(sessionId)
      touch(desk)
    },
    opening: async (sessionId) => {
      desk.ledger = afterOpening(desk.ledger, sessionId)
      touch(desk)
      if (desk.ledger.failures === 0 && !desk.isClosed) await orAfter(desk.clock, openingWaitMs, new Promise((resolve) => desk.waiters.set(resolve, sessionId)))
    },
    reconnected: () => {
      desk.ledger = afterReconnect(desk.ledger)
      touch(desk)
    },
    close: async () => {
      desk.isClosed = true
      desk.cancelTimer()
      settle(desk, () => true)
      await orAfter(desk.clock, farewellMs, desk.sending.then(() => farewell(desk)))
    },
  }
}

/** What happens in one turn of the loop goes into one report. */
function touch(desk: Desk): void {
  if (desk.isQueued || desk.isClosed) return
  desk.isQueued = true
  queueMicrotask(() => {
    desk.isQueued = false
    step(desk)
  })
}

function step(desk: Desk): void {
  const { ledger, sessions, touched, excluded, clock, workerId, processId } = desk
  desk.cancelTimer()
  if (desk.isClosed) return
  const ids = [...sessions].flatMap(([id, session]) => (excluded.has(session) ? [] : [id]))
  const asked: string[] = []
  const statusOf = (id: string) => {
    asked.push(id)
    return sessions.get(id)!.status()
  }
  let due: Due
  try {
    due = dueReport(ledger, { ids, touched, statusOf }, clock.nowMs())
  } catch (error) {
    // Nobody awaits this: what a host's adapter throws would end the process.
    complain(desk, `status: ${messageOf(error)}`)
    desk.cancelTimer = clock.after(retryMs, () => step(desk))
    return
  }
  // Only now: one that cannot say what it has would take along what others said.
  for (const id of asked) touched.delete(id)
  if (due.type === 'WAIT') desk.cancelTimer = clock.after(due.untilMs - clock.nowMs(), () => step(desk))
  if (due.type !== 'SEND') return
  const { full, sessions: told, closedSessions } = due
  desk.ledger = afterSending(ledger, due, clock.nowMs())
  desk.sending = deliver(desk, { workerId, processId, number: desk.ledger.number, full, sessions: told, closedSessions }).then(() => step(desk))
}

async function deliver(desk: Desk, report: StatusReport): Promise<void> {
  try {
    const taken = desk.send(report)
    passed('report.sent')
    if (!await taken) throw new CatalogRequestError('the catalog asks for a full report', 'NOT_ACCEPTED')
    desk.ledger = afterAcceptance(desk.ledger, report)
    passed('report.taken')
    desk.complaint = null
    settle(desk, (id) => desk.ledger.known.has(id))
  } catch (error) {
    const code = error instanceof CatalogRequestError ? error.code : 'INTERNAL'
    complain(desk, `status: ${code}: ${messageOf(error)}`)
    const unwanted = unwantedSession(error, report)
    if (unwanted !== null) return exclude(desk, unwanted)
    desk.ledger = afterFailure(desk.ledger, !passingCodes.has(code), desk.clock.nowMs())
    settle(desk, () => true)
  }
}

/** The session that a refusal is about, if it is about one: the others are not to suffer for it. */
function unwantedSession(error: unknown, { sessions }: StatusReport): string | null {
  const field = error instanceof CatalogRequestError ? error.extensions.field : null
  const at = typeof field === 'string' ? /^sessions\.(\d+)\./.exec(field)?.[1] : undefined
  return at === undefined ? null : sessions[Number(at)]?.id ?? null
}

function exclude(desk: Desk, sessionId: string): void {
  const session = desk.sessions.get(sessionId)
  if (session !== undefined) desk.excluded.add(session)
  desk.ledger = afterExclusion(desk.ledger)
  settle(desk, (id) => id === sessionId)
}

/** Once for each trouble, however often it is met. */
function complain(desk: Desk, message: string): void {
  if (message !== desk.complaint) desk.log(message)
  desk.complaint = message
}

function settle({ waiters }: Desk, isDone: (sessionId: string) => boolean): void {
  for (const [resolve, sessionId] of waiters) {
    if (!isDone(sessionId)) continue
    waiters.delete(resolve)
    resolve()
  }
}

async function farewell(desk: Desk): Promise<void> {
  const { ledger: { known, failures, number }, workerId, processId } = desk
  if (known.size === 0 || failures > 0) return
  await desk.send({ workerId, processId, number: number + 1, full: true, sessions: [], closedSessions: [] }).catch(() => {})
}
