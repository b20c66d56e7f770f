import { type Membership, type Team, type User } from '../core/owner.js'
import { type CatalogState } from './state.js'

export function personKey(provider: string, subject: string): string {
  return JSON.stringify([provider, subject])
}

export function putUser(state: CatalogState, user: User): void {
  if ((state.users.get(user.id)?.displayName ?? user.displayName) !== user.displayName) state.names += 1
  state.users.set(user.id, user)
  state.usersByPerson.set(personKey(user.provider, user.subject), user)
}

export function putTeam(state: CatalogState, team: Team): void {
  const known = state.teams.get(team.id)
  if (known !== undefined && (team.deletedAt !== null || known.displayName !== team.displayName)) state.names += 1
  if (team.deletedAt !== null) {
    state.teams.delete(team.id)
    if (state.teamsBySlug.get(team.slug)?.id === team.id) state.teamsBySlug.delete(team.slug)
    return
  }
  state.teams.set(team.id, team)
  state.teamsBySlug.set(team.slug, team)
}

export function putMembership(state: CatalogState, membership: Membership): void {
  const { teamId, userId } = membership
  if (!state.membersOf.has(teamId)) state.membersOf.set(teamId, new Map())
  if (!state.teamsOf.has(userId)) state.teamsOf.set(userId, new Map())
  state.membersOf.get(teamId)!.set(userId, membership)
  state.teamsOf.get(userId)!.set(teamId, membership)
}
