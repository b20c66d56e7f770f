import { type PolicyRecord } from '../../core/change.js'
import { type Finding, type FindingEffect, type Verdict } from '../../core/policy.js'
import { policyHistory, type PolicyRevision } from '../../catalog/policy-history.js'
import { readOwnerPolicy, setPolicy, warningsOf } from '../../catalog/policy.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByNumber } from '../connection.js'
import { callerOf } from '../context.js'
import { OwnerInput, OwnerType, PrincipalType } from './owner.js'

const FindingEffectEnum = builder.enumType('FindingEffect', {
  values: {
    DENY: { description: 'It is refused.' },
    NEEDS_APPROVAL: { description: 'It is taken, and waits for an approval.' },
    WARN: { description: 'Worth knowing; it stands in the way of nothing.' },
  } satisfies Record<FindingEffect, object>,
})

export const FindingType = builder.objectRef<Finding>('Finding').implement({
  description: 'What a rule says of one field, and how to mend it.',
  fields: (t) => ({
    rule: t.exposeString('rule'),
    effect: t.expose('effect', { type: FindingEffectEnum }),
    field: t.exposeString('field', { description: 'Path of the input, e.g. definition.transport.http.url.' }),
    message: t.exposeString('message'),
    mend: t.exposeString('mend', { nullable: true }),
  }),
})

const VerdictKindEnum = builder.enumType('VerdictKind', { values: ['ALLOW', 'NEEDS_APPROVAL', 'DENY'] as const })

export const VerdictType = builder.objectRef<Verdict>('Verdict').implement({
  description: 'What today\'s policy says of an entry.',
  fields: (t) => ({
    kind: t.expose('kind', { type: VerdictKindEnum, description: 'The strongest effect of the findings; ALLOW when none denies or needs an approval.' }),
    findings: t.field({ type: [FindingType], resolve: ({ findings }) => findings }),
    policyRevision: t.exposeInt('policyRevision'),
  }),
})

const PolicyType = builder.objectRef<PolicyRecord>('Policy').implement({
  fields: (t) => ({
    owner: t.field({ type: OwnerType, resolve: ({ owner }) => owner }),
    revision: t.exposeInt('revision', { description: '0 before the first setPolicy.' }),
    document: t.field({ type: 'JSON', resolve: ({ document }) => document }),
    warnings: t.field({
      type: [FindingType],
      description: 'What of it has no effect: items that match no entry as it now is, and parts that count for nothing. At most 100, and only for those who may set it.',
      resolve: (record, _, context) => warningsOf(callerOf(context), record),
    }),
  }),
})

const PolicyPayload = builder.objectRef<{ policy: PolicyRecord; cursor: string }>('PolicyPayload').implement({
  fields: (t) => ({
    policy: t.field({ type: PolicyType, resolve: ({ policy }) => policy }),
    cursor: t.expose('cursor', { type: 'Cursor' }),
  }),
})

export const SetPolicyInput = builder.inputType('SetPolicyInput', {
  fields: (t) => ({
    owner: t.field({ type: OwnerInput, required: true }),
    expectedRevision: t.int({ required: true, description: '0 before the first.' }),
    document: t.field({ type: 'JSON', required: true, description: 'Every part is optional; unknown keys are refused.' }),
  }),
})

builder.queryField('policy', (t) => t.field({
  type: PolicyType,
  description: 'The owner\'s policy as stored. Before the first setPolicy: the default for the deployment, and for a team {}, which narrows nothing.',
  args: { owner: t.arg({ type: OwnerInput, required: true }) },
  resolve: (_, { owner }, context) => readOwnerPolicy(callerOf(context), owner),
}))

const PolicyRevisionType = builder.objectRef<PolicyRevision>('PolicyRevision').implement({
  description: 'A document as it was once set.',
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    document: t.field({ type: 'JSON', resolve: ({ document }) => document }),
    before: t.field({ type: 'JSON', nullable: true, description: 'The document before; null: there was none.', resolve: ({ before }) => before }),
    setBy: t.field({ type: PrincipalType, resolve: ({ setBy }) => setBy }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
  }),
})

const PolicyRevisionConnection = connectionOf('PolicyRevision', PolicyRevisionType)

builder.queryField('policyHistory', (t) => t.field({
  type: PolicyRevisionConnection,
  description: 'Every document that the owner\'s policy had, newest first, for whoever may set it. To go back, set one of them again.',
  args: { owner: t.arg({ type: OwnerInput, required: true }), ...pageArgs(t.arg) },
  resolve: (_, { owner, ...page }, context) => pageByNumber(
    (before, limit) => policyHistory(callerOf(context), owner, before, limit), ({ sequence }) => sequence, page,
  ),
}))

builder.mutationField('setPolicy', (t) => t.field({
  type: PolicyPayload,
  description: 'The deployment\'s policy, by admins, or a team\'s, by its maintainers and admins: it narrows the deployment\'s for what the team owns. Every entry is judged by it at once.',
  args: { input: t.arg({ type: SetPolicyInput, required: true }) },
  resolve: async (_, { input }, context) => {
    const { result, cursor } = await setPolicy(callerOf(context), input)
    return { policy: result, cursor }
  },
}))
