import { type Identity } from './claims.js'
import { type Membership, type User } from './owner.js'

/** How long a membership that the identity provider gave lasts after a sign-in that said so. */
export const membershipTtlMs = 12 * 3_600_000
/** It is made to last longer once less than this is left, so that a busy person costs one write an hour. */
const refreshBelowMs = 11 * 3_600_000

export interface SignInPlan {
  /** The person as they should be; null: as they are. */
  user: User | null
  put: Membership[]
  remove: Membership[]
}

/**
 * What must change so that the catalog agrees with what the identity provider says of a person. Nothing in nearly every case.
 *
 * What people decided stays: memberships without an expiry are never touched. Claims that were issued before the newest that
 * altered something change nothing: a token from before somebody left a group stays valid for a while, and must not bring the
 * group back.
 * @param memberships all that the person has
 * @param teamIdOf a live team's id by its slug
 */
export function planSignIn(
  identity: Identity, user: User, memberships: readonly Membership[], teamIdOf: (slug: string) => string | undefined, now: Date,
): SignInPlan {
  const { displayName, role, teams, issuedAt } = identity
  if ((issuedAt ?? '') < (user.claimsIssuedAt ?? '')) return { user: null, put: [], remove: [] }
  const named = new Map([...teams ?? []].flatMap(([slug, teamRole]) => {
    const teamId = teamIdOf(slug)
    return teamId === undefined ? [] : [[teamId, teamRole] as const]
  }))
  const byTeam = new Map(memberships.map((membership) => [membership.teamId, membership]))
  const expiresAt = new Date(now.getTime() + membershipTtlMs).toISOString()
  const put = [...named].filter(([teamId, teamRole]) => {
    const held = byTeam.get(teamId)
    if (held === undefined) return true
    return held.expiresAt !== null && (held.role !== teamRole || new Date(held.expiresAt).getTime() - now.getTime() < refreshBelowMs)
  }).map(([teamId, teamRole]): Membership => ({ teamId, userId: user.id, role: teamRole, expiresAt }))
  const remove = teams === null ? [] : memberships.filter((membership) => membership.expiresAt !== null && !named.has(membership.teamId))
  const after: User = { ...user, displayName: displayName ?? user.displayName, role: role ?? user.role }
  const altersPerson = after.displayName !== user.displayName || after.role !== user.role
  const altersTeams = remove.length > 0 || put.some((membership) => byTeam.get(membership.teamId)?.role !== membership.role)
  return { user: altersPerson || altersTeams ? { ...after, claimsIssuedAt: issuedAt } : null, put, remove }
}
