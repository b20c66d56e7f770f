import { createHash } from 'node:crypto'
import { type OwnerInput, type ReportToolInventoryInput } from '../client/index.js'
import { cutText, type EntryToolPins, toolText } from '../core/tool-pin.js'
import { isPinned, type Listed } from './held-tools.js'
import { type UpstreamTool } from './link.js'

/** What a session saw of one entry's tools. */
export interface SeenInventory {
  entryId: string
  digest: string
  /** Of the session. */
  owner: OwnerInput
  seen: ReadonlyArray<Listed<UpstreamTool | string>>
  /** The version of what it is compared with; null: nothing is pinned, as far as is known. */
  version: number | null
}

/** Tells the catalog what servers offer, once for all sessions of the worker that see the same. */
export interface InventoryDesk {
  /** @throws CatalogRequestError */
  report: (inventory: SeenInventory) => Promise<EntryToolPins>
}

/** How much of what was told is remembered, each with an answer of up to a thousand tools; what is forgotten is told once more. */
const mostTold = 200

/** @param send resolves with what the tools are held to */
export function createInventoryDesk(send: (input: ReportToolInventoryInput) => Promise<EntryToolPins>): InventoryDesk {
  const told = new Map<string, Promise<EntryToolPins>>()
  return {
    report: ({ entryId, digest, owner, seen, version }) => {
      const pinned = seen.filter(isPinned)
      const key = createHash('sha256').update(JSON.stringify([entryId, digest, version, pinned.map(({ name, hash }) => [name, hash])])).digest('base64')
      const known = told.get(key)
      if (known !== undefined) return known
      const tools = pinned.map(({ name, hash, definition }) => ({ name, hash, text: cutText(toolText(definition), pinned.length) }))
      const answer = send({ entryId, digest, owner, tools })
      told.set(key, answer)
      if (told.size > mostTold) told.delete(told.keys().next().value!)
      // What failed is told again; and so is a first inventory, since a catalog that was restored knows nothing of the one before.
      const forget = () => { if (told.get(key) === answer) told.delete(key) }
      answer.then(version === null ? forget : () => {}, forget)
      return answer
    },
  }
}
