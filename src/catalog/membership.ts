import { type ChangeAction } from '../core/audit-words.js'
import { isOver, type Membership, systemPrincipal } from '../core/owner.js'
import { findMembership, lockTeam, removeMembership } from '../db/user.js'
import { commit } from './commit.js'
import { type CatalogServices } from './context.js'
import { type AuditedChange } from './writer.js'

/** How a membership changed: made (`before` null), altered or ended (`after` null). */
export function membershipChange(before: Membership | null, after: Membership | null, action: ChangeAction): AuditedChange {
  const { teamId, userId } = (after ?? before)!
  return { change: { subject: 'MEMBERSHIP', id: `${teamId}/${userId}`, teamId, userId, before, after }, action, before, after }
}

/** At most this many in one commit; the next sweep takes the rest. */
const mostAtOnce = 500

/**
 * Ends the memberships whose time is over, as a change like any other, so that sets follow by the feed. Every node sweeps;
 * whoever comes second finds nothing to do.
 */
async function expireMemberships(services: CatalogServices): Promise<void> {
  const now = services.now()
  const due = [...services.index.state.membersOf.values()]
    .flatMap((members) => [...members.values()].filter((membership) => isOver(membership, now)))
    .sort((a, b) => (a.teamId < b.teamId ? -1 : 1)).slice(0, mostAtOnce)
  if (due.length === 0) return
  await commit(services, systemPrincipal, async () => async (tx) => {
    const changes: AuditedChange[] = []
    for (const { teamId, userId } of due) {
      if (await lockTeam(tx, teamId) === null) continue
      const before = await findMembership(tx, teamId, userId)
      // Somebody signed in, or decided, meanwhile.
      if (before === null || !isOver(before, now)) continue
      await removeMembership(tx, teamId, userId)
      changes.push(membershipChange(before, null, 'team.expireMember'))
    }
    return { changes, result: null }
  })
}

/** Ends them every so often, never twice at once; what fails is tried again the next time. */
export function startMembershipSweep(services: CatalogServices, onError: (error: unknown) => void, everyMs = 10_000): { close: () => Promise<void> } {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= expireMemberships(services).catch(onError).finally(() => { running = null })
  }, everyMs)
  return {
    close: async () => {
      clearInterval(timer)
      await running
    },
  }
}
