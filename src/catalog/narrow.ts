import { parseCursor } from '../core/change.js'
import { wayTo } from '../core/effective.js'
import { type JudgedEntry } from '../core/entry.js'
import { isEqualJson } from '../core/canonical.js'
import { type OwnerRef } from '../core/owner.js'
import { parseWithdrawal } from '../core/withdrawal.js'
import { insertReceipt } from '../db/revocation.js'
import { listHolders, type StoredSession } from '../db/worker.js'
import { type Committed } from './commit.js'
import { type CatalogContext } from './context.js'
import { type ChangedEntry } from './entry.js'
import { newReceipt, stoppedByThemselves, type Withdrawn } from './receipt.js'
import { ownerNow } from './worker.js'

/**
 * Adds the receipt to a change that took the entry from some sessions: it is shared with fewer, or may not run any more. Written right
 * after the change, so that changes which take nothing from anybody stay as fast as they are. The change stands: where its receipt cannot be
 * written, it has none.
 */
export async function withReceipt(context: CatalogContext, { result: { before, after }, cursor }: Committed<ChangedEntry>): Promise<Committed<Withdrawn<JudgedEntry>>> {
  const revocationId = await receiptOf(context, before, after, cursor).catch((error: unknown) => {
    context.warn(error, 'the receipt of an update could not be written')
    return null
  })
  return { result: { entry: after, revocationId }, cursor }
}

async function receiptOf(context: CatalogContext, before: JudgedEntry, after: JudgedEntry, cursor: string): Promise<string | null> {
  const losers = mayTake(before, after) ? await losersOf(context, before, after) : []
  const at = parseCursor(cursor)
  if (losers.length === 0 || at === null) return null
  const receipt = newReceipt(context, before, at.sequence, {
    verb: 'UPDATE', withdrawal: parseWithdrawal('UPDATE', {}), revision: after.revision,
    reason: after.status === 'ACTIVE' ? 'It is not shared with them any more.' : `It was changed, and is ${after.status}.`,
  })
  await insertReceipt(context.db, receipt, losers)
  return receipt.id
}

function mayTake(before: JudgedEntry, after: JudgedEntry): boolean {
  if (before.status !== 'ACTIVE' || before.revision === after.revision) return false
  return after.status !== 'ACTIVE' || before.visibility !== after.visibility || !isEqualJson(before.audience, after.audience)
}

const pageSize = 1_000

async function losersOf(context: CatalogContext, before: JudgedEntry, after: JudgedEntry): Promise<StoredSession[]> {
  const reaches = (owner: OwnerRef, entry: JudgedEntry) => (
    entry.status === 'ACTIVE' && wayTo(context.index.scopeOf(ownerNow(context, owner)), entry) !== null)
  const losers: StoredSession[] = []
  const question = { entryId: before.id, owners: null, moment: stoppedByThemselves(context) }
  for (let last: StoredSession | null = null; ;) {
    const page: StoredSession[] = await listHolders(context.db, question, last, pageSize)
    losers.push(...page.filter(({ owner }) => reaches(owner, before) && !reaches(owner, after)))
    if (page.length < pageSize) return losers
    last = page.at(-1)!
  }
}
