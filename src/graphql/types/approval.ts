import { type ApprovalState, isExpired } from '../../core/approval.js'
import { type ApprovalView, mayDecide } from '../../catalog/approval.js'
import { approvalDiff } from '../../catalog/approval-diff.js'
import { builder } from '../builder.js'
import { NodeInterface, PrincipalType } from './owner.js'

export const ApprovalStateEnum = builder.enumType('ApprovalState', {
  values: {
    PENDING: { description: 'It can be decided.' },
    APPROVED: {},
    REJECTED: {},
    VOID: { description: 'The entry went on without it, or is gone: it counts no more, approved or not.' },
    EXPIRED: { description: 'Nobody decided in time. Saving the entry again, as it is, asks once more.' },
  } satisfies Record<ApprovalState, object>,
})

/** Its `entry` is added in entry.ts, which needs this type. */
export const ApprovalType = builder.objectRef<ApprovalView>('Approval').implement({
  description: 'A request for an approval of one definition of one entry, and what was decided.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'requestedBy' in (value as object) && 'digest' in (value as object),
  fields: (t) => ({
    entryName: t.exposeString('entryName', { description: 'As it was then.' }),
    digest: t.exposeString('digest', { description: 'Of the definition that it is for.' }),
    state: t.field({
      type: ApprovalStateEnum,
      // What is delivered is approved or needs nothing: no event depends on the time.
      resolve: (approval, _, { caller }) => (caller !== null && isExpired(approval, caller.now()) ? 'EXPIRED' : approval.state),
    }),
    requestedBy: t.field({ type: PrincipalType, description: 'Pilothouse itself where a policy made it necessary.', resolve: ({ requestedBy }) => requestedBy }),
    requestedAt: t.field({ type: 'DateTime', resolve: ({ requestedAt }) => requestedAt }),
    expiresAt: t.field({ type: 'DateTime', description: 'Until when it can be decided.', resolve: ({ expiresAt }) => expiresAt }),
    decidedBy: t.field({ type: PrincipalType, nullable: true, resolve: ({ decidedBy }) => decidedBy }),
    decidedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ decidedAt }) => decidedAt }),
    note: t.exposeString('note', { nullable: true, description: 'Whoever sees the entry can read it.' }),
    diff: t.string({
      description: 'The exact command line, and the unified text difference to the last approved definition, hidden characters as escapes. Empty in events, and for whom the entry is only shared with.',
      resolve: (approval, _, { caller }) => (caller === null ? '' : approvalDiff(caller, approval)),
    }),
    mayDecide: t.boolean({
      description: 'Whether the caller may decide it now: it is open, and they are an approver who did not make what it is for. False in events.',
      resolve: (approval, _, { caller }) => (caller === null ? false : mayDecide(caller, approval)),
    }),
  }),
})
