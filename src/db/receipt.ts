import { sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type Revocation, type RevocationTarget } from '../core/revocation.js'
import { type WithdrawalVerb } from '../core/withdrawal.js'
import { type AppliedEntry } from '../core/worker-status.js'
import { inOneFlight, type Queryable, type Tx } from './client.js'
import { passed } from './step.js'
import { hasAny } from './worker.js'

/** A receipt as it is opened. */
export interface OpenedReceipt {
  revocation: Revocation
  /** `ownerKey`s of those who lose the entry; null: whoever has it. */
  losers: readonly string[] | null
  /** Sessions that may have it although their workers have not told of it, and subscriptions for which nobody tells. */
  unreported: readonly RevocationTarget[]
}

const isHeld = sql`each->>'state' not in ('STOPPED', 'REFUSED')`
const columns = sql`(revocation_id, worker_id, session_id, owner_kind, owner_id, state, at, refused_calls, reason, process_id, token_id, trusted_until)`
const told = sql`each->>'state', (each->>'at')::timestamptz, coalesce((each->>'refusedCalls')::integer, 0), each->>'reason', worker.process_id, null, null`

/** Of many it costs less to look at every session. */
const mayHave = (entryIds: readonly string[]) => (entryIds.length > 20 ? sql`true` : hasAny(entryIds.map((entryId) => ({ entryId }))))

/** Postgres takes no text of hundreds of megabytes. */
const rowsAtOnce = 5_000
const chunksOf = <Row>(rows: readonly Row[]): Row[][] => (
  Array.from({ length: Math.ceil(rows.length / rowsAtOnce) }, (_, at) => rows.slice(at * rowsAtOnce, (at + 1) * rowsAtOnce)))

/** Workers heard of after `since`, and those of one token alone if it is given. */
export interface Holders {
  since: Date
  tokenId: string | null
}

const isHolder = ({ since, tokenId }: Holders) => (
  sql`worker.seen_at > ${since.toISOString()}::timestamptz ${tokenId === null ? sql`` : sql`and worker.token_id = ${tokenId}`}`)

/** With every session of these workers that was reported to have the entry and belongs to a loser, and with what is unreported. */
export async function insertReceipts(tx: Tx, receipts: readonly OpenedReceipt[], by: Holders): Promise<void> {
  const made = JSON.stringify(receipts.map(({ revocation: { owner, ...rest } }) => ({ ...rest, ownerKind: owner.kind, ownerId: owner.id })))
  const taken = receipts.map(({ revocation: { id, entryId }, losers }) => ({ id, entryId, losers }))
  const fromAll = taken.filter(({ losers }) => losers === null).map(({ id, entryId }) => ({ id, entryId }))
  const fromSome = taken.flatMap(({ id, entryId, losers }) => (losers ?? []).map((owner) => ({ id, entryId, owner })))
  await inOneFlight([
    tx.execute(sql`
      insert into revocation (id, sequence, entry_id, entry_name, owner_kind, owner_id, revision, verb, mode, reason, requested_by, requested_at, deadline)
      select id, sequence, "entryId", "entryName", "ownerKind", "ownerId", revision, verb, mode, reason, "requestedBy", "requestedAt", deadline
      from jsonb_to_recordset(${made}::jsonb) as given (
        id text, sequence bigint, "entryId" text, "entryName" text, "ownerKind" text, "ownerId" text, revision integer, verb text, mode text, reason text,
        "requestedBy" jsonb, "requestedAt" timestamptz, deadline timestamptz)`).execute(),
    ...chunksOf(fromAll).map((chunk) => insertHolders(tx, chunk, by)),
    ...chunksOf(fromSome).map((chunk) => insertHolders(tx, chunk, by, sql`and given.owner = owner_kind || ':' || owner_id`)),
    insertTargets(tx, receipts.flatMap(({ revocation: { id, entryId }, unreported }) => unreported.map((target) => ({ revocationId: id, entryId, target })))),
  ])
  passed('receipt.written')
}

async function insertHolders(tx: Tx, taken: ReadonlyArray<{ id: string; entryId: string; owner?: string }>, by: Holders, ofOwner = sql``): Promise<void> {
  await tx.execute(sql`
    insert into revocation_target ${columns}
    select given.id, worker_id, session_id, owner_kind, owner_id, ${told}
    from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
      join jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) as given (id text, "entryId" text, owner text) on given."entryId" = each->>'entryId' ${ofOwner}
    where ${isHolder(by)} and ${mayHave([...new Set(taken.map(({ entryId }) => entryId))])} and ${isHeld} on conflict do nothing`)
}

export interface GivenTarget {
  revocationId: string
  /** Of what is unreported: where there is a word of it by now it is left out. */
  entryId: string | null
  target: RevocationTarget
}

export async function insertTargets(db: Queryable, targets: readonly GivenTarget[]): Promise<void> {
  for (const chunk of chunksOf(targets)) await insertChunk(db, chunk)
}

async function insertChunk(db: Queryable, targets: readonly GivenTarget[]): Promise<void> {
  const given = JSON.stringify(targets.map(({ target: { owner, ...rest }, ...more }) => ({ ...rest, ...more, ownerKind: owner.kind, ownerId: owner.id })))
  await db.execute(sql`
    insert into revocation_target ${columns}
    select "revocationId", "workerId", "sessionId", "ownerKind", "ownerId", state, at, "refusedCalls", reason, "processId", "tokenId", "trustedUntil"
    from jsonb_to_recordset(${given}::jsonb) as given (
      "revocationId" text, "entryId" text, "workerId" text, "sessionId" text, "ownerKind" text, "ownerId" text, state text, at timestamptz, "refusedCalls" integer,
      reason text, "processId" text, "tokenId" text, "trustedUntil" timestamptz)
    where not exists (select 1 from worker_session where worker_id = given."workerId" and session_id = given."sessionId"
      and entries @> jsonb_build_array(jsonb_build_object('entryId', given."entryId"))) on conflict do nothing`)
}

/** Who was reported to have which of these entries, by these workers. */
export async function listHolderOwners(tx: Tx, entryIds: readonly string[], by: Holders): Promise<Map<string, OwnerRef[]>> {
  const rows = await tx.execute<{ entryId: string; owners: OwnerRef[] }>(sql`
    select given.id as "entryId", jsonb_agg(distinct jsonb_build_object('kind', owner_kind, 'id', owner_id)) as owners
    from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
      join jsonb_array_elements_text(${JSON.stringify(entryIds)}::jsonb) as given (id) on given.id = each->>'entryId'
    where ${isHolder(by)} and ${mayHave(entryIds)} and ${isHeld} group by given.id`)
  return new Map(rows.map(({ entryId, owners }) => [entryId, owners]))
}

/** What sessions of these workers were reported to have. */
export async function listHeldEntries(tx: Tx, by: Holders): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select distinct each->>'entryId' as id from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
    where ${isHolder(by)} and ${isHeld} and each->>'entryId' is not null`)
  return rows.map(({ id }) => id)
}

/** For whom there is a session of a worker heard of after `since`, or was a subscription lately. */
export async function listServedOwners(tx: Tx, since: Date): Promise<OwnerRef[]> {
  return [...await tx.execute<{ kind: OwnerRef['kind']; id: string }>(sql`
    select owner_kind as kind, owner_id as id from worker_session join worker on worker.id = worker_id where worker.seen_at > ${since.toISOString()}::timestamptz
    union select owner_kind, owner_id from worker_subscription`)]
}

export interface LateTarget {
  revocationId: string
  entryId: string
  verb: WithdrawalVerb
  target: RevocationTarget
}

/** Some sessions of a worker; null: all. */
export interface ReportedSessions {
  workerId: string
  sessionIds: readonly string[] | null
}

/**
 * Sessions whose report met a revocation that was made after `since`: they have what was taken away, or had it and have stopped by now, and
 * nobody counted them. Of a session that has two of them the one that runs comes first.
 */
export async function listLateTargets(db: Queryable, { workerId, sessionIds }: ReportedSessions, since: Date): Promise<LateTarget[]> {
  const rows = await db.execute<{ revocationId: string; entryId: string; verb: WithdrawalVerb; sessionId: string; kind: OwnerRef['kind']; id: string; entry: AppliedEntry; processId: string }>(sql`
    select revocation.id as "revocationId", revocation.entry_id as "entryId", verb, session_id as "sessionId",
      worker_session.owner_kind as kind, worker_session.owner_id as id, each as entry, worker.process_id as "processId"
    from worker_session join worker on worker.id = worker_id cross join jsonb_array_elements(worker_session.entries) as each
      join revocation on revocation.entry_id = each->>'entryId'
    where requested_at > ${since.toISOString()}::timestamptz and worker_id = ${workerId}
      ${sessionIds === null ? sql`` : sql`and session_id in (select jsonb_array_elements_text(${JSON.stringify(sessionIds)}::jsonb))`}
      and (${isHeld} or (each->>'state' = 'STOPPED' and (each->>'at')::timestamptz > requested_at))
      and (each->>'revision')::integer <= revocation.revision
      and not exists (select 1 from revocation_target as was where was.revocation_id = revocation.id and was.worker_id = ${workerId} and was.session_id = worker_session.session_id)
    order by ${isHeld} desc`)
  return rows.map(({ kind, id, entry: { state, at, refusedCalls, reason }, sessionId, processId, ...row }) => ({
    ...row, target: { workerId, sessionId, owner: { kind, id }, state, at, refusedCalls: refusedCalls ?? 0, reason, processId, tokenId: null, trustedUntil: null },
  }))
}
