import { createHash, timingSafeEqual } from 'node:crypto'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type Observer, refusedKinds } from '../catalog/observer.js'
import { closeCodes } from './peer.js'

/** What is read at the moment of a scrape, and costs nothing in between. */
export interface Readings {
  lagSeconds: () => number
  sequence: () => number
  subscriptions: () => number
  groups: () => number
  /** Bytes that wait, for each open socket. */
  waitingBytes: () => number[]
  requestsInFlight: () => number
  /** Asked of the database; NaN when it does not answer. */
  connectedWorkers: () => Promise<number>
  connectedSessions: () => Promise<number>
}

export interface Metrics {
  observer: Observer
  /** Until then, gauges are left out. */
  read: (readings: Readings) => void
  /** Everything, as Prometheus text. */
  text: () => Promise<string>
  contentType: string
}

export const metricsPath = '/metrics'

const eventNames = { CatalogSnapshot: 'snapshot', CatalogDelta: 'delta', CatalogBookmark: 'bookmark', DeskChange: 'desk' } as const
/** Any other code is the client's own choice, and must not make a series each. */
const knownCodes = new Set<number>([1000, 1001, 1005, 1006, 1009, 4400, 4408, 4409, 4500, ...Object.values(closeCodes)])
const secondBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

let ofProcess: Registry | null = null

/** Memory, CPU, event loop: of the process, not of an app, and under the names that every Node dashboard knows. */
function processRegistry(): Registry {
  if (ofProcess === null) collectDefaultMetrics({ register: ofProcess = new Registry() })
  return ofProcess
}

/** What hot paths count: plain numbers, which the registry takes over when it is scraped. */
interface Tally {
  events: number
  bytes: number
  rendered: Record<keyof typeof eventNames, number>
  commitsInFlight: number
}

/** Counts and gauges of one app, in a registry of its own. Labels are words of ours; no id, name or owner is ever one. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const tally: Tally = { events: 0, bytes: 0, rendered: { CatalogSnapshot: 0, CatalogDelta: 0, CatalogBookmark: 0, DeskChange: 0 }, commitsInFlight: 0 }
  addTally(registry, tally)
  const ofProcess = processRegistry()
  return {
    observer: createObserver(registry, tally),
    read: (readings) => addGauges(registry, readings),
    text: async () => `${await registry.metrics()}\n${await ofProcess.metrics()}`,
    contentType: registry.contentType,
  }
}

function createObserver(registry: Registry, tally: Tally): Observer {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) => new Counter({ name, help, labelNames, registers: [registry] })
  const seconds = <Label extends string>(name: string, help: string, ...labelNames: Label[]) => (
    new Histogram({ name, help, labelNames, buckets: secondBuckets, registers: [registry] }))
  const commits = seconds('pilothouse_commit_seconds', 'Writes, from their decision to the end of their transaction, by outcome.', 'outcome')
  const mutations = counter('pilothouse_mutations_total', 'Mutations answered, by field and outcome.', 'mutation', 'outcome')
  const denials = counter('pilothouse_denials_total', 'Denials in the access chain, by action.', 'action')
  const breakGlass = counter('pilothouse_break_glass_total', 'Looks and changes of admins at what is private, by action.', 'action')
  const closed = counter('pilothouse_sockets_closed_total', 'Sockets closed, by code.', 'code')
  const requests = seconds('pilothouse_http_request_seconds', 'HTTP requests, by class of status; without those for health and metrics.', 'status')
  const refused = counter('pilothouse_refused_total', 'What was over a limit, or came from elsewhere, by type.', 'type')
  for (const type of refusedKinds) refused.inc({ type }, 0)
  return {
    commit: () => {
      const began = performance.now()
      tally.commitsInFlight++
      return (outcome) => {
        tally.commitsInFlight--
        commits.observe({ outcome }, (performance.now() - began) / 1_000)
      }
    },
    mutation: (mutation, outcome) => mutations.inc({ mutation, outcome }),
    access: ({ action, outcome }) => {
      if (outcome !== 'OK') (outcome === 'DENIED' ? denials : breakGlass).inc({ action })
    },
    rendered: (type) => { tally.rendered[type]++ },
    delivered: (events, bytes) => {
      tally.events += events
      tally.bytes += bytes
    },
    socketClosed: (code) => closed.inc({ code: knownCodes.has(code) ? String(code) : 'other' }),
    refused: (type) => refused.inc({ type }),
    requested: (status, took) => requests.observe({ status: status === null ? 'aborted' : `${Math.trunc(status / 100)}xx` }, took),
  }
}

function addTally(registry: Registry, tally: Tally): void {
  const taken = (name: string, help: string, value: () => number) => new Counter({
    name, help, registers: [registry],
    collect() {
      this.reset()
      this.inc(value())
    },
  })
  taken('pilothouse_events_delivered_total', 'Events written to sockets.', () => tally.events)
  taken('pilothouse_events_delivered_bytes_total', 'Bytes of these events, framed.', () => tally.bytes)
  new Counter({
    name: 'pilothouse_events_rendered_total', help: 'Executions of a document on an event, each for a whole group.', labelNames: ['type'], registers: [registry],
    collect() {
      this.reset()
      for (const [type, label] of Object.entries(eventNames)) this.inc({ type: label }, tally.rendered[type as keyof typeof eventNames])
    },
  })
  gauge(registry, 'pilothouse_commits_in_flight', 'Writes that wait for a transaction or are in one.', () => tally.commitsInFlight)
}

function addGauges(registry: Registry, readings: Readings): void {
  const { lagSeconds, sequence, subscriptions, groups, waitingBytes, requestsInFlight, connectedWorkers, connectedSessions } = readings
  gauge(registry, 'pilothouse_feed_lag_seconds', 'Seconds since the change log was last read to its end.', lagSeconds)
  gauge(registry, 'pilothouse_index_sequence', 'Sequence of the last change in this node\'s index.', sequence)
  gauge(registry, 'pilothouse_sockets', 'Open sockets.', () => waitingBytes().length)
  gauge(registry, 'pilothouse_subscriptions', 'Live subscriptions.', subscriptions)
  gauge(registry, 'pilothouse_groups', 'Groups of equal subscriptions.', groups)
  gauge(registry, 'pilothouse_waiting_bytes', 'Bytes that wait for slow sockets, together.', () => waitingBytes().reduce((sum, bytes) => sum + bytes, 0))
  gauge(registry, 'pilothouse_waiting_max_bytes', 'Bytes that wait for the slowest socket.', () => waitingBytes().reduce((most, bytes) => Math.max(most, bytes), 0))
  gauge(registry, 'pilothouse_http_requests_in_flight', 'Requests that are being answered.', requestsInFlight)
  gauge(registry, 'pilothouse_workers_connected', 'Workers that reported within 90 seconds, to any node.', connectedWorkers)
  gauge(registry, 'pilothouse_worker_sessions', 'Sessions of these workers.', connectedSessions)
}

function gauge(registry: Registry, name: string, help: string, value: () => number | Promise<number>): void {
  new Gauge({ name, help, registers: [registry], async collect() { this.set(await value()) } })
}

/** Whether a bearer is the token for scraping. Hashes are compared, so that neither length nor beginning can be timed. */
export function isMetricsToken(bearer: string | null, expected: string | null): boolean {
  if (bearer === null || expected === null) return false
  const [given, known] = [bearer, expected].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(given!, known!)
}
