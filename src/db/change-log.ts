import { asc, desc, gt, lte, sql } from 'drizzle-orm'
import { type LoggedChange } from '../core/change.js'
import { type Membership } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { changeEvent } from './schema.js'

export async function appendChanges(tx: Tx, changes: readonly LoggedChange[]): Promise<void> {
  const rows = JSON.stringify(changes.map(({ sequence, subject, id, before, after }) => ({ sequence, subject, id, before, after })))
  await tx.execute(sql`
    insert into change_event (sequence, subject, subject_id, before, after) select sequence, subject, id, before, after
    from jsonb_to_recordset(${rows}::jsonb) as given (sequence bigint, subject text, id text, before jsonb, after jsonb)`)
}

/**
 * Every change after `sequence`, oldest first, at most `limit`. One statement, so one snapshot: since commit order is sequence order
 * it never misses a row that commits later with a smaller number.
 */
export async function readChangesAfter(db: Queryable, sequence: number, limit: number): Promise<LoggedChange[]> {
  const rows = await db.select().from(changeEvent).where(gt(changeEvent.sequence, sequence)).orderBy(asc(changeEvent.sequence)).limit(limit)
  return rows.map(toChange)
}

/** The newest `count` changes up to `sequence`, oldest first and without definitions, for answering resumes from memory. */
export async function readRecentChanges(db: Queryable, sequence: number, count: number): Promise<LoggedChange[]> {
  const { sequence: at, subject, subjectId, before, after } = changeEvent
  const slimAfter = sql<unknown>`case when ${subject} = 'ENTRY' then null else ${after} end`
  const rows = await db.select({ sequence: at, subject, subjectId, before, after: slimAfter }).from(changeEvent)
    .where(lte(at, sequence)).orderBy(desc(at)).limit(count)
  return rows.reverse().map(toChange)
}

/** Drops what lies more than `keep` sequences behind `head`. */
export async function pruneChanges(db: Queryable, head: number, keep: number): Promise<void> {
  await db.delete(changeEvent).where(lte(changeEvent.sequence, head - keep))
}

function toChange(row: typeof changeEvent.$inferSelect): LoggedChange {
  const { sequence, subject, subjectId: id, before, after } = row
  const change = { sequence, subject, id, before, after } as LoggedChange
  if (change.subject !== 'MEMBERSHIP') return change
  const { teamId, userId } = (before ?? after) as Membership
  return { ...change, teamId, userId }
}
