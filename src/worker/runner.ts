import { type CatalogAdapter } from './adapter.js'
import { type Clock } from './clock.js'
import { type Connector, type Upstream } from './connector.js'
import { messageOf } from './errors.js'
import { createGate, type GateEnding } from './gate.js'
import { defaultDrainSeconds, type LoadedEntry } from './reconcile.js'
import {
  type Aim, type Attempt, type Body, type EffectiveEntry, gated, itemOf, loadedOf, rowOf, type Running, type Slot,
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
  stop: (key: string, ending: GateEnding, position: number | null) => void
  /** Catalog entries, as `reconcile` wants them. */
  loaded: () => ReadonlyMap<string, LoadedEntry>
  rows: () => EffectiveEntry[]
  /** Resolves when what was decided up to that place has been applied, refused or has failed. Null: static entries too. */
  settled: (position: number | null) => Promise<void>
  close: () => Promise<void>
}

const firstRetryMs = 1000
const longestRetryMs = 60_000
const replaced: GateEnding = { mode: 'DRAIN', deadlineSeconds: defaultDrainSeconds, reason: 'REPLACED' }
const closed: GateEnding = { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'CLOSED' }
const overtaken = new Error('something newer was decided meanwhile')

interface Job {
  position: number | null
  done: Promise<void>
}

/** A runner's memory. */
interface Bench extends RunnerOptions {
  slots: Map<string, Slot>
  stopping: Set<EffectiveEntry>
  /** Generations whose last calls still run. */
  retiring: Set<Running>
  jobs: Set<Job>
  queue: Promise<unknown>
  nextOrder: number
}

export function createRunner(options: RunnerOptions): Runner {
  const bench: Bench = {
    ...options, slots: new Map(), stopping: new Set(), retiring: new Set(), jobs: new Set(), queue: Promise.resolve(), nextOrder: 0,
  }
  const { slots, jobs } = bench
  return {
    start: (aim, body) => track(bench, aim.position, attemptStart(bench, takeSlot(bench, aim, body, 'RUN'))),
    relabel: (aim, body) => relabel(bench, aim, body),
    refuse: (aim, outcome, reason) => {
      Object.assign(takeSlot(bench, aim, null, outcome), { state: outcome === 'REFUSE' ? 'REFUSED' : 'FAILED', reason })
    },
    stop: (key, ending, position) => stop(bench, key, ending, position),
    loaded: () => new Map([...slots].flatMap(([key, slot]) => {
      const entry = loadedOf(slot)
      return entry === null ? [] : [[key, entry] as const]
    })),
    rows: () => rows(bench),
    settled: async (position) => {
      const awaited = [...jobs].filter((job) => position === null || (job.position !== null && job.position <= position))
      await Promise.all(awaited.map(({ done }) => done))
    },
    close: async () => {
      for (const key of [...slots.keys()]) stop(bench, key, closed, null)
      await Promise.all([...bench.retiring].map((running) => retire(bench, running, closed)))
      await Promise.all([...jobs].map(({ done }) => done))
    },
  }
}

function enqueue<Result>(bench: Bench, step: () => Promise<Result>): Promise<Result> {
  const result = bench.queue.then(() => bench.opened).then(step)
  bench.queue = result.catch(() => {})
  return result
}

function track({ jobs, log }: Bench, position: number | null, work: Promise<void>): void {
  const job: Job = { position, done: work.catch((error: unknown) => log(`session: ${messageOf(error)}`)) }
  jobs.add(job)
  void job.done.then(() => jobs.delete(job))
}

/** The slot of that key with a new aim, whatever was under way for the old one given up. What runs stays for now. */
function takeSlot(bench: Bench, aim: Aim, body: Body | null, outcome: Slot['outcome']): Slot {
  const held = bench.slots.get(aim.key)
  if (held !== undefined) {
    giveUp(held)
    return Object.assign(held, { aim, body, outcome, failures: 0, reason: null })
  }
  const slot: Slot = {
    aim, body, outcome, order: bench.nextOrder, state: 'STARTING', reason: null,
    running: null, attempt: null, failures: 0, cancelRetry: () => {},
  }
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

async function attemptStart(bench: Bench, slot: Slot): Promise<void> {
  const attempt: Attempt = { controller: new AbortController(), gate: null }
  slot.attempt = attempt
  if (slot.running === null) slot.state = 'STARTING'
  const { body } = slot
  let upstream: Upstream | null = null
  try {
    if (body?.kind === 'MCP_SERVER') upstream = await bench.connector.connect(body.target, body.baseEnv, attempt.controller.signal)
    await enqueue(bench, () => install(bench, slot, attempt, upstream))
  } catch (error) {
    await upstream?.close()
    if (slot.attempt === attempt) fail(bench, slot, messageOf(error))
  }
}

async function install(bench: Bench, slot: Slot, attempt: Attempt, upstream: Upstream | null): Promise<void> {
  // However late a server comes up: what was taken away or decided anew meanwhile never reaches the adapter.
  if (slot.attempt !== attempt) throw overtaken
  const { aim } = slot
  const gate = createGate(bench.clock, aim.entryId === null ? () => true : bench.isTrusted)
  attempt.gate = gate
  const item = itemOf(slot, upstream === null ? null : gated(upstream, gate))
  await bench.adapter.load(item)
  // Stopped while the adapter took it: the gate is closed, and the adapter's `unload` is next in the queue.
  if (bench.slots.get(aim.key) !== slot) throw overtaken
  const old = slot.running
  slot.running = { aim, item, upstream, gate }
  if (slot.attempt === attempt) Object.assign(slot, { attempt: null, state: 'APPLIED', reason: null, failures: 0 })
  if (old !== null) void retire(bench, old, replaced)
}

/** A server may only be slow to come up, so it is tried again for as long as it is wanted. */
function fail(bench: Bench, slot: Slot, reason: string): void {
  slot.failures += 1
  Object.assign(slot, { attempt: null, state: 'FAILED', reason })
  const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(slot.failures, 10))
  slot.cancelRetry = bench.clock.after(firstRetryMs / 2 + bench.clock.random() * ceilingMs, () => { void attemptStart(bench, slot) })
}

function relabel(bench: Bench, aim: Aim, body: Body): void {
  const slot = bench.slots.get(aim.key)
  if (slot === undefined) return
  Object.assign(slot, { aim, body })
  const { running } = slot
  // What is about to start takes the new aim along.
  if (running === null || running.aim.digest !== aim.digest) return
  const item = itemOf(slot, 'upstream' in running.item ? running.item.upstream : null)
  slot.running = { ...running, aim, item }
  track(bench, aim.position, enqueue(bench, async () => {
    if (bench.slots.get(aim.key)?.running?.item === item) await bench.adapter.load(item)
  }))
}

/** The gate closes before this returns; the rest follows. */
function stop(bench: Bench, key: string, ending: GateEnding, position: number | null): void {
  const slot = bench.slots.get(key)
  if (slot === undefined) return
  const { attempt, running, aim } = slot
  for (const old of bench.retiring) if (old.aim.key === key && old.aim.entryId === aim.entryId) void old.gate.close(ending)
  void attempt?.gate?.close({ ...ending, mode: 'IMMEDIATE' })
  bench.slots.delete(key)
  giveUp(slot)
  if (running === null && attempt?.gate == null) return
  const row: EffectiveEntry = { ...rowOf(slot), state: 'STOPPING', reason: ending.reason }
  bench.stopping.add(row)
  const retired = running === null ? Promise.resolve() : retire(bench, running, ending)
  const unloaded = enqueue(bench, () => bench.adapter.unload(aim.kind, aim.name, ending.mode))
  void Promise.allSettled([retired, unloaded]).then(() => bench.stopping.delete(row))
  // A draining call may take its time; that nobody can start another is all there is to wait for.
  const isDraining = ending.mode === 'DRAIN' && running !== null && running.gate.inFlight() > 0
  track(bench, position, (isDraining ? unloaded : Promise.all([unloaded, retired])).then(() => {}))
}

/** Calls in flight end as told, then the connection. Resolves when nothing of it is left. */
async function retire(bench: Bench, running: Running, ending: GateEnding): Promise<void> {
  bench.retiring.add(running)
  try {
    await running.gate.close(ending)
    await running.upstream?.close()
  } finally {
    bench.retiring.delete(running)
  }
}

function rows({ adapter, slots, stopping }: Bench): EffectiveEntry[] {
  const said = new Map(adapter.list().map(({ kind, name, origin, reason }) => [`${kind}:${name}:${origin}`, reason]))
  const held = [...slots.values()].sort((a, b) => a.order - b.order).map(rowOf).map((row) => (
    { ...row, reason: row.reason ?? (row.state === 'APPLIED' ? said.get(`${row.kind}:${row.name}:${row.origin}`) ?? null : null) }
  ))
  return [...held, ...stopping]
}
