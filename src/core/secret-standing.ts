import { placeText, type SecretReference } from './secret-ref.js'

/** How a reference stands in somebody's sessions. `NOBODY`: it means a person's account, and the session acts for none. */
export type SecretStanding = 'READY' | 'MISSING' | 'UNBOUND' | 'NOBODY'

/** What is known of a reference, for one owner of sessions. */
export interface StandingReference {
  reference: SecretReference
  standing: SecretStanding
  /** Whether its value may go where it stands, set or not. */
  isBound: boolean
  /** The revision since which what was confirmed before counts no more. null: nothing was ever confirmed. */
  boundSince: number | null
}

export function standingOf({ isNobody, isBound, isSet }: { isNobody: boolean; isBound: boolean; isSet: boolean }): SecretStanding {
  if (isNobody) return 'NOBODY'
  if (!isBound) return 'UNBOUND'
  return isSet ? 'READY' : 'MISSING'
}

/** Why a session does not get its value, with the mend; null: it does. */
export function standingReason({ reference: { scope, name, injectionPoint }, standing, boundSince }: StandingReference): string | null {
  const isOwners = scope === 'OWNER'
  switch (standing) {
    case 'READY': return null
    case 'NOBODY': return `\${user:${name}} is filled only in sessions that act for a person.`
    case 'MISSING': return isOwners
      ? `The entry's owner has no secret ${name}. Whoever may write its owner's secrets has to set it.`
      : `Connect your account: you have no secret ${name}. Set it.`
    case 'UNBOUND': {
      // From the second revision on, a change of the place can be why; the first one is where everything begins.
      const since = boundSince !== null && boundSince > 1 ? ` since revision ${boundSince}, which changed where values go` : ''
      const place = placeText(injectionPoint)
      return isOwners
        ? `Nobody has confirmed that ${name} may go into ${place}${since}. Whoever may change it and write its owner's secrets has to look at it, and confirm it.`
        : `Connect your account: you have not confirmed that ${name} may go into ${place}${since}. Look at where it goes, and confirm it.`
    }
  }
}
