import { deploymentOwner, type OwnerRef, type Team, type User } from '../core/owner.js'
import { type JudgedEntry } from '../core/entry.js'
import { type SecretRecord } from '../core/secret.js'
import { approvalById, type ApprovalView } from './approval.js'
import { auditEventById } from './audit.js'
import { type AuditNode } from './audit-target.js'
import { visibleEntry } from './authorize.js'
import { type CatalogContext } from './context.js'
import { revocationById, type RevocationView } from './receipt.js'
import { secretById } from './secret.js'
import { listTeams } from './team.js'
import { ownToken, type StoredToken } from './token.js'
import { listUsers } from './user.js'
import { workerById, type WorkerView } from './worker.js'

/** Whose sets the caller may read by name; a worker that serves everyone has no list. */
export function viewerOwners(context: CatalogContext): OwnerRef[] {
  const { principal, index } = context
  if (principal.kind === 'WORKER') return (index.state.tokens.get(principal.id)?.serves ?? []).filter((owner) => index.resolveOwner(owner, null) !== null)
  const teams = [...principal.teams.keys()].map((id): OwnerRef => ({ kind: 'TEAM', id }))
  return [{ kind: 'USER', id: principal.id }, ...teams, ...(principal.role === 'ADMIN' ? [deploymentOwner] : [])]
}

/** Whatever has that id, if the caller may see it; null for unknown, malformed and hidden ids alike. */
export async function nodeById(context: CatalogContext, id: string): Promise<JudgedEntry | User | Team | StoredToken | AuditNode | RevocationView | WorkerView | ApprovalView | SecretRecord | null> {
  return await visibleEntry(context, id)
    ?? listTeams(context).find((team) => team.id === id)
    ?? listUsers(context, null).find((user) => user.id === id)
    ?? await ownToken(context, id)
    ?? await auditEventById(context, id)
    ?? await revocationById(context, id)
    ?? await workerById(context, id)
    ?? await approvalById(context, id)
    ?? await secretById(context, id)
}
