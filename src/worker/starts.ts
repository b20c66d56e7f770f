import { nameKey } from '../core/entry.js'
import { placeOfValues } from '../core/secret.js'
import { type Workbench, takeSlot } from './workbench.js'
import { type Upstream } from './connector.js'
import { deny } from './denial.js'
import { retire } from './endings.js'
import { LeaseError, messageOf, SurvivorError } from './errors.js'
import { createGate, type GateEnding } from './gate.js'
import { giveWay, otherRunning, overtaken } from './give-way.js'
import { defaultDrainSeconds } from './reconcile.js'
import { retryDelayMs } from './retry-delay.js'
import { createSeniority } from './seniority.js'
import { type Aim, type Attempt, type Body, gated, itemOf, type Slot } from './slot.js'
import { passed } from './step.js'

const replaced: GateEnding = { mode: 'DRAIN', deadlineSeconds: defaultDrainSeconds, reason: 'REPLACED' }

export function start(bench: Workbench, aim: Aim, body: Body): void {
  const slot = takeSlot(bench, aim, body, 'RUN')
  if (aim.entryId !== null || otherRunning(bench.slots, aim.key) === null) return bench.jobs.track(aim.position, attemptStart(bench, slot))
  giveWay(bench.slots, nameKey(aim))
  bench.onChange()
}

export function attemptStart(bench: Workbench, slot: Slot): Promise<void> {
  const attempt: Attempt = { controller: new AbortController(), gate: null, done: Promise.resolve() }
  Object.assign(slot, { attempt, isAwaitingNews: false })
  if (slot.running === null) slot.state = 'STARTING'
  bench.onChange()
  attempt.done = runAttempt(bench, slot, attempt)
  attempt.done.catch(() => {})
  return attempt.done
}

async function runAttempt(bench: Workbench, slot: Slot, attempt: Attempt): Promise<void> {
  const { body } = slot
  let upstream: Upstream | null = null
  try {
    if (body?.kind === 'MCP_SERVER') upstream = await bench.connector.connect(body.target, body.baseEnv, attempt.controller.signal, slot.failures > 0)
    await bench.jobs.enqueue(() => install(bench, slot, attempt, upstream))
  } catch (error) {
    const failure = await upstream?.close().then(() => error, (survivor: unknown) => survivor) ?? error
    if (slot.attempt === attempt) await fail(bench, slot, failure)
    // Given up, and not gone for all that: whoever withdrew it has to know.
    else if (failure instanceof SurvivorError) throw failure
  }
}

async function install(bench: Workbench, slot: Slot, attempt: Attempt, upstream: Upstream | null): Promise<void> {
  // However late a server comes up: what was taken away or decided anew meanwhile never reaches the adapter.
  if (slot.attempt !== attempt) throw overtaken
  const { aim, body } = slot
  const place = body?.kind === 'MCP_SERVER' ? placeOfValues(body.target) : null
  const gate = createGate(bench.clock, aim.entryId === null ? () => true : bench.isTrusted, bench.onChange)
  attempt.gate = gate
  const seniority = slot.running?.seniority.heir() ?? createSeniority(bench.tick)
  const item = itemOf(slot, upstream === null ? null : gated(upstream, gate, seniority))
  upstream?.onToolsChanged(bench.onChange)
  upstream?.onHeldChanged?.(bench.onChange)
  await bench.adapter.load(item)
  passed('entry.loaded')
  // Stopped while the adapter took it: the gate is closed, and the adapter's `unload` is next in the queue.
  if (bench.slots.get(aim.key) !== slot) throw overtaken
  const old = slot.running
  slot.running = { aim, item, upstream, gate, seniority, place }
  if (slot.attempt === attempt) Object.assign(slot, { attempt: null, state: 'APPLIED', reason: null, failures: 0 })
  slot.cancelRenewal()
  slot.stale = null
  upstream?.onDenied?.((error) => { if (slot.running?.upstream === upstream) void deny(bench, slot, error) })
  const earlier = [old, aim.entryId === null ? null : giveWay(bench.slots, aim.key)].filter((one) => one !== null)
  passed('entry.serving')
  for (const one of earlier) retire(bench, one, replaced).catch((error: unknown) => bench.log(`session: ${messageOf(error)}`))
  bench.onChange()
  // What was told of it anew while the adapter took it.
  if (slot.aim !== aim && slot.aim.digest === aim.digest && slot.body !== null) relabel(bench, slot.aim, slot.body)
}

/** A server may only be slow to come up, so it is tried again for as long as it is wanted. */
async function fail(bench: Workbench, slot: Slot, failure: unknown): Promise<void> {
  slot.attempt = null
  if (failure instanceof LeaseError && failure.failure === 'DENIED') return deny(bench, slot, failure)
  const isOutdated = failure instanceof LeaseError && failure.failure === 'OUTDATED'
  slot.failures += 1
  if (failure instanceof SurvivorError) slot.survivor = failure
  // Nobody has to do anything about it: the catalog is about to say what is new.
  Object.assign(slot, { state: isOutdated ? 'STARTING' : 'FAILED', reason: messageOf(failure), isAwaitingNews: isOutdated })
  bench.onChange()
  slot.cancelRetry = bench.clock.after(retryDelayMs(slot.failures, bench.clock), () => { void attemptStart(bench, slot) })
}

export function relabel(bench: Workbench, aim: Aim, body: Body): void {
  const slot = bench.slots.get(aim.key)
  if (slot === undefined) return
  // Its secrets were asked for under a revision that there was not any more, or were denied for it.
  if (slot.isAwaitingNews && slot.running === null && slot.aim.revision !== aim.revision) return start(bench, aim, body)
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
