import { type Workbench } from './workbench.js'
import { type GateEnding } from './gate.js'
import { comeBack, giveUp, letGo } from './give-way.js'
import { rowOf, type Running } from './slot.js'
import { passed } from './step.js'

/** With the session; nothing comes back then. */
export const closed: GateEnding = { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'CLOSED' }

/** What its values are for is another place now. */
export const moved: GateEnding = { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'MOVED' }

/**
 * The gate closes before this returns; then the connection, then the process. Resolves when that is over, except for calls that a DRAIN lets finish; it
 * is tracked already.
 */
export function stop(bench: Workbench, key: string, ending: GateEnding, position: number | null): Promise<void> {
  const slot = bench.slots.get(key)
  if (slot === undefined) return Promise.resolve()
  const { attempt, running, survivor, aim, outcome } = slot
  const row = rowOf(slot)
  const earlier = [...bench.retiring.keys()].filter((old) => old.aim.key === key && old.aim.entryId === aim.entryId)
  const serving = [...earlier, ...(running === null ? [] : [running])]
  // What is withdrawn for good gets no value any more, with a farewell neither (S24).
  if (ending.mode === 'IMMEDIATE' && ending !== closed) for (const { upstream } of serving) upstream?.forgetSecrets?.()
  const isDraining = ending.mode === 'DRAIN' && serving.some(({ gate }) => gate.inFlight() > 0)
  void attempt?.gate?.close({ ...ending, mode: 'IMMEDIATE' })
  const retired = serving.map((generation) => retire(bench, generation, ending))
  bench.slots.delete(key)
  giveUp(slot)
  slot.cancelRenewal()
  bench.onChange()
  if (outcome === 'REFUSE' && serving.length === 0 && survivor === null) return Promise.resolve()
  const isHeld = running !== null || attempt?.gate != null
  const unloaded = isHeld ? bench.jobs.enqueue(() => letGo(bench.slots, bench.adapter, aim, ending.mode)) : Promise.resolve()
  const gates = [...serving.map(({ gate }) => gate), ...(attempt?.gate == null ? [] : [attempt.gate])]
  // A server ends here, whatever the adapter says; of an agent it is the adapter that lets go, or does not.
  const isUnheld = aim.kind === 'AGENT' ? unloaded : unloaded.catch(() => {})
  const endings = [...retired, ...(attempt === null ? [] : [attempt.done]), ...(isHeld ? [isUnheld] : []), ...(survivor === null ? [] : [Promise.reject(survivor)])]
  const left = bench.departures.add(row, ending, gates, endings)
  // A draining call may take its time; that nobody can start another is all there is to wait for.
  const ended = isDraining ? unloaded : Promise.all([unloaded, left]).then(() => {})
  bench.jobs.track(position, ended)
  const back = ending === closed ? null : comeBack(bench.slots, key)
  if (back !== null) bench.jobs.track(position, bench.startAgain(back))
  return ended
}

/** Calls in flight end as told, then the connection. Resolves when nothing of it is left; rejects when something survives. */
export function retire({ retiring }: Workbench, running: Running, ending: GateEnding): Promise<void> {
  const emptied = running.gate.close(ending)
  passed('gate.closed')
  const under = retiring.get(running)
  if (under !== undefined) return under
  const gone = emptied.then(() => running.upstream?.close()).then(() => passed('server.ended')).finally(() => retiring.delete(running))
  retiring.set(running, gone)
  return gone
}
