import { type Change } from '../core/change.js'
import { type Scope, wayTo } from '../core/effective.js'
import { nameKey, type JudgedEntry, statusWords } from '../core/entry.js'
import { type OwnerRef, ownerKey, type PrincipalRef } from '../core/owner.js'
import { parseWithdrawal } from '../core/withdrawal.js'
import { type Tx } from '../db/client.js'
import { listServedOwners } from '../db/receipt.js'
import { type Preview, previewChanges } from '../index/preview.js'
import { type CatalogState } from '../index/state.js'
import { type CatalogServices } from './context.js'
import { stoppedByThemselves } from './moments.js'
import { holdReceipts, type Loss, openReceipts } from './open-receipt.js'
import { ownerNow } from './worker.js'

/**
 * Opens the receipts of what somebody loses by a change of rights: by leaving a team, with a team that is deleted, by being deactivated or no
 * admin any more, by another policy. One for each entry that a session may have had; the last thing before the end of the transaction.
 */
export async function proveLostRights(services: CatalogServices, tx: Tx, actor: PrincipalRef, changes: readonly Change[]): Promise<void> {
  // A team's end is told last, after those of its memberships.
  const reason = changes.map(reasonOf).findLast((one) => one !== null) ?? null
  if (reason === null) return
  const early = previewChanges(services.index.state, changes)
  // Before anything is looked at: who subscribes after that look would have what nobody lost.
  await holdReceipts(services, tx)
  const { incarnation, sequence } = services.index.state
  const isStill = early.state.incarnation === incarnation && early.state.sequence === sequence + changes.length
  const served = (await listServedOwners(tx, stoppedByThemselves(services))).map((owner) => ownerNow(services, owner))
  const losses = lossesOf(services, isStill ? early : previewChanges(services.index.state, changes), served, reason)
  await openReceipts(services, tx, losses, { actor, changes: changes.length, isAlways: false, tokenId: null })
}

/**
 * null: nobody loses anything by it; changes of entries have receipts of their own. Who sees the receipt need not know who is in which team, or
 * what became of whom.
 */
function reasonOf(change: Change): string | null {
  const isLost = 'Somebody lost the right to it.'
  switch (change.subject) {
    case 'MEMBERSHIP': return change.before !== null && change.after === null ? isLost : null
    case 'TEAM': return change.after.deletedAt === null ? null : isLost
    case 'POLICY': return 'The policy was changed.'
    case 'USER': {
      const isDeactivated = change.before?.deactivatedAt === null && change.after.deactivatedAt !== null
      return isDeactivated || (change.before?.role === 'ADMIN' && change.after.role !== 'ADMIN') ? isLost : null
    }
    case 'ENTRY': case 'TOKEN': case 'CONSOLE_SESSION': case 'SECRET': case 'BINDING': case 'TOOLS': return null
  }
}

/** What an owner is before and after. */
interface Standing {
  before: Scope
  /** null: the team is gone. */
  after: Scope | null
}

/** By id of the entry. */
function lossesOf({ index }: CatalogServices, after: Preview, served: readonly OwnerRef[], reason: string): Loss[] {
  const standings = new Map<string, Standing>()
  const standingOf = (owner: OwnerRef): Standing => {
    const key = ownerKey(owner)
    const isGone = owner.kind === 'TEAM' && index.state.teams.has(owner.id) && !after.state.teams.has(owner.id)
    const standing = standings.get(key) ?? { before: index.scopeOf(owner), after: isGone ? null : after.view.scopeOf(owner) }
    standings.set(key, standing)
    return standing
  }
  const isLost = (owner: OwnerRef, entry: JudgedEntry) => {
    const { id, kind, name } = entry
    const { before, after: then } = standingOf(owner)
    if (wayTo(before, entry) === null || index.chosen(before, kind, name)?.id !== id) return false
    return then === null || after.view.chosen(then, kind, name)?.id !== id
  }
  const losses = new Map<string, Loss>()
  const lose = (entry: JudgedEntry) => losses.set(entry.id, lossOf(entry, after, reason, (owner) => isLost(owner, entry)))
  const loseIf = (entry: JudgedEntry, owners: readonly OwnerRef[]) => {
    if (!losses.has(entry.id) && owners.some((owner) => isLost(owner, entry))) lose(entry)
  }
  for (const key of after.touched.names) {
    for (const entry of index.state.entriesByName.get(key) ?? []) if (entry.status === 'ACTIVE' && !isSame(entry, after)) lose(entry)
  }
  const concerned = served.filter((owner) => standingOf(owner).after === null || (owner.kind === 'USER' && after.touched.users.has(owner.id)))
  const owners = [...new Map(concerned.map((owner) => [ownerKey(owner), owner])).values()]
  const [movers, others] = partition(owners, (owner) => movedTeams(standingOf(owner)) !== null)
  for (const owner of others) {
    for (const entry of index.effective(standingOf(owner).before).values()) loseIf(entry, [owner])
  }
  const teams = new Set(movers.flatMap((owner) => movedTeams(standingOf(owner))!))
  for (const key of teams.size === 0 ? [] : namesThrough(index.state, teams)) {
    for (const entry of index.state.entriesByName.get(key) ?? []) loseIf(entry, movers)
  }
  return [...losses.values()].sort((a, b) => (a.entry.id < b.entry.id ? -1 : 1))
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

/** Teams in which a person is only before or only after; null where more than that is another. */
function movedTeams({ before, after }: Standing): string[] | null {
  if (before.kind !== 'USER' || after?.kind !== 'USER' || before.isAdmin !== after.isAdmin || before.isDeactivated !== after.isDeactivated) return null
  return [...[...before.teamIds].filter((id) => !after.teamIds.has(id)), ...[...after.teamIds].filter((id) => !before.teamIds.has(id))]
}

/** What may be another one's for whoever leaves or joins these teams: every name that something has which reaches their members by them. */
function namesThrough({ entries }: CatalogState, teams: ReadonlySet<string>): Set<string> {
  const isOne = ({ kind, id }: OwnerRef) => kind === 'TEAM' && teams.has(id)
  return new Set([...entries.values()].filter(({ owner, audience }) => isOne(owner) || audience.some(isOne)).map(nameKey))
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
  const said = now.status === 'ACTIVE' ? reason : `${reason} It ${statusWords[now.status]}.`
  return { entry, verb: 'RIGHTS', withdrawal: parseWithdrawal('RIGHTS', {}), revision, reason: said, takesFrom: isOff ? null : takesFrom }
}
