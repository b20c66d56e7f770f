import { and, asc, count, desc, eq, gt, inArray, lte, ne, notInArray, or, sql, sum } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type AppliedEntry, type AppliedState, type ReportPlace, type SessionGroup } from '../core/worker-status.js'
import { type Queryable } from './client.js'
import { worker, workerSession } from './schema.js'

export interface StoredWorker extends ReportPlace {
  id: string
  tokenId: string
  seenAt: Date
}

/** Which session it is, and for whom it acts. */
export interface HeldSession {
  workerId: string
  sessionId: string
  owner: OwnerRef
}

export interface StoredSession extends HeldSession {
  agent: string | null
  cursor: string | null
  entries: AppliedEntry[]
}

/** A report as it is written: everything that its worker then has changed, or nothing. */
export interface WorkerReport {
  worker: StoredWorker
  /** What the row must still be; null: there is none. */
  known: StoredWorker | null
  sessions: Array<Omit<StoredSession, 'workerId'> & { bytes: number }>
  /** Sessions besides those that are gone; `others`: all that are not in `sessions`. */
  gone: 'others' | readonly string[]
}

export async function findWorker(db: Queryable, id: string): Promise<StoredWorker | null> {
  const [row] = await findWorkers(db, [id])
  return row ?? null
}

export async function findWorkers(db: Queryable, ids: readonly string[]): Promise<StoredWorker[]> {
  return ids.length === 0 ? [] : db.select().from(worker).where(inArray(worker.id, [...ids]))
}

/** What is stored of some sessions of a worker, by id. */
export async function findEntries(db: Queryable, workerId: string, sessionIds: readonly string[]): Promise<Map<string, AppliedEntry[]>> {
  if (sessionIds.length === 0) return new Map()
  const rows = await db.select({ id: workerSession.sessionId, entries: workerSession.entries }).from(workerSession)
    .where(and(eq(workerSession.workerId, workerId), inArray(workerSession.sessionId, [...sessionIds])))
  return new Map(rows.map(({ id, entries }) => [id, entries]))
}

/** How much a worker has stored besides some of its sessions. */
export async function measureOthers(db: Queryable, workerId: string, sessionIds: readonly string[]): Promise<{ sessions: number; bytes: number }> {
  const [row] = await db.select({ sessions: count(), bytes: sum(workerSession.bytes).mapWith(Number) }).from(workerSession)
    .where(and(eq(workerSession.workerId, workerId), sessionIds.length === 0 ? undefined : notInArray(workerSession.sessionId, [...sessionIds])))
  return { sessions: row?.sessions ?? 0, bytes: row?.bytes ?? 0 }
}

export async function countWorkersOf(db: Queryable, tokenId: string): Promise<number> {
  return db.$count(worker, eq(worker.tokenId, tokenId))
}

/** Workers heard of after `moment`. */
export function countWorkers(db: Queryable, moment: Date): Promise<number> {
  return db.$count(worker, gt(worker.seenAt, moment))
}

/** Sessions of these. */
export async function countSessions(db: Queryable, moment: Date): Promise<number> {
  const [row] = await db.select({ count: count() }).from(workerSession).innerJoin(worker, eq(worker.id, workerSession.workerId)).where(gt(worker.seenAt, moment))
  return row?.count ?? 0
}

/**
 * One statement: the worker's row is compared and set, and its sessions are written only if that was done.
 * @returns false when another report was taken meanwhile; then nothing was written
 */
export async function writeReport(db: Queryable, { worker: next, known, sessions, gone }: WorkerReport): Promise<boolean> {
  const seenAt = next.seenAt.toISOString()
  const rows = JSON.stringify(sessions.map(({ owner, ...rest }) => ({ ...rest, ownerKind: owner.kind, ownerId: owner.id })))
  const named = JSON.stringify(gone === 'others' ? sessions.map(({ sessionId }) => sessionId) : gone)
  const isNamed = sql`worker_session.session_id in (select jsonb_array_elements_text(${named}::jsonb))`
  const written = await db.execute(sql`
    with taken as (
      insert into worker (id, token_id, process_id, number, seen_at)
      values (${next.id}, ${next.tokenId}, ${next.processId}, ${next.number}, ${seenAt}::timestamptz)
      on conflict (id) do update set token_id = excluded.token_id, process_id = excluded.process_id, number = excluded.number, seen_at = excluded.seen_at,
        replaced_seen_at = case when worker.process_id = excluded.process_id then worker.replaced_seen_at else worker.seen_at end
      where worker.token_id = ${known?.tokenId ?? null}::text and worker.process_id = ${known?.processId ?? null}::text and worker.number = ${known?.number ?? null}::integer
      returning id
    ), gone as (
      delete from worker_session using taken where worker_session.worker_id = taken.id and ${gone === 'others' ? sql`not (${isNamed})` : isNamed}
    ), put as (
      insert into worker_session (worker_id, session_id, owner_kind, owner_id, agent, cursor, entries, bytes, opened_at, updated_at)
      select taken.id, "sessionId", "ownerKind", "ownerId", agent, cursor, entries, bytes, ${seenAt}::timestamptz, ${seenAt}::timestamptz
      from taken, jsonb_to_recordset(${rows}::jsonb) as given (
        "sessionId" text, "ownerKind" text, "ownerId" text, agent text, cursor text, entries jsonb, bytes integer)
      on conflict (worker_id, session_id) do update set owner_kind = excluded.owner_kind, owner_id = excluded.owner_id, agent = excluded.agent,
        cursor = excluded.cursor, entries = excluded.entries, bytes = excluded.bytes, updated_at = excluded.updated_at
    ) select id from taken`)
  return written.length === 1
}

/** Forgets workers that were last heard of before `moment`, with their sessions; but not the one that is about to be written. */
export async function pruneWorkers(db: Queryable, moment: Date, besides: string): Promise<void> {
  await db.delete(worker).where(and(lte(worker.seenAt, moment), ne(worker.id, besides)))
}

/** By id; those that were heard of after `moment`. */
export async function listWorkers(db: Queryable, moment: Date): Promise<StoredWorker[]> {
  return db.select().from(worker).where(gt(worker.seenAt, moment)).orderBy(asc(worker.id))
}

const ofOwners = (owners: readonly OwnerRef[] | null) => (owners === null ? undefined
  : or(sql`false`, ...owners.map(({ kind, id }) => and(eq(workerSession.ownerKind, kind), eq(workerSession.ownerId, id)))))

type SoughtEntry = Partial<Pick<AppliedEntry, 'state'> & { entryId: string }>

/** Whether a session has one of these rows, by the index. One condition, however many there are: for each one Postgres would unpack the rows anew, and expect more sessions than it finds. */
export const hasAny = (entries: readonly SoughtEntry[]) => sql`${workerSession.entries} @? ${pathTo(entries)}::jsonpath`

function pathTo(entries: readonly SoughtEntry[]): string {
  const terms = entries.map((entry) => `(${Object.entries(entry).map(([key, value]) => `@.${key} == ${JSON.stringify(value)}`).join(' && ')})`)
  return `$[*] ? (${terms.join(' || ')})`
}

/** The same where many have one, by no index: so Postgres goes through sessions in their order until a page is full. */
const hasCommon = (entries: readonly SoughtEntry[]) => sql`jsonb_path_exists(${workerSession.entries}, ${pathTo(entries)}::jsonpath)`

/** The same where few have one: only their rows are unpacked. */
const isAmong = (entries: readonly SoughtEntry[]) => (
  sql`(${workerSession.workerId}, ${workerSession.sessionId}) in (select worker_session.worker_id, worker_session.session_id from worker_session where ${hasAny(entries)})`)

export interface SessionQuestion {
  /** Workers heard of after this. */
  moment: Date
  /** Whose sessions; null for everybody's. */
  owners: readonly OwnerRef[] | null
  incarnation: string
  /** What `hasEntry` and `hasFailed` are about; null for any entry. */
  entryId: string | null
  failedStates: readonly AppliedState[]
  /** Only of these. */
  workerIds?: readonly string[]
}

/** Sessions summed up by worker and owner. */
export async function summarizeSessions(db: Queryable, question: SessionQuestion): Promise<SessionGroup[]> {
  const { moment, owners, incarnation, entryId, failedStates, workerIds } = question
  const about = entryId === null ? {} : { entryId }
  const isPlaced = sql`(${workerSession.cursor} is not null and starts_with(${workerSession.cursor}, ${`${incarnation}-`}))`
  const rows = await db.select({
    workerId: workerSession.workerId, kind: workerSession.ownerKind, id: workerSession.ownerId, count: count(),
    cursor: sql<string | null>`min(${workerSession.cursor}) filter (where ${isPlaced})`,
    lostSinceMs: sql<number | null>`(extract(epoch from min(${workerSession.openedAt}) filter (where not ${isPlaced})) * 1000)::float8`,
    hasEntry: sql<boolean>`bool_or(${entryId === null ? sql`true` : isAmong([{ entryId }])})`,
    hasFailed: sql<boolean>`bool_or(${isAmong(failedStates.map((state) => ({ ...about, state })))})`,
  }).from(workerSession).innerJoin(worker, eq(worker.id, workerSession.workerId))
    .where(and(gt(worker.seenAt, moment), ofOwners(owners), workerIds === undefined ? undefined : inArray(worker.id, [...workerIds])))
    .groupBy(workerSession.workerId, workerSession.ownerKind, workerSession.ownerId)
  return rows.map(({ kind, id, lostSinceMs, ...row }) => ({ ...row, owner: { kind, id }, lostSince: lostSinceMs === null ? null : new Date(lostSinceMs) }))
}

/** A worker's sessions by id, after the one that the last page ended with. */
export async function listSessions(
  db: Queryable, workerId: string, owners: readonly OwnerRef[] | null, after: string | null, limit: number,
): Promise<StoredSession[]> {
  const rows = await db.select().from(workerSession)
    .where(and(eq(workerSession.workerId, workerId), ofOwners(owners), after === null ? undefined : gt(workerSession.sessionId, after)))
    .orderBy(asc(workerSession.sessionId)).limit(limit)
  return rows.map(({ sessionId, ownerKind, ownerId, agent, cursor, entries }) => (
    { workerId, sessionId, owner: { kind: ownerKind, id: ownerId }, agent, cursor, entries }))
}

/** How often each state of an entry was reported for an owner's sessions, by workers heard of after `moment`. */
export async function countStates(db: Queryable, owners: readonly OwnerRef[], entryId: string, moment: Date): Promise<Map<AppliedState, number>> {
  const state = sql<AppliedState>`each->>'state'`
  const rows = await db.select({ state, count: count() }).from(workerSession)
    .innerJoin(worker, eq(worker.id, workerSession.workerId))
    .innerJoin(sql`jsonb_array_elements(${workerSession.entries}) as each`, sql`each->>'entryId' = ${entryId}`)
    .where(and(gt(worker.seenAt, moment), ofOwners(owners))).groupBy(state)
  return new Map(rows.map((row) => [row.state, row.count]))
}

/** Why something does not run as it should, and on how many workers that is said. */
export interface FailureCount {
  state: AppliedState
  name: string
  reason: string | null
  workers: number
}

/** What sessions say of entries in `failedStates`; of the most workers first. */
export async function countFailures(
  db: Queryable, { moment, owners, entryId, failedStates }: Pick<SessionQuestion, 'moment' | 'owners' | 'entryId' | 'failedStates'>, limit: number,
): Promise<FailureCount[]> {
  const [state, name, reason] = [sql<AppliedState>`each->>'state'`, sql<string>`each->>'name'`, sql<string | null>`each->>'reason'`]
  const workers = sql<number>`count(distinct ${workerSession.workerId})::integer`
  const about = entryId === null ? {} : { entryId }
  return db.select({ state, name, reason, workers }).from(workerSession)
    .innerJoin(worker, eq(worker.id, workerSession.workerId))
    .innerJoin(sql`jsonb_array_elements(${workerSession.entries}) as each`, and(
      inArray(state, [...failedStates]), entryId === null ? undefined : sql`each->>'entryId' = ${entryId}`))
    .where(and(gt(worker.seenAt, moment), ofOwners(owners), hasAny(failedStates.map((one) => ({ ...about, state: one })))))
    .groupBy(state, name, reason).orderBy(desc(workers), asc(name), asc(state), asc(reason)).limit(limit)
}

/** Fewer sessions are found by the index and put in order then; of more a page is soon full in the order in which they stand. */
const fewSessions = 1_000

/** Sessions of workers heard of after `moment` that report an entry in one of some states, by worker and session, after where the last page ended. */
export async function listReporting(
  db: Queryable, { entryId, owners, moment, states }: { entryId: string; owners: readonly OwnerRef[] | null; moment: Date; states: readonly AppliedState[] },
  after: { workerId: string; sessionId: string } | null, limit: number,
): Promise<StoredSession[]> {
  if (states.length === 0) return []
  const { workerId, sessionId } = workerSession
  const sought = states.map((state) => ({ entryId, state }))
  const found = await db.select({ sessionId }).from(workerSession).where(hasAny(sought)).limit(fewSessions)
  const rows = await db.select({ session: workerSession }).from(workerSession).innerJoin(worker, eq(worker.id, workerId))
    .where(and(
      gt(worker.seenAt, moment), ofOwners(owners), after === null ? undefined : sql`(${workerId}, ${sessionId}) > (${after.workerId}, ${after.sessionId})`,
      found.length < fewSessions ? isAmong(sought) : hasCommon(sought),
    )).orderBy(asc(workerId), asc(sessionId)).limit(limit)
  return rows.map(({ session: { ownerKind, ownerId, ...row } }) => (
    { workerId: row.workerId, sessionId: row.sessionId, owner: { kind: ownerKind, id: ownerId }, agent: row.agent, cursor: row.cursor, entries: row.entries }))
}

/** A session that had not come up to a cursor when it was last told of; where it was then. */
export interface BehindSession extends HeldSession {
  processId: string
  cursor: string | null
}

/** Sessions of workers heard of after `moment` that had not come up to `cursor` when they were last told of. */
export async function listBehind(db: Queryable, { cursor, moment, tokenId }: { cursor: string; moment: Date; tokenId: string | null }): Promise<BehindSession[]> {
  const { workerId, sessionId, ownerKind, ownerId } = workerSession
  const rows = await db.select({ workerId, sessionId, kind: ownerKind, id: ownerId, processId: worker.processId, cursor: workerSession.cursor })
    .from(workerSession).innerJoin(worker, eq(worker.id, workerId))
    .where(and(
      gt(worker.seenAt, moment), tokenId === null ? undefined : eq(worker.tokenId, tokenId),
      // A cursor of another incarnation tells nothing.
      sql`coalesce(${workerSession.cursor} collate "C" < ${cursor} or left(${workerSession.cursor}, 8) <> left(${cursor}, 8), true)`,
    ))
  return rows.map(({ kind, id, ...rest }) => ({ ...rest, owner: { kind, id } }))
}
