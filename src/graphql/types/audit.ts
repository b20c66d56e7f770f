import { auditTargetKinds } from '../../core/audit-target.js'
import { auditOutcomes } from '../../core/audit-words.js'
import { auditEvents, type ChainReport, recentChains } from '../../catalog/audit.js'
import { actionsOf, momentOf } from '../../catalog/audit-filter.js'
import { type AuditNode, auditTargets, type NamedTarget } from '../../catalog/audit-target.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByNumber } from '../connection.js'
import { callerOf } from '../context.js'
import { NodeInterface, OwnerType, PrincipalType } from './owner.js'

const ChainEnum = builder.enumType('AuditChainName', {
  values: {
    CHANGES: { value: 'changes', description: 'Every mutation.' },
    ACCESS: { value: 'access', description: 'Denials, leases, break-glass reads, and what else is worth knowing though nothing changed.' },
  },
})
const OutcomeEnum = builder.enumType('AuditOutcome', { values: auditOutcomes })
const TargetKindEnum = builder.enumType('AuditTargetKind', {
  description: 'OWNER: whatever a person, a team or the deployment has. OTHER: no thing of the catalog, or one that nothing is known of.', values: auditTargetKinds,
})

const AuditTargetType = builder.objectRef<NamedTarget>('AuditTarget').implement({
  description: 'What an event is about, called as the event tells it; where it says no name, as it is called now, or was last. Derived, and no part of the hash.',
  fields: (t) => ({
    id: t.exposeString('id', { description: 'As the event has it.' }),
    kind: t.expose('kind', { type: TargetKindEnum }),
    name: t.exposeString('name', { nullable: true, description: 'null: it has none, or nothing is known of it.' }),
    owner: t.field({ type: OwnerType, nullable: true, description: 'Whose it is; of a membership the team.', resolve: ({ owner }) => owner }),
    isThere: t.exposeBoolean('isThere', { description: 'It was not deleted, revoked or ended since; of a policy, a membership and an OWNER: whose it is is there.' }),
  }),
})

const AuditEventType = builder.objectRef<AuditNode>('AuditEvent').implement({
  description: 'One link of a chain. Values of headers and environment are keyed hashes.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'hash' in (value as object) && 'actor' in (value as object),
  fields: (t) => ({
    chain: t.expose('chain', { type: ChainEnum }),
    sequence: t.exposeInt('sequence', { description: 'Its place in the chain.' }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    actor: t.field({ type: PrincipalType, resolve: ({ actor }) => actor }),
    action: t.exposeString('action'),
    outcome: t.exposeString('outcome'),
    target: t.exposeString('target'),
    about: t.field({ type: AuditTargetType, resolve: ({ about }) => about }),
    summary: t.exposeString('summary', { description: 'In a sentence, such as: Grace changed the MCP server tickets of team Platform.' }),
    before: t.field({ type: 'JSON', nullable: true, resolve: ({ before }) => before }),
    after: t.field({ type: 'JSON', nullable: true, resolve: ({ after }) => after }),
    hash: t.exposeString('hash'),
  }),
})

const AuditEventConnection = connectionOf('AuditEvent', AuditEventType)

const AuditBreakType = builder.objectRef<NonNullable<ChainReport['broken']>>('AuditBreak').implement({
  description: 'The first row that is not as it was written.',
  fields: (t) => ({ sequence: t.exposeInt('sequence'), reason: t.exposeString('reason') }),
})

const AuditChainType = builder.objectRef<ChainReport>('AuditChain').implement({
  description: 'Whether the newest rows of a chain are as they were written. `pilothouse audit verify` reads all of it, without trusting the server.',
  fields: (t) => ({
    name: t.string({ description: 'changes: every mutation. access: denials and break-glass reads.', resolve: ({ chain }) => chain }),
    checked: t.exposeInt('count', { description: 'How many of its newest rows were checked; at most 200, and what was written meanwhile.' }),
    head: t.exposeString('head', { description: 'Hash of the last row; kept elsewhere, it shows a cut-off end too.' }),
    broken: t.field({ type: AuditBreakType, nullable: true, description: 'null: all that were checked are as written.', resolve: ({ broken }) => broken }),
  }),
})

builder.queryField('auditChains', (t) => t.field({
  type: [AuditChainType],
  description: 'The state of both chains, by their newest rows; admins only.',
  resolve: (_, __, context) => recentChains(callerOf(context)),
}))

builder.queryField('auditEvents', (t) => t.field({
  type: AuditEventConnection,
  description: 'Who changed what, or was refused what, newest first; admins only.',
  args: {
    chain: t.arg({ type: ChainEnum, description: 'Default: CHANGES.' }),
    target: t.arg.string({ description: 'The target as it stands in the event.' }),
    about: t.arg.id({ description: 'The id of a thing, there or not: of a person or team with their memberships, and what was asked of all that they have.' }),
    actor: t.arg.id(),
    action: t.arg.string({ description: 'One action, or a group of them such as `secret.*`.' }),
    outcome: t.arg({ type: OutcomeEnum }),
    since: t.arg({ type: 'DateTime', description: 'From then on: a day in UTC, or a day and a time with its zone.' }),
    until: t.arg({ type: 'DateTime', description: 'Before then.' }),
    ...pageArgs(t.arg),
  },
  resolve: (_, { chain, target, about, actor, action, outcome, since, until, first, after }, context) => {
    const name = chain ?? 'changes'
    const filter = { target, about, actorId: actor, actions: actionsOf(name, action), outcome, since: momentOf(since, 'since'), until: momentOf(until, 'until') }
    return pageByNumber((before, limit) => auditEvents(callerOf(context), name, filter, before, limit), ({ sequence }) => sequence, { first, after })
  },
}))

const mostTargets = 50

builder.queryField('auditTargets', (t) => t.field({
  type: [AuditTargetType],
  description: `What events may be about, what was deleted, revoked or renamed since included: the first ${mostTargets} by name, what is there first. Admins only.`,
  args: {
    search: t.arg.string({ description: 'A part of the name that it has or had, in any case; of people also PROVIDER/SUBJECT, of teams the slug.' }),
    kinds: t.arg({ type: [TargetKindEnum] }),
    ids: t.arg.idList({ description: 'Those of these ids instead.' }),
  },
  resolve: (_, args, context) => auditTargets(callerOf(context), args, mostTargets),
}))
