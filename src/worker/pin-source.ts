import { type OwnerInput } from '../client/index.js'
import { holdsTools } from '../core/team-policy.js'
import { driftOf, pinLabel, pinsByName, returnOf, type ToolPin } from '../core/tool-pin.js'
import { isPinned, type Listed, named, type PinGate } from './held-tools.js'
import { type InventoryDesk, type SeenInventory } from './inventory-desk.js'
import { policiesOf } from './team-policies.js'
import { type CatalogView, type ViewEntry, type ViewPins } from './view.js'

/** What the tools of one entry are held to in one session, and where to tell what it offers. */
export interface PinSource extends PinGate {
  /** Whether the catalog has to know what was seen: nothing is pinned yet, something differs that it was not told last, or something does no more that it was. */
  isDue: (seen: SeenInventory['seen']) => boolean
  /**
   * Tells it.
   * @returns whether something was pinned, so that this told of what differs, or differs no more
   * @throws CatalogRequestError
   */
  tell: (seen: SeenInventory['seen']) => Promise<boolean>
}

export interface PinSourceOptions {
  /** What the worker holds of the owner's set. */
  view: () => CatalogView | null
  desk: InventoryDesk
  /** Of the session. */
  owner: OwnerInput
  /** Has a line for each time that something is told to differ. */
  log: (message: string) => void
}

export function createPinSource(entry: ViewEntry, { view, desk, owner, log }: PinSourceOptions): PinSource {
  const { id: entryId, name, digest } = entry
  /** What a report was answered, until the feed has come as far. */
  let answered: ViewPins | null = null
  /** An earlier definition may go on while the next one waits for its moment, and is held to what was told last of it. */
  let last: ViewPins | null = null
  let toldLast: string | null = null
  const current = (): ViewPins | null => {
    const told = view()?.pins.get(entryId)
    if (told?.digest === digest && (answered === null || told.version >= answered.version)) {
      answered = null
      last = told
    }
    return last
  }
  const holds = () => {
    const held = view()
    return held === null || holdsTools(policiesOf(held, entry))
  }
  const driftIn = (pins: ViewPins, seen: SeenInventory['seen']) => seen.filter(isPinned).filter((one) => driftOf(pins.hashes, one) !== null)
  const returnedIn = (pins: ViewPins, seen: SeenInventory['seen']): ToolPin[] => {
    const told = desk.told.of(entryId, owner)
    const now = told.length === 0 ? null : pinsByName(seen.filter(isPinned))
    return now === null ? [] : told.filter((one) => pins.hashes.get(one.name) !== one.hash && returnOf(pins.hashes, now, one) !== null)
  }
  const keyOf = (pins: ViewPins, drift: Array<Listed<unknown>>) => JSON.stringify([pins.version, drift.map(({ name: of, hash }) => [of, hash])])
  return {
    holds,
    pins: () => current()?.hashes ?? null,
    isDue: (seen) => {
      const pins = current()
      // Before it has anything it may only be slow; what it shows first is taken as it is anyway.
      if (pins === null) return seen.some(isPinned)
      const drift = driftIn(pins, seen)
      return (drift.length > 0 && keyOf(pins, drift) !== toldLast) || returnedIn(pins, seen).length > 0
    },
    tell: async (seen) => {
      const pins = current()
      const returned = pins === null ? [] : returnedIn(pins, seen)
      const told = await desk.report({ entryId, digest, owner, seen, version: pins?.version ?? null, returned })
      if (told.version > (current()?.version ?? 0)) last = answered = { digest: told.digest, version: told.version, hashes: pinsByName(told.tools) }
      if (pins === null) return false
      const drift = driftIn(pins, seen)
      toldLast = keyOf(pins, drift)
      desk.told.note(entryId, owner, drift.flatMap(({ name: of, hash }) => (hash === null ? [] : { name: of, hash })), returned)
      const labels = (tools: ReadonlyArray<{ name: string | null }>) => named([...new Set(tools.map(({ name: of }) => pinLabel(of)))])
      if (drift.length > 0) log(`${name}: its tools are not as they were accepted: ${labels(drift)}; ${holds() ? 'held' : 'the policy lets them in'}`)
      if (returned.length > 0) log(`${name}: its tools are as they were accepted again: ${labels(returned)}`)
      return true
    },
  }
}
