import { type Entry, type Visibility } from '../core/entry.js'
import { forbidden, invalid, notFound } from '../core/errors.js'
import { isSameOwner, type OwnerRef, ownerKey } from '../core/owner.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { type CatalogContext } from './context.js'

export interface ReachInput {
  visibility?: Visibility | null
  audience?: OwnerQuery[] | null
  locked?: boolean | null
}

export type ReachSettings = Pick<Entry, 'visibility' | 'audience' | 'locked'>

/**
 * Who may use an entry, judged by who writes it: nobody may push tools into strangers' sessions. The audience of a user's
 * or team's entry names only teams that the writer maintains; single users, other teams and PUBLIC are an admin's to set.
 * What an admin set before stays as it is when somebody else edits the rest.
 * @param before the entry as it is; null at registration
 * @throws CatalogError INVALID_INPUT, FORBIDDEN, or NOT_FOUND for somebody whom the writer may not know of
 */
export function resolveReach(context: CatalogContext, owner: OwnerRef, input: ReachInput, before: ReachSettings | null): ReachSettings {
  const given = input.audience ?? null
  const visibility = input.visibility ?? (given !== null && given.length > 0 ? 'SHARED' : null) ?? before?.visibility
    ?? (owner.kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE')
  if (visibility !== 'SHARED' && given !== null && given.length > 0) {
    throw invalid('audience', `An audience means nothing for a ${visibility} entry.`, 'Set visibility to SHARED, or leave the audience out.')
  }
  const audience = visibility !== 'SHARED' ? [] : given === null ? before?.audience ?? [] : resolveAudience(context, given, before?.audience ?? [])
  if (visibility === 'SHARED' && audience.length === 0) {
    throw invalid('audience', 'A SHARED entry needs an audience.', 'Name at least one team or user, or set visibility to PRIVATE.')
  }
  const isNewlyPublic = visibility === 'PUBLIC' && before?.visibility !== 'PUBLIC'
  if (isNewlyPublic && owner.kind !== 'DEPLOYMENT' && context.principal.role !== 'ADMIN') {
    throw forbidden('visibility', 'Only an admin may make an entry PUBLIC.', 'Share it with a team that you maintain, or ask an admin.')
  }
  const locked = input.locked ?? before?.locked ?? false
  if (locked && owner.kind === 'USER') throw invalid('locked', "A user's entry cannot be locked.", 'Lock entries of teams and of the deployment only.')
  return { visibility, audience, locked }
}

function resolveAudience(context: CatalogContext, given: OwnerQuery[], before: OwnerRef[]): OwnerRef[] {
  if (given.length > 100) throw invalid('audience', 'An audience has at most 100 members.', 'Name a team instead of its members.')
  const members = given.map((query, at) => resolveMember(context, query, `audience.${at}`, before))
  return [...new Map(members.map((member) => [ownerKey(member), member]))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, member]) => member)
}

function resolveMember(context: CatalogContext, query: OwnerQuery, field: string, before: OwnerRef[]): OwnerRef {
  const { principal, index } = context
  if (query.kind === 'DEPLOYMENT') throw invalid(field, 'The deployment is no audience.', 'Set visibility to PUBLIC to share with everyone.')
  const member = index.resolveOwner(query, principal.id)
  if (member !== null && before.some((known) => isSameOwner(known, member))) return member
  const isAdmin = principal.role === 'ADMIN'
  if (member?.kind === 'TEAM' && (isAdmin || principal.teams.get(member.id) === 'MAINTAINER')) return member
  if (member?.kind === 'USER' && isAdmin && index.state.users.has(member.id)) return member
  if (query.kind === 'USER' && !isAdmin) {
    throw forbidden(field, 'Only an admin may share with single users.', 'Share with a team that you maintain, or ask an admin.')
  }
  if (member?.kind === 'TEAM' && principal.teams.has(member.id)) {
    throw forbidden(field, 'You may share with teams that you maintain only.', 'Ask a maintainer of that team, or an admin.')
  }
  throw notFound(field, 'owner')
}
