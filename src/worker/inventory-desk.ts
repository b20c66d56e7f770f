import { createHash } from 'node:crypto'
import { type OwnerInput, type ReportToolInventoryInput } from '../client/index.js'
import { cutTexts, type EntryToolPins, type ToolPin, toolText } from '../core/tool-pin.js'
import { isPinned, type Listed } from './held-tools.js'
import { type UpstreamTool } from './link.js'
import { ownerText } from './owner-feed.js'
import { createToldDrift, type ToldDrift } from './told-drift.js'

/** What a session saw of one entry's tools. */
export interface SeenInventory {
  entryId: string
  digest: string
  /** Of the session. */
  owner: OwnerInput
  seen: ReadonlyArray<Listed<UpstreamTool | string>>
  /** The version of what it is compared with; null: nothing is pinned, as far as is known. */
  version: number | null
  /** What was told to differ before, and is over. Default: nothing. */
  returned?: readonly ToolPin[]
}

/** Tells the catalog what servers offer, once for all sessions of the worker that see the same. */
export interface InventoryDesk {
  /** @throws CatalogRequestError */
  report: (inventory: SeenInventory) => Promise<EntryToolPins>
  told: ToldDrift
}

/** How much of what was told is remembered, each with an answer of up to a thousand tools; what is forgotten is told once more. */
const mostTold = 200

/** @param send resolves with what the tools are held to */
export function createInventoryDesk(send: (input: ReportToolInventoryInput) => Promise<EntryToolPins>): InventoryDesk {
  const told = new Map<string, { entryId: string; answer: Promise<EntryToolPins> }>()
  return {
    told: createToldDrift(),
    report: ({ entryId, digest, owner, seen, version, returned = [] }) => {
      const pinned = seen.filter(isPinned)
      const key = createHash('sha256').update(JSON.stringify([entryId, digest, version, pinned.map(({ name, hash }) => [name, hash]), ...(returned.length > 0 ? [returned, ownerText(owner)] : [])])).digest('base64')
      const known = told.get(key)
      if (known !== undefined) return known.answer
      const texts = cutTexts(pinned.map(({ definition }) => toolText(definition)))
      const tools = pinned.map(({ name, hash }, at) => ({ name, hash, text: texts[at]! }))
      const answer = send({ entryId, digest, owner, tools, ...(returned.length > 0 && { returned: [...returned] }) })
      told.set(key, { entryId, answer })
      if (told.size > mostTold) told.delete(told.keys().next().value!)
      // What failed is told again; and so is a first inventory, since a catalog that was restored knows nothing of the one before.
      const forget = () => { if (told.get(key)?.answer === answer) told.delete(key) }
      // What is over may come again, as it was.
      const forgetAll = () => { for (const [other, one] of told) if (one.entryId === entryId) told.delete(other) }
      answer.then(version === null ? forget : returned.length > 0 ? forgetAll : () => {}, forget)
      return answer
    },
  }
}
