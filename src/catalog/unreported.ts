import { formatCursor } from '../core/change.js'
import { type Scope, wayTo } from '../core/effective.js'
import { type JudgedEntry, nameKey } from '../core/entry.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type Revocation, type RevocationTarget } from '../core/revocation.js'
import { nodeTellsForMs, othersTarget, subscriptionTarget } from '../core/subscription-target.js'
import { trustForMs } from '../core/worker-status.js'
import { lastChangesOf } from '../db/audit.js'
import { inOneFlight, type Tx } from '../db/client.js'
import { type Head } from '../db/head.js'
import { listReported, listSubscriptions, type SubscriptionQuestion, type SubscriptionState } from '../db/subscription.js'
import { type BehindSession, listBehind } from '../db/worker.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type CatalogServices } from './context.js'
import { ago, nodesAliveSince, stoppedByThemselves } from './moments.js'
import { ownerNow } from './worker.js'

/** What may have an entry without a word of it. */
export interface Unreported {
  /** By `ownerKey`. */
  parties: Map<string, Party>
  /** By entry: what a session has to have come up to, so that its word counts. */
  cursors: Map<string, string>
}

/** All that acts for one owner. */
export interface Party {
  owner: OwnerRef
  scope: Scope
  sessions: BehindSession[]
  subscriptions: SubscriptionState[]
  /** Which entry of a name is theirs, for names that several entries have, as far as it was asked. */
  chosen: Map<string, string | null>
}

/**
 * Asked once for everything that a change takes away.
 * @param entryIds none: whatever has not come up to the last change of all is behind
 * @param tokenId what acts with this token alone; null: with any
 */
export async function listUnreported(services: CatalogServices, tx: Tx, head: Head, entryIds: readonly string[], tokenId: string | null): Promise<Unreported> {
  const moment = stoppedByThemselves(services)
  const [[sessions, cursors], subscriptions] = await inOneFlight([
    behindSessions(tx, head, entryIds, { moment, tokenId }), unheardSubscriptions(services, tx, moment),
  ])
  const parties = new Map<string, Party>()
  const partyOf = (stored: OwnerRef): Party => {
    const owner = ownerNow(services, stored)
    const key = ownerKey(owner)
    const party = parties.get(key) ?? { owner, scope: services.index.scopeOf(owner), sessions: [], subscriptions: [], chosen: new Map<string, string | null>() }
    parties.set(key, party)
    return party
  }
  for (const session of sessions) partyOf(session.owner).sessions.push(session)
  const ofToken = ({ tokenId: id }: SubscriptionState) => tokenId === null || id === tokenId
  for (const subscription of subscriptions.filter(ofToken)) partyOf(subscription.owner).subscriptions.push(subscription)
  return { parties, cursors }
}

async function behindSessions(
  tx: Tx, { incarnation, rightsSequence, sequence }: Head, entryIds: readonly string[], of: { moment: Date; tokenId: string | null },
): Promise<[sessions: BehindSession[], cursors: Map<string, string>]> {
  const lastChanges = await lastChangesOf(tx, entryIds)
  const cursors = new Map(entryIds.map((id) => (
    [id, formatCursor({ incarnation, sequence: Math.max(rightsSequence, lastChanges.get(id) ?? 0) })])))
  // Where no entry is asked about, it may have been any that changed last.
  const latest = [...cursors.values()].sort().at(-1) ?? formatCursor({ incarnation, sequence })
  return [await listBehind(tx, { cursor: latest, ...of }), cursors]
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
 * @param takesFrom who loses it; null: whoever has it
 * @param room how many targets there may be; of what is more one target tells
 */
export function unreportedOf(
  index: CatalogIndex, receipt: Revocation, takesFrom: ((owner: OwnerRef) => boolean) | null, { parties, cursors }: Unreported, room: number,
): RevocationTarget[] {
  const entry = index.state.entries.get(receipt.entryId)
  if (entry === undefined) return []
  const cursor = cursors.get(entry.id)!
  const isBehind = ({ cursor: at }: BehindSession) => at === null || at < cursor || at.slice(0, 8) !== cursor.slice(0, 8)
  const having = candidatesFor(entry, parties).filter((party) => isTheirs(index, party, entry) && (takesFrom === null || takesFrom(party.owner)))
  const sessions = having.flatMap((party) => party.sessions.filter(isBehind))
  const subscriptions = having.flatMap((party) => party.subscriptions)
  const more = Math.max(0, sessions.length + subscriptions.length - room)
  return [
    ...sessions.slice(0, room).map(sessionTarget),
    ...subscriptions.slice(0, Math.max(0, room - sessions.length)).map((subscription) => subscriptionTarget(receipt, subscription)),
    ...(more === 0 ? [] : [othersTarget(receipt, more)]),
  ]
}

const sessionTarget = ({ cursor: _, ...session }: BehindSession): RevocationTarget => (
  { ...session, state: 'STARTING', at: null, refusedCalls: 0, reason: 'Its worker has not told yet whether it has it.', tokenId: null, trustedUntil: null })

/** What a person has for themselves nobody else has. */
function candidatesFor({ owner, visibility }: JudgedEntry, parties: Map<string, Party>): Party[] {
  if (owner.kind !== 'USER' || visibility !== 'PRIVATE') return [...parties.values()]
  const own = parties.get(ownerKey(owner))
  return own === undefined ? [] : [own]
}

/** Whom it does not reach at all is known at once; among many of one name the choice is made once for each party. */
function isTheirs(index: CatalogIndex, { scope, chosen }: Party, entry: JudgedEntry): boolean {
  if (wayTo(scope, entry) === null) return false
  const { id, kind, name } = entry
  const key = nameKey(entry)
  if (index.state.entriesByName.get(key)!.size === 1) return index.chosen(scope, kind, name)?.id === id
  if (!chosen.has(key)) chosen.set(key, index.chosen(scope, kind, name)?.id ?? null)
  return chosen.get(key) === id
}
