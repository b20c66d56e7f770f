import { can } from '../core/access.js'
import { type ApprovalTerms, approversOf, approvalTerms, isApprover, makersOf, needsApproval } from '../core/approval.js'
import { type Entry, type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, invalid, notFound } from '../core/errors.js'
import { accepted, type HeldTool, type ToolInventory } from '../core/tool-inventory.js'
import { driftOf, pinsByName, pinLimits, type SeenTool, type ToolPin } from '../core/tool-pin.js'
import { authorsOf } from '../db/approval.js'
import { type Tx } from '../db/client.js'
import { lockEntry } from '../db/entry.js'
import { findToolInventory, listInventories, lockToolInventory, putToolInventory } from '../db/tool-inventory.js'
import { policiesOf, verdictOf } from '../index/judge.js'
import { driftNames, placeOf } from '../index/tool-pins.js'
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
  return found !== null && found.place === placeOf(entry) ? viewOf(context, entry, found) : null
}

/**
 * Entries of which something is held, for those who are to look at it: their own people, and admins.
 * @param after an entry's id
 */
export async function heldTools(context: CatalogContext, after: string | null, limit: number): Promise<ToolInventoryView[]> {
  const { principal, index: { state }, db } = context
  // The index tells which; their texts are large, and most are somebody else's.
  const ids = [...state.toolPins.keys()].filter((id) => {
    const entry = state.entries.get(id)
    return entry !== undefined && (after === null || id > after) && can(principal, 'SEE_APPROVALS', entry.owner) && driftNames(state, entry).length > 0
  }).sort().slice(0, limit)
  return (await listInventories(db, ids)).flatMap((inventory) => {
    const entry = state.entries.get(inventory.entryId)
    return entry !== undefined && placeOf(entry) === inventory.place && inventory.held.length > 0 ? viewOf(context, entry, inventory) : []
  })
}

/** For the definition that the entry has now. What is held may be of anybody's session, and is for those who look after the entry. */
function viewOf({ principal }: CatalogContext, entry: JudgedEntry, inventory: ToolInventory): ToolInventoryView {
  return { ...inventory, digest: entry.digest, held: can(principal, 'SEE_APPROVALS', entry.owner) ? inventory.held : [], entry }
}

/** Unified, from what is pinned to what is held. */
export function heldDiff({ pinned }: ToolInventoryView, { name, text }: HeldTool): string {
  const before: SeenTool | undefined = pinned.find((tool) => tool.name === name)
  const patch = patchOf({ name: before === undefined ? 'nothing was accepted before' : 'accepted', text: before?.text ?? '' }, { name: 'held', text })
  return before?.text === text ? `${patch}\nIt differs in a part that is too long to be shown.\n` : patch
}

export function isNew({ pinned }: ToolInventory, held: HeldTool): boolean {
  return driftOf(pinsByName(pinned), held) === 'NEW'
}

/**
 * Lets in what is held. Where the entry needs an approval by its approvers, and by none who made the definition, as with that; else by whoever may write it.
 * By hash, so that nothing gets in that nobody looked at. Doing it twice does nothing more.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, LIMIT_EXCEEDED; APPROVAL_NOT_ALLOWED; REVISION_CONFLICT (with currentRevision) for another digest
 */
export function acceptTools(context: CatalogContext, input: AcceptToolsInput): Promise<Committed<ToolInventoryView>> {
  const chosen = input.tools.map(({ name, hash }): ToolPin => ({ name: name ?? null, hash }))
  if (chosen.length === 0 || chosen.length > pinLimits.held) throw invalid('tools', `Between 1 and ${pinLimits.held} tools can be accepted at once.`, 'Name what is held, each with its hash.')
  return commit(context, actorOf(context.principal), async () => {
    const { entry: seen, terms } = await requireAccepter(context, input.entryId)
    return async (tx: Tx): Promise<Written<ToolInventoryView>> => {
      const entry = await lockEntry(tx, input.entryId)
      if (entry === null) throw notFound('entryId', 'entry')
      if (entry.digest !== input.digest) {
        throw new CatalogError('REVISION_CONFLICT', 'The entry has another definition by now.', {
          field: 'digest', currentRevision: entry.revision, mend: 'Look at what is held of the definition of now, and give its digest.',
        })
      }
      const isOwn = terms !== null && await requireOther(context, tx, entry, terms)
      const before = await lockToolInventory(tx, entry.id)
      if (before === null || before.place !== placeOf(entry)) throw invalid('tools', 'Nothing is held: no worker has told yet what tools there are.', 'Wait until a session has connected to the server.')
      const after = accepted({ ...before, digest: entry.digest }, chosen)
      if (after === null) return { changes: [], result: viewOf(context, seen, before) }
      await putToolInventory(tx, after)
      return { changes: [toolsChange(before, after, `tools.accept${isOwn ? 'Own' : ''}`)], result: viewOf(context, seen, after) }
    }
  })
}

/** @returns with the terms of its approval; null: it needs none */
async function requireAccepter(context: CatalogContext, entryId: string): Promise<{ entry: JudgedEntry; terms: ApprovalTerms | null }> {
  const { principal, index } = context
  const find = () => {
    const found = index.state.entries.get(entryId)
    return found !== undefined && canSee(context, found) ? found : null
  }
  const entry = find() ?? await context.refresh().then(find)
  if (entry === null) throw await denied(context, 'ACCEPT_TOOLS', entryId, 'entryId', 'entry')
  const policies = policiesOf(index.state, entry.owner)
  if (!needsApproval(verdictOf(policies, entry), entry.revoked)) return { entry: await writableEntry(context, entryId, 'entryId'), terms: null }
  const terms = approvalTerms(policies)
  if (isApprover(principal, entry.owner, terms)) return { entry, terms }
  await context.accessLog.record({ actor: actorOf(principal), action: 'ACCEPT_TOOLS', outcome: 'DENIED', target: entry.id })
  throw forbidden('entryId', 'This entry needs an approval, and so do its tools.', `Ask ${approversOf(entry.owner, terms)}.`)
}

/**
 * What nobody approves who made it, nobody lets say something else afterwards either.
 * @returns whether the caller made the definition, which the policy then allows
 */
async function requireOther(context: CatalogContext, tx: Tx, entry: Entry, terms: ApprovalTerms): Promise<boolean> {
  const { principal } = context
  const isOwn = makersOf(entry, await authorsOf(tx, entry.id, entry.digest)).some(({ kind, id }) => kind === principal.kind && id === principal.id)
  if (!isOwn || terms.allowSelf) return isOwn
  await context.accessLog.record({ actor: actorOf(principal), action: 'ACCEPT_TOOLS', outcome: 'DENIED', target: entry.id })
  throw new CatalogError('APPROVAL_NOT_ALLOWED', 'Who was the last to change the definition cannot let in what its server says since.', {
    field: 'entryId', mend: `Ask ${approversOf(entry.owner, terms)} other than yourself.`,
  })
}
