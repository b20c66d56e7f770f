import { CatalogRequestError, type OwnerInput } from '../client/index.js'
import { type Clock } from './clock.js'
import { follow, type FollowerEffect, type FollowerEvent, type FollowerState, initialState } from './follower.js'
import { messageOf } from './errors.js'
import { passed } from './step.js'
import { type FeedMessage, type FeedTransport } from './transport.js'
import { applyEvent, type AppliedEvent, type CatalogEvent, type CatalogView } from './view.js'

/** What sessions hear, always synchronously with the frame that brought it, so that gates close before anything else. */
export interface FeedListener {
  onChange: (applied: AppliedEvent) => void
  /** Everything up to this cursor has been told. */
  onCursor: (cursor: string) => void
  /** Every entry is withdrawn, at this place. Changes may follow later, unless `onEnd` does. */
  onFailClosed: (reason: string, position: number) => void
  onEnd: (error: CatalogRequestError) => void
}

/** The set of one owner, kept current for all of a worker's sessions of that owner. */
export interface OwnerFeed {
  view: () => CatalogView | null
  /** Whether the server was heard recently enough; asked by the gate at every call. */
  isTrusted: () => boolean
  /** Why the feed ended; null while it lives. */
  ended: () => CatalogRequestError | null
  /** What last went wrong with the connection; null when nothing did since the last event. */
  trouble: () => string | null
  listen: (listener: FeedListener) => () => void
  close: () => void
}

type Event = FollowerEvent<CatalogEvent>
type Effect = FollowerEffect<CatalogEvent>

/** A feed's memory. */
interface Following {
  owner: OwnerInput
  transport: FeedTransport
  clock: Clock
  log: (message: string) => void
  state: FollowerState
  view: CatalogView | null
  position: number
  ended: CatalogRequestError | null
  trouble: string | null
  listeners: Set<FeedListener>
  unsubscribe: () => void
  cancelReconnect: () => void
  cancelTrust: () => void
}

export function createOwnerFeed(owner: OwnerInput, transport: FeedTransport, clock: Clock, log: (message: string) => void): OwnerFeed {
  const feed: Following = {
    owner, transport, clock, log, state: initialState, view: null, position: 0, ended: null, trouble: null,
    listeners: new Set(), unsubscribe: () => {}, cancelReconnect: () => {}, cancelTrust: () => {},
  }
  send(feed, { type: 'START' })
  return {
    view: () => feed.view,
    isTrusted: () => feed.state.trustUntilMs !== null && clock.nowMs() < feed.state.trustUntilMs,
    ended: () => feed.ended,
    trouble: () => feed.trouble,
    listen: (listener) => {
      feed.listeners.add(listener)
      return () => { feed.listeners.delete(listener) }
    },
    close: () => send(feed, { type: 'STOP' }),
  }
}

function send(feed: Following, event: Unplaced<Event>): void {
  const { clock, state: { phase }, log } = feed
  const { state, effects } = follow(feed.state, { ...event, nowMs: clock.nowMs(), random: clock.random() })
  feed.state = state
  if (state.phase !== phase) log(`feed of ${ownerText(feed.owner)}: ${phase} -> ${state.phase}${feed.trouble === null ? '' : ` (${feed.trouble})`}`)
  for (const effect of effects) {
    const perform = performers[effect.type] as (feed: Following, effect: Effect) => void
    perform(feed, effect)
  }
}

function receive(feed: Following, message: FeedMessage): void {
  if (message.type !== 'EVENT') feed.trouble = message.reason
  try {
    send(feed, message.type === 'EVENT' ? fromWire(message.event) : message)
  } catch (error) {
    startAnew(feed, `an event could not be applied: ${messageOf(error)}`)
  }
}

/** What cannot be applied must not count as heard: going on from its cursor would lose it. */
function startAnew(feed: Following, reason: string): void {
  feed.trouble = reason
  feed.unsubscribe()
  feed.state = { ...feed.state, canResume: false }
  send(feed, { type: 'DROPPED', reason })
}

function tell({ listeners }: Following, say: (listener: FeedListener) => void): void {
  for (const listener of [...listeners]) say(listener)
}

const performers: { [Type in Effect['type']]: (feed: Following, effect: Extract<Effect, { type: Type }>) => void } = {
  SUBSCRIBE: (feed, { after }) => {
    feed.unsubscribe()
    feed.unsubscribe = feed.transport.subscribe(feed.owner, after, (message) => receive(feed, message))
  },
  UNSUBSCRIBE: (feed) => { feed.unsubscribe() },
  APPLY: (feed, { payload }) => {
    if (payload.__typename === 'CatalogBookmark') return
    passed('event.heard')
    const applied = applyEvent(feed.view, payload, feed.position + 1)
    Object.assign(feed, { view: applied.view, position: applied.view.position, trouble: null })
    tell(feed, (listener) => listener.onChange(applied))
    passed('event.applied')
  },
  ADVANCE: (feed, { cursor }) => {
    feed.trouble = null
    if (feed.view !== null) feed.view = { ...feed.view, cursor }
    tell(feed, (listener) => listener.onCursor(cursor))
  },
  SCHEDULE_RECONNECT: (feed, { delayMs }) => {
    feed.cancelReconnect()
    feed.cancelReconnect = feed.clock.after(delayMs, () => send(feed, { type: 'RECONNECT_DUE' }))
  },
  SET_TRUST_TIMER: (feed, { untilMs }) => {
    feed.cancelTrust()
    feed.cancelTrust = feed.clock.after(untilMs - feed.clock.nowMs(), () => send(feed, { type: 'TRUST_EXPIRED' }))
  },
  FAIL_CLOSED: (feed, { reason }) => {
    feed.view = null
    feed.position += 1
    tell(feed, (listener) => listener.onFailClosed(reason, feed.position))
  },
  STOP: (feed, { code, reason }) => {
    feed.cancelReconnect()
    feed.cancelTrust()
    const error = new CatalogRequestError(reason, code)
    feed.ended = error
    tell(feed, (listener) => listener.onEnd(error))
  },
}

/** An event before time and chance are added. */
type Unplaced<Placed> = Placed extends unknown ? Omit<Placed, 'nowMs' | 'random'> : never

const eventTypes = { CatalogSnapshot: 'SNAPSHOT', CatalogDelta: 'DELTA', CatalogBookmark: 'BOOKMARK' } as const

function fromWire(event: CatalogEvent): Unplaced<Event> {
  const { cursor, trustForSeconds } = event
  return { type: eventTypes[event.__typename], cursor, trustForSeconds, payload: event }
}

export function ownerText({ kind, id, provider, subject }: OwnerInput): string {
  if (provider != null) return `${kind} ${provider}/${subject}`
  return id == null ? kind : `${kind} ${id}`
}

