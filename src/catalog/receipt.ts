import { isEqualJson } from '../core/canonical.js'
import { can } from '../core/access.js'
import { type JudgedEntry } from '../core/entry.js'
import { type OwnerRef, type PrincipalRef, systemPrincipal } from '../core/owner.js'
import { heardAt, type JudgedTarget, judgeTarget, type Revocation, type RevocationState, revocationState, targetAfter } from '../core/revocation.js'
import { subscriptionAfter } from '../core/subscription-target.js'
import { trustForMs } from '../core/worker-status.js'
import { type Tx } from '../db/client.js'
import { insertTargets, listLateTargets, type ReportedSessions } from '../db/receipt.js'
import { findRevocation, type Followed, type FollowedTarget, followSubscriptions, followTargets, listRevocations, listTargets, type RevocationPlace, summarizeTargets, writeTargets } from '../db/revocation.js'
import { passed } from '../db/step.js'
import { type CatalogContext, type CatalogServices } from './context.js'
import { ago, nodesAliveSince } from './moments.js'
import { visibleOwners, workersByIds, type WorkerView } from './worker.js'

/** A receipt as it stands now. */
export interface RevocationView extends Revocation {
  state: RevocationState
  targetCount: number
  stoppedCount: number
}

/** What became of an entry, and the receipt of it. */
export interface Withdrawn<After = JudgedEntry | null> {
  /** null: deleted. */
  entry: After
  /** null: nothing was taken from sessions. */
  revocationId: string | null
}

export interface TargetView extends JudgedTarget {
  /** null: a subscription, for which none reports; or forgotten, days after it was last heard of. */
  worker: WorkerView | null
}

/** For so long after something has ended calls that are refused are still counted, and sessions that nobody knew of are added. */
const followedForMs = 15 * 60_000

/**
 * Brings receipts to what workers last reported. Judged on what is stored, so whoever calls it, and when, makes no difference: after a report
 * for the sessions that it told of, and for a receipt before it is read, should a process have died in between (S17).
 */
export async function fillReceipts(services: CatalogServices, of: Followed): Promise<void> {
  const { db, index, now } = services
  const endedSince = ago(services, followedForMs)
  if ('workerId' in of) await addLateTargets(services, of, endedSince)
  const at = { incarnation: index.state.incarnation, now: now() }
  const followed = await followTargets(db, of, { endedSince, trustedSince: ago(services, trustForMs) })
  const subscriptions = await followSubscriptions(db, of, { ...at, aliveSince: nodesAliveSince(services) })
  const brought = [
    ...followed.map((one) => ({ ...one, after: targetAfter(one.revocation, one.target, one.session, one.worker, { ...at, isBack: isBack(services, one) }) })),
    ...subscriptions.map((one) => ({ ...one, after: subscriptionAfter(one.target, one, at.now) })),
  ]
  const changed = brought.filter(({ target, after }) => !isEqualJson(after, target)).map(({ revocation, after }) => ({ revocationId: revocation.id, target: after }))
  if (changed.length === 0) return
  await writeTargets(db, changed)
  passed('receipt.brought')
}

/** What only some lose, others have: of them nobody is late whose set still holds it. With a token that has ended nobody reports. */
async function addLateTargets(services: CatalogServices, of: ReportedSessions, since: Date): Promise<void> {
  const late = (await listLateTargets(services.db, of, since))
    .filter(({ verb, entryId, target }) => verb !== 'TOKEN' && ((verb !== 'UPDATE' && verb !== 'RIGHTS') || !hasNow(services, target.owner, entryId)))
  if (late.length > 0) await insertTargets(services.db, late.map(({ revocationId, target }) => ({ revocationId, entryId: null, target })))
}

function hasNow({ index }: CatalogServices, owner: OwnerRef, entryId: string): boolean {
  const entry = index.state.entries.get(entryId)
  return entry !== undefined && index.chosen(index.scopeOf(owner), entry.kind, entry.name)?.id === entryId
}

/** A right that was lost may be given again, and with it the same revision; and what a token's worker had, its successor may have. */
const isBack = (services: CatalogServices, { revocation: { verb, sequence, entryId }, target }: FollowedTarget) => (
  (verb === 'TOKEN' || (verb === 'RIGHTS' && hasNow(services, target.owner, entryId))) && services.index.state.sequence >= sequence)

/** null for unknown, malformed and hidden ids alike: receipts are for those who see what runs for the entry's owner. */
export async function revocationById(context: CatalogContext, id: string): Promise<RevocationView | null> {
  const found = /^rev_[0-9a-f]{24}$/.test(id) ? await findRevocation(context.db, id) : null
  if (found === null || !can(context.principal, 'READ_STATUS', found.owner)) return null
  await fillReceipts(context, { revocationId: id })
  const [view] = await viewsOf(context, [found])
  return view!
}

/** The newest receipt of a revocation of that entry; null when there is none. */
export async function lastRevocationOf(tx: Tx, entryId: string): Promise<Revocation | null> {
  const [last] = await listRevocations(tx, { entryId, verb: 'REVOKE', owners: null }, null, 1)
  return last ?? null
}

async function viewsOf(context: CatalogContext, revocations: readonly Revocation[]): Promise<RevocationView[]> {
  const summaries = await summarizeTargets(context.db, revocations.map(({ id }) => id))
  const now = context.now()
  return revocations.map((revocation) => {
    const { count, ended, open } = summaries.get(revocation.id)!
    const judged = open.map(({ worker, ...alike }) => judgeTarget(revocation, alike, heardAt(alike, worker), now))
    return { ...revocation, requestedBy: whoAsked(context, revocation), state: revocationState(revocation, judged, now), targetCount: count, stoppedCount: ended }
  })
}

/** Who changed somebody's rights need not be known to the owners of what they lost: another team's maintainer, say. */
function whoAsked({ principal }: CatalogContext, { verb, requestedBy }: Revocation): PrincipalRef {
  return (verb !== 'RIGHTS' && verb !== 'TOKEN') || principal.role === 'ADMIN' || requestedBy.id === principal.id ? requestedBy : systemPrincipal
}

const batchSize = 100

/** Newest first. The database knows what is complete; of the others each is judged, so receipts are read until a page is full. */
export async function revocations(
  context: CatalogContext, filter: { entryId: string | null; state: RevocationState | null }, before: RevocationPlace | null, limit: number,
): Promise<RevocationView[]> {
  // Postgres cannot hold a NUL, so no entry has one.
  if (filter.entryId?.includes('\0')) return []
  const owners = visibleOwners(context)
  const isOpen = filter.state === null ? null : filter.state !== 'COMPLETE'
  const found: RevocationView[] = []
  for (let at: RevocationPlace | null = before; found.length < limit;) {
    const batch = await listRevocations(context.db, { entryId: filter.entryId, owners, isOpen }, at, batchSize)
    found.push(...(await viewsOf(context, batch)).filter(({ state }) => filter.state === null || state === filter.state))
    if (batch.length < batchSize) break
    at = batch.at(-1)!
  }
  return found.slice(0, limit)
}

/** A page of the targets whose sessions the caller may see; the counts are of all. */
export async function revocationTargets(
  context: CatalogContext, revocation: Revocation, after: { workerId: string; sessionId: string } | null, limit: number,
): Promise<TargetView[]> {
  const seen = await listTargets(context.db, revocation.id, visibleOwners(context), after, limit)
  // Whoever may see the target may know where it ran, also when nothing of theirs runs there any more.
  const workers = await workersByIds(context, seen.map(({ target }) => target.workerId), true)
  return seen.map(({ target, worker }) => ({ ...judgeTarget(revocation, target, heardAt(target, worker), context.now()), worker: workers.get(target.workerId) ?? null }))
}
