import { type Entry } from '../core/entry.js'
import { type OwnerRef, ownerKey, type PrincipalRef } from '../core/owner.js'
import { type Revocation } from '../core/revocation.js'
import { type Withdrawal, type WithdrawalVerb } from '../core/withdrawal.js'
import { inOneFlight, type Tx } from '../db/client.js'
import { type Head, lockHead } from '../db/head.js'
import { insertReceipts, listHolderOwners, type OpenedReceipt } from '../db/receipt.js'
import { holdSubscriptions } from '../db/subscription.js'
import { actorOf, type CatalogContext, type CatalogServices, newId } from './context.js'
import { stoppedByThemselves } from './moments.js'
import { listUnreported, unreportedOf, type Unreported } from './unreported.js'
import { ownerNow } from './worker.js'

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
  const [id] = await openReceipts(context, tx, [loss], { actor: actorOf(context.principal), changes: 1, isAlways: true, tokenId: null })
  return id!
}

export interface Opening {
  actor: PrincipalRef
  /** How many changes the transaction makes: with the last of them everything is taken. */
  changes: number
  /** Also for what nobody has. */
  isAlways: boolean
  /** Only from what acts with this token; null: from whatever does. */
  tokenId: string | null
}

/** One change has at most so many; the first of those that there could be. */
const maxReceipts = 1_000
/** With several receipts, so many targets of which nobody told: what is more has one target for each receipt. */
export const maxUnreported = 20_000

/**
 * Until the transaction ends nobody commits, and no subscription is opened that would not know of what it commits; and the index knows all that
 * was committed, so that it can be asked who has what. The tail has a connection of its own, so waiting for it under the lock cannot starve.
 */
export async function holdReceipts(services: Pick<CatalogServices, 'index' | 'refresh'>, tx: Tx): Promise<Head> {
  const [, head] = await inOneFlight([holdSubscriptions(tx), lockHead(tx)])
  if (head.sequence > services.index.state.sequence) await services.refresh()
  return head
}

/**
 * The same for several.
 * @returns their ids, in the same order; null: nobody has it
 */
export async function openReceipts(services: CatalogServices, tx: Tx, losses: readonly Loss[], opening: Opening): Promise<Array<string | null>> {
  if (losses.length === 0) return []
  const by = { since: stoppedByThemselves(services), tokenId: opening.tokenId }
  const head = await holdReceipts(services, tx)
  const ids = losses.map(({ entry }) => entry.id)
  const isAskedFor = !opening.isAlways || losses.some(({ takesFrom }) => takesFrom !== null)
  const [unreported, holders] = await inOneFlight([
    listUnreported(services, tx, head, ids, opening.tokenId), isAskedFor ? listHolderOwners(tx, ids, by) : Promise.resolve(new Map<string, OwnerRef[]>()),
  ])
  const made: OpenedReceipt[] = []
  let room = losses.length === 1 ? Infinity : maxUnreported
  const opened = losses.map((loss): string | null => {
    if (made.length >= maxReceipts) return null
    const receipt = openedOf(services, loss, { ...opening, sequence: head.sequence + opening.changes, holders: holders.get(loss.entry.id) ?? [], unreported, room })
    if (receipt === null) return null
    made.push(receipt)
    room = Math.max(0, room - receipt.unreported.length)
    return receipt.revocation.id
  })
  if (made.length > 0) await insertReceipts(tx, made, by)
  return opened
}

function openedOf(
  services: CatalogServices, loss: Loss,
  { actor, sequence, isAlways, holders, unreported, room }: Omit<Opening, 'tokenId'> & { sequence: number; holders: OwnerRef[]; unreported: Unreported; room: number },
): OpenedReceipt | null {
  const revocation = newReceipt(services, actor, sequence, loss)
  const { takesFrom } = loss
  const losers = holders.filter((owner) => takesFrom === null || takesFrom(ownerNow(services, owner)))
  const targets = unreportedOf(services.index, revocation, takesFrom, unreported, room)
  if (!isAlways && losers.length + targets.length === 0) return null
  return { revocation, losers: takesFrom === null ? null : losers.map(ownerKey), unreported: targets }
}
