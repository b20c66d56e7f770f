import { and, eq } from 'drizzle-orm'
import { type PolicyRecord } from '../core/change.js'
import { type OwnerRef } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { policy } from './schema.js'

export async function loadPolicies(db: Queryable): Promise<PolicyRecord[]> {
  const rows = await db.select().from(policy)
  return rows.map(({ ownerKind, ownerId, revision, document }) => ({ owner: { kind: ownerKind, id: ownerId }, revision, document }))
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
