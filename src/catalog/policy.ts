import { type Change, type PolicyRecord } from '../core/change.js'
import { CatalogError, invalid } from '../core/errors.js'
import { deploymentOwner, type OwnerRef } from '../core/owner.js'
import { defaultPolicy, parsePolicyDocument } from '../core/policy-document.js'
import { lockPolicy, putPolicy } from '../db/policy.js'
import { type OwnerQuery } from '../index/catalog-index.js'
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

/** The stored document; before the first `setPolicy` revision 0 and the default. @throws CatalogError NOT_FOUND, INVALID_INPUT */
export async function readOwnerPolicy(context: CatalogContext, query: OwnerQuery): Promise<PolicyRecord> {
  const owner = await policyOwner(context, 'READ_POLICY', query)
  return context.index.state.policies.get(owner.id) ?? { owner, revision: 0, document: defaultPolicy }
}

/** Judges every entry again at once. @throws CatalogError FORBIDDEN, INVALID_INPUT (field below `document`), REVISION_CONFLICT */
export function setPolicy(context: CatalogContext, input: SetPolicyInput): Promise<Committed<PolicyRecord>> {
  const document = parsePolicyDocument(input.document)
  return commit(context, actorOf(context.principal), async () => {
    const owner = await policyOwner(context, 'WRITE_POLICY', input.owner)
    return async (tx) => {
      const before = await lockPolicy(tx, owner)
      const after: PolicyRecord = { owner, revision: input.expectedRevision + 1, document }
      const isCurrent = (before?.revision ?? 0) === input.expectedRevision
      if (!isCurrent || !await putPolicy(tx, after, context.now())) {
        const currentRevision = before?.revision ?? 0
        throw new CatalogError('REVISION_CONFLICT', `The policy is at revision ${currentRevision}, not ${input.expectedRevision}.`, {
          field: 'expectedRevision', currentRevision, mend: 'Read the policy again, and repeat the change on what it is now.',
        })
      }
      const requests = await requestUnder(context, tx, after)
      const told = requests === null ? after : { ...after, approvals: { asked: requests.asked.length, ended: requests.ended.length } }
      const change: Change = { subject: 'POLICY', id: owner.id, before, after: requests === null ? after : { ...after, requests } }
      return { changes: [{ change, action: 'policy.set', before, after: told }], result: after }
    }
  })
}

async function policyOwner(context: CatalogContext, action: 'READ_POLICY' | 'WRITE_POLICY', query: OwnerQuery): Promise<OwnerRef> {
  if (query.kind !== deploymentOwner.kind) throw invalid('owner', 'Only the deployment has a policy.', 'Name the owner as { kind: DEPLOYMENT }.')
  return ownerFor(context, action, query, 'owner')
}
