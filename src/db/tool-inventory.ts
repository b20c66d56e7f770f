import { and, asc, eq, inArray, type InferSelectModel, isNull, sql } from 'drizzle-orm'
import { type ToolInventory } from '../core/tool-inventory.js'
import { type EntryTools, type ToolPin } from '../core/tool-pin.js'
import { type Queryable, type Tx } from './client.js'
import { entry, toolInventory } from './schema.js'
import { passed } from './step.js'

function toInventory({ seenAt, ...row }: InferSelectModel<typeof toolInventory>): ToolInventory {
  return { ...row, seenAt: seenAt.toISOString() }
}

/** Of entries that there are, whichever place it is: they may go back to it. Names and hashes alone, whatever the texts weigh. */
export async function loadToolPins(db: Queryable): Promise<EntryTools[]> {
  const { entryId, digest, place, version, pinned, held } = toolInventory
  const bare = (tools: typeof pinned | typeof held) => (
    sql<ToolPin[]>`(select coalesce(jsonb_agg(jsonb_build_object('name', one->'name', 'hash', one->'hash') order by at), '[]'::jsonb) from jsonb_array_elements(${tools}) with ordinality each(one, at))`)
  return db.select({ entryId, digest, place, version, tools: bare(pinned), held: bare(held) }).from(toolInventory)
    .innerJoin(entry, and(eq(entry.id, entryId), isNull(entry.deletedAt)))
}

/** Of whichever place it is. */
export async function findToolInventory(db: Queryable, entryId: string): Promise<ToolInventory | null> {
  const [row] = await db.select().from(toolInventory).where(eq(toolInventory.entryId, entryId))
  return row === undefined ? null : toInventory(row)
}

/** Locked until the transaction ends. */
export async function lockToolInventory(tx: Tx, entryId: string): Promise<ToolInventory | null> {
  const [row] = await tx.select().from(toolInventory).where(eq(toolInventory.entryId, entryId)).for('update')
  return row === undefined ? null : toInventory(row)
}

/** Those of these entries, by the entry's id. */
export async function listInventories(db: Queryable, entryIds: readonly string[]): Promise<ToolInventory[]> {
  if (entryIds.length === 0) return []
  const rows = await db.select().from(toolInventory).where(inArray(toolInventory.entryId, [...entryIds])).orderBy(asc(toolInventory.entryId))
  return rows.map(toInventory)
}

export async function putToolInventory(tx: Tx, { seenAt, ...rest }: ToolInventory): Promise<void> {
  const row = { ...rest, seenAt: new Date(seenAt) }
  await tx.insert(toolInventory).values(row).onConflictDoUpdate({ target: toolInventory.entryId, set: row })
  passed('tools.written')
}
