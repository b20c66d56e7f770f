import { can } from '../core/access.js'
import { type ChangeAction } from '../core/audit-words.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, notFound } from '../core/errors.js'
import { driftIn, heldAfter, parseReturned, parseSeenTools, pinsIn, returnedFrom, type SeenToolInput, type ToolInventory, toolsIn } from '../core/tool-inventory.js'
import { type EntryToolPins, type SeenTool, type ToolPin } from '../core/tool-pin.js'
import { type Tx } from '../db/client.js'
import { lockEntry } from '../db/entry.js'
import { lockToolInventory, putToolInventory } from '../db/tool-inventory.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { pinsOf, placeOf } from '../index/tool-pins.js'
import { commit } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { type AuditedChange, type Written } from './writer.js'

export interface ReportToolInventoryInput {
  entryId: string
  /** Of the definition that the worker runs. */
  digest: string
  owner: OwnerQuery
  tools: SeenToolInput[]
  /** What it told to differ before for that owner, and sees no more. Default: nothing. */
  returned?: Array<{ name?: string | null; hash: string }> | null
}

/**
 * Takes what a worker saw of an entry's tools. The first inventory of what the entry runs (`placeText`) becomes what they are held to, whoever's it is
 * (S26); every later one moves nothing (S27): what differs in it is kept for people to look at, and they are told. What its worker told to differ and sees no more is held no
 * longer; the version rises with that, so that whoever sees it still tells of it once more.
 * @returns what the tools are held to
 * @throws CatalogError INVALID_INPUT, LIMIT_EXCEEDED; FORBIDDEN for an owner that the token does not serve, or that there is not; NOT_FOUND for an entry
 * that is not in the owner's set; REVISION_CONFLICT (with currentRevision) for another digest than the entry has
 */
export async function reportToolInventory(context: CatalogContext, input: ReportToolInventoryInput): Promise<EntryToolPins> {
  const { digest, seen } = parseSeenTools(input.digest, input.tools)
  const returned = parseReturned(input.returned ?? [])
  await context.refresh()
  const known = pinsOf(context.index.state, requireServed(context, await servedOwner(context, input), input.entryId, digest))
  if (known !== null && driftIn(known.tools, seen).length === 0 && returned.length === 0) return known
  const { result } = await commit(context, actorOf(context.principal), async () => {
    const entry = requireServed(context, await servedOwner(context, input), input.entryId, digest)
    const isKnown = pinsOf(context.index.state, entry) !== null
    return (tx) => write(context, tx, { entryId: entry.id, digest, seen, returned, isKnown })
  })
  return result
}

async function servedOwner(context: CatalogContext, { entryId, owner: query }: ReportToolInventoryInput) {
  const owner = context.index.resolveOwner(query, null)
  // One answer for an unknown owner and one that is not served: neither can be told from the other.
  if (owner !== null && can(context.principal, 'REPORT_STATUS', owner)) return owner
  await context.accessLog.record({ actor: actorOf(context.principal), action: 'REPORT_TOOLS', outcome: 'DENIED', target: entryId })
  throw forbidden('owner', 'This token serves no such owner.', 'Report for an owner that it serves, or use a token that serves this one.')
}

function requireServed({ index }: CatalogContext, owner: NonNullable<ReturnType<CatalogContext['index']['resolveOwner']>>, entryId: string, digest: string): JudgedEntry {
  const entry = index.state.entries.get(entryId)
  if (entry?.kind !== 'MCP_SERVER' || index.chosen(index.scopeOf(owner), entry.kind, entry.name)?.id !== entry.id) throw notFound('entryId', 'entry')
  if (entry.digest !== digest) throw overtaken(entry.revision)
  return entry
}

function overtaken(currentRevision: number): CatalogError {
  return new CatalogError('REVISION_CONFLICT', 'The entry has another definition by now.', { field: 'digest', currentRevision, mend: 'Report what the definition of now offers.' })
}

/** Under the entry's lock, so that no edit and no other first inventory gets in between. */
async function write(
  context: CatalogContext, tx: Tx, { entryId, digest, seen, returned, isKnown }: { entryId: string; digest: string; seen: SeenTool[]; returned: ToolPin[]; isKnown: boolean },
): Promise<Written<EntryToolPins>> {
  const entry = await lockEntry(tx, entryId)
  const place = entry && placeOf(entry)
  if (entry === null || place === null) throw notFound('entryId', 'entry')
  if (entry.digest !== digest) throw overtaken(entry.revision)
  const before = await lockToolInventory(tx, entryId)
  const [seenAt, seenBy] = [context.now().toISOString(), actorOf(context.principal)]
  if (before?.place !== place) {
    const first: ToolInventory = { entryId, digest, place, version: (before?.version ?? 0) + 1, pinned: seen, held: [], seenAt, seenBy }
    await putToolInventory(tx, first)
    return { changes: [toolsChange(null, first, 'tools.pin')], result: pinsIn(first) }
  }
  const held = heldAfter(before.held, driftIn(before.pinned, seen), seenAt, seenBy)
  const after: ToolInventory = { ...before, digest, held: held as ToolInventory['held'] }
  // Of an entry that was gone and is back no node knows it any more.
  const changes = isKnown ? [] : [toolsChange(null, after, 'tools.pin')]
  if (held !== before.held) changes.push(holdChange(before, after))
  const over = returnedFrom(after, returned, seen)
  const next = over.length === 0 ? after : { ...after, version: after.version + 1, held: after.held.filter((tool) => !over.some((one) => one.tool === tool)) }
  if (over.length > 0) changes.push(returnChange(next, over))
  if (next.held !== before.held) await putToolInventory(tx, next)
  return { changes, result: pinsIn(next) }
}

/** As the audit tells it: names and hashes of what is another one. */
export function toolsChange(before: ToolInventory | null, after: ToolInventory, action: ChangeAction): AuditedChange {
  const told = (one: ToolInventory, other: ToolInventory | null) => ({
    digest: one.digest, version: one.version, tools: driftIn(other?.pinned ?? [], one.pinned).map(({ name, hash }) => ({ name, hash })),
  })
  return { change: changeTo(after), action, before: before && told(before, after), after: told(after, before) }
}

/** Moves no pin and reaches no worker; those who are to look at it are told as of any change. */
function holdChange(before: ToolInventory, after: ToolInventory): AuditedChange {
  const come = after.held.filter((tool) => !before.held.includes(tool)).map(({ name, hash }) => ({ name, hash }))
  return { change: { ...changeTo(after), before: { version: before.version } }, action: 'tools.hold', before: null, after: { digest: after.digest, version: after.version, held: come } }
}

/** As with what is held: names and hashes, each with why it is over. */
function returnChange(after: ToolInventory, over: ReturnType<typeof returnedFrom>): AuditedChange {
  const returned = over.map(({ tool: { name, hash }, reason }) => ({ name, hash, reason }))
  return { change: changeTo(after), action: 'tools.return', before: null, after: { digest: after.digest, version: after.version, returned } }
}

function changeTo(after: ToolInventory): Extract<AuditedChange['change'], { subject: 'TOOLS' }> {
  return { subject: 'TOOLS', id: after.entryId, before: null, after: toolsIn(after) }
}
