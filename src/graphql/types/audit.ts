import { type AuditNode, auditEvents, auditNode, type ChainReport, recentChains } from '../../catalog/audit.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageByNumber } from '../connection.js'
import { callerOf } from '../context.js'
import { NodeInterface, PrincipalType } from './owner.js'

const AuditEventType = builder.objectRef<AuditNode>('AuditEvent').implement({
  description: 'One link of the chain of changes. Values of headers and environment are keyed hashes.',
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'hash' in (value as object) && 'actor' in (value as object),
  fields: (t) => ({
    sequence: t.exposeInt('sequence'),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    actor: t.field({ type: PrincipalType, resolve: ({ actor }) => actor }),
    action: t.exposeString('action'),
    outcome: t.exposeString('outcome'),
    target: t.exposeString('target'),
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
  description: 'Who changed what, newest first; admins only.',
  args: { target: t.arg.string(), actor: t.arg.id(), action: t.arg.string(), ...pageArgs(t.arg) },
  resolve: (_, { target, actor, action, ...page }, context) => pageByNumber(
    async (before, limit) => (await auditEvents(callerOf(context), { target, actorId: actor, action }, before, limit))
      .map(auditNode),
    ({ sequence }) => sequence, page,
  ),
}))
