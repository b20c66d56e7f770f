import { approvalTerms, lastingApproval, needsApproval, newRequest } from '../core/approval.js'
import { type PolicyRecord, type PolicyRequests } from '../core/change.js'
import { type Entry, type EntryApproval, isRevoked } from '../core/entry.js'
import { type PrincipalRef, systemPrincipal } from '../core/owner.js'
import { type Verdict } from '../core/policy.js'
import { type Tx } from '../db/client.js'
import { putApprovals } from '../db/entry-commit.js'
import { lockHead } from '../db/head.js'
import { type Policies, policiesOf, withPolicy, verdictOf } from '../index/judge.js'
import { entriesOf } from '../index/state.js'
import { actorOf, type CatalogContext, newId } from './context.js'

/**
 * An entry as it is to be stored: with what its approval outlasts of the change, or with the request for the one that it needs now, in the
 * same commit.
 * @param before null: whatever there was before counts no more
 */
export function withApproval(context: CatalogContext, before: Entry | null, after: Entry): Entry {
  const policies = policiesOf(context.index.state, after.owner)
  const verdict = verdictOf(policies, after)
  const lasting = before === null ? null : lastingApproval(before, after, verdict, context.now())
  return { ...after, approval: lasting ?? requestOf(context, after, verdict, policies, actorOf(context.principal)) }
}

/** null: it needs none. */
export function requestOf(context: CatalogContext, entry: Entry, verdict: Verdict, policies: Policies, by: PrincipalRef, now = context.now()): EntryApproval | null {
  if (!needsApproval(verdict, entry.revoked) || isRevoked(entry)) return null
  const expiresAt = new Date(now.getTime() + approvalTerms(policies).pendingExpiresAfterDays * 24 * 3_600_000).toISOString()
  return newRequest(newId('apr'), entry.digest, by, now.toISOString(), expiresAt)
}

/**
 * The requests that a new policy makes necessary, and the end of those that it makes needless, in its own commit. Under the lock that orders
 * commits: what was saved under the policy of before is all there, and what is saved afterwards is judged by the new one.
 * @returns what its change has to tell; null when nothing is altered
 */
export async function requestUnder(context: CatalogContext, tx: Tx, policy: PolicyRecord): Promise<PolicyRequests | null> {
  await lockHead(tx)
  await context.refresh()
  const { state } = context.index
  const judging = withPolicy(state, policy)
  const now = context.now()
  const governed = policy.owner.kind === 'DEPLOYMENT' ? [...state.entries.values()] : entriesOf(state, policy.owner)
  const altered = governed.flatMap((entry) => {
    const policies = policiesOf(judging, entry.owner)
    const approval = approvalUnder(context, entry, verdictOf(policies, entry), policies, now)
    return approval === (entry.approval ?? null) ? [] : [{ ...entry, approval }]
  })
  if (altered.length === 0) return null
  await putApprovals(tx, altered)
  return {
    at: now.toISOString(), ended: altered.filter(({ approval }) => approval === null).map(({ id }) => id),
    asked: altered.flatMap(({ id, approval }) => (approval === null ? [] : [[id, approval.id, approval.expiresAt] as PolicyRequests['asked'][number]])),
  }
}

function approvalUnder(context: CatalogContext, entry: Entry, verdict: Verdict, policies: Policies, now: Date): EntryApproval | null {
  if ((entry.approval ?? null) === null) return requestOf(context, entry, verdict, policies, systemPrincipal, now)
  const isNeedless = entry.approval!.state === 'PENDING' && verdict.kind === 'ALLOW' && !needsApproval(verdict, entry.revoked)
  return isNeedless ? null : entry.approval
}
