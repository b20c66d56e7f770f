import { type RevocationMode } from '../core/entry.js'
import { type CatalogAdapter } from './adapter.js'
import { type Aim, type Running, type Slot } from './slot.js'

/**
 * Where the policy lists a name in `static.overridable`, the catalog's entry takes the place of the static one: both have a slot of their own, and
 * the adapter has one of them. The static one serves until the catalog's stands in its place, and again when that is stopped.
 */
const mark = 'static '
type Slots = ReadonlyMap<string, Slot>

export const staticKey = (catalogKey: string): string => `${mark}${catalogKey}`
const otherKey = (key: string) => (key.startsWith(mark) ? key.slice(mark.length) : staticKey(key))

export const overtaken = new Error('something newer was decided meanwhile')
const reason = 'Replaced by the catalog entry of its name, because the policy lists the name in static.overridable.'

/** Ends what is under way; whether something runs is another matter. */
export function giveUp(slot: Slot): void {
  slot.cancelRetry()
  slot.attempt?.controller.abort(overtaken)
  slot.attempt = null
}

/** What serves under the name of that key from the other layer. */
export function otherRunning(slots: Slots, key: string): Running | null {
  return slots.get(otherKey(key))?.running ?? null
}

/**
 * The static entry of that name ends here.
 * @param catalogKey of what stands in its place now
 * @returns what served of it, for its calls to end; null: nothing
 */
export function giveWay(slots: Slots, catalogKey: string): Running | null {
  const slot = slots.get(staticKey(catalogKey))
  // What cannot work as it is written says so itself, whatever stands in its place.
  if (slot?.body == null) return null
  const { running } = slot
  giveUp(slot)
  Object.assign(slot, { running: null, state: 'REFUSED', reason, failures: 0 })
  return running
}

/** The static entry that had given way to what is stopped, made ready to start; null: there is none. */
export function comeBack(slots: Slots, catalogKey: string): Slot | null {
  const slot = slots.get(staticKey(catalogKey))
  return slot?.state === 'REFUSED' ? Object.assign(slot, { reason: null }) : null
}

/** The adapter lets go of it, and has what serves under that name by then instead. */
export function letGo(slots: Slots, adapter: CatalogAdapter, { key, kind, name }: Aim, mode: RevocationMode): Promise<void> {
  const other = otherRunning(slots, key)
  return other === null ? adapter.unload(kind, name, mode) : adapter.load(other.item)
}
