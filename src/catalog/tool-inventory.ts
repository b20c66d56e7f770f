import { can } from '../core/access.js'
import { approversOf, approvalTerms, isApprover, needsApproval } from '../core/approval.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, invalid, notFound } from '../core/errors.js'
import { accepted, type HeldTool, type ToolInventory } from '../core/tool-inventory.js'
import { driftOf, pinsByName, pinLimits, type SeenTool, type ToolPin } from '../core/tool-pin.js'
import { type Tx } from '../db/client.js'
import { lockEntry } from '../db/entry.js'
import { findToolInventory, listHeld, lockToolInventory, putToolInventory } from '../db/tool-inventory.js'
import { policiesOf, verdictOf } from '../index/judge.js'
import { canSee, denied, visibleEntry, writableEntry } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { toolsChange } from './report-tools.js'
import { patchOf } from './text-patch.js'
import { type Written } from './writer.js'

export interface AcceptToolsInput {
  entryId: string
  /** Of the definition whose tools the caller saw. */
  digest: string
  tools: Array<{ name?: string | null; hash: string }>
}

/** What people see of an entry's tools. */
export interface ToolInventoryView extends ToolInventory {
  entry: JudgedEntry
  /** Whether the texts are for the caller: definitions may tell of whoever's session saw them. */
  isOpen: boolean
}

/**
 * What an entry's tools are held to, and what differs.
 * @returns null: nothing was seen of the definition that it has now
 * @throws CatalogError NOT_FOUND for an entry that the caller may not see
 */
export async function toolInventory(context: CatalogContext, entryId: string): Promise<ToolInventoryView | null> {
  const entry = await visibleEntry(context, entryId)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', entryId, 'entryId', 'entry')
  const found = await findToolInventory(context.db, entryId)
  return found?.digest === entry.digest ? viewOf(context, entry, found) : null
}

/**
 * Entries of which something is held, for those who are to look at it: their own people, and admins.
 * @param after an entry's id
 */
export async function heldTools(context: CatalogContext, after: string | null, limit: number): Promise<ToolInventoryView[]> {
  const found: ToolInventoryView[] = []
  for (let at = after; found.length < limit;) {
    const page = await listHeld(context.db, at, pageSize)
    for (const inventory of page) {
      const entry = context.index.state.entries.get(inventory.entryId)
      if (entry?.digest === inventory.digest && can(context.principal, 'SEE_APPROVALS', entry.owner)) found.push(viewOf(context, entry, inventory))
    }
    if (page.length < pageSize) break
    at = page.at(-1)!.entryId
  }
  return found.slice(0, limit)
}

const pageSize = 100

function viewOf({ principal }: CatalogContext, entry: JudgedEntry, inventory: ToolInventory): ToolInventoryView {
  return { ...inventory, entry, isOpen: can(principal, 'SEE_APPROVALS', entry.owner) }
}

/** Unified, from what is pinned to what is held. */
export function heldDiff({ pinned, isOpen }: ToolInventoryView, { name, text }: HeldTool): string {
  if (!isOpen) return ''
  const before: SeenTool | undefined = pinned.find((tool) => tool.name === name)
  const patch = patchOf({ name: before === undefined ? 'nothing was accepted before' : 'accepted', text: before?.text ?? '' }, { name: 'held', text })
  return before?.text === text ? `${patch}\nIt differs in a part that is too long to be shown.\n` : patch
}

export function isNew({ pinned }: ToolInventory, held: HeldTool): boolean {
  return driftOf(pinsByName(pinned), held) === 'NEW'
}

/**
 * Lets in what is held. By the approvers where the entry needs an approval, else by whoever may write it; by hash, so that nothing gets in that
 * nobody looked at. Doing it twice does nothing more.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, LIMIT_EXCEEDED; REVISION_CONFLICT (with currentRevision) for another digest
 */
export function acceptTools(context: CatalogContext, input: AcceptToolsInput): Promise<Committed<ToolInventoryView>> {
  const chosen = input.tools.map(({ name, hash }): ToolPin => ({ name: name ?? null, hash }))
  if (chosen.length === 0 || chosen.length > pinLimits.held) throw invalid('tools', `Between 1 and ${pinLimits.held} tools can be accepted at once.`, 'Name what is held, each with its hash.')
  return commit(context, actorOf(context.principal), async () => {
    const seen = await requireAccepter(context, input.entryId)
    return async (tx: Tx): Promise<Written<ToolInventoryView>> => {
      const entry = await lockEntry(tx, input.entryId)
      if (entry === null) throw notFound('entryId', 'entry')
      if (entry.digest !== input.digest) {
        throw new CatalogError('REVISION_CONFLICT', 'The entry has another definition by now.', {
          field: 'digest', currentRevision: entry.revision, mend: 'Look at what is held of the definition of now, and give its digest.',
        })
      }
      const before = await lockToolInventory(tx, entry.id)
      if (before?.digest !== entry.digest) throw invalid('tools', 'Nothing is held: no worker has told yet what tools there are.', 'Wait until a session has connected to the server.')
      const after = accepted(before, chosen)
      if (after === null) return { changes: [], result: viewOf(context, seen, before) }
      await putToolInventory(tx, after)
      return { changes: [toolsChange(before, after, 'tools.accept')], result: viewOf(context, seen, after) }
    }
  })
}

async function requireAccepter(context: CatalogContext, entryId: string): Promise<JudgedEntry> {
  const { principal, index } = context
  const find = () => {
    const found = index.state.entries.get(entryId)
    return found !== undefined && canSee(context, found) ? found : null
  }
  const entry = find() ?? await context.refresh().then(find)
  if (entry === null) throw await denied(context, 'ACCEPT_TOOLS', entryId, 'entryId', 'entry')
  const policies = policiesOf(index.state, entry.owner)
  if (!needsApproval(verdictOf(policies, entry), entry.revoked)) return writableEntry(context, entryId, 'entryId')
  const terms = approvalTerms(policies)
  if (isApprover(principal, entry.owner, terms)) return entry
  await context.accessLog.record({ actor: actorOf(principal), action: 'ACCEPT_TOOLS', outcome: 'DENIED', target: entry.id })
  throw forbidden('entryId', 'This entry needs an approval, and so do its tools.', `Ask ${approversOf(entry.owner, terms)}.`)
}
