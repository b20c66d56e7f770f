import { formatCursor } from '../core/change.js'
import { type Entry } from '../core/entry.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type Revocation, type RevocationTarget } from '../core/revocation.js'
import { nodeSilentAfterMs, nodeTellsForMs, subscriptionTarget } from '../core/subscription-target.js'
import { type Withdrawal, type WithdrawalVerb } from '../core/withdrawal.js'
import { connectedForMs, trustForMs } from '../core/worker-status.js'
import { lastChangesOf } from '../db/audit.js'
import { type Tx } from '../db/client.js'
import { type Head, lockHead } from '../db/head.js'
import { insertReceipts, listHolderOwners, type OpenedReceipt } from '../db/receipt.js'
import { holdSubscriptions, listReported, listSubscriptions, type SubscriptionQuestion, type SubscriptionState } from '../db/subscription.js'
import { type BehindSession, listBehind } from '../db/worker.js'
import { actorOf, type CatalogContext, type CatalogServices, newId } from './context.js'
import { ownerNow } from './worker.js'

export const ago = ({ now }: Pick<CatalogServices, 'now'>, ms: number): Date => new Date(now().getTime() - ms)

/** Workers that were not heard of since have had to stop by themselves: their sessions are no targets. */
export const stoppedByThemselves = (services: Pick<CatalogServices, 'now'>): Date => ago(services, connectedForMs + trustForMs)

/** A node that was heard of since lives. */
export const nodesAliveSince = (services: Pick<CatalogServices, 'now'>): Date => ago(services, nodeSilentAfterMs)

/** What one change takes from sessions. */
export interface Loss {
  /** As it was before. */
  entry: Entry
  verb: WithdrawalVerb
  withdrawal: Withdrawal
  /** Of the entry as it is then. */
  revision: number
  reason: string
  /** Who has it taken; null: whoever has it. */
  takesFrom: ((owner: OwnerRef) => boolean) | null
}

function newReceipt(context: CatalogContext, sequence: number, { entry, verb, withdrawal: { mode, deadlineSeconds }, revision, reason }: Loss): Revocation {
  const now = context.now()
  return {
    id: newId('rev'), sequence, entryId: entry.id, entryName: entry.name, owner: entry.owner, revision, verb, mode, reason,
    requestedBy: actorOf(context.principal), requestedAt: now.toISOString(), deadline: new Date(now.getTime() + 1_000 * deadlineSeconds).toISOString(),
  }
}

/**
 * Opens the receipt of what one transaction takes from sessions, as the last thing before its end: it takes the counter row's lock to
 * know its place.
 * @returns its id
 */
export async function openReceipt(context: CatalogContext, tx: Tx, loss: Loss): Promise<string> {
  const [id] = await openReceipts(context, tx, [loss], { changes: 1, isAlways: true })
  return id!
}

/**
 * The same for several.
 * @param changes how many changes the transaction makes: with the last of them everything is taken
 * @param isAlways also for what nobody has
 * @returns their ids, in the same order; null: nobody has it
 */
export async function openReceipts(
  context: CatalogContext, tx: Tx, losses: readonly Loss[], { changes, isAlways }: { changes: number; isAlways: boolean },
): Promise<Array<string | null>> {
  if (losses.length === 0) return []
  const since = stoppedByThemselves(context)
  await holdSubscriptions(tx)
  const head = await lockHead(tx)
  const ids = losses.map(({ entry }) => entry.id)
  const unreported = await listUnreported(context, tx, head, ids)
  const holders = isAlways && losses.every(({ takesFrom }) => takesFrom === null) ? [] : await listHolderOwners(tx, ids, since)
  const opened = losses.map((loss): OpenedReceipt | null => {
    const revocation = newReceipt(context, head.sequence + changes, loss)
    const { entry, takesFrom } = loss
    const owners = holders.filter(({ entryId, owner }) => entryId === entry.id && (takesFrom === null || takesFrom(ownerNow(context, owner))))
    const targets = unreportedOf(context, revocation, loss, unreported)
    if (!isAlways && owners.length + targets.length === 0) return null
    return { revocation, losers: takesFrom === null ? null : owners.map(({ owner }) => ownerKey(owner)), unreported: targets }
  })
  const made = opened.filter((one) => one !== null)
  if (made.length > 0) await insertReceipts(tx, made, since)
  return opened.map((one) => one?.revocation.id ?? null)
}

/** What may have an entry without a word of it. */
interface Unreported {
  sessions: BehindSession[]
  /** By entry: what a session has to have come up to, so that its word counts. */
  cursors: Map<string, string>
  subscriptions: SubscriptionState[]
}

async function listUnreported(context: CatalogContext, tx: Tx, { incarnation, rightsSequence }: Head, entryIds: readonly string[]): Promise<Unreported> {
  const lastChanges = await lastChangesOf(tx, entryIds)
  const cursors = new Map(entryIds.map((id) => (
    [id, formatCursor({ incarnation, sequence: Math.max(rightsSequence, lastChanges.get(id) ?? 0) })])))
  const moment = stoppedByThemselves(context)
  const latest = [...cursors.values()].sort().at(-1)!
  const sessions = await listBehind(tx, { cursor: latest, moment })
  return { sessions, cursors, subscriptions: await unheardSubscriptions(context, tx, moment) }
}

/**
 * Subscriptions for which nobody reports. One that has ended, or whose node has died, counts while its program may still trust what it was told;
 * unless workers of its token report: they would tell of the owner's sessions if there were any left.
 */
async function unheardSubscriptions(context: CatalogContext, tx: Tx, reportingSince: Date): Promise<SubscriptionState[]> {
  const question: SubscriptionQuestion = { toldSince: ago(context, trustForMs), aliveSince: nodesAliveSince(context), aliveForMs: nodeTellsForMs, reportingSince }
  const all = await listSubscriptions(tx, question)
  const keyOf = (tokenId: string, owner: OwnerRef) => `${tokenId} ${ownerKey(ownerNow(context, owner))}`
  const tokenIds = [...new Set(all.filter(({ isReporting }) => isReporting).map(({ tokenId }) => tokenId))]
  const reported = new Set((await listReported(tx, tokenIds, reportingSince)).map(({ tokenId, owner }) => keyOf(tokenId, owner)))
  return all.filter(({ tokenId, owner, isOpen, isReporting }) => (isOpen ? !reported.has(keyOf(tokenId, owner)) : !isReporting))
}

/**
 * A session is told of before it loads anything, and its entries a moment later. Where it had not come up to the last change of the entry, or
 * of anybody's rights, when it was last told of, it has the entry if its owner's set has. Of a subscription without reports nothing else is known.
 */
function unreportedOf(context: CatalogContext, receipt: Revocation, { entry: { id, kind, name }, takesFrom }: Loss, unreported: Unreported): RevocationTarget[] {
  const { index } = context
  const isTaken = memoized((owner: OwnerRef) => (
    index.chosen(index.scopeOf(owner), kind, name)?.id === id && (takesFrom === null || takesFrom(ownerNow(context, owner)))))
  const cursor = unreported.cursors.get(id)!
  const isBehind = (at: string | null) => at === null || at < cursor || at.slice(0, 8) !== cursor.slice(0, 8)
  const reason = 'Its worker has not told yet whether it has it.'
  return [
    ...unreported.sessions.filter((session) => isBehind(session.cursor) && isTaken(session.owner)).map(({ cursor: _, ...session }): RevocationTarget => (
      { ...session, state: 'STARTING', at: null, refusedCalls: 0, reason, tokenId: null, trustedUntil: null })),
    ...unreported.subscriptions.filter(({ owner }) => isTaken(owner)).map((subscription) => subscriptionTarget(receipt, subscription)),
  ]
}

/** Many sessions act for one owner. */
function memoized(ask: (owner: OwnerRef) => boolean): (owner: OwnerRef) => boolean {
  const known = new Map<string, boolean>()
  return (owner) => {
    const key = ownerKey(owner)
    const answer = known.get(key) ?? ask(owner)
    known.set(key, answer)
    return answer
  }
}
