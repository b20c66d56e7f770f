import { type OwnerKind, type OwnerRef, type Role, type TeamRole } from './owner.js'

/**
 * The access table: who may do what to what an owner has, as one total table.
 * The coarse half (which kind of principal may come near a root field at all) is graphql/permissions.ts.
 */
export const actions = [
  'SEE_ENTRIES', 'READ_HISTORY', 'WRITE_ENTRIES', 'READ_SET', 'READ_POLICY', 'WRITE_POLICY', 'MANAGE_MEMBERS', 'MANAGE_TOKENS',
  'MANAGE_PEOPLE', 'READ_AUDIT', 'READ_METRICS', 'REPORT_STATUS', 'READ_STATUS', 'SEE_APPROVALS',
  'READ_SECRETS', 'WRITE_SECRETS', 'LEASE_SECRETS',
] as const
export type Action = (typeof actions)[number]

/** How a principal stands to an owner; the closest that holds. */
export const relations = ['SELF', 'MAINTAINER', 'MEMBER', 'ADMIN', 'OTHER', 'SERVING', 'UNSERVING'] as const
export type Relation = (typeof relations)[number]

/**
 * YES; NO (refused with FORBIDDEN: the owner is no secret); HIDDEN (refused as if it did not exist);
 * AUDITED (allowed, and recorded in the access chain as break-glass).
 */
export type Decision = 'YES' | 'NO' | 'HIDDEN' | 'AUDITED'

/**
 * By what somebody was let in: an access token of our own, a sign-in at the identity provider, which lasts as long as its token, or a session of the console.
 * It names and never holds rights: who it stands for, and whether it ended, is asked anew at each use (`principalNow` of the index).
 */
export type Credential =
  | { kind: 'TOKEN'; tokenId: string }
  | { kind: 'SIGN_IN'; userId: string; expiresAt: string }
  | { kind: 'CONSOLE'; sessionId: string }

export interface Principal {
  kind: 'USER' | 'WORKER'
  /** The user's id, or the worker token's id. */
  id: string
  credential: Credential
  /** USER only. */
  role: Role
  teams: ReadonlyMap<string, TeamRole>
  /** WORKER only: the owners it serves; null means every owner. */
  serves: ReadonlySet<string> | null
}

type Row = Record<Relation, Decision>
type Rows = Record<OwnerKind, Row>

const row = (SELF: Decision, MAINTAINER: Decision, MEMBER: Decision, ADMIN: Decision, OTHER: Decision, SERVING: Decision, UNSERVING: Decision): Row =>
  ({ SELF, MAINTAINER, MEMBER, ADMIN, OTHER, SERVING, UNSERVING })

/** An owner kind to which an action does not apply refuses everybody in the same words. */
const none = row('NO', 'NO', 'NO', 'NO', 'NO', 'NO', 'NO')

export const accessTable: Record<Action, Rows> = {
  //                        SELF      MAINTAINER MEMBER   ADMIN      OTHER     SERVING   UNSERVING
  SEE_ENTRIES: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'AUDITED', 'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'YES',    'YES',     'YES',    'YES',     'YES',    'NO',     'NO'),
  },
  // Older definitions belong to the owner's own people: an entry shared today may have said more yesterday.
  READ_HISTORY: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'AUDITED', 'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  WRITE_ENTRIES: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'AUDITED', 'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'NO',     'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  READ_SET: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'AUDITED', 'HIDDEN', 'YES',    'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'YES',    'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'YES',    'NO'),
  },
  READ_POLICY: {
    USER: none,
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'YES',    'YES',     'YES',    'YES',     'YES',    'NO',     'NO'),
  },
  WRITE_POLICY: {
    USER: none,
    TEAM: row(              'HIDDEN', 'YES',     'NO',     'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  MANAGE_MEMBERS: {
    USER: none,
    TEAM: row(              'HIDDEN', 'YES',     'NO',     'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: none,
  },
  MANAGE_TOKENS: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: none,
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  MANAGE_PEOPLE: {
    USER: none,
    TEAM: none,
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  READ_AUDIT: {
    USER: none,
    TEAM: none,
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  READ_METRICS: {
    USER: none,
    TEAM: none,
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  REPORT_STATUS: {
    USER: row(              'NO',     'HIDDEN',  'HIDDEN', 'NO',      'HIDDEN', 'YES',    'HIDDEN'),
    TEAM: row(              'HIDDEN', 'NO',      'NO',     'NO',      'HIDDEN', 'YES',    'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'NO',      'NO',     'YES',    'NO'),
  },
  // What runs, and in which state, is for admins to see without breaking glass: it says nothing of what an entry holds.
  READ_STATUS: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  // Names, and who set them when; values are for nobody to read. An admin's look at a person's accounts is recorded.
  READ_SECRETS: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'AUDITED', 'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  // A person's secrets are that person's alone, whoever breaks glass.
  WRITE_SECRETS: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'NO',      'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'NO',     'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
  LEASE_SECRETS: {
    USER: row(              'NO',     'HIDDEN',  'HIDDEN', 'NO',      'HIDDEN', 'YES',    'HIDDEN'),
    TEAM: row(              'HIDDEN', 'NO',      'NO',     'NO',      'HIDDEN', 'YES',    'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'NO',      'NO',     'YES',    'NO'),
  },
  // What is asked for is put before its approvers: no glass is broken. Who decides is `isApprover`'s to say.
  SEE_APPROVALS: {
    USER: row(              'YES',    'HIDDEN',  'HIDDEN', 'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    TEAM: row(              'HIDDEN', 'YES',     'YES',    'YES',     'HIDDEN', 'NO',     'HIDDEN'),
    DEPLOYMENT: row(        'NO',     'NO',      'NO',     'YES',     'NO',     'NO',     'NO'),
  },
}

/** An owner that the catalog does not have needs no case of its own: it looks like somebody else's. */
export function relationOf(principal: Principal, owner: OwnerRef): Relation {
  if (principal.kind === 'WORKER') {
    return principal.serves === null || principal.serves.has(`${owner.kind}:${owner.id}`) ? 'SERVING' : 'UNSERVING'
  }
  if (owner.kind === 'USER' && owner.id === principal.id) return 'SELF'
  const teamRole = owner.kind === 'TEAM' ? principal.teams.get(owner.id) : undefined
  if (teamRole === 'MAINTAINER') return 'MAINTAINER'
  if (principal.role === 'ADMIN') return 'ADMIN'
  return teamRole === 'MEMBER' ? 'MEMBER' : 'OTHER'
}

export function decide(principal: Principal, action: Action, owner: OwnerRef): Decision {
  return accessTable[action][owner.kind][relationOf(principal, owner)]
}

export function can(principal: Principal, action: Action, owner: OwnerRef): boolean {
  const decision = decide(principal, action, owner)
  return decision === 'YES' || decision === 'AUDITED'
}
