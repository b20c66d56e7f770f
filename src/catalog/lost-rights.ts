import { type Change } from '../core/change.js'
import { nameKey, type JudgedEntry } from '../core/entry.js'
import { type OwnerRef, ownerKey, type PrincipalRef } from '../core/owner.js'
import { parseWithdrawal } from '../core/withdrawal.js'
import { type Tx } from '../db/client.js'
import { listServedOwners } from '../db/receipt.js'
import { type CatalogView } from '../index/catalog-index.js'
import { type Preview, previewChanges } from '../index/preview.js'
import { type CatalogServices } from './context.js'
import { type Loss, openReceipts, stoppedByThemselves } from './open-receipt.js'
import { ownerNow } from './worker.js'

/**
 * Opens the receipts of what somebody loses by a change of rights: by leaving a team, with a team that is deleted, by being deactivated or no
 * admin any more, by another policy. One for each entry that a session may have had; the last thing before the end of the transaction.
 */
export async function proveLostRights(services: CatalogServices, tx: Tx, actor: PrincipalRef, changes: readonly Change[]): Promise<void> {
  // A team's end is told last, after those of its memberships.
  const reason = changes.map(reasonOf).findLast((one) => one !== null) ?? null
  if (reason === null) return
  const served = (await listServedOwners(tx, stoppedByThemselves(services))).map((owner) => ownerNow(services, owner))
  const losses = lossesOf(services, previewChanges(services.index.state, changes), served, reason)
  await openReceipts(services, tx, losses, { actor, changes: changes.length, isAlways: false })
}

/** null: nobody loses anything by it; changes of entries have receipts of their own. */
function reasonOf(change: Change): string | null {
  switch (change.subject) {
    case 'MEMBERSHIP': return change.before !== null && change.after === null ? 'They left a team.' : null
    case 'TEAM': return change.after.deletedAt === null ? null : 'A team was deleted.'
    case 'POLICY': return 'The policy was changed.'
    case 'USER':
      if (change.before?.deactivatedAt === null && change.after.deactivatedAt !== null) return 'A person was deactivated.'
      return change.before?.role === 'ADMIN' && change.after.role !== 'ADMIN' ? 'They are no admin any more.' : null
    case 'ENTRY': case 'TOKEN': return null
  }
}

/** By id of the entry. */
function lossesOf({ index }: CatalogServices, after: Preview, served: readonly OwnerRef[], reason: string): Loss[] {
  const isGone = ({ kind, id }: OwnerRef) => kind === 'TEAM' && index.state.teams.has(id) && !after.state.teams.has(id)
  const chosen = (view: CatalogView, owner: OwnerRef, { kind, name }: JudgedEntry) => view.chosen(view.scopeOf(owner), kind, name)?.id
  const isLost = (owner: OwnerRef, entry: JudgedEntry) => chosen(index, owner, entry) === entry.id && (isGone(owner) || chosen(after.view, owner, entry) !== entry.id)
  const losses = new Map<string, Loss>()
  const lose = (entry: JudgedEntry) => losses.set(entry.id, lossOf(entry, after, reason, (owner) => isLost(owner, entry)))
  const concerned = served.filter((owner) => isGone(owner) || (owner.kind === 'USER' && after.touched.users.has(owner.id)))
  for (const owner of new Map(concerned.map((owner) => [ownerKey(owner), owner])).values()) {
    for (const entry of index.effective(index.scopeOf(owner)).values()) if (isLost(owner, entry)) lose(entry)
  }
  for (const key of after.touched.names) {
    for (const entry of index.state.entriesByName.get(key) ?? []) if (entry.status === 'ACTIVE' && !isSame(entry, after)) lose(entry)
  }
  return [...losses.values()].sort((a, b) => (a.entry.id < b.entry.id ? -1 : 1))
}

const isSame = (entry: JudgedEntry, { state }: Preview) => {
  const now = state.entries.get(entry.id)
  return now !== undefined && now.status === entry.status && now.dormant === entry.dormant && nameKey(now) === nameKey(entry)
}

function lossOf(entry: JudgedEntry, after: Preview, reason: string, takesFrom: (owner: OwnerRef) => boolean): Loss {
  const now = after.state.entries.get(entry.id)
  const { revision } = entry
  if (now === undefined) return { entry, verb: 'DELETE', withdrawal: parseWithdrawal('DELETE', {}), revision, reason: 'It was deleted with its team.', takesFrom: null }
  const isOff = now.status !== 'ACTIVE' || now.dormant === true
  const said = now.status === 'ACTIVE' ? reason : `${reason} It is ${now.status}.`
  return { entry, verb: 'RIGHTS', withdrawal: parseWithdrawal('RIGHTS', {}), revision, reason: said, takesFrom: isOff ? null : takesFrom }
}
