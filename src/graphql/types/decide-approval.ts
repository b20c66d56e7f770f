import { approvalById, approvals, type ApprovalView, decideApproval } from '../../catalog/approval.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByNumber } from '../connection.js'
import { callerOf } from '../context.js'
import { ApprovalStateEnum, ApprovalType } from './approval.js'

const ApprovalDecisionEnum = builder.enumType('ApprovalDecision', { values: ['APPROVE', 'REJECT'] as const })
const DecideApprovalInput = builder.inputType('DecideApprovalInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    digest: t.string({ required: true, description: 'Of the definition that was looked at: nothing else is decided.' }),
    decision: t.field({ type: ApprovalDecisionEnum, required: true }),
    note: t.string({ description: 'At most 1000 characters; whoever sees the entry can read it.' }),
  }),
})
const ApprovalPayload = builder.objectRef<{ approval: ApprovalView; cursor: string }>('ApprovalPayload').implement({
  fields: (t) => ({
    approval: t.field({ type: ApprovalType, resolve: ({ approval }) => approval }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
  }),
})
const ApprovalConnection = connectionOf('Approval', ApprovalType)

builder.queryFields((t) => ({
  approval: t.field({
    type: ApprovalType,
    nullable: true,
    description: 'For the entry\'s own people, and for admins.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, context) => approvalById(callerOf(context), id),
  }),
  approvals: t.field({
    type: ApprovalConnection,
    description: 'Newest first: of the caller\'s entries and those of their teams; for admins all.',
    args: { state: t.arg({ type: ApprovalStateEnum }), ...pageArgs(t.arg) },
    resolve: (_, { state, ...page }, context) => pageByNumber(
      (before, limit) => approvals(callerOf(context), state ?? null, before, limit), ({ number }) => number, page,
    ),
  }),
}))

builder.mutationField('decideApproval', (t) => t.field({
  type: ApprovalPayload,
  description: 'By today\'s policy, and never by who was the last to change the definition.',
  args: { input: t.arg({ type: DecideApprovalInput, required: true }) },
  resolve: async (_, { input }, context) => {
    const { result, cursor } = await decideApproval(callerOf(context), input)
    return { approval: result, cursor }
  },
}))
