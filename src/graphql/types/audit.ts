import { type AuditNode, auditEvents, auditNode } from '../../catalog/audit.js'
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
