import { decide } from '../core/access.js'
import { type Entry, isRevoked, type JudgedEntry, type Revoked } from '../core/entry.js'
import { invalid, notFound } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { type Tx } from '../db/client.js'
import { lockEntry, lockTombstone, reviveEntry } from '../db/entry.js'
import { putEntries } from '../db/entry-commit.js'
import { holdTeams } from '../db/user.js'
import { withApproval } from './approval-request.js'
import { auditView } from './audit.js'
import { authorize, denied, writableEntry } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { nameTaken } from './entry-lane.js'
import { growthOf, quotaOf } from './quota.js'
import { atRevision, judged, updated } from './entry.js'
import { type AuditedChange, type Written } from './writer.js'

/**
 * Asks for a revoked entry back: it waits for an approval, and so does whatever else its owner saves of what was revoked. One that
 * was deleted meanwhile is there again.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, REVISION_CONFLICT, NAME_TAKEN, QUOTA_EXCEEDED; INVALID_INPUT when it is not revoked
 */
export function restoreEntry(context: CatalogContext, input: { id: string; expectedRevision: number }): Promise<Committed<JudgedEntry>> {
  return commit(context, actorOf(context.principal), async () => {
    const owner = await restorableOwner(context, input.id)
    return async (tx): Promise<Written<JudgedEntry>> => {
      if (owner.kind === 'TEAM' && (await holdTeams(tx, [owner.id])).length === 0) throw notFound('id', 'entry')
      const living = await lockEntry(tx, input.id)
      const before = atRevision(living ?? await lockTombstone(tx, input.id), input)
      if (!isRevoked(before)) throw invalid('id', 'The entry is not revoked.', 'Leave it as it is; statusReason says what it waits for.')
      const after = restored(context, before, before.revoked!)
      await write(tx, living === null, after).catch(nameTaken)
      if (living !== null) return { changes: [updated(context, before, after, 'entry.restore')], result: judged(context, after) }
      return { changes: [revived(context, before, after)], result: judged(context, after), growth: growthOf([quotaOf(context.index.state, owner)]) }
    }
  })
}

function restored(context: CatalogContext, before: Entry, revoked: Revoked): Entry {
  const [at, by] = [context.now().toISOString(), actorOf(context.principal)]
  // Whatever was decided of it before it was revoked counts no more.
  return withApproval(context, null, { ...before, revision: before.revision + 1, updatedAt: at, updatedBy: by, revoked: { ...revoked, restored: { at, by } } })
}

async function write(tx: Tx, isTombstone: boolean, after: Entry): Promise<void> {
  if (isTombstone) await reviveEntry(tx, after.id)
  await putEntries(tx, [after])
}

function revived(context: CatalogContext, before: Entry, after: Entry): AuditedChange {
  return {
    change: { subject: 'ENTRY', id: after.id, before: null, after }, action: 'entry.restore', before: auditView(context, before), after: auditView(context, after),
  }
}

/** Of a tombstone only what was revoked is known; to whom it does not belong it looks missing. */
async function restorableOwner(context: CatalogContext, id: string): Promise<OwnerRef> {
  const { index, principal } = context
  if (!index.state.entries.has(id) && !index.state.blocks.has(id)) await context.refresh()
  const block = index.state.entries.has(id) ? undefined : index.state.blocks.get(id)
  if (block === undefined) return (await writableEntry(context, id)).owner
  const decision = decide(principal, 'WRITE_ENTRIES', block.owner)
  if (decision !== 'YES' && decision !== 'AUDITED') throw await denied(context, 'WRITE_ENTRIES', id, 'id', 'entry')
  await authorize(context, 'WRITE_ENTRIES', block.owner, 'id')
  return block.owner
}
