import { type CatalogAdapter } from './adapter.js'
import { type Clock } from './clock.js'
import { type Connector } from './connector.js'
import { type Departures } from './departures.js'
import { giveUp } from './give-way.js'
import { type Jobs } from './jobs.js'
import { type Ticker } from './seniority.js'
import { type Aim, type Body, createSlot, type Running, type Slot } from './slot.js'

export interface RunnerOptions {
  adapter: CatalogAdapter
  /** Resolves when the adapter may be given entries. */
  opened: Promise<void>
  connector: Pick<Connector, 'connect'>
  clock: Clock
  /** Whether catalog entries may be called now. */
  isTrusted: () => boolean
  log: (message: string) => void
  /** Told after every change of what `report` answers; often, and in the middle of things. */
  onChange: () => void
}

/** A runner's memory. */
export interface Workbench extends RunnerOptions {
  slots: Map<string, Slot>
  departures: Departures
  /** Generations whose last calls still run, and when nothing of them is left; rejects when something survives. */
  retiring: Map<Running, Promise<void>>
  jobs: Jobs
  nextOrder: number
  tick: Ticker
  /** `attemptStart`, for what ends something and has something else come back. */
  startAgain: (slot: Slot) => Promise<void>
}

/** The slot of that key with a new aim, whatever was under way for the old one given up. What runs stays for now. */
export function takeSlot(bench: Workbench, aim: Aim, body: Body | null, outcome: Slot['outcome']): Slot {
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
