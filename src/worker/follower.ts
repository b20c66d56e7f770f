/**
 * What a worker does with the feed of one owner, as a pure machine: (state, event) -> { state, effects }.
 * Time and randomness come in with the event; sockets and timers belong to `owner-feed.ts`.
 *
 * Three things hold at every step:
 * - Nothing is trusted longer than the server said, counted from receipt on the monotonic clock; then FAIL_CLOSED.
 * - Within one incarnation an operation's position never goes back, snapshots included: replaying what was heard before,
 *   once or often, can bring nothing back that was taken away (F5). Only the first answer may stand further back.
 * - A delta or bookmark counts only on top of what it follows; without that a snapshot is asked for.
 */
export const phases = ['DISCONNECTED', 'CATCHING_UP', 'LIVE', 'STALE', 'CLOSED'] as const

/**
 * DISCONNECTED: no operation is open, a reconnect is due (or START); what is held stays trusted until its time.
 * CATCHING_UP: subscribed, the first event has not come. LIVE: events come.
 * STALE: trust ran out, everything is withdrawn and nothing is held; only a snapshot leads out.
 * CLOSED: for good; the right or the token is gone, or the worker does not need the owner any more.
 */
export type Phase = (typeof phases)[number]

export interface FollowerState {
  phase: Phase
  /** Position of what is held; null: nothing is held. */
  cursor: string | null
  /** Whether the next subscription may go on from `cursor`; otherwise it asks for a snapshot. */
  canResume: boolean
  /** Milliseconds of the monotonic clock; null: nothing was ever trusted, or not any more. */
  trustUntilMs: number | null
  /** Reconnects since the last accepted event. */
  attempt: number
}

export const initialState: FollowerState = {
  phase: 'DISCONNECTED', cursor: null, canResume: false, trustUntilMs: null, attempt: 0,
}

interface Circumstances {
  /** Monotonic milliseconds. */
  nowMs: number
  /** In [0, 1), for the jitter of a reconnect. */
  random: number
}

interface Heard<Payload> {
  cursor: string
  /** Seconds from receipt during which what is held may be used. */
  trustForSeconds: number
  payload: Payload
}

export type FollowerEvent<Payload = unknown> = Circumstances & (
  | { type: 'START' }
  | ({ type: 'SNAPSHOT' } & Heard<Payload>)
  | ({ type: 'DELTA' } & Heard<Payload>)
  | ({ type: 'BOOKMARK' } & Heard<Payload>)
  /** The operation or its socket ended and may be opened again; `retryAfterMs` is the server's wish, if it had one. */
  | { type: 'DROPPED'; reason: string; retryAfterMs?: number }
  /** The server will not serve this owner to this token: trying again does not help. */
  | { type: 'DENIED'; code: string; reason: string }
  | { type: 'RECONNECT_DUE' }
  | { type: 'TRUST_EXPIRED' }
  | { type: 'STOP' }
)

export type FollowerEventType = FollowerEvent['type']

export type FollowerEffect<Payload = unknown> =
  /** Opens the operation, in place of any other; null asks for a snapshot. */
  | { type: 'SUBSCRIBE'; after: string | null }
  | { type: 'UNSUBSCRIBE' }
  /** Hand a snapshot or delta to the view. */
  | { type: 'APPLY'; payload: Payload }
  /** Nothing changed up to this position. */
  | { type: 'ADVANCE'; cursor: string }
  /** Replaces an earlier one. */
  | { type: 'SCHEDULE_RECONNECT'; delayMs: number }
  /** Replaces an earlier one. */
  | { type: 'SET_TRUST_TIMER'; untilMs: number }
  /** Withdraw every entry of this owner at once, and refuse calls. */
  | { type: 'FAIL_CLOSED'; reason: string }
  /** Nothing follows; drop timers and operation. */
  | { type: 'STOP'; code: string; reason: string }

export interface Step<Payload = unknown> {
  state: FollowerState
  effects: FollowerEffect<Payload>[]
}

type EventOf<Type extends FollowerEventType, Payload> = Extract<FollowerEvent<Payload>, { type: Type }>
type Transition<Type extends FollowerEventType> = <Payload>(state: FollowerState, event: EventOf<Type, Payload>) => Step<Payload>

/** Total on purpose: a new phase or event does not compile until every cell is thought of. */
type TransitionTable = Record<Phase, { [Type in FollowerEventType]: Transition<Type> }>

const firstDelayMs = 100
const longestDelayMs = 30_000

/** Exponential back-off with full jitter: anything between 0 and 100 ms doubled by each attempt, at most 30 s. */
export function reconnectDelayMs(attempt: number, random: number): number {
  return Math.floor(random * Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 30)))
}

/** The part of a cursor that names the database's incarnation; only cursors of one incarnation can be compared. */
function incarnationOf(cursor: string): string {
  return cursor.slice(0, Math.max(0, cursor.indexOf('-')))
}

export function isSameIncarnation(a: string, b: string): boolean {
  return incarnationOf(a) === incarnationOf(b)
}

/** Whether everything up to `wanted` is in what stands at `held`. */
export function hasReached(held: string | null, wanted: string): boolean {
  return held !== null && isSameIncarnation(held, wanted) && held >= wanted
}

function isBehind(state: FollowerState, cursor: string): boolean {
  return state.cursor !== null && isSameIncarnation(state.cursor, cursor) && cursor < state.cursor
}

const ignore = <Payload>(state: FollowerState): Step<Payload> => ({ state, effects: [] })

function accept<Payload>(
  state: FollowerState, event: Circumstances & Heard<Payload>, effect: FollowerEffect<Payload>,
): Step<Payload> {
  // A trust that is no number is no trust.
  const trustMs = event.trustForSeconds > 0 ? event.trustForSeconds * 1000 : 0
  const trustUntilMs = event.nowMs + trustMs
  return {
    state: { ...state, phase: 'LIVE', cursor: event.cursor, canResume: true, trustUntilMs, attempt: 0 },
    effects: [effect, { type: 'SET_TRUST_TIMER', untilMs: trustUntilMs }],
  }
}

function retry<Payload>(state: FollowerState, event: Circumstances & { retryAfterMs?: number }, phase: Phase): Step<Payload> {
  const delayMs = Math.max(reconnectDelayMs(state.attempt, event.random), Math.min(longestDelayMs, event.retryAfterMs ?? 0))
  return { state: { ...state, phase, attempt: state.attempt + 1 }, effects: [{ type: 'SCHEDULE_RECONNECT', delayMs }] }
}

/** What is held stays as it is while a snapshot is asked for; the back-off keeps a server that never sends one from a hot loop. */
function refetch<Payload>(state: FollowerState, event: Circumstances): Step<Payload> {
  const next = retry<Payload>({ ...state, canResume: false }, event, state.phase === 'STALE' ? 'STALE' : 'DISCONNECTED')
  return { state: next.state, effects: [{ type: 'UNSUBSCRIBE' }, ...next.effects] }
}

/** What answers a subscription counts whatever its cursor: a server that was restored does not know ours. */
const begin: Transition<'SNAPSHOT'> = (state, event) => accept(state, event, { type: 'APPLY', payload: event.payload })
const replace: Transition<'SNAPSHOT'> = (state, event) =>
  // An older one of this incarnation is a replay or a node that lags: it would bring back what was removed since.
  isBehind(state, event.cursor) ? ignore(state) : accept(state, event, { type: 'APPLY', payload: event.payload })

function follows(state: FollowerState, cursor: string): boolean {
  return state.cursor !== null && isSameIncarnation(state.cursor, cursor)
}

const advanceBy: Transition<'DELTA'> = (state, event) => {
  if (!follows(state, event.cursor)) return refetch(state, event)
  return isBehind(state, event.cursor) ? ignore(state) : accept(state, event, { type: 'APPLY', payload: event.payload })
}

const bookmark: Transition<'BOOKMARK'> = (state, event) => {
  if (!follows(state, event.cursor)) return refetch(state, event)
  return isBehind(state, event.cursor) ? ignore(state) : accept(state, event, { type: 'ADVANCE', cursor: event.cursor })
}

const subscribe = <Payload>(state: FollowerState): Step<Payload> => ({
  state: { ...state, phase: state.phase === 'STALE' ? 'STALE' : 'CATCHING_UP' },
  effects: [{ type: 'SUBSCRIBE', after: state.canResume ? state.cursor : null }],
})

const reconnect: Transition<'DROPPED'> = (state, event) => retry(state, event, 'DISCONNECTED')
const reconnectStale: Transition<'DROPPED'> = (state, event) => retry(state, event, 'STALE')

const noTrust = 'Nothing was heard from the catalog for as long as its last word may be trusted.'

/**
 * Everything held is forgotten, so that only a snapshot, which replaces everything, can lead back: a delta on top of
 * what was withdrawn would need proof that nothing was lost meanwhile.
 */
function goStale<Payload>(state: FollowerState, event: Circumstances, isWaiting: boolean): Step<Payload> {
  // A timer that fires early, or that an event overtook, only arms itself again.
  if (state.trustUntilMs === null) return ignore(state)
  if (event.nowMs < state.trustUntilMs) return { state, effects: [{ type: 'SET_TRUST_TIMER', untilMs: state.trustUntilMs }] }
  const forgotten: FollowerState = { ...state, phase: 'STALE', cursor: null, canResume: false, trustUntilMs: null }
  const closed: FollowerEffect<Payload> = { type: 'FAIL_CLOSED', reason: noTrust }
  if (isWaiting) return { state: forgotten, effects: [closed] }
  // The operation may be dead without anybody knowing; a fresh one cannot be.
  const next = retry<Payload>(forgotten, event, 'STALE')
  return { state: next.state, effects: [closed, { type: 'UNSUBSCRIBE' }, ...next.effects] }
}

const expire: Transition<'TRUST_EXPIRED'> = (state, event) => goStale(state, event, false)
const expireWaiting: Transition<'TRUST_EXPIRED'> = (state, event) => goStale(state, event, true)

function close<Payload>(state: FollowerState, code: string, reason: string): Step<Payload> {
  return {
    state: { ...state, phase: 'CLOSED', cursor: null, canResume: false, trustUntilMs: null },
    effects: [{ type: 'FAIL_CLOSED', reason }, { type: 'UNSUBSCRIBE' }, { type: 'STOP', code, reason }],
  }
}

const deny: Transition<'DENIED'> = (state, event) => close(state, event.code, event.reason)
const stop: Transition<'STOP'> = (state) => close(state, 'STOPPED', 'The worker does not follow this owner any more.')

const transitions: TransitionTable = {
  DISCONNECTED: {
    START: subscribe,
    // Frames of an operation that is gone: the next one covers them.
    SNAPSHOT: ignore, DELTA: ignore, BOOKMARK: ignore, DROPPED: ignore,
    DENIED: deny, RECONNECT_DUE: subscribe, TRUST_EXPIRED: expireWaiting, STOP: stop,
  },
  CATCHING_UP: {
    START: ignore, SNAPSHOT: begin, DELTA: advanceBy, BOOKMARK: bookmark, DROPPED: reconnect,
    DENIED: deny, RECONNECT_DUE: ignore, TRUST_EXPIRED: expire, STOP: stop,
  },
  LIVE: {
    START: ignore, SNAPSHOT: replace, DELTA: advanceBy, BOOKMARK: bookmark, DROPPED: reconnect,
    DENIED: deny, RECONNECT_DUE: ignore, TRUST_EXPIRED: expire, STOP: stop,
  },
  STALE: {
    START: ignore, SNAPSHOT: replace, DELTA: refetch, BOOKMARK: refetch, DROPPED: reconnectStale,
    DENIED: deny, RECONNECT_DUE: subscribe, TRUST_EXPIRED: ignore, STOP: stop,
  },
  CLOSED: {
    START: ignore, SNAPSHOT: ignore, DELTA: ignore, BOOKMARK: ignore, DROPPED: ignore,
    DENIED: ignore, RECONNECT_DUE: ignore, TRUST_EXPIRED: ignore, STOP: ignore,
  },
}

/** One step of the machine; never throws. */
export function follow<Payload>(state: FollowerState, event: FollowerEvent<Payload>): Step<Payload> {
  // The table types each cell by its event; the lookup loses that tie, which the key itself keeps.
  const transition = transitions[state.phase][event.type] as (state: FollowerState, event: FollowerEvent<Payload>) => Step<Payload>
  return transition(state, event)
}
