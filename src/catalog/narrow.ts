import { isEqualJson } from '../core/canonical.js'
import { type Scope, wayTo } from '../core/effective.js'
import { type JudgedEntry, statusWords } from '../core/entry.js'
import { parseWithdrawal } from '../core/withdrawal.js'
import { lockEntry } from '../db/entry.js'
import { putEntries } from '../db/entry-commit.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { atRevision, changeableEntry, type ChangedEntry, changeEntry, type EntryChange, judged, nextRevision, updated } from './entry.js'
import { nameTaken } from './entry-lane.js'
import { type Loss, openReceipts } from './open-receipt.js'
import { type Withdrawn } from './receipt.js'
import { type Written } from './writer.js'

/**
 * Changes an entry, with a receipt if that takes it from some sessions: it is shared with fewer, or may not run any more. Then, and only then, it
 * has a transaction of its own, so that changes which take nothing from anybody stay as fast as they are.
 * @throws CatalogError as `changeEntry`
 */
export async function changeWithReceipt(context: CatalogContext, change: EntryChange): Promise<Committed<Withdrawn<JudgedEntry>>> {
  const { result: { after, isWritten }, cursor } = await changeEntry(context, change, mayTake)
  return isWritten ? { result: { entry: after, revocationId: null }, cursor } : narrow(context, change)
}

function narrow(context: CatalogContext, { target, action, decide }: EntryChange): Promise<Committed<Withdrawn<JudgedEntry>>> {
  return commit(context, actorOf(context.principal), async () => {
    const id = await changeableEntry(context, target)
    const change = await decide()
    return async (tx): Promise<Written<Withdrawn<JudgedEntry>>> => {
      const before = atRevision(await lockEntry(tx, id), target)
      const after = nextRevision(context, before, change(before)) ?? before
      const result = { before: judged(context, before), after: judged(context, after) }
      if (after === before) return { changes: [], result: { entry: result.after, revocationId: null } }
      await putEntries(tx, [after]).catch(nameTaken)
      // What was decided by may have changed since.
      const losses = mayTake(result) ? [narrowingOf(context, result)] : []
      const [revocationId = null] = await openReceipts(context, tx, losses, { actor: actorOf(context.principal), changes: 1, isAlways: false, tokenId: null })
      return { changes: [updated(context, before, after, action)], result: { entry: result.after, revocationId } }
    }
  })
}

/** Whether a change may take an entry from somebody who has it. */
export function mayTake({ before, after }: ChangedEntry): boolean {
  if (before.status !== 'ACTIVE' || before.revision === after.revision) return false
  return after.status !== 'ACTIVE' || before.visibility !== after.visibility || !isEqualJson(before.audience, after.audience)
}

export function narrowingOf(context: CatalogContext, { before, after }: ChangedEntry): Loss {
  const reaches = (scope: Scope, entry: JudgedEntry) => entry.status === 'ACTIVE' && wayTo(scope, entry) !== null
  return {
    entry: before, verb: 'UPDATE', withdrawal: parseWithdrawal('UPDATE', {}), revision: after.revision,
    reason: after.status === 'ACTIVE' ? 'It is not shared with them any more.' : `It was changed, and ${statusWords[after.status]}.`,
    takesFrom: (owner) => {
      const scope = context.index.scopeOf(owner)
      return reaches(scope, before) && !reaches(scope, after)
    },
  }
}
