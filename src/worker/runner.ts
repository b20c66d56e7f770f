import { type CatalogAdapter } from './adapter.js'
import { type Clock } from './clock.js'
import { type Connector, type Upstream } from './connector.js'
import { createDepartures, type Departures, type StatusRow } from './departures.js'
import { messageOf, SurvivorError } from './errors.js'
import { createGate, type GateEnding } from './gate.js'
import { createJobs, type Jobs } from './jobs.js'
import { defaultDrainSeconds, type LoadedEntry } from './reconcile.js'
import { createSeniority, createTicker, type Ticker } from './seniority.js'
import {
  type Aim, type Attempt, type Body, createSlot, type EffectiveEntry, gated, itemOf, loadedOf, rowOf, rowsOf, type Running, type Slot,
} from './slot.js'

export interface RunnerOptions {
  adapter: CatalogAdapter
  /** Resolves when the adapter may be given entries. */
  opened: Promise<void>
  connector: Connector
  clock: Clock
  /** Whether catalog entries may be called now. */
  isTrusted: () => boolean
  log: (message: string) => void
  /** Told after every change of what `report` answers; often, and in the middle of things. */
  onChange: () => void
}

/**
 * Carries out what was decided for one session. Decisions take effect at once (gates close, starts are given up); the
 * adapter hears of them through one queue, in order. Servers connect beside the queue, so a slow one holds up nobody.
 */
export interface Runner {
  /** Starts it; what runs under the key goes on until the new one stands in its place, and stays if that fails. */
  start: (aim: Aim, body: Body) => void
  /** Only what is told of it changed. */
  relabel: (aim: Aim, body: Body) => void
  refuse: (aim: Aim, outcome: 'REFUSE' | 'FAIL', reason: string) => void
  /** It waits for its moment; what runs or starts of it goes on. Nothing waits for a deferred one in `settled`. */
  defer: (aim: Aim, reason: string) => void
  stop: (key: string, ending: GateEnding, position: number | null) => void
  /** Ends now what still drains of entries for which `endsNow` gives a reason. */
  hasten: (endsNow: (entryId: string) => string | null) => void
  /** What runs may be held to something else now. */
  policyChanged: () => void
  /** A call of a tool that the adapter held once; counted with the entry that was withdrawn. */
  callRefused: (toolName: string) => void
  /** Catalog entries, as `reconcile` wants them. */
  loaded: () => ReadonlyMap<string, LoadedEntry>
  rows: () => EffectiveEntry[]
  /** The same with what has ended lately, for the status report; what was withdrawn comes first, so that no bound on rows cuts it. */
  report: () => StatusRow[]
  /** Resolves when what was decided up to that place has been applied, refused or has failed. Null: static entries too. */
  settled: (position: number | null) => Promise<void>
  /** Logs what could not be ended; never rejects. */
  close: () => Promise<void>
}

const firstRetryMs = 1000
const longestRetryMs = 60_000
const replaced: GateEnding = { mode: 'DRAIN', deadlineSeconds: defaultDrainSeconds, reason: 'REPLACED' }
const closed: GateEnding = { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'CLOSED' }
const overtaken = new Error('something newer was decided meanwhile')

/** A runner's memory. */
interface Bench extends RunnerOptions {
  slots: Map<string, Slot>
  departures: Departures
  /** Generations whose last calls still run, and when nothing of them is left; rejects when something survives. */
  retiring: Map<Running, Promise<void>>
  jobs: Jobs
  nextOrder: number
  tick: Ticker
}

export function createRunner(options: RunnerOptions): Runner {
  const bench: Bench = {
    ...options, slots: new Map(), departures: createDepartures(options.clock, options.onChange), retiring: new Map(),
    jobs: createJobs(options.opened, options.log), nextOrder: 0, tick: createTicker(),
  }
  const { slots, jobs, departures, onChange } = bench
  return {
    start: (aim, body) => start(bench, aim, body),
    relabel: (aim, body) => relabel(bench, aim, body),
    refuse: (aim, outcome, reason) => {
      Object.assign(takeSlot(bench, aim, null, outcome), { state: outcome === 'REFUSE' ? 'REFUSED' : 'FAILED', reason })
      onChange()
    },
    defer: (aim, reason) => defer(bench, aim, reason),
    stop: (key, ending, position) => stop(bench, key, ending, position),
    hasten: departures.hasten,
    policyChanged: () => { for (const { running } of slots.values()) running?.upstream?.policyChanged() },
    callRefused: departures.refused,
    loaded: () => new Map([...slots].flatMap(([key, slot]) => {
      const entry = loadedOf(slot)
      return entry === null ? [] : [[key, entry] as const]
    })),
    rows: () => [...rowsOf(slots.values(), () => options.adapter.list()), ...departures.stopping()],
    report: () => [...departures.rows(), ...rowsOf(slots.values(), () => options.adapter.list())],
    settled: jobs.settled,
    close: async () => {
      for (const key of [...slots.keys()]) stop(bench, key, closed, null)
      const ended = await Promise.allSettled([...bench.retiring.keys()].map((running) => retire(bench, running, closed)))
      for (const result of ended) if (result.status === 'rejected') options.log(`session: ${messageOf(result.reason)}`)
      await jobs.settled(null)
    },
  }
}

/** The slot of that key with a new aim, whatever was under way for the old one given up. What runs stays for now. */
function takeSlot(bench: Bench, aim: Aim, body: Body | null, outcome: Slot['outcome']): Slot {
  const held = bench.slots.get(aim.key)
  if (held !== undefined) {
    giveUp(held)
    return Object.assign(held, { aim, body, outcome, failures: 0, reason: null, waiting: null })
  }
  const slot = createSlot(aim, body, outcome, bench.nextOrder)
  bench.nextOrder += 1
  bench.slots.set(aim.key, slot)
  return slot
}

/** Ends what is under way; whether something runs is another matter. */
function giveUp(slot: Slot): void {
  slot.cancelRetry()
  slot.attempt?.controller.abort(overtaken)
  slot.attempt = null
}

function start(bench: Bench, aim: Aim, body: Body): void {
  bench.jobs.track(aim.position, attemptStart(bench, takeSlot(bench, aim, body, 'RUN')))
}

function attemptStart(bench: Bench, slot: Slot): Promise<void> {
  const attempt: Attempt = { controller: new AbortController(), gate: null, done: Promise.resolve() }
  slot.attempt = attempt
  if (slot.running === null) slot.state = 'STARTING'
  bench.onChange()
  attempt.done = runAttempt(bench, slot, attempt)
  attempt.done.catch(() => {})
  return attempt.done
}

async function runAttempt(bench: Bench, slot: Slot, attempt: Attempt): Promise<void> {
  const { body } = slot
  let upstream: Upstream | null = null
  try {
    if (body?.kind === 'MCP_SERVER') upstream = await bench.connector.connect(body.target, body.baseEnv, attempt.controller.signal, slot.failures > 0)
    await bench.jobs.enqueue(() => install(bench, slot, attempt, upstream))
  } catch (error) {
    const failure = await upstream?.close().then(() => error, (survivor: unknown) => survivor) ?? error
    if (slot.attempt === attempt) fail(bench, slot, failure)
    // Given up, and not gone for all that: whoever withdrew it has to know.
    else if (failure instanceof SurvivorError) throw failure
  }
}

async function install(bench: Bench, slot: Slot, attempt: Attempt, upstream: Upstream | null): Promise<void> {
  // However late a server comes up: what was taken away or decided anew meanwhile never reaches the adapter.
  if (slot.attempt !== attempt) throw overtaken
  const { aim } = slot
  const gate = createGate(bench.clock, aim.entryId === null ? () => true : bench.isTrusted, bench.onChange)
  attempt.gate = gate
  const seniority = slot.running?.seniority.heir() ?? createSeniority(bench.tick)
  const item = itemOf(slot, upstream === null ? null : gated(upstream, gate, seniority))
  upstream?.onToolsChanged(bench.onChange)
  await bench.adapter.load(item)
  // Stopped while the adapter took it: the gate is closed, and the adapter's `unload` is next in the queue.
  if (bench.slots.get(aim.key) !== slot) throw overtaken
  const old = slot.running
  slot.running = { aim, item, upstream, gate, seniority }
  if (slot.attempt === attempt) Object.assign(slot, { attempt: null, state: 'APPLIED', reason: null, failures: 0 })
  if (old !== null) retire(bench, old, replaced).catch((error: unknown) => bench.log(`session: ${messageOf(error)}`))
  bench.onChange()
  // What was told of it anew while the adapter took it.
  if (slot.aim !== aim && slot.aim.digest === aim.digest && slot.body !== null) relabel(bench, slot.aim, slot.body)
}

/** A server may only be slow to come up, so it is tried again for as long as it is wanted. */
function fail(bench: Bench, slot: Slot, failure: unknown): void {
  slot.failures += 1
  if (failure instanceof SurvivorError) slot.survivor = failure
  Object.assign(slot, { attempt: null, state: 'FAILED', reason: messageOf(failure) })
  bench.onChange()
  const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(slot.failures, 10))
  slot.cancelRetry = bench.clock.after(firstRetryMs / 2 + bench.clock.random() * ceilingMs, () => { void attemptStart(bench, slot) })
}

function relabel(bench: Bench, aim: Aim, body: Body): void {
  const slot = bench.slots.get(aim.key)
  if (slot === undefined) return
  if (slot.aim.digest !== aim.digest || slot.outcome !== 'RUN') {
    // What runs is again what is wanted. If the adapter is just taking something else in its place, that cannot be called back.
    if (slot.attempt?.gate != null) return start(bench, aim, body)
    Object.assign(takeSlot(bench, aim, body, 'RUN'), { state: 'APPLIED' })
  }
  Object.assign(slot, { aim, body, waiting: null })
  bench.onChange()
  const { running } = slot
  // What is about to start takes the new aim along.
  if (running === null || running.aim.digest !== aim.digest) return
  const item = itemOf(slot, 'upstream' in running.item ? running.item.upstream : null)
  slot.running = { ...running, aim, item }
  bench.jobs.track(aim.position, bench.jobs.enqueue(async () => {
    if (bench.slots.get(aim.key)?.running?.item === item) await bench.adapter.load(item)
  }))
}

function defer(bench: Bench, aim: Aim, reason: string): void {
  const { onChange, slots } = bench
  const held = slots.get(aim.key)
  const goesOn = held?.outcome === 'RUN' || held?.outcome === 'FAIL'
  const slot = goesOn ? held : Object.assign(takeSlot(bench, aim, null, 'DEFER'), { state: 'DEFERRED' as const })
  slot.waiting = { aim, reason }
  onChange()
}

/** The gate closes before this returns; then the connection, then the process. */
function stop(bench: Bench, key: string, ending: GateEnding, position: number | null): void {
  const slot = bench.slots.get(key)
  if (slot === undefined) return
  const { attempt, running, survivor, aim, outcome } = slot
  const row = rowOf(slot)
  const earlier = [...bench.retiring.keys()].filter((old) => old.aim.key === key && old.aim.entryId === aim.entryId)
  const serving = [...earlier, ...(running === null ? [] : [running])]
  const isDraining = ending.mode === 'DRAIN' && serving.some(({ gate }) => gate.inFlight() > 0)
  void attempt?.gate?.close({ ...ending, mode: 'IMMEDIATE' })
  const retired = serving.map((generation) => retire(bench, generation, ending))
  bench.slots.delete(key)
  giveUp(slot)
  bench.onChange()
  if (outcome === 'REFUSE' && serving.length === 0 && survivor === null) return
  const isHeld = running !== null || attempt?.gate != null
  const unloaded = isHeld ? bench.jobs.enqueue(() => bench.adapter.unload(aim.kind, aim.name, ending.mode)) : Promise.resolve()
  const gates = [...serving.map(({ gate }) => gate), ...(attempt?.gate == null ? [] : [attempt.gate])]
  // A server ends here, whatever the adapter says; of an agent it is the adapter that lets go, or does not.
  const letGo = aim.kind === 'AGENT' ? unloaded : unloaded.catch(() => {})
  const endings = [...retired, ...(attempt === null ? [] : [attempt.done]), ...(isHeld ? [letGo] : []), ...(survivor === null ? [] : [Promise.reject(survivor)])]
  const left = bench.departures.add(row, ending, gates, endings)
  // A draining call may take its time; that nobody can start another is all there is to wait for.
  bench.jobs.track(position, isDraining ? unloaded : Promise.all([unloaded, left]).then(() => {}))
}

/** Calls in flight end as told, then the connection. Resolves when nothing of it is left; rejects when something survives. */
function retire({ retiring }: Bench, running: Running, ending: GateEnding): Promise<void> {
  const emptied = running.gate.close(ending)
  const under = retiring.get(running)
  if (under !== undefined) return under
  const gone = emptied.then(() => running.upstream?.close()).finally(() => retiring.delete(running))
  retiring.set(running, gone)
  return gone
}
