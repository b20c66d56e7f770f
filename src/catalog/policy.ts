import { can } from '../core/access.js'
import { type Change, type PolicyRecord } from '../core/change.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { type Finding } from '../core/policy.js'
import { defaultPolicy, denyingPolicy, parsePolicyDocument, writtenPolicy } from '../core/policy-document.js'
import { policyWarnings } from '../core/policy-warnings.js'
import { type Tx } from '../db/client.js'
import { lockPolicy, putPolicy } from '../db/policy.js'
import { holdTeams } from '../db/user.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { type CatalogState, entriesOf } from '../index/state.js'
import { ownerFor } from './authorize.js'
import { requestUnder } from './approval-request.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'

export interface SetPolicyInput {
  owner: OwnerQuery
  /** 0 before the first. */
  expectedRevision: number
  document?: unknown
}

/**
 * The stored document; before the first `setPolicy` revision 0, and the default for the deployment, `{}` (which narrows nothing) for a team.
 * @throws CatalogError NOT_FOUND, INVALID_INPUT
 */
export async function readOwnerPolicy(context: CatalogContext, query: OwnerQuery): Promise<PolicyRecord> {
  return policyNow(context, await policyOwner(context, 'READ_POLICY', query))
}

function policyNow({ index }: CatalogContext, owner: OwnerRef): PolicyRecord {
  return index.state.policies.get(owner.id) ?? { owner, revision: 0, document: owner.kind === 'DEPLOYMENT' ? writtenPolicy(defaultPolicy) : {} }
}

/**
 * What of a policy does not do what it seems to say (S28), for whoever may set it: nobody else is to learn what others' entries match.
 */
export function warningsOf({ index: { state }, principal }: CatalogContext, { owner, document }: PolicyRecord): Finding[] {
  // Before the first one there is the default, which is not meant for anything.
  if (!state.policies.has(owner.id) || !can(principal, 'WRITE_POLICY', owner)) return []
  return policyWarnings(document, owner.kind === 'TEAM' ? state.policy.document ?? denyingPolicy : null, governedBy(state, owner))
}

/** The entries that an owner's policy governs: all, or those that the team owns. */
export function governedBy(state: CatalogState, owner: OwnerRef): JudgedEntry[] {
  return owner.kind === 'DEPLOYMENT' ? [...state.entries.values()] : entriesOf(state, owner)
}

/**
 * Judges every entry again at once that the policy governs: a team's governs the entries that the team owns.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT (field below `document`), REVISION_CONFLICT
 */
export function setPolicy(context: CatalogContext, input: SetPolicyInput): Promise<Committed<PolicyRecord>> {
  const document = parsePolicyDocument(input.document)
  return commit(context, actorOf(context.principal), async () => {
    const owner = await policyOwner(context, 'WRITE_POLICY', input.owner)
    return async (tx) => {
      const before = await lockPolicyOf(tx, owner)
      requireRevision(before, input)
      const after: PolicyRecord = { owner, revision: input.expectedRevision + 1, document }
      // Of two first ones at once the row of the other could not be locked yet.
      if (!await putPolicy(tx, after, context.now())) throw revisionConflict(await lockPolicy(tx, owner), input)
      const requests = await requestUnder(context, tx, after)
      const told = requests === null ? after : { ...after, approvals: { asked: requests.asked.length, ended: requests.ended.length } }
      const change: Change = { subject: 'POLICY', id: owner.id, before, after: requests === null ? after : { ...after, requests } }
      return { changes: [{ change, action: 'policy.set', before, after: told }], result: after }
    }
  })
}

async function lockPolicyOf(tx: Tx, owner: OwnerRef): Promise<PolicyRecord | null> {
  if (owner.kind === 'TEAM' && (await holdTeams(tx, [owner.id])).length === 0) throw notFound('owner', 'owner')
  return lockPolicy(tx, owner)
}

/** @throws CatalogError REVISION_CONFLICT with `currentRevision` */
export function requireRevision(current: Pick<PolicyRecord, 'revision'> | null, input: SetPolicyInput): void {
  if ((current?.revision ?? 0) !== input.expectedRevision) throw revisionConflict(current, input)
}

function revisionConflict(current: Pick<PolicyRecord, 'revision'> | null, { expectedRevision }: SetPolicyInput): CatalogError {
  const currentRevision = current?.revision ?? 0
  return new CatalogError('REVISION_CONFLICT', `The policy is at revision ${currentRevision}, not ${expectedRevision}.`, {
    field: 'expectedRevision', currentRevision, mend: 'Read the policy again, and repeat the change on what it is now.',
  })
}

/** @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT */
export async function policyOwner(context: CatalogContext, action: 'READ_POLICY' | 'WRITE_POLICY', query: OwnerQuery): Promise<OwnerRef> {
  if (query.kind === 'USER') throw invalid('owner', 'Only the deployment and teams have a policy.', 'Name the owner as { kind: DEPLOYMENT }, or as a team.')
  return ownerFor(context, action, query, 'owner')
}
