import { sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'

/** Any number that nobody else takes in this database. */
const bookLock = 7_230_512

/** What a node has of one token and owner, however many sockets. */
export interface BookedSubscription {
  tokenId: string
  owner: OwnerRef
  isOpen: boolean
}

/**
 * Writes that subscriptions of a node were opened or closed, and that it lives. Not while a receipt is being opened: either the receipt finds
 * the row, or this returns after the receipt's change was committed, so that whoever reads on from here knows of it.
 */
export async function writeSubscriptions(db: Queryable, nodeId: string, subscriptions: readonly BookedSubscription[], now: Date): Promise<void> {
  const at = now.toISOString()
  const given = JSON.stringify(subscriptions.map(({ tokenId, owner: { kind, id }, isOpen }) => ({ tokenId, kind, id, isOpen })))
  await db.execute(sql`
    with held as materialized (select pg_advisory_xact_lock_shared(${bookLock})), node as (
      insert into feed_node (id, seen_at) values (${nodeId}, ${at}::timestamptz) on conflict (id) do update set seen_at = excluded.seen_at returning id
    ) insert into worker_subscription (node_id, token_id, owner_kind, owner_id, closed_at)
    select node.id, "tokenId", kind, given.id, case when "isOpen" then null else ${at}::timestamptz end
    from held, node, jsonb_to_recordset(${given}::jsonb) as given ("tokenId" text, kind text, id text, "isOpen" boolean)
    on conflict (node_id, token_id, owner_kind, owner_id) do update set closed_at = excluded.closed_at`)
}

/**
 * Says that a node lives, and forgets what was last heard of before `moment`.
 * @returns whether the node was forgotten itself, with its rows
 */
export async function beatNode(db: Queryable, nodeId: string, now: Date, moment: Date): Promise<boolean> {
  const before = moment.toISOString()
  const [row] = await db.execute<{ isNew: boolean }>(sql`
    with old as (delete from feed_node where seen_at < ${before}::timestamptz and id <> ${nodeId}),
      closed as (delete from worker_subscription where closed_at < ${before}::timestamptz and node_id = ${nodeId})
    insert into feed_node (id, seen_at) values (${nodeId}, ${now.toISOString()}::timestamptz)
    on conflict (id) do update set seen_at = excluded.seen_at returning (xmax = 0) as "isNew"`)
  return row!.isNew
}

/** A node that stops: its subscriptions end with it. */
export async function closeSubscriptions(db: Queryable, nodeId: string, now: Date): Promise<void> {
  await db.execute(sql`update worker_subscription set closed_at = ${now.toISOString()}::timestamptz where node_id = ${nodeId} and closed_at is null`)
}

/** Until the transaction ends no subscription is opened that would not know of what it commits. */
export async function holdSubscriptions(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${bookLock})`)
}

/** Subscriptions of one token and owner, on whatever nodes. */
export interface SubscriptionState {
  tokenId: string
  owner: OwnerRef
  /** On a node that lives. */
  isOpen: boolean
  /** When it can have been told something last. */
  heardAt: Date
  /** Whether some worker of the token reports. */
  isReporting: boolean
}

export interface SubscriptionQuestion {
  /** Those that can have been told something after this. */
  toldSince: Date
  /** A node that was heard of since lives; and for so long after it was heard of it may have told them something. */
  aliveSince: Date
  aliveForMs: number
  /** A worker that was heard of since reports. */
  reportingSince: Date
}

export async function listSubscriptions(db: Queryable, { toldSince, aliveSince, aliveForMs, reportingSince }: SubscriptionQuestion): Promise<SubscriptionState[]> {
  const heardAt = sql`coalesce(closed_at, seen_at + make_interval(secs => ${aliveForMs / 1_000}::float8))`
  const rows = await db.execute<{ tokenId: string; kind: OwnerRef['kind']; id: string; isOpen: boolean; heardMs: number; isReporting: boolean }>(sql`
    select token_id as "tokenId", owner_kind as kind, owner_id as id,
      bool_or(closed_at is null and seen_at >= ${aliveSince.toISOString()}::timestamptz) as "isOpen",
      (extract(epoch from max(${heardAt})) * 1000)::float8 as "heardMs",
      exists (select 1 from worker where worker.token_id = worker_subscription.token_id and worker.seen_at > ${reportingSince.toISOString()}::timestamptz) as "isReporting"
    from worker_subscription join feed_node on feed_node.id = node_id
    where ${heardAt} > ${toldSince.toISOString()}::timestamptz
    group by token_id, owner_kind, owner_id`)
  return rows.map(({ kind, id, heardMs, ...row }) => ({ ...row, owner: { kind, id }, heardAt: new Date(heardMs) }))
}

/** Of these tokens: for whom their workers, heard of after `moment`, report sessions. */
export async function listReported(db: Queryable, tokenIds: readonly string[], moment: Date): Promise<Array<{ tokenId: string; owner: OwnerRef }>> {
  if (tokenIds.length === 0) return []
  const rows = await db.execute<{ tokenId: string; kind: OwnerRef['kind']; id: string }>(sql`
    select distinct worker.token_id as "tokenId", owner_kind as kind, owner_id as id from worker_session join worker on worker.id = worker_id
    where worker.seen_at > ${moment.toISOString()}::timestamptz
      and worker.token_id in (select jsonb_array_elements_text(${JSON.stringify(tokenIds)}::jsonb))`)
  return rows.map(({ tokenId, kind, id }) => ({ tokenId, owner: { kind, id } }))
}
