import { and, eq, inArray, type InferSelectModel, isNull, sql } from 'drizzle-orm'
import { type OwnerRef, ownerKey, type PrincipalRef } from '../core/owner.js'
import { type SecretRecord, type UserBinding } from '../core/secret.js'
import { type Queryable, type Tx } from './client.js'
import { secret, secretBinding } from './schema.js'
import { passed } from './step.js'

/** A secret with what only its provider can make a value of. */
export interface StoredSecret extends SecretRecord {
  sealed: unknown
  fingerprint: string | null
}

function toStored(row: InferSelectModel<typeof secret>): StoredSecret {
  const { ownerKind, ownerId, updatedAt, deletedAt, ...rest } = row
  return { ...rest, owner: { kind: ownerKind, id: ownerId }, updatedAt: updatedAt.toISOString(), deletedAt: deletedAt?.toISOString() ?? null }
}

/** What every node may know of it. */
export function toRecord({ sealed: _, fingerprint: __, ...record }: StoredSecret): SecretRecord {
  return record
}

/** Deleted ones included; never what values are made of. */
export async function loadSecrets(db: Queryable): Promise<SecretRecord[]> {
  const { id, ownerKind, ownerId, name, provider, path, version, updatedAt, updatedBy, deletedAt } = secret
  const rows = await db.select({ id, ownerKind, ownerId, name, provider, path, version, updatedAt, updatedBy, deletedAt }).from(secret)
  return rows.map((row) => toRecord(toStored({ ...row, sealed: null, fingerprint: null })))
}

export async function loadUserBindings(db: Queryable): Promise<UserBinding[]> {
  return (await db.select().from(secretBinding)).map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() }))
}

/** Those that are there, in any order. */
export async function findSecrets(db: Queryable, ids: readonly string[]): Promise<StoredSecret[]> {
  return (await db.select().from(secret).where(inArray(secret.id, [...ids]))).map(toStored)
}

/** A deleted one too, locked until the transaction ends. */
export async function lockSecret(tx: Tx, owner: OwnerRef, name: string): Promise<StoredSecret | null> {
  const [row] = await tx.select().from(secret)
    .where(and(eq(secret.ownerKind, owner.kind), eq(secret.ownerId, owner.id), eq(secret.name, name))).for('update')
  passed('secret.locked')
  return row === undefined ? null : toStored(row)
}

/**
 * Writes the next version.
 * @returns false when somebody else wrote the same version first
 */
export async function putSecretRow(tx: Tx, { owner, updatedAt, deletedAt, ...rest }: StoredSecret): Promise<boolean> {
  const row = { ...rest, ownerKind: owner.kind, ownerId: owner.id, updatedAt: new Date(updatedAt), deletedAt: deletedAt === null ? null : new Date(deletedAt) }
  const written = await tx.insert(secret).values(row)
    .onConflictDoUpdate({ target: [secret.ownerKind, secret.ownerId, secret.name], set: row, setWhere: eq(secret.version, rest.version - 1) })
    .returning({ id: secret.id })
  passed('secret.written')
  return written.length === 1
}

/** How many an owner has, and how many names there ever were. Counted alone: whoever else is about to add one to that owner waits until the transaction ends. */
export async function countSecrets(tx: Tx, owner: OwnerRef): Promise<{ living: number; names: number }> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`secrets of ${ownerKey(owner)}`}, 0))`)
  const [row] = await tx.select({ living: sql<number>`(count(*) filter (where deleted_at is null))::int`, names: sql<number>`count(*)::int` }).from(secret)
    .where(and(eq(secret.ownerKind, owner.kind), eq(secret.ownerId, owner.id)))
  return row!
}

/**
 * All of an owner become tombstones, each one version on.
 * @returns how each of them was and is, in any order
 */
export async function tombstoneSecrets(tx: Tx, owner: OwnerRef, { at, by }: { at: Date; by: PrincipalRef }): Promise<Array<{ before: StoredSecret; after: StoredSecret }>> {
  const living = and(eq(secret.ownerKind, owner.kind), eq(secret.ownerId, owner.id), isNull(secret.deletedAt))
  const before = new Map((await tx.select().from(secret).where(living).for('update')).map((row) => [row.id, toStored(row)]))
  const rows = await tx.update(secret)
    .set({ version: sql`version + 1`, sealed: null, fingerprint: null, deletedAt: at, updatedAt: at, updatedBy: by }).where(living).returning()
  return rows.map((row) => ({ before: before.get(row.id)!, after: toStored(row) }))
}

export async function putUserBinding(tx: Tx, { at, ...rest }: UserBinding): Promise<void> {
  const row = { ...rest, at: new Date(at) }
  const { entryId, userId, name, injectionPoint } = secretBinding
  await tx.insert(secretBinding).values(row).onConflictDoUpdate({ target: [entryId, userId, name, injectionPoint], set: row })
}
