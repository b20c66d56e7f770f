import { and, desc, eq, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import { type ApprovalState } from '../core/approval.js'
import { type EntryApproval } from '../core/entry.js'
import { type OwnerRef, type PrincipalRef } from '../core/owner.js'
import { type Queryable } from './client.js'
import { approval, entry, entryRevision } from './schema.js'

export interface StoredApproval extends Omit<EntryApproval, 'state'> {
  state: ApprovalState
  /** Its place in lists. */
  number: number
  entryId: string
  entryName: string
  owner: OwnerRef
  /** One that has the definition. */
  revision: number
}

export interface ApprovalFilter {
  /** null for everybody's. */
  owners: readonly OwnerRef[] | null
  state: ApprovalState | null
}

const isoOf = (moment: Date | null): string | null => moment?.toISOString() ?? null

/** A request counts as long as its entry has it; a rejection is told for good. */
const stateAt = (now: Date): SQL<ApprovalState> => sql<ApprovalState>`case
  when ${approval.state} = 'REJECTED' then 'REJECTED'
  when ${entry.deletedAt} is not null or ${entry.approval}->>'id' is distinct from ${approval.id} then 'VOID'
  when ${approval.state} = 'PENDING' and ${approval.expiresAt} <= ${now.toISOString()}::timestamptz then 'EXPIRED'
  else ${approval.state} end`

/** Newest first. */
async function select(db: Queryable, now: Date, where: SQL | undefined, limit: number): Promise<StoredApproval[]> {
  const rows = await db.select({ approval, now: stateAt(now) }).from(approval).innerJoin(entry, eq(entry.id, approval.entryId))
    .where(where).orderBy(desc(approval.number)).limit(limit)
  return rows.map(({ approval: { ownerKind, ownerId, ...row }, now: state }) => ({
    ...row, state, owner: { kind: ownerKind, id: ownerId }, requestedAt: row.requestedAt.toISOString(), expiresAt: row.expiresAt.toISOString(), decidedAt: isoOf(row.decidedAt),
  }))
}

export async function findApproval(db: Queryable, id: string, now: Date): Promise<StoredApproval | null> {
  const [found] = await select(db, now, eq(approval.id, id), 1)
  return found ?? null
}

/** Newest first; `before` is the number that the last page ended with. */
export async function listApprovals(db: Queryable, { owners, state }: ApprovalFilter, now: Date, before: number | null, limit: number): Promise<StoredApproval[]> {
  const theirs = owners === null ? undefined : or(sql`false`, ...owners.map(({ kind, id }) => and(eq(approval.ownerKind, kind), eq(approval.ownerId, id))))
  // What is stored narrows it down before what is derived decides.
  const stored = state === null ? undefined : inArray(approval.state, state === 'VOID' ? ['PENDING', 'APPROVED'] : state === 'EXPIRED' ? ['PENDING'] : [state])
  return select(db, now, and(theirs, stored, state === null ? undefined : eq(stateAt(now), state), before === null ? undefined : lt(approval.number, before)), limit)
}

/** The last one of that entry that was approved before a request was made, whatever became of it. */
export async function lastApproved(db: Queryable, { entryId, number }: Pick<StoredApproval, 'entryId' | 'number'>, now: Date): Promise<StoredApproval | null> {
  const [last] = await select(db, now, and(eq(approval.entryId, entryId), eq(approval.state, 'APPROVED'), lt(approval.number, number)), 1)
  return last ?? null
}

/**
 * Who made an entry's definition what it is: who brought in what the digest covers, and who changed a description since. Whoever
 * renamed, shared or switched it has no part in that, and takes none from others.
 */
export async function authorsOf(db: Queryable, entryId: string, digest: string): Promise<PrincipalRef[]> {
  const other = sql`(select coalesce(max(revision), 0) from ${entryRevision} where ${entryRevision.entryId} = ${entryId} and ${entryRevision.digest} <> ${digest})`
  const rows = await db.execute<{ author: PrincipalRef }>(sql`
    select distinct changed_by as author from (
      select revision, changed_by, definition is distinct from lag(definition) over (order by revision) as is_other
      from ${entryRevision} where ${entryRevision.entryId} = ${entryId} and revision >= ${other}
    ) as since where is_other and revision > ${other}`)
  return rows.map(({ author }) => author)
}
