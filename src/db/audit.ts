import { and, asc, desc, eq, gt, inArray, lt, max, sql } from 'drizzle-orm'
import { type PrincipalRef } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { accessEvent, auditEvent } from './schema.js'

/** One link of a chain. `before` and `after` hold no secret: values of headers and environment are keyed hashes. */
export interface AuditRecord {
  sequence: number
  /** ISO time in milliseconds. */
  at: string
  actor: PrincipalRef
  action: string
  outcome: string
  target: string
  before: unknown
  after: unknown
  hash: string
}

/** `changes`: every mutation, in its own transaction. `access`: denials and break-glass reads, in batches. */
export type ChainName = 'changes' | 'access'

const tables = { changes: auditEvent, access: accessEvent } as const

export async function appendAudit(tx: Tx, chain: ChainName, records: AuditRecord[]): Promise<void> {
  await tx.execute(sql`
    insert into ${tables[chain]} (sequence, at, actor, action, outcome, target, before, after, hash)
    select sequence, at, actor, action, outcome, target, before, after, hash from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as given (
      sequence bigint, at timestamptz, actor jsonb, action text, outcome text, target text, before jsonb, after jsonb, hash text)`)
}

export async function readChain(db: Queryable, chain: ChainName, after: number, limit: number): Promise<AuditRecord[]> {
  const table = tables[chain]
  const rows = await db.select().from(table).where(gt(table.sequence, after)).orderBy(asc(table.sequence)).limit(limit)
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

export interface AuditFilter {
  target?: string | null
  actorId?: string | null
  action?: string | null
}

/** Newest first; `before` is the sequence that the last page ended with. */
export async function listAuditEvents(db: Queryable, filter: AuditFilter, before: number | null, limit: number): Promise<AuditRecord[]> {
  const rows = await db.select().from(auditEvent)
    .where(and(
      before === null ? undefined : lt(auditEvent.sequence, before),
      filter.target ? eq(auditEvent.target, filter.target) : undefined,
      filter.action ? eq(auditEvent.action, filter.action) : undefined,
      filter.actorId ? sql`${auditEvent.actor}->>'id' = ${filter.actorId}` : undefined,
    ))
    .orderBy(desc(auditEvent.sequence)).limit(limit)
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

/** When each of these changes was made; a sequence that no change has is left out. */
export async function momentsOf(db: Queryable, sequences: readonly number[]): Promise<Map<number, Date>> {
  if (sequences.length === 0) return new Map()
  const rows = await db.select({ sequence: auditEvent.sequence, at: auditEvent.at }).from(auditEvent).where(inArray(auditEvent.sequence, [...new Set(sequences)]))
  return new Map(rows.map(({ sequence, at }) => [sequence, at]))
}

/** The sequence of the last change of one thing; null when it never changed. */
export async function lastChangeOf(db: Queryable, target: string): Promise<number | null> {
  const [row] = await db.select({ last: max(auditEvent.sequence) }).from(auditEvent).where(eq(auditEvent.target, target))
  return row?.last ?? null
}

/** The sequences of the last changes of several things, by id; what never changed has none. */
export async function lastChangesOf(db: Queryable, targets: readonly string[]): Promise<Map<string, number>> {
  if (targets.length === 0) return new Map()
  const rows = await db.select({ target: auditEvent.target, last: max(auditEvent.sequence) }).from(auditEvent)
    .where(sql`${auditEvent.target} in (select jsonb_array_elements_text(${JSON.stringify(targets)}::jsonb))`).groupBy(auditEvent.target)
  return new Map(rows.map(({ target, last }) => [target, last!]))
}
