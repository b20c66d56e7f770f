/** Who an entry belongs to, and whose set is asked for. */
export const ownerKinds = ['DEPLOYMENT', 'TEAM', 'USER'] as const
export type OwnerKind = (typeof ownerKinds)[number]

/** `id` is `deployment`, a team's id or a user's id. */
export interface OwnerRef {
  kind: OwnerKind
  id: string
}

export const deploymentOwner: OwnerRef = { kind: 'DEPLOYMENT', id: 'deployment' }

/** One string for one owner, for map keys and equality. */
export function ownerKey(owner: OwnerRef): string {
  return `${owner.kind}:${owner.id}`
}

export function isSameOwner(a: OwnerRef, b: OwnerRef): boolean {
  return a.kind === b.kind && a.id === b.id
}

export const roles = ['USER', 'ADMIN'] as const
export type Role = (typeof roles)[number]

export const teamRoles = ['MEMBER', 'MAINTAINER'] as const
export type TeamRole = (typeof teamRoles)[number]

/** A person: `(provider, subject)` is the key that the identity provider, and PilotSwarm, knows. */
export interface User {
  id: string
  provider: string
  subject: string
  displayName: string
  role: Role
  /** ISO time; a deactivated user has no tokens, and the entries leave every set. */
  deactivatedAt: string | null
  /**
   * ISO time; when the identity provider issued the newest claims that altered something here. Older ones, in a token that is
   * still valid, bring nothing back. null: never signed in that way.
   */
  claimsIssuedAt: string | null
}

export interface Team {
  id: string
  slug: string
  displayName: string
  deletedAt: string | null
}

export interface Membership {
  teamId: string
  userId: string
  role: TeamRole
  /** ISO time; of what the identity provider said at sign-in. null: people decided it, and it stays. */
  expiresAt: string | null
}

/** Whether a membership has ended by the clock, even if its removal is still on the way. */
export function isOver({ expiresAt }: Membership, now: Date): boolean {
  return expiresAt !== null && new Date(expiresAt) <= now
}

export type PrincipalKind = 'USER' | 'WORKER' | 'SYSTEM'

/** Who did something: a user's id, a worker token's id, or `system`. */
export interface PrincipalRef {
  kind: PrincipalKind
  id: string
}

export const systemPrincipal: PrincipalRef = { kind: 'SYSTEM', id: 'system' }
