import { and, asc, count, desc, eq, exists, gt, inArray, isNotNull, lte, ne, not, or, type InferSelectModel, sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type HeardWorker, type ReportedSession, type Revocation, type RevocationTarget } from '../core/revocation.js'
import { type KnownSubscription } from '../core/subscription-target.js'
import { type AppliedState } from '../core/worker-status.js'
import { type Queryable } from './client.js'
import { revocation, revocationTarget, worker, workerSession } from './schema.js'

function toRevocation({ ownerKind, ownerId, requestedAt, deadline, ...rest }: InferSelectModel<typeof revocation>): Revocation {
  return { ...rest, owner: { kind: ownerKind, id: ownerId }, requestedAt: requestedAt.toISOString(), deadline: deadline.toISOString() }
}

function toTarget({ ownerKind, ownerId, at, trustedUntil, revocationId: _, ...rest }: InferSelectModel<typeof revocationTarget>): RevocationTarget {
  return { ...rest, owner: { kind: ownerKind, id: ownerId }, at: at?.toISOString() ?? null, trustedUntil: trustedUntil?.toISOString() ?? null }
}

/** As the partial indexes have it, word for word: the planner does not look into parameters. */
const isOpen = sql`${revocationTarget.state} not in ('STOPPED', 'REFUSED')`
const hasEnded = sql`${revocationTarget.state} in ('STOPPED', 'REFUSED')`

export interface FollowedTarget {
  revocation: Revocation
  target: RevocationTarget
  /** null: its worker has no such session any more. */
  session: ReportedSession | null
  worker: HeardWorker
}

const heardWorker = { processId: worker.processId, seenAt: worker.seenAt, replacedSeenAt: worker.replacedSeenAt }

/** A receipt, or what a worker's report may have altered: that of some sessions; null: of all. */
export type Followed = { revocationId: string } | { workerId: string; sessionIds: readonly string[] | null }

export interface FollowSince {
  /** Of those that ended after this refused calls are still counted. */
  endedSince: Date
  /** Of what was taken away before this, or had a process that was replaced before this, no other process is waited for any more. */
  trustedSince: Date
}

const listed = (ids: readonly string[]) => sql`(select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`

/** Targets that reports may still alter, of workers that are known; those that have ended only if more calls were refused by now. */
export async function followTargets(db: Queryable, of: Followed, { endedSince, trustedSince }: FollowSince): Promise<FollowedTarget[]> {
  const { workerId, sessionId, processId } = revocationTarget
  const sessionIds = 'workerId' in of ? of.sessionIds : null
  // What another process of the worker had may be over although no session is told of.
  const isReplaced = and(isOpen, ne(processId, worker.processId), or(lte(revocation.requestedAt, trustedSince), lte(worker.replacedSeenAt, trustedSince)))
  const isConcerned = 'workerId' in of
    ? and(eq(workerId, of.workerId), sessionIds === null ? undefined : or(sql`${sessionId} in ${listed(sessionIds)}`, isReplaced))
    : eq(revocationTarget.revocationId, of.revocationId)
  // Each session is taken apart once, however many receipts it is in.
  const rowsOf = 'workerId' in of
    ? sql`worker_session.worker_id = ${of.workerId} ${sessionIds === null ? sql`` : sql`and worker_session.session_id in ${listed(sessionIds)}`}`
    : sql`(worker_session.worker_id, worker_session.session_id) in (select worker_id, session_id from revocation_target where revocation_id = ${of.revocationId})
        and each->>'entryId' = (select entry_id from revocation where id = ${of.revocationId})`
  const told = sql`(select worker_id, session_id, each->>'entryId' as entry_id, jsonb_agg(each) as entries, max((each->>'refusedCalls')::integer) as refused
    from worker_session cross join jsonb_array_elements(worker_session.entries) as each where ${rowsOf} group by 1, 2, 3) as told`
  const rows = await db.select({
    revocation, target: revocationTarget, cursor: workerSession.cursor, sessionId: workerSession.sessionId, worker: heardWorker,
    entries: sql<ReportedSession['entries']>`coalesce(told.entries, '[]'::jsonb)`,
  }).from(revocationTarget)
    .innerJoin(revocation, eq(revocation.id, revocationTarget.revocationId))
    .innerJoin(worker, eq(worker.id, workerId))
    .leftJoin(workerSession, and(eq(workerSession.workerId, workerId), eq(workerSession.sessionId, sessionId)))
    .leftJoin(told, sql`told.worker_id = ${workerId} and told.session_id = ${sessionId} and told.entry_id = ${revocation.entryId}`)
    .where(and(isConcerned, or(isOpen, and(hasEnded, gt(revocationTarget.at, endedSince), sql`told.refused > ${revocationTarget.refusedCalls}`))))
  return rows.map(({ revocation: of, target, cursor, sessionId, entries, worker: heard }) => (
    { revocation: toRevocation(of), target: toTarget(target), session: sessionId === null ? null : { cursor, entries }, worker: heard }))
}

export interface FollowedSubscription extends KnownSubscription {
  revocation: Revocation
  target: RevocationTarget
}

/** Targets without a worker that have not ended: those of a receipt, or of the token of a worker. */
export async function followSubscriptions(
  db: Queryable, of: Followed, { incarnation, aliveSince }: { incarnation: string; aliveSince: Date },
): Promise<FollowedSubscription[]> {
  const { tokenId, ownerKind, ownerId } = revocationTarget
  const isPast = sql`coalesce(cursor collate "C" >= ${incarnation} || '-' || lpad(to_hex(${revocation.sequence}), 14, '0') and left(cursor, 8) = ${incarnation}, false)`
  const rows = await db.select({
    revocation, target: revocationTarget,
    reportedMs: sql<number | null>`(select extract(epoch from max(worker.seen_at)) * 1000 from worker where worker.token_id = ${tokenId})::float8`,
    isTold: sql<boolean>`coalesce((select bool_and(${isPast}) from worker_session join worker on worker.id = worker_id
      where worker.token_id = ${tokenId} and worker.seen_at > ${revocation.requestedAt} and owner_kind = ${ownerKind} and owner_id = ${ownerId}), false)`,
    isOpen: sql<boolean>`exists (select 1 from worker_subscription join feed_node on feed_node.id = node_id
      where worker_subscription.token_id = ${tokenId} and owner_kind = ${ownerKind} and owner_id = ${ownerId}
        and closed_at is null and feed_node.seen_at >= ${aliveSince.toISOString()}::timestamptz)`,
  }).from(revocationTarget).innerJoin(revocation, eq(revocation.id, revocationTarget.revocationId)).where(and(
    isNotNull(tokenId), isOpen,
    'workerId' in of ? sql`${tokenId} = (select token_id from worker where id = ${of.workerId})` : eq(revocationTarget.revocationId, of.revocationId),
  ))
  return rows.map(({ revocation: of, target, reportedMs, ...known }) => (
    { ...known, revocation: toRevocation(of), target: toTarget(target), reportedAt: reportedMs === null ? null : new Date(reportedMs) }))
}

/** What has ended stays ended, whoever writes last (S26). */
export async function writeTargets(db: Queryable, targets: ReadonlyArray<{ revocationId: string; target: RevocationTarget }>): Promise<void> {
  const given = JSON.stringify(targets.map(({ revocationId, target: { owner: _, ...target } }) => ({ revocationId, ...target })))
  const wasOpen = sql`was.state not in ('STOPPED', 'REFUSED')`
  await db.execute(sql`
    update revocation_target as was set refused_calls = greatest(was.refused_calls, given."refusedCalls"),
      state = case when ${wasOpen} then given.state else was.state end, at = case when ${wasOpen} then given.at else was.at end,
      reason = case when ${wasOpen} then given.reason else was.reason end,
      process_id = case when ${wasOpen} then given."processId" else was.process_id end
    from jsonb_to_recordset(${given}::jsonb) as given (
      "revocationId" text, "workerId" text, "sessionId" text, state text, at timestamptz, "refusedCalls" integer, reason text, "processId" text)
    where was.revocation_id = given."revocationId" and was.worker_id = given."workerId" and was.session_id = given."sessionId"`)
}

export async function findRevocation(db: Queryable, id: string): Promise<Revocation | null> {
  const [row] = await db.select().from(revocation).where(eq(revocation.id, id))
  return row === undefined ? null : toRevocation(row)
}

const ofOwners = (owners: readonly OwnerRef[] | null, kind: typeof revocation.ownerKind | typeof revocationTarget.ownerKind, id: typeof revocation.ownerId | typeof revocationTarget.ownerId) => (
  owners === null ? undefined : or(sql`false`, ...owners.map((owner) => and(eq(kind, owner.kind), eq(id, owner.id)))))

export interface RevocationFilter {
  entryId: string | null
  verb?: Revocation['verb']
  /** null for everybody's. */
  owners: readonly OwnerRef[] | null
  /** Whether a target has not ended; null for both. */
  isOpen?: boolean | null
}

/** Where one is in the list: one change may have several. */
export type RevocationPlace = Pick<Revocation, 'sequence' | 'id'>

/** Newest first; `before` is what the last page ended with. */
export async function listRevocations(db: Queryable, filter: RevocationFilter, before: RevocationPlace | null, limit: number): Promise<Revocation[]> {
  const openTarget = exists(db.select({ one: sql`1` }).from(revocationTarget).where(and(eq(revocationTarget.revocationId, revocation.id), isOpen)))
  const rows = await db.select().from(revocation).where(and(
    filter.entryId === null ? undefined : eq(revocation.entryId, filter.entryId), filter.verb === undefined ? undefined : eq(revocation.verb, filter.verb),
    ofOwners(filter.owners, revocation.ownerKind, revocation.ownerId), before === null ? undefined : sql`(${revocation.sequence}, ${revocation.id}) < (${before.sequence}, ${before.id})`,
    (filter.isOpen ?? null) === null ? undefined : filter.isOpen ? openTarget : not(openTarget),
  )).orderBy(desc(revocation.sequence), desc(revocation.id)).limit(limit)
  return rows.map(toRevocation)
}

export interface SeenTarget {
  target: RevocationTarget
  /** null: it is forgotten, or there never was one. */
  worker: HeardWorker | null
}

/** Targets of one receipt that have not ended and are judged alike: of one process of a worker, or the subscriptions. */
export interface OpenTargets extends Pick<RevocationTarget, 'state' | 'processId' | 'trustedUntil'> {
  worker: HeardWorker | null
}

export interface TargetSummary {
  count: number
  ended: number
  open: OpenTargets[]
}

/** How many there are and have ended, and those that have not by what judges them: all of one moment, and as many rows as there are processes. */
export async function summarizeTargets(db: Queryable, revocationIds: readonly string[]): Promise<Map<string, TargetSummary>> {
  const ids = [...revocationIds]
  const summaries = new Map(ids.map((id): [string, TargetSummary] => [id, { count: 0, ended: 0, open: [] }]))
  if (ids.length === 0) return summaries
  const { revocationId, workerId, processId, state, trustedUntil } = revocationTarget
  // One statement, so one moment: a target that ends between two would be in neither.
  const groups = db.select({
    revocationId, workerId, processId, hasEnded: sql<boolean>`${hasEnded}`.as('has_ended'), count: count().as('count'),
    state: sql<AppliedState>`min(${state})`.as('some_state'), trustedUntil: sql<Date | null>`min(${trustedUntil})`.mapWith(trustedUntil).as('first_until'),
  }).from(revocationTarget).where(inArray(revocationId, ids)).groupBy(revocationId, workerId, processId, sql`4`).as('groups')
  const rows = await db.select({ group: {
    id: groups.revocationId, processId: groups.processId, hasEnded: groups.hasEnded, count: groups.count, state: groups.state, trustedUntil: groups.trustedUntil,
  }, worker: heardWorker }).from(groups).leftJoin(worker, eq(worker.id, groups.workerId))
  for (const { group: { id, hasEnded: isOver, count: more, trustedUntil: until, ...row }, worker: heard } of rows) {
    const summary = summaries.get(id)!
    summary.count += more
    if (isOver) summary.ended += more
    else summary.open.push({ ...row, trustedUntil: until?.toISOString() ?? null, worker: heard })
  }
  return summaries
}

/** By worker and session, those of some owners, after the one that the last page ended with. */
export async function listTargets(
  db: Queryable, revocationId: string, owners: readonly OwnerRef[] | null, after: { workerId: string; sessionId: string } | null, limit: number,
): Promise<SeenTarget[]> {
  const { workerId, sessionId } = revocationTarget
  const rows = await db.select({ target: revocationTarget, worker: heardWorker }).from(revocationTarget).leftJoin(worker, eq(worker.id, workerId))
    .where(and(
      eq(revocationTarget.revocationId, revocationId), ofOwners(owners, revocationTarget.ownerKind, revocationTarget.ownerId),
      after === null ? undefined : sql`(${workerId}, ${sessionId}) > (${after.workerId}, ${after.sessionId})`,
    )).orderBy(asc(workerId), asc(sessionId)).limit(limit)
  return rows.map(({ target, worker: heard }) => ({ target: toTarget(target), worker: heard }))
}
