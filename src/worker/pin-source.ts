import { type OwnerInput } from '../client/index.js'
import { driftOf, pinsByName } from '../core/tool-pin.js'
import { isPinned, type Listed, type PinGate } from './held-tools.js'
import { type InventoryDesk } from './inventory-desk.js'
import { type UpstreamTool } from './link.js'
import { type CatalogView, type ViewEntry, type ViewPins } from './view.js'

/** What the tools of one entry are held to in one session, and where to tell what it offers. */
export interface PinSource extends PinGate {
  /**
   * Tells the catalog what was seen, if it has to know: nothing is pinned yet, or something differs.
   * @throws CatalogRequestError
   */
  tell: (seen: ReadonlyArray<Listed<UpstreamTool | string>>) => Promise<void>
}

export interface PinSourceOptions {
  /** What the worker holds of the owner's set. */
  view: () => CatalogView | null
  desk: InventoryDesk
  /** Of the session. */
  owner: OwnerInput
}

export function createPinSource({ id: entryId, digest }: ViewEntry, { view, desk, owner }: PinSourceOptions): PinSource {
  /** What a report was answered, until the feed has come as far. */
  let answered: ViewPins | null = null
  /** An earlier definition may go on while the next one waits for its moment, and is held to what was told last of it. */
  let last: ViewPins | null = null
  const current = (): ViewPins | null => {
    const told = view()?.pins.get(entryId)
    if (told?.digest === digest && (answered === null || told.version >= answered.version)) {
      answered = null
      last = told
    }
    return last
  }
  return {
    pins: () => current()?.hashes ?? null,
    // A policy that cannot be read lets nothing in (S23).
    holds: () => view()?.policy.document?.tools.drift !== 'accept',
    tell: async (seen) => {
      const pins = current()
      // Before it has anything it may only be slow; what it shows first is taken as it is anyway.
      if (pins === null && !seen.some(isPinned)) return
      if (pins !== null && seen.every((one) => !isPinned(one) || driftOf(pins.hashes, one) === null)) return
      const told = await desk.report({ entryId, digest, owner, seen, version: pins?.version ?? null })
      if (told.version <= (current()?.version ?? 0)) return
      last = answered = { digest: told.digest, version: told.version, hashes: pinsByName(told.tools) }
    },
  }
}
