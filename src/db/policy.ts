import { and, eq } from 'drizzle-orm'
import { type PolicyRecord } from '../core/change.js'
import { deploymentOwner, type OwnerRef } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { auditEvent, policy } from './schema.js'

/** Stands where a document was and is no more: it cannot be read either, so it widens nothing (S23). */
const lost = 'lost'

/** Every policy; also those that were set, as the audit knows, and are gone from the table. */
export async function loadPolicies(db: Queryable): Promise<PolicyRecord[]> {
  const rows = await db.select().from(policy)
  const wasSet = await db.select({ id: auditEvent.target }).from(auditEvent).where(eq(auditEvent.action, 'policy.set')).groupBy(auditEvent.target)
  return [
    ...rows.map(({ ownerKind, ownerId, revision, document }) => ({ owner: { kind: ownerKind, id: ownerId }, revision, document })),
    ...wasSet.filter(({ id }) => !rows.some(({ ownerId }) => ownerId === id))
      .map(({ id }) => ({ owner: id === deploymentOwner.id ? deploymentOwner : { kind: 'TEAM' as const, id }, revision: 0, document: lost })),
  ]
}

export async function lockPolicy(tx: Tx, owner: OwnerRef): Promise<PolicyRecord | null> {
  const [row] = await tx.select().from(policy)
    .where(and(eq(policy.ownerKind, owner.kind), eq(policy.ownerId, owner.id))).for('update')
  return row === undefined ? null : { owner, revision: row.revision, document: row.document }
}

/**
 * Writes the next revision.
 * @returns false when somebody else wrote the same revision first
 */
export async function putPolicy(tx: Tx, record: PolicyRecord, now: Date): Promise<boolean> {
  const row = { ownerKind: record.owner.kind, ownerId: record.owner.id, revision: record.revision, document: record.document, updatedAt: now }
  const written = await tx.insert(policy).values(row)
    .onConflictDoUpdate({
      target: [policy.ownerKind, policy.ownerId], set: row, setWhere: eq(policy.revision, record.revision - 1),
    })
    .returning({ revision: policy.revision })
  return written.length === 1
}
