import { type OwnerRef, ownerKinds, type PrincipalRef, roles, teamRoles } from '../../core/owner.js'
import { ownerName, principalName } from '../../index/names.js'
import { builder } from '../builder.js'

export const OwnerKindEnum = builder.enumType('OwnerKind', { values: ownerKinds })
export const RoleEnum = builder.enumType('Role', { values: roles })
export const TeamRoleEnum = builder.enumType('TeamRole', { values: teamRoles })
const PrincipalKindEnum = builder.enumType('PrincipalKind', { values: ['USER', 'WORKER', 'SYSTEM'] as const })

export const NodeInterface = builder.interfaceRef<{ id: string }>('Node').implement({ fields: (t) => ({ id: t.exposeID('id') }) })

/** What tells of the past brings along what somebody was called that the catalog may have no more. */
interface LastNamed {
  lastName?: string
}

export const OwnerType = builder.objectRef<OwnerRef & LastNamed>('Owner').implement({
  description: 'Who an entry belongs to: the deployment, a team or a user.',
  fields: (t) => ({
    kind: t.expose('kind', { type: OwnerKindEnum }),
    id: t.exposeID('id'),
    displayName: t.string({ resolve: (owner, _, { index }) => owner.lastName ?? ownerName(index.state, owner) }),
  }),
})

export const PrincipalType = builder.objectRef<PrincipalRef & LastNamed>('Principal').implement({
  description: 'Who acted: a user, a worker (by the id of its token) or Pilothouse itself.',
  fields: (t) => ({
    kind: t.expose('kind', { type: PrincipalKindEnum }),
    id: t.exposeID('id'),
    displayName: t.string({ resolve: (principal, _, { index }) => principal.lastName ?? principalName(index.state, principal) }),
  }),
})

export const OwnerInput = builder.inputType('OwnerInput', {
  description: 'id: a team\'s id or slug, a user\'s id; left out for DEPLOYMENT; left out for USER means the caller. Instead of id, a USER may be named by provider and subject; someone the catalog does not know yet is a valid owner with the deployment\'s set.',
  fields: (t) => ({
    kind: t.field({ type: OwnerKindEnum, required: true }),
    id: t.id(),
    provider: t.string(),
    subject: t.string(),
  }),
})
