import { type Membership, type OwnerRef, type PrincipalRef, type Team, type User } from '../../core/owner.js'
import { actorOf } from '../../catalog/context.js'
import { createTeam, deleteTeam, listTeams, removeTeamMember, setTeamMember } from '../../catalog/team.js'
import { createUser, deactivateUser, listUsers, setUserRole } from '../../catalog/user.js'
import { viewerOwners } from '../../catalog/viewer.js'
import { builder } from '../builder.js'
import { connectionOf, pageArgs, pageOf } from '../connection.js'
import { callerOf } from '../context.js'
import { NodeInterface, OwnerType, PrincipalType, RoleEnum, TeamRoleEnum } from './owner.js'

const TeamMembershipRef = builder.objectRef<Membership>('TeamMembership')

/** Who is in which team is told to members and admins; others see an empty list. */
export const UserType = builder.objectRef<User>('User').implement({
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'subject' in (value as object),
  fields: (t) => ({
    provider: t.exposeString('provider'),
    subject: t.exposeString('subject'),
    displayName: t.exposeString('displayName'),
    role: t.expose('role', { type: RoleEnum }),
    deactivatedAt: t.field({ type: 'DateTime', nullable: true, description: 'null: active.', resolve: ({ deactivatedAt }) => deactivatedAt }),
    teams: t.field({
      type: [TeamMembershipRef],
      description: 'Those that the caller may see.',
      resolve: ({ id }, _, context) => {
        const { principal, index } = callerOf(context)
        return [...(index.state.teamsOf.get(id)?.values() ?? [])]
          .filter(({ teamId }) => id === principal.id || principal.role === 'ADMIN' || principal.teams.has(teamId))
      },
    }),
  }),
})

export const TeamType = builder.objectRef<Team>('Team').implement({
  interfaces: [NodeInterface],
  isTypeOf: (value) => 'slug' in (value as object),
  fields: (t) => ({
    slug: t.exposeString('slug'),
    displayName: t.exposeString('displayName'),
    members: t.field({
      type: [TeamMembershipRef],
      resolve: ({ id }, _, { index }) => [...(index.state.membersOf.get(id)?.values() ?? [])],
    }),
  }),
})

TeamMembershipRef.implement({
  fields: (t) => ({
    team: t.field({ type: TeamType, resolve: ({ teamId }, _, { index }) => index.state.teams.get(teamId)! }),
    user: t.field({ type: UserType, resolve: ({ userId }, _, { index }) => index.state.users.get(userId)! }),
    role: t.expose('role', { type: TeamRoleEnum }),
  }),
})

const ViewerType = builder.objectRef<{ principal: PrincipalRef; user: User | null; owners: OwnerRef[] }>('Viewer').implement({
  fields: (t) => ({
    principal: t.field({ type: PrincipalType, resolve: ({ principal }) => principal }),
    user: t.field({ type: UserType, nullable: true, description: 'null for a worker.', resolve: ({ user }) => user }),
    owners: t.field({ type: [OwnerType], description: 'Whose sets the caller may read by name: oneself, teams, and for admins the deployment.', resolve: ({ owners }) => owners }),
  }),
})

const UserConnection = connectionOf('User', UserType)

builder.queryFields((t) => ({
  viewer: t.field({
    type: ViewerType,
    resolve: (_, __, context) => {
      const caller = callerOf(context)
      return {
        principal: actorOf(caller.principal), user: caller.index.state.users.get(caller.principal.id) ?? null, owners: viewerOwners(caller),
      }
    },
  }),
  teams: t.field({ type: [TeamType], description: 'The caller\'s teams; every team for admins.', resolve: (_, __, context) => listTeams(callerOf(context)) }),
  users: t.field({
    type: UserConnection,
    description: 'Everybody for admins and team maintainers, else only the caller.',
    args: { search: t.arg.string(), ...pageArgs(t.arg) },
    resolve: (_, { search, ...page }, context) => (
      pageOf(listUsers(callerOf(context), search ?? null), ({ displayName, id }) => `${displayName}\u0000${id}`, page)
    ),
  }),
}))

builder.mutationFields((t) => ({
  createUser: t.field({
    type: UserType,
    args: {
      provider: t.arg.string({ required: true }), subject: t.arg.string({ required: true }),
      displayName: t.arg.string({ required: true }), role: t.arg({ type: RoleEnum, required: true }),
    },
    resolve: async (_, input, context) => (await createUser(callerOf(context), input)).result,
  }),
  setUserRole: t.field({
    type: UserType,
    args: { userId: t.arg.id({ required: true }), role: t.arg({ type: RoleEnum, required: true }) },
    resolve: async (_, { userId, role }, context) => (await setUserRole(callerOf(context), userId, role)).result,
  }),
  deactivateUser: t.field({
    type: UserType,
    description: 'Tokens and sign-ins end at once with their sockets, and what the user owns leaves every set; admins still see it. The last admin stays.',
    args: { userId: t.arg.id({ required: true }) },
    resolve: async (_, { userId }, context) => (await deactivateUser(callerOf(context), userId)).result,
  }),
  createTeam: t.field({
    type: TeamType,
    args: { slug: t.arg.id({ required: true }), displayName: t.arg.string({ required: true }) },
    resolve: async (_, { slug, displayName }, context) => (await createTeam(callerOf(context), slug, displayName)).result,
  }),
  setTeamMember: t.field({
    type: TeamType,
    args: { team: t.arg.id({ required: true }), userId: t.arg.id({ required: true }), role: t.arg({ type: TeamRoleEnum, required: true }) },
    resolve: async (_, { team, userId, role }, context) => (await setTeamMember(callerOf(context), team, userId, role)).result,
  }),
  removeTeamMember: t.field({
    type: TeamType,
    args: { team: t.arg.id({ required: true }), userId: t.arg.id({ required: true }) },
    resolve: async (_, { team, userId }, context) => (await removeTeamMember(callerOf(context), team, userId)).result,
  }),
  deleteTeam: t.field({
    type: 'ID',
    description: 'Its entries are deleted and its memberships end in the same commit; the slug is free. Answers the id.',
    args: { team: t.arg.id({ required: true }) },
    resolve: async (_, { team }, context) => (await deleteTeam(callerOf(context), team)).result.id,
  }),
}))
