import { approvalTerms, lastingApproval, needsApproval } from '../core/approval.js'
import { type PolicyRecord } from '../core/change.js'
import { asStored, type Entry, type EntryApproval, isRevoked, toCandidate } from '../core/entry.js'
import { type PrincipalRef, systemPrincipal } from '../core/owner.js'
import { evaluate, type Verdict } from '../core/policy.js'
import { type Tx } from '../db/client.js'
import { putApprovals } from '../db/entry-commit.js'
import { lockHead } from '../db/head.js'
import { judge, type Policies, policiesOf, verdictOf } from '../index/judge.js'
import { withPolicy } from '../index/state.js'
import { auditView } from './audit.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { type AuditedChange } from './writer.js'

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
export function requestOf(context: CatalogContext, entry: Entry, verdict: Verdict, policies: Policies, by: PrincipalRef): EntryApproval | null {
  if (!needsApproval(verdict, entry.revoked) || isRevoked(entry)) return null
  const now = context.now()
  const expiresAt = new Date(now.getTime() + approvalTerms(policies).pendingExpiresAfterDays * 24 * 3_600_000).toISOString()
  return {
    id: newId('apr'), digest: entry.digest, state: 'PENDING', requestedBy: by, requestedAt: now.toISOString(), expiresAt, decidedBy: null, decidedAt: null, note: null,
  }
}

/**
 * The requests that a new policy makes necessary, and the end of those that it makes needless, in its own commit. Under the lock that orders
 * commits: what was saved under the policy of before is all there, and what is saved afterwards is judged by the new one.
 */
export async function requestUnder(context: CatalogContext, tx: Tx, policy: PolicyRecord): Promise<AuditedChange[]> {
  await lockHead(tx)
  await context.refresh()
  const state = withPolicy(context.index.state, policy)
  const altered = [...state.entries.values()].flatMap((judged) => {
    const { owner } = policy
    if (owner.kind === 'TEAM' && (judged.owner.kind !== 'TEAM' || judged.owner.id !== owner.id)) return []
    const policies = policiesOf(state, judged.owner)
    const before = asStored(judged)
    const after = { ...before, approval: approvalUnder(context, before, evaluate(before, policies), policies) }
    return after.approval === (before.approval ?? null) ? [] : [{ before, after }]
  })
  if (altered.length === 0) return []
  await putApprovals(tx, altered.map(({ after }) => after))
  return altered.map(({ before, after }): AuditedChange => ({
    change: { subject: 'ENTRY', id: after.id, before: toCandidate(judge(state, before)), after },
    action: 'entry.requestApproval', before: auditView(context, before), after: auditView(context, after),
  }))
}

function approvalUnder(context: CatalogContext, entry: Entry, verdict: Verdict, policies: Policies): EntryApproval | null {
  if ((entry.approval ?? null) === null) return requestOf(context, entry, verdict, policies, systemPrincipal)
  const isNeedless = entry.approval!.state === 'PENDING' && verdict.kind === 'ALLOW' && !needsApproval(verdict, entry.revoked)
  return isNeedless ? null : entry.approval
}
