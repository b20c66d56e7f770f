import { and, asc, desc, eq, inArray, isNull, lt, type InferSelectModel, sql } from 'drizzle-orm'
import { type Definition, type Entry } from '../core/entry.js'
import { type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { inOneFlight, type Queryable, type Tx } from './client.js'
import { entry, entryRevision } from './schema.js'

function toEntry(row: InferSelectModel<typeof entry>): Entry {
  const { ownerKind, ownerId, createdAt, updatedAt, deletedAt: _, ...rest } = row
  return { ...rest, owner: { kind: ownerKind, id: ownerId }, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
}

export async function loadEntries(db: Queryable): Promise<Entry[]> {
  return (await db.select().from(entry).where(isNull(entry.deletedAt))).map(toEntry)
}

/** The live entry, locked until the transaction ends; null for a tombstone too. */
export async function lockEntry(tx: Tx, id: string): Promise<Entry | null> {
  const [row] = await tx.select().from(entry).where(and(eq(entry.id, id), isNull(entry.deletedAt))).for('update')
  return row === undefined ? null : toEntry(row)
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

/**
 * Makes or changes entries, and adds their revisions; the last of several revisions of one entry is what it is then. One statement of one
 * parameter for any number of them.
 * @throws a unique violation when an owner has another entry of that kind and name
 */
export async function putEntries(tx: Tx, revisions: readonly Entry[]): Promise<void> {
  const latest = [...new Map(revisions.map((value) => [value.id, value])).values()]
  const entries = JSON.stringify(latest.map(({ owner, ...rest }) => ({ ...rest, ownerKind: owner.kind, ownerId: owner.id })))
  // In this order, because revisions refer to entries.
  await inOneFlight([
    tx.execute(sql`
      insert into entry (id, kind, name, owner_kind, owner_id, visibility, audience, enabled, locked, definition, digest, revision, apply, created_at, updated_at, updated_by)
      select id, kind, name, "ownerKind", "ownerId", visibility, audience, enabled, locked, definition, digest, revision, apply, "createdAt", "updatedAt", "updatedBy"
      from jsonb_to_recordset(${entries}::jsonb) as given (
        id text, kind text, name text, "ownerKind" text, "ownerId" text, visibility text, audience jsonb, enabled boolean, locked boolean, definition jsonb,
        digest text, revision integer, apply text, "createdAt" timestamptz, "updatedAt" timestamptz, "updatedBy" jsonb)
      on conflict (id) do update set name = excluded.name, visibility = excluded.visibility, audience = excluded.audience, enabled = excluded.enabled,
        locked = excluded.locked, definition = excluded.definition, digest = excluded.digest, revision = excluded.revision, apply = excluded.apply,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by`).execute(),
    tx.execute(sql`
      insert into entry_revision (entry_id, revision, name, definition, digest, changed_by, at)
      select id, revision, name, definition, digest, "updatedBy", "updatedAt"
      from jsonb_to_recordset(${JSON.stringify(revisions)}::jsonb) as given (
        id text, revision integer, name text, definition jsonb, digest text, "updatedBy" jsonb, "updatedAt" timestamptz)`).execute(),
  ])
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
