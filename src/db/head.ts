import { randomBytes } from 'node:crypto'
import { eq, inArray, isNull, sql } from 'drizzle-orm'
import { inOneFlight, type Queryable, sqlState, type Tx, wakeChannel } from './client.js'
import { accessHead, catalogHead } from './schema.js'
import { passed } from './step.js'

export interface Head {
  incarnation: string
  home: string | null
  sequence: number
  rightsSequence: number
  auditHash: string
  auditKeyId: string
}

/** Makes both heads of a new database; an existing one keeps its own. */
export async function ensureHeads(db: Queryable, auditKeyId: string): Promise<void> {
  await db.insert(catalogHead)
    .values({ id: 1, incarnation: newIncarnation(), home: await readHome(db), sequence: 0, rightsSequence: 0, auditHash: '', auditKeyId })
    .onConflictDoNothing()
  await db.insert(accessHead).values({ id: 1, sequence: 0, hash: '' }).onConflictDoNothing()
}

const newIncarnation = () => randomBytes(4).toString('hex')

/**
 * Cluster, database and timeline: alike after a restart or a crash, another one after a restore from a dump, a copy of the database,
 * a restore to a point in time or the promotion of a standby, which may all lack the last commits. A copy of the volume of a cluster has the
 * same home; then a node notices that commits are missing, or an operator says so (`pilothouse database restored`).
 * @returns null where the account may not ask
 */
export async function readHome(db: Queryable): Promise<string | null> {
  try {
    const [row] = await db.execute<{ home: string }>(sql`
      select (select system_identifier from pg_control_system()) || '/' || (select oid from pg_database where datname = current_database())
        || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as home`)
    return row?.home ?? null
  } catch (error) {
    if (sqlState(error) === '42501') return null
    throw error
  }
}

/**
 * Gives a database that was restored a new incarnation, so that every cursor of before leads to a snapshot.
 * @param known what this process last knew of it, if it knew it
 * @returns the head as it is then
 */
export async function settleHead(db: Queryable, known: Pick<Head, 'incarnation' | 'sequence'> | null): Promise<Head> {
  const [head, home] = [await readHead(db), await readHome(db)]
  const hasMoved = head.home !== null && home !== null && head.home !== home
  const lacksCommits = known !== null && known.incarnation === head.incarnation && known.sequence > head.sequence
  if (hasMoved || lacksCommits) await renewIncarnation(db, head.incarnation, home)
  else if (head.home !== null || home === null) return head
  else await db.update(catalogHead).set({ home }).where(isNull(catalogHead.home))
  return readHead(db)
}

/**
 * Of several nodes that notice at once, one renews it. Never waits for the row: who holds it may wait for the tail, which waits for us. The
 * next look tries again.
 */
export async function renewIncarnation(db: Queryable, old: string, home: string | null): Promise<void> {
  const free = db.select({ id: catalogHead.id }).from(catalogHead).where(eq(catalogHead.incarnation, old)).for('update', { skipLocked: true })
  await db.update(catalogHead).set({ incarnation: newIncarnation(), home }).where(inArray(catalogHead.id, free))
}

/** null for a database that was not prepared yet. */
export async function findHead(db: Queryable): Promise<Head | null> {
  const [head] = await db.select().from(catalogHead)
  return head ?? null
}

export async function readHead(db: Queryable): Promise<Head> {
  const head = await findHead(db)
  if (head === null) throw new Error('catalog_head has no row: the database was not prepared')
  return head
}

/** Takes the lock that orders commits; nothing but `appendCommit` should come after it. */
export async function lockHead(tx: Tx): Promise<Head> {
  const [head] = await tx.select().from(catalogHead).where(eq(catalogHead.id, 1)).for('update')
  passed('head.locked')
  if (head === undefined) throw new Error('catalog_head has no row: the database was not prepared')
  return head
}

/** Moves the head and wakes every node once the transaction commits. The sequence is a hint: who has it need not read. */
export async function moveHead(tx: Tx, head: Pick<Head, 'sequence' | 'rightsSequence' | 'auditHash'>): Promise<void> {
  await inOneFlight([
    tx.update(catalogHead).set(head).where(eq(catalogHead.id, 1)).execute(),
    tx.execute(sql`select pg_notify(${wakeChannel}, ${String(head.sequence)})`).execute(),
  ])
}

export async function readAccessHead(db: Queryable): Promise<{ sequence: number; hash: string }> {
  const [head] = await db.select().from(accessHead)
  if (head === undefined) throw new Error('access_head has no row: the database was not prepared')
  return head
}

export async function lockAccessHead(tx: Tx): Promise<{ sequence: number; hash: string }> {
  const [head] = await tx.select().from(accessHead).where(eq(accessHead.id, 1)).for('update')
  if (head === undefined) throw new Error('access_head has no row: the database was not prepared')
  return head
}

export async function moveAccessHead(tx: Tx, head: { sequence: number; hash: string }): Promise<void> {
  await tx.update(accessHead).set(head).where(eq(accessHead.id, 1))
}
