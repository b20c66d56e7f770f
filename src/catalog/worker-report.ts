import { can } from '../core/access.js'
import { forbidden } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'
import { type ParsedReport, parseReport, type ReportInput, reportLimits, requireAtMost } from '../core/worker-report.js'
import { judgeReport, rememberedForMs, stamped } from '../core/worker-status.js'
import { countWorkersOf, findEntries, findWorker, measureOthers, pruneWorkers, type StoredWorker, type WorkerReport, writeReport } from '../db/worker.js'
import { passed } from '../db/step.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { nameOfQuery } from './authorize.js'
import { actorOf, type CatalogContext } from './context.js'
import { fillReceipts } from './receipt.js'

export type ReportWorkerStatusInput = ReportInput<OwnerQuery>

/** Of two reports that meet, the later one is judged again by what the other left. */
const attempts = 3

/**
 * Takes what a worker reports of itself. No change of the catalog: nothing but the first use of a worker id is recorded.
 * @returns whether it was taken; if not, it is old or something before it is missing, and the worker sends a full one
 * @throws CatalogError FORBIDDEN for another token's worker id and for an owner that the token does not serve; INVALID_INPUT; LIMIT_EXCEEDED
 */
export async function reportWorkerStatus(context: CatalogContext, input: ReportWorkerStatusInput): Promise<{ accepted: boolean }> {
  const report = parseReport(input)
  // Not a commit, which would find out under its lock: tokens and teams may have come or gone on another node a moment ago.
  await context.refresh()
  const owners: OwnerRef[] = []
  for (const [at, { owner }] of input.sessions.entries()) owners.push(await servedOwner(context, owner, `sessions.${at}.owner`))
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const known = await findWorker(context.db, report.workerId)
    const isOwn = known !== null && known.tokenId === context.principal.id
    if (known !== null && !isOwn) await requireFree(context, known)
    const verdict = judgeReport(isOwn ? known : null, report)
    if (verdict === 'REFUSE') break
    if (!isOwn) await claim(context, report.workerId)
    if (!await writeReport(context.db, await planWrite(context, report, owners, { known, isReplacing: verdict === 'REPLACE' }))) continue
    passed('report.written')
    const told = [...report.sessions.map(({ id }) => id), ...report.closedSessions]
    await fillReceipts(context, { workerId: report.workerId, sessionIds: verdict === 'REPLACE' ? null : told })
    return { accepted: true }
  }
  return { accepted: false }
}

/**
 * An owner that the token serves. A team may have been deleted while its sessions still end: its id goes on being served.
 * One answer for an unknown owner and one that is not served: neither can be told from the other.
 */
async function servedOwner(context: CatalogContext, query: OwnerQuery, field: string): Promise<OwnerRef> {
  const isTeamId = query.kind === 'TEAM' && /^team_[0-9a-f]{24}$/.test(query.id ?? '')
  const owner = context.index.resolveOwner(query, null) ?? (isTeamId ? { kind: 'TEAM' as const, id: query.id! } : null)
  if (owner !== null && can(context.principal, 'REPORT_STATUS', owner)) return owner
  await context.accessLog.record({ actor: actorOf(context.principal), action: 'REPORT_STATUS', outcome: 'DENIED', target: nameOfQuery(query) })
  throw forbidden(field, 'This token serves no such owner.', 'Leave the session out, or use a token that serves its owner.')
}

/**
 * A worker id belongs to the token that first used it, until that token has ended (then its successor may go on under the same id) or the
 * worker is forgotten.
 * FORBIDDEN and not NOT_FOUND: an id that is free is taken by its first report, so a refusal tells in any words that this one is not.
 */
async function requireFree(context: CatalogContext, { id, tokenId, seenAt }: StoredWorker): Promise<void> {
  if (seenAt <= forgottenBefore(context) || context.index.principalNow({ kind: 'TOKEN', tokenId }, context.now()) === null) return
  await context.accessLog.record({ actor: actorOf(context.principal), action: 'REPORT_STATUS', outcome: 'DENIED', target: id })
  throw forbidden('workerId', 'Another token uses this worker id.', 'Give each worker an id of its own, or revoke the other token first.')
}

/** @throws CatalogError FORBIDDEN while the id is another token's */
export async function requireOwnWorker(context: CatalogContext, workerId: string): Promise<void> {
  const known = await findWorker(context.db, workerId)
  if (known !== null && known.tokenId !== context.principal.id) await requireFree(context, known)
}

/** Records who takes an id, before it is taken. What a token may keep is bounded, and what is long forgotten does not count. */
async function claim(context: CatalogContext, workerId: string): Promise<void> {
  const { principal } = context
  await pruneWorkers(context.db, forgottenBefore(context), workerId)
  requireAtMost(await countWorkersOf(context.db, principal.id) + 1, reportLimits.workers, 'workerId', 'workers of this token')
  await context.accessLog.record({ actor: actorOf(principal), action: 'CLAIM_WORKER', outcome: 'OK', target: workerId })
}

const forgottenBefore = ({ now }: CatalogContext) => new Date(now().getTime() - rememberedForMs)

/** @throws CatalogError LIMIT_EXCEEDED when the worker would have too much stored */
async function planWrite(
  { db, now, principal }: CatalogContext, report: ParsedReport, owners: readonly OwnerRef[], { known, isReplacing }: { known: StoredWorker | null; isReplacing: boolean },
): Promise<WorkerReport> {
  const { workerId, processId, number, closedSessions } = report
  const ids = report.sessions.map(({ id }) => id)
  const [before, others] = known === null ? [new Map<string, never[]>(), null] : await Promise.all([
    findEntries(db, workerId, ids), isReplacing ? null : measureOthers(db, workerId, [...ids, ...closedSessions]),
  ])
  const seenAt = now()
  const sessions = report.sessions.map(({ id, agent, cursor, entries }, at) => {
    const row = { sessionId: id, owner: owners[at]!, agent, cursor, entries: stamped(before.get(id) ?? [], entries, seenAt.toISOString()) }
    return { ...row, bytes: Buffer.byteLength(JSON.stringify(row)) }
  })
  requireAtMost((others?.sessions ?? 0) + sessions.length, reportLimits.sessions, 'sessions', 'sessions of this worker')
  const bytes = sessions.reduce((sum, session) => sum + session.bytes, others?.bytes ?? 0)
  requireAtMost(bytes, reportLimits.bytes, 'sessions', 'bytes of this worker')
  return { worker: { id: workerId, tokenId: principal.id, processId, number, seenAt }, known, sessions, gone: isReplacing ? 'others' : closedSessions }
}
