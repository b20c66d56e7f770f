import { can } from '../core/access.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, invalid } from '../core/errors.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { parseProbeSeconds, type Probe, probeAt, type ProbeCode, probeLimits, unavailableReason } from '../core/probe.js'
import { nodeSilentAfterMs } from '../core/subscription-target.js'
import { type Tx, underLock } from '../db/client.js'
import { countOpenProbes, findProbe, forgetProbes, insertProbe, listProbeListeners, listProbes } from '../db/probe.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { ownerFor, visibleEntry, denied } from './authorize.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { explainFor } from './snapshot.js'

export interface RequestProbeInput {
  entryId: string
  /** Whose session it is to be. Default: the caller. */
  owner?: OwnerQuery | null
  /** The only worker that may take it. Default: any. */
  workerId?: string | null
  seconds?: number | null
}

/**
 * Asks a worker to connect to an entry as a session of that owner would, and to tell what it found. Nothing is connected or started here (S2). What
 * is not in the owner's set, and what nobody is there for, is REFUSED at once with the reason, and no worker hears of it. The request is in the
 * access chain before anybody is told (S15).
 * @throws CatalogError INVALID_INPUT, also for an agent; NOT_FOUND for an owner or entry that the caller may not see; FORBIDDEN for an owner whose
 * accounts are not the caller's to use; LIMIT_EXCEEDED while too many of the caller's probes are under way
 */
export async function requestProbe(context: CatalogContext, input: RequestProbeInput): Promise<Probe> {
  const seconds = parseProbeSeconds(input.seconds)
  const askedWorkerId = input.workerId == null ? null : parseInput(line(200, 1), input.workerId, 'workerId')
  await context.refresh()
  const owner = await ownerFor(context, 'PROBE', input.owner ?? { kind: 'USER' }, 'owner')
  const entry = await visibleEntry(context, input.entryId)
  if (entry === null) throw await denied(context, 'PROBE', input.entryId, 'entryId', 'entry')
  if (entry.kind !== 'MCP_SERVER') throw invalid('entryId', 'This is an agent, which nobody connects to.', 'Probe the MCP servers that it names.')
  const { principal, index, db } = context
  const now = context.now()
  const refusal = await refusalOf(context, entry, owner, askedWorkerId)
  const probe: Probe = {
    id: newId('prb'), entryId: entry.id, entryName: entry.name, revision: entry.revision, owner, requestedBy: actorOf(principal), requestedAt: now,
    deadlineAt: new Date(now.getTime() + seconds * 1_000), askedWorkerId, cursor: index.cursor(), taker: null, takenAt: null, inventory: null,
    state: refusal === null ? 'PENDING' : 'REFUSED', finishedAt: refusal === null ? null : now, code: refusal?.code ?? null, reason: refusal?.reason ?? null,
  }
  await underLock(db, `probes of ${principal.id}`, async (tx) => {
    if (refusal === null) await requireFew(tx, principal.id, now)
    await context.accessLog.record({
      actor: probe.requestedBy, action: 'probe.request', outcome: 'OK', target: entry.id,
      detail: { probeId: probe.id, owner: ownerKey(owner), revision: entry.revision, state: probe.state, ...(askedWorkerId !== null && { workerId: askedWorkerId }) },
    })
    await insertProbe(tx, probe)
  })
  await forgetProbes(db, probe)
  return probe
}

/** Those that are asked for at the same moment are counted one after the other. */
async function requireFew(tx: Tx, requestedBy: string, now: Date): Promise<void> {
  if (await countOpenProbes(tx, requestedBy, now) < probeLimits.openOfOne) return
  throw new CatalogError('LIMIT_EXCEEDED', `You have ${probeLimits.openOfOne} probes under way.`, { field: 'entryId', mend: 'Wait until one has finished.', limit: 'probes', most: probeLimits.openOfOne })
}

/** Why no worker is to hear of it; null: one is. */
async function refusalOf(context: CatalogContext, entry: JudgedEntry, owner: OwnerRef, askedWorkerId: string | null): Promise<{ code: ProbeCode; reason: string } | null> {
  if (!isInSet(context, entry, owner)) return { code: 'UNAVAILABLE', reason: whyNotInSet(context, entry, owner) }
  const { db, index, now } = context
  const listeners = await listProbeListeners(db, new Date(now().getTime() - nodeSilentAfterMs))
  const serves = (tokenId: string) => {
    const principal = index.principalNow({ kind: 'TOKEN', tokenId }, now())
    return principal?.kind === 'WORKER' && can(principal, 'REPORT_STATUS', owner)
  }
  if (listeners.some(({ tokenId, workerId }) => (askedWorkerId === null || workerId === askedWorkerId) && serves(tokenId))) return null
  return { code: 'NO_WORKER', reason: askedWorkerId === null ? 'No worker that serves this owner waits for probes.' : 'No worker of that id that serves this owner waits for probes.' }
}

export function isInSet({ index }: CatalogContext, { id, kind, name }: JudgedEntry, owner: OwnerRef): boolean {
  return index.chosen(index.scopeOf(owner), kind, name)?.id === id
}

/** As `explainAvailability` has it, also where another entry of the name came closer. */
function whyNotInSet(context: CatalogContext, { id, kind, name }: JudgedEntry, owner: OwnerRef): string {
  const { entry, steps } = explainFor(context, owner, kind, name)
  if (entry?.id === id) return unavailableReason(steps)
  return steps.find(({ check, reason }) => check === 'other' && reason.includes(id))?.reason ?? unavailableReason([])
}

/** null for unknown ids, and for probes of owners for whom the caller could not have asked. */
export async function probeById(context: CatalogContext, id: string): Promise<Probe | null> {
  if (!/^prb_[0-9a-f]{24}$/.test(id)) return null
  const probe = await findProbe(context.db, id)
  return probe !== null && can(context.principal, 'PROBE', probe.owner) ? probeAt(probe, context.now()) : null
}

/**
 * The last ones of an entry and owner, the newest first.
 * @throws CatalogError NOT_FOUND, FORBIDDEN for an owner for whom the caller may not ask
 */
export async function probesOf(context: CatalogContext, entryId: string, query: OwnerQuery | null): Promise<Probe[]> {
  const owner = await ownerFor(context, 'PROBE', query ?? { kind: 'USER' }, 'owner')
  // Postgres cannot hold a NUL, so no entry has one.
  if (entryId.includes('\0')) return []
  return (await listProbes(context.db, entryId, owner)).map((probe) => probeAt(probe, context.now()))
}
