import { and, asc, eq, gt, type InferSelectModel, isNull, sql } from 'drizzle-orm'
import { type ToolInventory } from '../core/tool-inventory.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { type Queryable, type Tx } from './client.js'
import { entry, toolInventory } from './schema.js'
import { passed } from './step.js'

function toInventory({ seenAt, ...row }: InferSelectModel<typeof toolInventory>): ToolInventory {
  return { ...row, seenAt: seenAt.toISOString() }
}

/** Of entries that there are, whichever digest it is: they may go back to it. Names and hashes alone, whatever the texts weigh. */
export async function loadToolPins(db: Queryable): Promise<EntryToolPins[]> {
  const { entryId, digest, version } = toolInventory
  const tools = sql<EntryToolPins['tools']>`(select coalesce(jsonb_agg(one - 'text'), '[]'::jsonb) from jsonb_array_elements(${toolInventory.pinned}) one)`
  return db.select({ entryId, digest, version, tools }).from(toolInventory)
    .innerJoin(entry, and(eq(entry.id, entryId), isNull(entry.deletedAt)))
}

/** Of whichever digest it is. */
export async function findToolInventory(db: Queryable, entryId: string): Promise<ToolInventory | null> {
  const [row] = await db.select().from(toolInventory).where(eq(toolInventory.entryId, entryId))
  return row === undefined ? null : toInventory(row)
}

/** Locked until the transaction ends. */
export async function lockToolInventory(tx: Tx, entryId: string): Promise<ToolInventory | null> {
  const [row] = await tx.select().from(toolInventory).where(eq(toolInventory.entryId, entryId)).for('update')
  return row === undefined ? null : toInventory(row)
}

/** Those with something held, by the entry's id. */
export async function listHeld(db: Queryable, after: string | null, limit: number): Promise<ToolInventory[]> {
  const rows = await db.select().from(toolInventory)
    .where(and(sql`held <> '[]'::jsonb`, after === null ? undefined : gt(toolInventory.entryId, after))).orderBy(asc(toolInventory.entryId)).limit(limit)
  return rows.map(toInventory)
}

export async function putToolInventory(tx: Tx, { seenAt, ...rest }: ToolInventory): Promise<void> {
  const row = { ...rest, seenAt: new Date(seenAt) }
  await tx.insert(toolInventory).values(row).onConflictDoUpdate({ target: toolInventory.entryId, set: row })
  passed('tools.written')
}
