import { type ChangeAction } from '../core/audit-words.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { deploymentOwner, type Membership, type Team, type TeamRole } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { isUniqueViolation, type Tx } from '../db/client.js'
import { lockEntriesOf, tombstoneEntries } from '../db/entry.js'
import { tombstoneSecrets } from '../db/secret.js'
import { findMembership, insertTeam, listMembers, lockTeam, putMembership, removeMembers, removeMembership, setTeamDeleted } from '../db/user.js'
import { authorize, ownerFor } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { type AuditedChange, type Written } from './writer.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { tombstoned } from './entry.js'
import { membershipChange } from './membership.js'
import { deletedAlong } from './secret.js'

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

/**
 * Admins only. In one commit: its entries and its secrets become tombstones, its memberships end, the slug is free. An audience that names it
 * reaches nobody through it any more. @throws CatalogError FORBIDDEN, NOT_FOUND
 */
export function deleteTeam(context: CatalogContext, query: string): Promise<Committed<Team>> {
  return commit(context, actorOf(context.principal), async () => {
    await authorize(context, 'MANAGE_PEOPLE', deploymentOwner, 'deleteTeam')
    const owner = context.index.resolveOwner({ kind: 'TEAM', id: query }, null)
    if (owner === null) throw notFound('team', 'team')
    return async (tx): Promise<Written<Team>> => {
      const before = await lockTeam(tx, owner.id)
      if (before === null) throw notFound('team', 'team')
      const entries = await lockEntriesOf(tx, owner)
      const changes: AuditedChange[] = entries.map((entry) => tombstoned(context, entry))
      await tombstoneEntries(tx, entries.map(({ id }) => id), context.now())
      for (const member of await listMembers(tx, owner.id)) changes.push(membershipChange(member, null, 'team.removeMember'))
      await removeMembers(tx, owner.id)
      const now = context.now()
      const secrets = await tombstoneSecrets(tx, owner, { at: now, by: actorOf(context.principal) })
      changes.push(...secrets.map(deletedAlong))
      await setTeamDeleted(tx, owner.id, now)
      const after: Team = { ...before, deletedAt: now.toISOString() }
      changes.push({ change: { subject: 'TEAM', id: owner.id, before, after }, action: 'team.delete', before, after })
      return { changes, result: after }
    }
  })
}

/**
 * Adds a member or changes the role; admins and the team's maintainers. What the identity provider said of that membership
 * before counts no more: it stays until people change it. @throws CatalogError FORBIDDEN, NOT_FOUND
 */
export function setTeamMember(context: CatalogContext, team: string, userId: string, role: TeamRole): Promise<Committed<Team>> {
  return changeMembership(context, team, userId, 'team.setMember', async (tx, teamId) => {
    const after: Membership = { teamId, userId, role, expiresAt: null }
    await putMembership(tx, after)
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
  context: CatalogContext, query: string, userId: string, action: ChangeAction,
  write: (tx: Tx, teamId: string) => Promise<Membership | null>,
): Promise<Committed<Team>> {
  return commit(context, actorOf(context.principal), async () => {
    const { id } = await ownerFor(context, 'MANAGE_MEMBERS', { kind: 'TEAM', id: query }, 'team')
    const team = context.index.state.teams.get(id)
    if (team === undefined) throw notFound('team', 'team')
    if (!context.index.state.users.has(userId)) throw notFound('userId', 'user')
    return async (tx): Promise<Written<Team>> => {
      if (await lockTeam(tx, id) === null) throw notFound('team', 'team')
      const before = await findMembership(tx, id, userId)
      const after = await write(tx, id)
      const isSame = before?.role === after?.role && before?.expiresAt === after?.expiresAt
      return { changes: isSame ? [] : [membershipChange(before, after, action)], result: team }
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
