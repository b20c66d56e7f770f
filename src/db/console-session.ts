import { and, asc, desc, eq, inArray, isNull, type InferSelectModel, lte, or } from 'drizzle-orm'
import { type ConsoleSession } from '../core/console-session.js'
import { type Queryable, type Tx } from './client.js'
import { consoleSession } from './schema.js'

export interface StoredConsoleSession extends ConsoleSession {
  lastUsedAt: string
}

const toSession = ({ lastUsedAt: _, ...row }: InferSelectModel<typeof consoleSession>): ConsoleSession => ({
  ...row, createdAt: row.createdAt.toISOString(), expiresAt: row.expiresAt.toISOString(), endedAt: row.endedAt?.toISOString() ?? null,
})
const toStored = (row: InferSelectModel<typeof consoleSession>): StoredConsoleSession => ({ ...toSession(row), lastUsedAt: row.lastUsedAt.toISOString() })

/** Those that have not ended; whether their time is over is judged at each use. */
export async function loadConsoleSessions(db: Queryable): Promise<ConsoleSession[]> {
  return (await db.select().from(consoleSession).where(isNull(consoleSession.endedAt))).map(toSession)
}

export async function insertConsoleSession(tx: Tx, session: ConsoleSession): Promise<void> {
  const createdAt = new Date(session.createdAt)
  await tx.insert(consoleSession).values({ ...session, createdAt, expiresAt: new Date(session.expiresAt), lastUsedAt: createdAt, endedAt: null })
}

/** A person's that have not ended, oldest first, locked until the transaction ends. */
export async function lockConsoleSessionsOf(tx: Tx, userId: string): Promise<ConsoleSession[]> {
  const rows = await tx.select().from(consoleSession)
    .where(and(eq(consoleSession.userId, userId), isNull(consoleSession.endedAt))).orderBy(asc(consoleSession.createdAt), asc(consoleSession.id)).for('update')
  return rows.map(toSession)
}

/** A person's that have not ended, newest first. */
export async function listConsoleSessions(db: Queryable, userId: string): Promise<StoredConsoleSession[]> {
  const rows = await db.select().from(consoleSession)
    .where(and(eq(consoleSession.userId, userId), isNull(consoleSession.endedAt))).orderBy(desc(consoleSession.createdAt), desc(consoleSession.id))
  return rows.map(toStored)
}

/** Ended or not, by its id or the hash of its cookie; null: there never was one. */
export async function findConsoleSession(db: Queryable, by: { id: string } | { hash: string }): Promise<StoredConsoleSession | null> {
  const [row] = await db.select().from(consoleSession).where('id' in by ? eq(consoleSession.id, by.id) : eq(consoleSession.hash, by.hash))
  return row === undefined ? null : toStored(row)
}

/** null: unknown, or it has ended. */
export async function lockConsoleSession(tx: Tx, id: string): Promise<ConsoleSession | null> {
  const [row] = await tx.select().from(consoleSession).where(and(eq(consoleSession.id, id), isNull(consoleSession.endedAt))).for('update')
  return row === undefined ? null : toSession(row)
}

export async function setConsoleSessionEnded(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.update(consoleSession).set({ endedAt: at }).where(eq(consoleSession.id, id))
}

export async function touchConsoleSessions(db: Queryable, ids: readonly string[], at: Date): Promise<void> {
  if (ids.length > 0) await db.update(consoleSession).set({ lastUsedAt: at }).where(inArray(consoleSession.id, [...ids]))
}

/** Those whose time is over, and those that nobody used since `idleSince`, at most `most`, locked until the transaction ends. What somebody else locked is left to them. */
export async function lockDueConsoleSessions(tx: Tx, now: Date, idleSince: Date, most: number): Promise<ConsoleSession[]> {
  const rows = await tx.select().from(consoleSession)
    .where(and(isNull(consoleSession.endedAt), or(lte(consoleSession.expiresAt, now), lte(consoleSession.lastUsedAt, idleSince))))
    .orderBy(asc(consoleSession.id)).limit(most).for('update', { skipLocked: true })
  return rows.map(toSession)
}
