import { type Role, type TeamRole } from './owner.js'

/** What an identity provider says of a person, in the catalog's words. */
export interface Identity {
  provider: string
  subject: string
  /** null: the claims give no name. */
  displayName: string | null
  /** null: the claims say nothing of roles. */
  role: Role | null
  /** By slug, whether there is such a team or not; null: the claims say nothing of teams. */
  teams: ReadonlyMap<string, TeamRole> | null
  /** ISO time; null when the token does not say. */
  issuedAt: string | null
}

/**
 * How claims are read. A claim is named by its own name or by a dotted path into nested ones (`realm_access.roles`); an exact
 * name wins, so that claims named by a URL can be used.
 */
export interface ClaimMapping {
  /** Whose people they are: the first half of (provider, subject). */
  provider: string
  subjectClaim: string
  nameClaim: string
  /** ADMIN if and only if the claim is the value, or a list that holds it. null: roles are the catalog's to give. */
  admin: { claim: string; value: string } | null
  /** `bySlug` null: a value that is a team's slug means a member of it. `teams` null: memberships are the catalog's to give. */
  teams: { claim: string; byValue: ReadonlyMap<string, { slug: string; role: TeamRole }> | null } | null
}

/** Of a longer list only so many values are read. Whoever has more of them gets less, never more. */
const mostValues = 1_000
const mostCharacters = 200

/** @returns null when the claims name no subject that the catalog could hold: such a token is nobody's */
export function mapClaims(claims: Readonly<Record<string, unknown>>, mapping: ClaimMapping): Identity | null {
  const subject = claimAt(claims, mapping.subjectClaim)
  if (typeof subject !== 'string' || !isSubject(subject)) return null
  const { admin, teams } = mapping
  return {
    provider: mapping.provider,
    subject,
    displayName: displayNameOf(claimAt(claims, mapping.nameClaim)),
    role: admin === null ? null : valuesOf(claimAt(claims, admin.claim)).includes(admin.value) ? 'ADMIN' : 'USER',
    teams: teams === null ? null : teamsOf(valuesOf(claimAt(claims, teams.claim)), teams.byValue),
    issuedAt: momentOf(claims.iat),
  }
}

/** Own properties only: what every object inherits is no claim. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  return path.split('.').reduce<unknown>((value, name) => (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
  ), claims)
}

function valuesOf(claim: unknown): string[] {
  if (typeof claim === 'string') return [claim]
  return Array.isArray(claim) ? claim.slice(0, mostValues).filter((value) => typeof value === 'string') : []
}

/** As the catalog holds it, unchanged: two subjects must never become one. */
function isSubject(text: string): boolean {
  return text !== '' && text.length <= mostCharacters && text.isWellFormed() && !/[\p{Cc}\u2028\u2029]/u.test(text)
}

/** A name is for people to read, so what does not fit is cut off or left out. */
function displayNameOf(claim: unknown): string | null {
  if (typeof claim !== 'string') return null
  const name = claim.slice(0, 2 * mostCharacters).toWellFormed().replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
  return name === '' ? null : name.slice(0, mostCharacters).replace(/[\ud800-\udbff]$/, '').trim()
}

function teamsOf(values: string[], byValue: ReadonlyMap<string, { slug: string; role: TeamRole }> | null): Map<string, TeamRole> {
  const teams = new Map<string, TeamRole>()
  for (const value of values) {
    const team = byValue === null ? { slug: value, role: 'MEMBER' as const } : byValue.get(value)
    // Of two values for one team the one that gives more counts.
    if (team !== undefined && teams.get(team.slug) !== 'MAINTAINER') teams.set(team.slug, team.role)
  }
  return teams
}

/** Seconds since 1970, as claims tell time. */
function momentOf(claim: unknown): string | null {
  if (typeof claim !== 'number') return null
  const moment = new Date(claim * 1_000)
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString()
}
