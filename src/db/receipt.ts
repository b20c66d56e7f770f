import { type SQL, sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type Revocation, type RevocationTarget } from '../core/revocation.js'
import { inOneFlight, type Queryable, type Tx } from './client.js'
import { workerSession } from './schema.js'

/** A receipt as it is opened. */
export interface OpenedReceipt {
  revocation: Revocation
  /** `ownerKey`s of those who lose the entry; null: whoever has it. */
  losers: readonly string[] | null
  /** Sessions that may have it although their workers have not told of it, and subscriptions for which nobody tells. */
  unreported: readonly RevocationTarget[]
}

/** What a session was reported to have of an entry, or to lack: one row for each of its rows. */
const reportedOf = (entryId: SQL) => sql`jsonb_array_elements(${workerSession.entries}) as each on each->>'entryId' = ${entryId}`
const isHeld = sql`each->>'state' not in ('STOPPED', 'REFUSED')`
const columns = sql`(revocation_id, worker_id, session_id, owner_kind, owner_id, state, at, refused_calls, reason, process_id, token_id, trusted_until)`
const told = sql`each->>'state', (each->>'at')::timestamptz, coalesce((each->>'refusedCalls')::integer, 0), each->>'reason', worker.process_id, null, null`

/** With every session of a worker heard of after `since` that was reported to have the entry and belongs to a loser, and with what is unreported. */
export async function insertReceipts(tx: Tx, receipts: readonly OpenedReceipt[], since: Date): Promise<void> {
  const made = JSON.stringify(receipts.map(({ revocation: { owner, ...rest }, losers }) => ({ ...rest, ownerKind: owner.kind, ownerId: owner.id, losers })))
  const unreported = JSON.stringify(receipts.flatMap(({ revocation: { id, entryId }, unreported: targets }) => (
    targets.map(({ owner, ...rest }) => ({ ...rest, revocationId: id, entryId, ownerKind: owner.kind, ownerId: owner.id })))))
  await inOneFlight([
    tx.execute(sql`
      insert into revocation (id, sequence, entry_id, entry_name, owner_kind, owner_id, revision, verb, mode, reason, requested_by, requested_at, deadline)
      select id, sequence, "entryId", "entryName", "ownerKind", "ownerId", revision, verb, mode, reason, "requestedBy", "requestedAt", deadline
      from jsonb_to_recordset(${made}::jsonb) as given (
        id text, sequence bigint, "entryId" text, "entryName" text, "ownerKind" text, "ownerId" text, revision integer, verb text, mode text, reason text,
        "requestedBy" jsonb, "requestedAt" timestamptz, deadline timestamptz)`).execute(),
    tx.execute(sql`
      insert into revocation_target ${columns}
      select given.id, worker_id, session_id, owner_kind, owner_id, ${told}
      from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
        join jsonb_to_recordset(${made}::jsonb) as given (id text, "entryId" text, losers jsonb) on given."entryId" = each->>'entryId'
      where worker.seen_at > ${since.toISOString()}::timestamptz and ${isHeld}
        and (given.losers is null or jsonb_exists(given.losers, owner_kind || ':' || owner_id)) on conflict do nothing`).execute(),
    // Of whom there is a word by now, it is not unreported.
    tx.execute(sql`
      insert into revocation_target ${columns}
      select "revocationId", "workerId", "sessionId", "ownerKind", "ownerId", state, at, "refusedCalls", reason, "processId", "tokenId", "trustedUntil"
      from jsonb_to_recordset(${unreported}::jsonb) as given (
        "revocationId" text, "entryId" text, "workerId" text, "sessionId" text, "ownerKind" text, "ownerId" text, state text, at timestamptz, "refusedCalls" integer,
        reason text, "processId" text, "tokenId" text, "trustedUntil" timestamptz)
      where not exists (select 1 from worker_session where worker_id = given."workerId" and session_id = given."sessionId"
        and entries @> jsonb_build_array(jsonb_build_object('entryId', given."entryId"))) on conflict do nothing`).execute(),
  ])
}

/** Who was reported to have these entries, by workers heard of after `since`. */
export async function listHolderOwners(tx: Tx, entryIds: readonly string[], since: Date): Promise<Array<{ entryId: string; owner: OwnerRef }>> {
  const rows = await tx.execute<{ entryId: string; kind: OwnerRef['kind']; id: string }>(sql`
    select distinct given.id as "entryId", owner_kind as kind, owner_id as id
    from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
      join jsonb_array_elements_text(${JSON.stringify(entryIds)}::jsonb) as given (id) on given.id = each->>'entryId'
    where worker.seen_at > ${since.toISOString()}::timestamptz and ${isHeld}`)
  return rows.map(({ entryId, kind, id }) => ({ entryId, owner: { kind, id } }))
}

/**
 * Sessions whose report met a revocation that was made after `since`: they have what was taken away, or had it and have stopped by now, and
 * nobody counted them.
 */
export async function addLateTargets(db: Queryable, workerId: string, since: Date): Promise<void> {
  await db.execute(sql`
    insert into revocation_target ${columns}
    select revocation.id, worker_id, session_id, worker_session.owner_kind, worker_session.owner_id, ${told}
    from revocation cross join worker_session join worker on worker.id = worker_id join ${reportedOf(sql`revocation.entry_id`)}
    where requested_at > ${since.toISOString()}::timestamptz and worker_id = ${workerId}
      and (${isHeld} or (each->>'state' = 'STOPPED' and (each->>'at')::timestamptz > requested_at))
      and verb <> 'UPDATE' and (each->>'revision')::integer <= revocation.revision
    order by ${isHeld} desc on conflict do nothing`)
}
