import { type Principal } from './access.js'
import { type PolicyRequests } from './change.js'
import { type Entry, type EntryApproval, type Reach, type Revoked } from './entry.js'
import { isSameOwner, type OwnerRef, type PrincipalRef, systemPrincipal } from './owner.js'
import { type Verdict } from './policy.js'
import { defaultPolicy, type FullPolicyDocument, type Policy } from './policy-document.js'

/**
 * What became of a request. PENDING: it can be decided. VOID: the entry went on without it, or is gone; it may have been approved
 * before. EXPIRED: nobody decided in time.
 */
export const approvalStates = ['PENDING', 'APPROVED', 'REJECTED', 'VOID', 'EXPIRED'] as const
export type ApprovalState = (typeof approvalStates)[number]

/** By the clock alone: nothing is written when a request expires. */
export function isExpired({ state, expiresAt }: { state: ApprovalState; expiresAt: string }, now: Date): boolean {
  return state === 'PENDING' && new Date(expiresAt) <= now
}

/** Whether an entry may run only once it is approved: policy says so, or it holds what was revoked and restored. */
export function needsApproval({ kind }: Verdict, revoked: Revoked | null): boolean {
  return kind === 'NEEDS_APPROVAL' || (revoked?.restored ?? null) !== null
}

/** Whether a change lets anybody use an entry whom it did not reach before. */
export function isWidened(before: Pick<Reach, 'visibility' | 'audience'>, after: Pick<Reach, 'visibility' | 'audience'>): boolean {
  if (before.visibility === 'PUBLIC') return false
  if (after.visibility !== 'SHARED') return after.visibility === 'PUBLIC'
  const had = before.visibility === 'SHARED' ? before.audience : []
  return after.audience.some((owner) => !had.some((known) => isSameOwner(known, owner)))
}

/**
 * What of an entry's approval outlasts a change. It is of content and of who gets it (S5): another digest or a wider audience
 * needs another one, and so does what meets a block. A rejection stays until the content is another.
 * @param verdict of what the entry becomes
 * @returns null when nothing is left of it; whether it then needs a new one is `needsApproval`
 */
export function lastingApproval(before: Entry, after: Entry, verdict: Verdict, now: Date): EntryApproval | null {
  const approval = before.approval ?? null
  if (approval === null || approval.digest !== after.digest) return null
  if (approval.state === 'REJECTED') return approval
  if (isWidened(before, after) || (after.revoked !== null && before.revoked === null)) return null
  if (approval.state === 'APPROVED') return approval
  return isExpired(approval, now) || (verdict.kind === 'ALLOW' && !needsApproval(verdict, after.revoked)) ? null : approval
}

export function newRequest(id: string, digest: string, requestedBy: PrincipalRef, requestedAt: string, expiresAt: string): EntryApproval {
  return { id, digest, state: 'PENDING', requestedBy, requestedAt, expiresAt, decidedBy: null, decidedAt: null, note: null }
}

/** Entries as a policy leaves them, with the requests that it made, and without those that it ended. */
export function askedUnder<Item extends Entry>({ at, asked, ended }: PolicyRequests, entryOf: (id: string) => Item | undefined): Item[] {
  const made = new Map<string, (entry: Item) => EntryApproval | null>([
    ...ended.map((id) => [id, () => null] as const),
    ...asked.map(([id, approvalId, expiresAt]) => [id, ({ digest }: Item) => newRequest(approvalId, digest, systemPrincipal, at, expiresAt)] as const),
  ])
  return [...made].flatMap(([id, make]) => {
    const entry = entryOf(id)
    return entry === undefined ? [] : [{ ...entry, approval: make(entry) }]
  })
}

export type ApprovalTerms = FullPolicyDocument['approval']

/** What the policies that judge an entry say of its approval: a team's can only narrow. What cannot be read says as little as can be. */
export function approvalTerms(policies: readonly Policy[]): ApprovalTerms {
  const terms = policies.map(({ document }) => (document ?? defaultPolicy).approval)
  return {
    allowSelf: terms.every(({ allowSelf }) => allowSelf),
    approvers: terms.every(({ approvers }) => approvers === 'maintainers') ? 'maintainers' : 'admins',
    pendingExpiresAfterDays: Math.min(...terms.map(({ pendingExpiresAfterDays }) => pendingExpiresAfterDays)),
  }
}

/** Whether somebody is an approver for what an owner has, whoever made it. */
export function isApprover({ kind, role, teams }: Principal, owner: OwnerRef, { approvers }: ApprovalTerms): boolean {
  if (kind !== 'USER') return false
  return role === 'ADMIN' || (approvers === 'maintainers' && owner.kind === 'TEAM' && teams.get(owner.id) === 'MAINTAINER')
}

/** Who decides, as text for people. */
export function approversOf(owner: OwnerRef, { approvers }: ApprovalTerms): string {
  return approvers === 'maintainers' && owner.kind === 'TEAM' ? 'an admin, or a maintainer of the team' : 'an admin'
}

/**
 * Who made what is to be decided, and so does not decide it: whoever wrote the definition as it is, and of what was revoked and
 * restored also who revoked it and who wants it back.
 * @param authors of the definition that the entry has now
 */
export function makersOf({ revoked }: Pick<Entry, 'revoked'>, authors: readonly PrincipalRef[]): PrincipalRef[] {
  return [...authors, ...(revoked ? [revoked.by, ...(revoked.restored ? [revoked.restored.by] : [])] : [])]
}
