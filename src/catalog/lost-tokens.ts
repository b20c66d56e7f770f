import { type Change } from '../core/change.js'
import { type PrincipalRef } from '../core/owner.js'
import { parseWithdrawal } from '../core/withdrawal.js'
import { inOneFlight, type Tx } from '../db/client.js'
import { listHeldEntries } from '../db/receipt.js'
import { type CatalogServices } from './context.js'
import { stoppedByThemselves } from './moments.js'
import { holdReceipts, type Loss, openReceipts } from './open-receipt.js'
import { listUnreported, type Party } from './unreported.js'

/** The sets of so many owners are looked through for what nobody told, the least known first: it is done under the lock, and sets may be large. */
const maxSets = 200

/**
 * Opens the receipts of what the workers of a token lose when it is revoked: one for each entry that they were reported to have, or may have without
 * a word of it. Entries and owners stay as they are, so other workers' sessions are no targets. The last thing before the end of the transaction.
 */
export async function proveLostTokens(services: CatalogServices, tx: Tx, actor: PrincipalRef, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    if (change.subject !== 'TOKEN' || change.after.kind !== 'WORKER' || change.after.revokedAt === null) continue
    const losses = await lossesOf(services, tx, change.id)
    await openReceipts(services, tx, losses, { actor, changes: changes.length, isAlways: false, tokenId: change.id })
  }
}

/** 0: nothing at all; 1: that there is a session; 2: what it had a moment ago. */
const known = ({ subscriptions, sessions }: Party) => (subscriptions.length > 0 ? 0 : sessions.some(({ cursor }) => cursor === null) ? 1 : 2)

/** By id of the entry. */
async function lossesOf(services: CatalogServices, tx: Tx, tokenId: string): Promise<Loss[]> {
  const head = await holdReceipts(services, tx)
  const [{ parties }, held] = await inOneFlight([
    listUnreported(services, tx, head, [], tokenId), listHeldEntries(tx, { since: stoppedByThemselves(services), tokenId }),
  ])
  const { index } = services
  const leastKnown = [...parties.values()].sort((a, b) => known(a) - known(b)).slice(0, maxSets)
  const sets = leastKnown.flatMap(({ scope }) => [...index.effective(scope).values()])
  const ids = new Set([...held, ...sets.map(({ id }) => id)])
  return [...ids].sort().flatMap((id): Loss[] => {
    const entry = index.state.entries.get(id)
    if (entry === undefined) return []
    const { revision } = entry
    return [{ entry, verb: 'TOKEN', withdrawal: parseWithdrawal('TOKEN', {}), revision, reason: 'The token of the workers that had it was revoked.', takesFrom: null }]
  })
}
