import { type OwnerRef } from './owner.js'
import { type SecretReference } from './secret-ref.js'

/** For so long connections and processes may be started with leased values; what runs then goes on. */
export const leaseTtlMs = 60_000

/**
 * What the protected header of a lease says besides `alg` and `enc`: which question it answers. Readable by everybody, altered by nobody;
 * whoever asked refuses an answer that is for something else.
 */
export interface LeaseHeader {
  typ: 'pilothouse-lease'
  leaseId: string
  entryId: string
  revision: number
  owner: OwnerRef
  sessionId: string
  /**
   * As the feed's `secretVersions` of the entry: a lease with a smaller number than one that was seen before, at the same revision, is older.
   * 0: the entry has no references.
   */
  secretVersion: number
  /** ISO time. */
  expiresAt: string
}

/** How a reference is called in the answer, whatever points it stands at: `secret:NAME` or `user:NAME`. */
export function leasedName({ scope, name }: Pick<SecretReference, 'scope' | 'name'>): string {
  return `${scope === 'OWNER' ? 'secret' : 'user'}:${name}`
}
