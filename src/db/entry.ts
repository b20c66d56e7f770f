import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, type InferSelectModel } from 'drizzle-orm'
import { type Block } from '../core/block.js'
import { type Definition, type Entry } from '../core/entry.js'
import { type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { entry, entryRevision } from './schema.js'
import { passed } from './step.js'

function toEntry(row: InferSelectModel<typeof entry>): Entry {
  const { ownerKind, ownerId, createdAt, updatedAt, deletedAt: _, ...rest } = row
  return { ...rest, owner: { kind: ownerKind, id: ownerId }, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
}

export async function loadEntries(db: Queryable): Promise<Entry[]> {
  return (await db.select().from(entry).where(isNull(entry.deletedAt))).map(toEntry)
}

/** What was revoked, tombstones included. */
export async function loadBlocks(db: Queryable): Promise<Block[]> {
  const rows = await db.select().from(entry).where(isNotNull(entry.revoked))
  return rows.map(({ id, name, ownerKind, ownerId, revoked }) => ({ entryId: id, name, owner: { kind: ownerKind, id: ownerId }, revoked: revoked! }))
}

/** The live entry, locked until the transaction ends; null for a tombstone too. */
export async function lockEntry(tx: Tx, id: string): Promise<Entry | null> {
  const [row] = await tx.select().from(entry).where(and(eq(entry.id, id), isNull(entry.deletedAt))).for('update')
  passed('entry.locked')
  return row === undefined ? null : toEntry(row)
}

/** A tombstone, locked until the transaction ends; null for a live entry. */
export async function lockTombstone(tx: Tx, id: string): Promise<Entry | null> {
  const [row] = await tx.select().from(entry).where(and(eq(entry.id, id), isNotNull(entry.deletedAt))).for('update')
  return row === undefined ? null : toEntry(row)
}

/** A tombstone becomes an entry again. @throws a unique violation when its owner has another one of that kind and name */
export async function reviveEntry(tx: Tx, id: string): Promise<void> {
  await tx.update(entry).set({ deletedAt: null }).where(eq(entry.id, id))
}

/** Live entries, locked until the transaction ends, always in the same order so that two transactions cannot wait for each other. */
export async function lockEntries(tx: Tx, ids: readonly string[]): Promise<Entry[]> {
  return (await tx.select().from(entry).where(and(inArray(entry.id, [...ids]), isNull(entry.deletedAt))).orderBy(asc(entry.id)).for('update')).map(toEntry)
}

/** Everything alive of one owner, locked until the transaction ends. */
export async function lockEntriesOf(tx: Tx, owner: OwnerRef): Promise<Entry[]> {
  const rows = await tx.select().from(entry)
    .where(and(eq(entry.ownerKind, owner.kind), eq(entry.ownerId, owner.id), isNull(entry.deletedAt))).orderBy(asc(entry.id)).for('update')
  return rows.map(toEntry)
}

/** Both kinds, tombstones excluded. */
export async function countEntriesOf(tx: Tx, owner: OwnerRef): Promise<number> {
  return tx.$count(entry, and(eq(entry.ownerKind, owner.kind), eq(entry.ownerId, owner.id), isNull(entry.deletedAt)))
}

export async function tombstoneEntries(tx: Tx, ids: readonly string[], at: Date): Promise<void> {
  await tx.update(entry).set({ deletedAt: at }).where(inArray(entry.id, [...ids]))
}

export interface EntryRevision {
  revision: number
  name: string
  definition: Definition
  digest: string
  changedBy: PrincipalRef
  at: string
}

/** Newest first; `before` is the revision that the last page ended with. */
export async function listRevisions(db: Queryable, entryId: string, before: number | null, limit: number): Promise<EntryRevision[]> {
  const rows = await db.select().from(entryRevision)
    .where(and(eq(entryRevision.entryId, entryId), before === null ? undefined : lt(entryRevision.revision, before)))
    .orderBy(desc(entryRevision.revision)).limit(limit)
  return rows.map(({ entryId: _, at, ...rest }) => ({ ...rest, at: at.toISOString() }))
}

export async function findRevision(db: Queryable, entryId: string, revision: number): Promise<EntryRevision | null> {
  const [row] = await listRevisions(db, entryId, revision + 1, 1)
  return row?.revision === revision ? row : null
}
