import { and, asc, desc, eq, gt, gte, inArray, lt, max, or, type SQL, sql } from 'drizzle-orm'
import { type AuditOutcome, type ChainName, type ChangeAction } from '../core/audit-words.js'
import { ownerKey, ownerKinds, type PrincipalRef } from '../core/owner.js'
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
  /** The target as it stands in the event. */
  target?: string | null
  /** The id of a thing: events with it as their target, of a person or team memberships and what is told of all that they have besides. */
  about?: string | null
  actorId?: string | null
  /** One of them. */
  actions?: readonly string[] | null
  outcome?: AuditOutcome | null
  /** From then on. */
  since?: Date | null
  /** Before then. */
  until?: Date | null
}

/** Newest first; `before` is the sequence that the last page ended with. */
export async function listAuditEvents(db: Queryable, chain: ChainName, filter: AuditFilter, before: number | null, limit: number): Promise<AuditRecord[]> {
  const table = tables[chain]
  const { target, about, actorId, actions, outcome, since, until } = filter
  const rows = await db.select().from(table)
    .where(and(
      before === null ? undefined : lt(table.sequence, before),
      target ? eq(table.target, target) : undefined,
      about ? isAbout(table, about) : undefined,
      actions ? inArray(table.action, [...actions]) : undefined,
      actorId ? sql`${table.actor}->>'id' = ${actorId}` : undefined,
      outcome ? eq(table.outcome, outcome) : undefined,
      since ? gte(table.at, since) : undefined,
      until ? lt(table.at, until) : undefined,
    ))
    .orderBy(desc(table.sequence)).limit(limit)
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

const membershipActions = ['team.setMember', 'team.removeMember', 'team.expireMember'] as const satisfies readonly ChangeAction[]

/** Memberships stand as `TEAM/PERSON`, and what is asked of an owner as `KIND:ID`. */
function isAbout(table: (typeof tables)[ChainName], id: string): SQL | undefined {
  return or(
    inArray(table.target, [id, ...ownerKinds.map((kind) => ownerKey({ kind, id }))]),
    and(inArray(table.action, [...membershipActions]), sql`${id} in (split_part(${table.target}, '/', 1), split_part(${table.target}, '/', 2))`),
  )
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
