import { CatalogError } from '../core/errors.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type Tx } from '../db/client.js'
import { countEntriesOf } from '../db/entry.js'
import { type Head } from '../db/head.js'
import { policiesOf } from '../index/judge.js'
import { type CatalogState } from '../index/state.js'

/** How many entries an owner may have. */
export interface Quota {
  owner: OwnerRef
  /** Where the policy says so. */
  part: 'quotas.entriesPerUser' | 'quotas.entriesPerTeam'
  limit: number
}

/** Entries that a transaction adds to what an owner has. */
export interface Growth {
  quota: Quota
  added: number
}

/** By today's policies, for a team the smaller of both. null: the deployment may have as many as it likes, and of an unreadable policy everything is denied anyway. */
export function quotaOf(state: Pick<CatalogState, 'policy' | 'teamPolicies'>, owner: OwnerRef): Quota | null {
  if (owner.kind === 'DEPLOYMENT') return null
  const part = owner.kind === 'TEAM' ? 'entriesPerTeam' : 'entriesPerUser'
  const limits = policiesOf(state, owner).flatMap(({ document }) => (document === null ? [] : [document.quotas[part]]))
  return limits.length === 0 ? null : { owner, part: `quotas.${part}`, limit: Math.min(...limits) }
}

/** One sum for each owner. */
export function growthOf(quotas: ReadonlyArray<Quota | null>): Growth[] {
  const sums = new Map<string, Growth>()
  for (const quota of quotas) {
    if (quota === null) continue
    const key = ownerKey(quota.owner)
    sums.set(key, { quota, added: (sums.get(key)?.added ?? 0) + 1 })
  }
  return [...sums.values()]
}

/**
 * Whether there is room by what this process knows.
 * @param unknown changes that it may not know yet; each of them adds one entry at most
 */
export function hasRoom({ owned }: Pick<CatalogState, 'owned'>, { quota: { owner, limit }, added }: Growth, unknown = 0): boolean {
  return (owned.get(ownerKey(owner))?.size ?? 0) + unknown + added <= limit
}

/**
 * Under the lock that orders commits, with the new rows written: so of two that come at once the second one is counted with the first.
 * The rows are only counted where it may be close.
 * @throws CatalogError QUOTA_EXCEEDED
 */
export async function requireRoom(tx: Tx, state: CatalogState, head: Head, growth: readonly Growth[]): Promise<void> {
  for (const one of growth.filter((each) => !hasRoom(state, each, head.sequence - state.sequence))) {
    const count = await countEntriesOf(tx, one.quota.owner)
    if (count > one.quota.limit) throw quotaExceeded(one.quota, count - one.added)
  }
}

/** @param count what the owner has */
export function quotaExceeded({ owner, part, limit }: Quota, count: number): CatalogError {
  const whose = owner.kind === 'TEAM' ? 'team' : 'user'
  return new CatalogError('QUOTA_EXCEEDED', `This ${whose} has ${count} entries, and may have ${limit} (${part}).`, {
    field: 'owner', quota: part, limit, count, mend: `Delete an entry that is not needed any more, or ask ${owner.kind === 'TEAM' ? 'whoever sets the policies' : 'an admin'} to raise ${part}.`,
  })
}
