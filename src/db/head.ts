import { eq, sql } from 'drizzle-orm'
import { type Queryable, type Tx, wakeChannel } from './client.js'
import { accessHead, catalogHead } from './schema.js'

export interface Head {
  incarnation: string
  sequence: number
  rightsSequence: number
  auditHash: string
  auditKeyId: string
}

/** Makes both heads of a new database; an existing one keeps its own. */
export async function ensureHeads(db: Queryable, incarnation: string, auditKeyId: string): Promise<void> {
  await db.insert(catalogHead)
    .values({ id: 1, incarnation, sequence: 0, rightsSequence: 0, auditHash: '', auditKeyId })
    .onConflictDoNothing()
  await db.insert(accessHead).values({ id: 1, sequence: 0, hash: '' }).onConflictDoNothing()
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
  if (head === undefined) throw new Error('catalog_head has no row: the database was not prepared')
  return head
}

/** Moves the head and wakes every node once the transaction commits. */
export async function moveHead(tx: Tx, head: Pick<Head, 'sequence' | 'rightsSequence' | 'auditHash'>): Promise<void> {
  await tx.update(catalogHead).set(head).where(eq(catalogHead.id, 1))
  await tx.execute(sql`select pg_notify(${wakeChannel}, '')`)
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
