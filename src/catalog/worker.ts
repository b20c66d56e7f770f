import { can } from '../core/access.js'
import { concernsWorkers } from '../core/change.js'
import { connectedForMs, isConnected } from '../core/connected.js'
import { wayTo } from '../core/effective.js'
import { type OwnerRef } from '../core/owner.js'
import {
  byWorker, type Convergence, convergenceOf, failedStates, firstMissing, lagSeconds, rememberedForMs, type SessionGroup, standingOf, trustForMs,
} from '../core/worker-status.js'
import { lastChangeOf, momentsOf } from '../db/audit.js'
import { countFailures, countSessions, countWorkers, type FailureCount, findWorkers, listSessions, listWorkers, type StoredSession, type StoredWorker, summarizeSessions } from '../db/worker.js'
import { type OwnerQuery, personId } from '../index/catalog-index.js'
import { denied, ownerFor, visibleEntry } from './authorize.js'
import { caughtUp } from './caught-up.js'
import { type CatalogContext, type CatalogServices } from './context.js'

/** A worker as the caller sees it: by the sessions that the caller may see. */
export interface WorkerView {
  id: string
  connected: boolean
  /** ISO time. */
  lastSeenAt: string
  /** null when it is current, or has no session that the caller sees. */
  lagSeconds: number | null
  cursor: string | null
}

export type WorkerSessionView = StoredSession & { worker: WorkerView }

/** Everything that the index knows is theirs under the id that it has now: the catalog may have met the person after the report. */
export const ownerNow = ({ index }: Pick<CatalogServices, 'index'>, owner: OwnerRef): OwnerRef => index.resolveOwner(owner, null) ?? owner

/** The names of an owner that sessions may be stored under. */
export function namesOf({ index }: CatalogContext, owner: OwnerRef): OwnerRef[] {
  const user = owner.kind === 'USER' ? index.state.users.get(owner.id) : undefined
  return user === undefined ? [owner] : [owner, { kind: 'USER', id: personId(user.provider, user.subject) }]
}

/** Whose sessions the caller sees; null: everybody's. What it leaves out looks as if it did not exist. */
export function visibleOwners(context: CatalogContext): OwnerRef[] | null {
  const { principal } = context
  if (principal.role === 'ADMIN') return null
  const candidates: OwnerRef[] = [{ kind: 'USER', id: principal.id }, ...[...principal.teams.keys()].map((id): OwnerRef => ({ kind: 'TEAM', id }))]
  return candidates.filter((owner) => can(principal, 'READ_STATUS', owner)).flatMap((owner) => namesOf(context, owner))
}

const since = ({ now }: Pick<CatalogServices, 'now'>, ms: number): Date => new Date(now().getTime() - ms)

/** Workers heard of after this may still run something of the catalog: a silent one stops it when its trust is over. */
export const mayRunSince = (context: CatalogContext): Date => since(context, connectedForMs + trustForMs)

/** By id. Admins see every worker; others those with a session of theirs or of a team of theirs. */
export async function workers(context: CatalogContext): Promise<WorkerView[]> {
  return viewsOf(context, await listWorkers(context.db, since(context, rememberedForMs)), { isShown: false })
}

/** null for unknown and hidden ids alike. */
export async function workerById(context: CatalogContext, id: string): Promise<WorkerView | null> {
  // Postgres cannot hold a NUL, so no worker has one.
  return id.includes('\0') ? null : (await workersByIds(context, [id])).get(id) ?? null
}

/**
 * Those that the catalog remembers and the caller sees, by id.
 * @param isShown the caller sees all of these by something else: then also where they see no session now
 */
export async function workersByIds(context: CatalogContext, ids: Iterable<string>, isShown = false): Promise<Map<string, WorkerView>> {
  const stored = (await findWorkers(context.db, [...new Set(ids)])).filter(({ seenAt }) => seenAt > since(context, rememberedForMs))
  return new Map((await viewsOf(context, stored, { workerIds: stored.map(({ id }) => id), isShown })).map((view) => [view.id, view]))
}

async function viewsOf(
  context: CatalogContext, stored: readonly StoredWorker[], { workerIds, isShown }: { workerIds?: readonly string[]; isShown: boolean },
): Promise<WorkerView[]> {
  if (stored.length === 0) return []
  const owners = visibleOwners(context)
  const groups = await groupsOf(context, { owners, workerIds })
  const [reported, knowing] = [byWorker(groups), byWorker(caughtUpNow(context, groups))]
  const { index } = context
  const newest = index.newestForWorkers()
  const standings = stored.filter(({ id }) => isShown || owners === null || reported.has(id))
    .map((each) => ({ each, standing: standingOf(reported.get(each.id) ?? []), knowing: standingOf(knowing.get(each.id) ?? []) }))
  const missing = standings.map((one) => {
    const at = firstMissing(one.knowing, newest)
    return at === null ? null : index.changesAfter(at - 1)?.find(concernsWorkers)?.sequence ?? at
  })
  const moments = await momentsOf(context.db, missing.filter((at) => at !== null))
  return standings.map(({ each, standing, knowing: known }, at) => ({
    id: each.id, connected: isConnected(each.seenAt, context.now()), lastSeenAt: each.seenAt.toISOString(), cursor: standing.cursor,
    lagSeconds: lagSeconds(known, moments.get(missing[at] ?? 0) ?? null, context.now()),
  }))
}

const caughtUpNow = (context: CatalogContext, groups: readonly SessionGroup[]) => caughtUp(context.index, (owner) => ownerNow(context, owner), groups)

interface GroupQuestion {
  owners: readonly OwnerRef[] | null
  moment?: Date
  entryId?: string
  workerIds?: readonly string[]
}

async function groupsOf(context: CatalogContext, { owners, moment, entryId, workerIds }: GroupQuestion): Promise<SessionGroup[]> {
  return summarizeSessions(context.db, {
    owners, workerIds, failedStates, entryId: entryId ?? null, moment: moment ?? since(context, rememberedForMs), incarnation: context.index.state.incarnation,
  })
}

/**
 * A page of a worker's sessions that the caller sees, by id.
 * @param query only this owner's
 * @throws CatalogError NOT_FOUND, FORBIDDEN for an owner whose sessions the caller may not see
 */
export async function workerSessions(
  context: CatalogContext, worker: WorkerView, query: OwnerQuery | null, after: string | null, limit: number,
): Promise<WorkerSessionView[]> {
  const owners = query === null ? visibleOwners(context) : namesOf(context, await ownerFor(context, 'READ_STATUS', query, 'owner'))
  const sessions = await listSessions(context.db, worker.id, owners, after, limit)
  return sessions.map((session) => ({ ...session, owner: ownerNow(context, session.owner), worker }))
}

/**
 * Who has come how far. Counted are workers that may still run something of the catalog (`mayRunSince`), by the sessions that the caller
 * sees, against the newest change that `concernsWorkers`: who reported an older cursor, and has nothing changed for any owner since, counts as current. With an entry: against its last change, by the sessions that it reaches or that report it.
 * @throws CatalogError NOT_FOUND for an entry that the caller does not see
 */
export async function convergence(context: CatalogContext, entryId: string | null): Promise<Convergence> {
  const { index } = context
  const moment = mayRunSince(context)
  const { incarnation } = index.state
  const sequence = index.newestForWorkers()
  if (entryId === null) return convergenceOf(caughtUpNow(context, await groupsOf(context, { owners: visibleOwners(context), moment })), { incarnation, sequence })
  const entry = await visibleEntry(context, entryId)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', entryId, 'entryId', 'entry')
  const groups = await groupsOf(context, { owners: visibleOwners(context), moment, entryId })
  const concerned = groups.filter(({ owner, hasEntry }) => hasEntry || wayTo(index.scopeOf(ownerNow(context, owner)), entry) !== null)
  return convergenceOf(caughtUpNow(context, concerned), { incarnation, sequence: await lastChangeOf(context.db, entryId) ?? sequence })
}

/** The kinds of failure that one look tells; the rest is in the sessions. */
const mostFailures = 10

/** What stands behind `failed` of `convergence`: why, of the most workers first. The entry is one that the caller sees. */
export function convergenceFailures(context: CatalogContext, entryId: string | null): Promise<FailureCount[]> {
  return countFailures(context.db, { owners: visibleOwners(context), moment: mayRunSince(context), entryId, failedStates }, mostFailures)
}

/** For operators: how many workers are connected to any node, or how many sessions these have. */
export function countConnected({ db, now }: Pick<CatalogServices, 'db' | 'now'>, what: 'WORKERS' | 'SESSIONS'): Promise<number> {
  const moment = since({ now }, connectedForMs)
  return what === 'WORKERS' ? countWorkers(db, moment) : countSessions(db, moment)
}

export type { FailureCount }
