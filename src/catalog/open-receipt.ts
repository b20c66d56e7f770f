import { formatCursor } from '../core/change.js'
import { type Entry } from '../core/entry.js'
import { type OwnerRef, ownerKey, type PrincipalRef } from '../core/owner.js'
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

function newReceipt(services: CatalogServices, actor: PrincipalRef, sequence: number, { entry, verb, withdrawal: { mode, deadlineSeconds }, revision, reason }: Loss): Revocation {
  const now = services.now()
  return {
    id: newId('rev'), sequence, entryId: entry.id, entryName: entry.name, owner: entry.owner, revision, verb, mode, reason,
    requestedBy: actor, requestedAt: now.toISOString(), deadline: new Date(now.getTime() + 1_000 * deadlineSeconds).toISOString(),
  }
}

/**
 * Opens the receipt of what one transaction takes from sessions, as the last thing before its end: it takes the counter row's lock to
 * know its place.
 * @returns its id
 */
export async function openReceipt(context: CatalogContext, tx: Tx, loss: Loss): Promise<string> {
  const [id] = await openReceipts(context, tx, [loss], { actor: actorOf(context.principal), changes: 1, isAlways: true })
  return id!
}

export interface Opening {
  actor: PrincipalRef
  /** How many changes the transaction makes: with the last of them everything is taken. */
  changes: number
  /** Also for what nobody has. */
  isAlways: boolean
}

/** One change has at most so many; the first of those that there could be. */
const maxReceipts = 1_000

/**
 * The same for several.
 * @returns their ids, in the same order; null: nobody has it
 */
export async function openReceipts(services: CatalogServices, tx: Tx, losses: readonly Loss[], opening: Opening): Promise<Array<string | null>> {
  if (losses.length === 0) return []
  const since = stoppedByThemselves(services)
  await holdSubscriptions(tx)
  const head = await lockHead(tx)
  // Who has what is asked of the index: it has to know what other nodes gave. The tail has a connection of its own, so this cannot starve.
  if (head.sequence > services.index.state.sequence) await services.refresh()
  const ids = losses.map(({ entry }) => entry.id)
  const unreported = await listUnreported(services, tx, head, ids)
  const isAskedFor = !opening.isAlways || losses.some(({ takesFrom }) => takesFrom !== null)
  const holders = isAskedFor ? await listHolderOwners(tx, ids, since) : new Map<string, OwnerRef[]>()
  const made: OpenedReceipt[] = []
  const opened = losses.map((loss): string | null => {
    if (made.length >= maxReceipts) return null
    const receipt = openedOf(services, loss, { ...opening, sequence: head.sequence + opening.changes, holders: holders.get(loss.entry.id) ?? [], unreported })
    if (receipt !== null) made.push(receipt)
    return receipt?.revocation.id ?? null
  })
  if (made.length > 0) await insertReceipts(tx, made, since)
  return opened
}

function openedOf(
  services: CatalogServices, loss: Loss, { actor, sequence, isAlways, holders, unreported }: Opening & { sequence: number; holders: OwnerRef[]; unreported: Unreported },
): OpenedReceipt | null {
  const revocation = newReceipt(services, actor, sequence, loss)
  const { takesFrom } = loss
  const losers = holders.filter((owner) => takesFrom === null || takesFrom(ownerNow(services, owner)))
  const targets = unreportedOf(services, revocation, loss, unreported)
  if (!isAlways && losers.length + targets.length === 0) return null
  return { revocation, losers: takesFrom === null ? null : losers.map(ownerKey), unreported: targets }
}

/** What may have an entry without a word of it. */
interface Unreported {
  sessions: BehindSession[]
  /** By entry: what a session has to have come up to, so that its word counts. */
  cursors: Map<string, string>
  subscriptions: SubscriptionState[]
}

async function listUnreported(services: CatalogServices, tx: Tx, { incarnation, rightsSequence }: Head, entryIds: readonly string[]): Promise<Unreported> {
  const lastChanges = await lastChangesOf(tx, entryIds)
  const cursors = new Map(entryIds.map((id) => (
    [id, formatCursor({ incarnation, sequence: Math.max(rightsSequence, lastChanges.get(id) ?? 0) })])))
  const moment = stoppedByThemselves(services)
  const latest = [...cursors.values()].sort().at(-1)!
  const sessions = await listBehind(tx, { cursor: latest, moment })
  return { sessions, cursors, subscriptions: await unheardSubscriptions(services, tx, moment) }
}

/**
 * Subscriptions for which nobody reports. One that has ended, or whose node has died, counts while its program may still trust what it was told;
 * unless workers of its token report: they would tell of the owner's sessions if there were any left.
 */
async function unheardSubscriptions(services: CatalogServices, tx: Tx, reportingSince: Date): Promise<SubscriptionState[]> {
  const question: SubscriptionQuestion = { toldSince: ago(services, trustForMs), aliveSince: nodesAliveSince(services), aliveForMs: nodeTellsForMs, reportingSince }
  const all = await listSubscriptions(tx, question)
  const keyOf = (tokenId: string, owner: OwnerRef) => `${tokenId} ${ownerKey(ownerNow(services, owner))}`
  const tokenIds = [...new Set(all.filter(({ isReporting }) => isReporting).map(({ tokenId }) => tokenId))]
  const reported = new Set((await listReported(tx, tokenIds, reportingSince)).map(({ tokenId, owner }) => keyOf(tokenId, owner)))
  return all.filter(({ tokenId, owner, isOpen, isReporting }) => (isOpen ? !reported.has(keyOf(tokenId, owner)) : !isReporting))
}

/**
 * A session is told of before it loads anything, and its entries a moment later. Where it had not come up to the last change of the entry, or
 * of anybody's rights, when it was last told of, it has the entry if its owner's set has. Of a subscription without reports nothing else is known.
 */
function unreportedOf(services: CatalogServices, receipt: Revocation, { entry: { id, kind, name }, takesFrom }: Loss, unreported: Unreported): RevocationTarget[] {
  const { index } = services
  const isTaken = memoized((owner: OwnerRef) => (
    index.chosen(index.scopeOf(owner), kind, name)?.id === id && (takesFrom === null || takesFrom(ownerNow(services, owner)))))
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
