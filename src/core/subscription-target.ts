import { type OwnerRef, ownerKey } from './owner.js'
import { isEnded, type Revocation, type RevocationTarget, staleNodeMs } from './revocation.js'
import { trustForMs } from './worker-status.js'

/** A node says so often that it lives, while workers are subscribed there. */
export const nodeBeatMs = 30_000
/** A node that was heard of within this time lives. */
export const nodeSilentAfterMs = 45_000
/** For so long after a node was last heard of it may still have told its subscribers something. */
export const nodeTellsForMs = nodeBeatMs + staleNodeMs
/** What is known of a subscription that ended, or of a node that died, is forgotten after this. */
export const rememberedSubscriptionMs = 3_600_000

/**
 * The target for a program that is subscribed with a worker's token while nobody reports for it.
 * @param heardAt when it can have been told something last
 */
export function subscriptionTarget({ requestedAt }: Revocation, { tokenId, owner, heardAt }: { tokenId: string; owner: OwnerRef; heardAt: Date }): RevocationTarget {
  const trustedUntil = new Date(Math.min(heardAt.getTime(), Date.parse(requestedAt) + staleNodeMs) + trustForMs).toISOString()
  return {
    workerId: '', sessionId: `${tokenId}/${ownerKey(owner)}`, owner, state: 'UNREACHABLE', at: null, refusedCalls: 0, processId: null, tokenId, trustedUntil,
    reason: 'A program is subscribed for this owner with a worker token, and no worker of that token reports a session of this owner.',
  }
}

/** The target for what more there is of one receipt than is listed. No report tells of it, so it never ends. */
export function othersTarget({ requestedAt, owner }: Revocation, count: number): RevocationTarget {
  const trustedUntil = new Date(Date.parse(requestedAt) + staleNodeMs + trustForMs).toISOString()
  return {
    workerId: '', sessionId: 'others', owner, state: 'UNREACHABLE', at: null, refusedCalls: 0, processId: null, tokenId: null, trustedUntil,
    reason: `${count} more sessions and subscriptions may have it, of which nobody has told: too many to list for one change.`,
  }
}

/** What is known of a subscription that is a target. */
export interface KnownSubscription {
  isOpen: boolean
  /** Workers of its token report sessions of its owner since, and all of these are past the change: what they had is told of as theirs. */
  isTold: boolean
  /** When a worker of its token last reported; null: none ever did. */
  reportedAt: Date | null
}

/**
 * What becomes of a subscription's target. That it ended, or got the removal, tells nothing of what its program still runs: only reports do.
 * Where the token's workers report, and nothing of this owner when the trust is over, there is nothing left.
 */
export function subscriptionAfter(target: RevocationTarget, { isOpen, isTold, reportedAt }: KnownSubscription, now: Date): RevocationTarget {
  if (isEnded(target) || target.trustedUntil === null) return target
  const trustedUntil = Date.parse(target.trustedUntil)
  const isOver = !isOpen && now.getTime() >= trustedUntil && reportedAt !== null && reportedAt.getTime() >= trustedUntil
  if (!isTold && !isOver) return target
  const reason = isTold ? 'A worker of its token reports the sessions of this owner since.' : 'It has ended, and the workers of its token report no session of this owner.'
  return { ...target, state: 'STOPPED', at: now.toISOString(), reason }
}
