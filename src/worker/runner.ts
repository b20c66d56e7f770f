import { type Workbench, type RunnerOptions, takeSlot } from './workbench.js'
import { createDepartures, type StatusRow } from './departures.js'
import { closed, moved, retire, stop } from './endings.js'
import { messageOf } from './errors.js'
import { type GateEnding } from './gate.js'
import { createJobs } from './jobs.js'
import { type LoadedEntry } from './reconcile.js'
import { rotate } from './rotation.js'
import { createTicker } from './seniority.js'
import { type Aim, type Body, type EffectiveEntry, loadedOf, rowsOf } from './slot.js'
import { attemptStart, relabel, start } from './starts.js'

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
  /** What the references of what runs, or is to, stand for has changed: at once, whatever its moment. Nothing that works is interrupted. */
  rotate: (key: string, secretVersion: number | null, position: number) => void
  /** Nothing carries the values of what runs from now on, and no call reaches it. */
  withhold: (key: string) => void
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

export function createRunner(options: RunnerOptions): Runner {
  const bench: Workbench = {
    ...options, slots: new Map(), departures: createDepartures(options.clock, options.onChange), retiring: new Map(),
    jobs: createJobs(options.opened, options.log), nextOrder: 0, tick: createTicker(),
    startAgain: (slot) => attemptStart(bench, slot),
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
    rotate: (key, secretVersion, position) => jobs.track(position, rotate(bench, key, secretVersion)),
    withhold: (key) => {
      const running = slots.get(key)?.running
      running?.upstream?.forgetSecrets?.()
      void running?.gate.close(moved)
    },
    stop: (key, ending, position) => void stop(bench, key, ending, position),
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
      for (const key of [...slots.keys()]) void stop(bench, key, closed, null)
      const ended = await Promise.allSettled([...bench.retiring.keys()].map((running) => retire(bench, running, closed)))
      for (const result of ended) if (result.status === 'rejected') options.log(`session: ${messageOf(result.reason)}`)
      await jobs.settled(null)
    },
  }
}

function defer(bench: Workbench, aim: Aim, reason: string): void {
  const { onChange, slots } = bench
  const held = slots.get(aim.key)
  const goesOn = held?.outcome === 'RUN' || held?.outcome === 'FAIL'
  const slot = goesOn ? held : Object.assign(takeSlot(bench, aim, null, 'DEFER'), { state: 'DEFERRED' as const })
  slot.waiting = { aim, reason }
  onChange()
}
