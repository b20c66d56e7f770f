import { CatalogError, invalid, notFound } from '../core/errors.js'
import { deploymentOwner, type Membership, type Team, type TeamRole } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { isUniqueViolation, type Tx } from '../db/client.js'
import { insertTeam, lockMembership, putMembership, removeMembership } from '../db/user.js'
import { authorize, ownerFor } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { type Written } from './writer.js'
import { actorOf, type CatalogContext, newId } from './context.js'

/** No underscore, so that a slug never looks like a team's id. */
const slugPattern = /^[a-z0-9][a-z0-9-]{0,39}$/

/** Admins only. @throws CatalogError FORBIDDEN, INVALID_INPUT, NAME_TAKEN */
export function createTeam(context: CatalogContext, slug: string, displayName: string): Promise<Committed<Team>> {
  if (!slugPattern.test(slug)) throw invalid('slug', 'This is not a slug.', 'Use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit.')
  const team: Team = { id: newId('team'), slug, displayName: parseInput(line(200, 1), displayName, 'displayName'), deletedAt: null }
  return commit(context, actorOf(context.principal), async () => {
    await authorize(context, 'MANAGE_PEOPLE', deploymentOwner, 'createTeam')
    return async (tx) => {
      await insertTeam(tx, team, context.now()).catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error
        throw new CatalogError('NAME_TAKEN', `There is a team ${slug} already.`, { field: 'slug', mend: 'Choose another slug.' })
      })
      return { changes: [{ change: { subject: 'TEAM', id: team.id, before: null, after: team }, action: 'team.create', before: null, after: team }], result: team }
    }
  })
}

/** Adds a member or changes the role; admins and the team's maintainers. @throws CatalogError FORBIDDEN, NOT_FOUND */
export function setTeamMember(context: CatalogContext, team: string, userId: string, role: TeamRole): Promise<Committed<Team>> {
  return changeMembership(context, team, userId, 'team.setMember', async (tx, teamId) => {
    const after = { teamId, userId, role }
    await putMembership(tx, teamId, userId, role)
    return after
  })
}

/** Removing a user who is no member changes nothing. @throws CatalogError FORBIDDEN, NOT_FOUND */
export function removeTeamMember(context: CatalogContext, team: string, userId: string): Promise<Committed<Team>> {
  return changeMembership(context, team, userId, 'team.removeMember', async (tx, teamId) => {
    await removeMembership(tx, teamId, userId)
    return null
  })
}

function changeMembership(
  context: CatalogContext, query: string, userId: string, action: string,
  write: (tx: Tx, teamId: string) => Promise<Membership | null>,
): Promise<Committed<Team>> {
  return commit(context, actorOf(context.principal), async () => {
    const { id } = await ownerFor(context, 'MANAGE_MEMBERS', { kind: 'TEAM', id: query }, 'team')
    const team = context.index.state.teams.get(id)
    if (team === undefined) throw notFound('team', 'team')
    if (!context.index.state.users.has(userId)) throw notFound('userId', 'user')
    return async (tx): Promise<Written<Team>> => {
      const before = await lockMembership(tx, id, userId)
      const after = await write(tx, id)
      if (before?.role === after?.role) return { changes: [], result: team }
      const change = { subject: 'MEMBERSHIP' as const, id: `${id}/${userId}`, teamId: id, userId, before, after }
      return { changes: [{ change, action, before, after }], result: team }
    }
  })
}

/** The caller's teams; every team for admins. */
export function listTeams(context: CatalogContext): Team[] {
  const { principal, index } = context
  return [...index.state.teams.values()]
    .filter((team) => principal.role === 'ADMIN' || principal.teams.has(team.id))
    .sort((a, b) => (a.slug < b.slug ? -1 : 1))
}
