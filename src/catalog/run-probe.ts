import { can } from '../core/access.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { parseOutcome, type Probe, probeAt, type ProbeOutcomeInput, secondsLeft } from '../core/probe.js'
import { isTaker, parseTaker } from '../core/probe-taker.js'
import { findProbe, finishProbe, takeProbe as takeRow } from '../db/probe.js'
import { denied } from './authorize.js'
import { actorOf, type CatalogContext } from './context.js'
import { isInSet } from './probe.js'
import { requireOwnWorker } from './worker-report.js'

export interface TakeProbeInput {
  id: string
  workerId: string
  processId: string
}

/** What a worker is to do. */
export interface ProbeTask {
  id: string
  entryId: string
  owner: OwnerRef
  /** The worker goes no further back. */
  cursor: string
  /** Until it has to end; at least 1. */
  seconds: number
}

export type ReportProbeInput = TakeProbeInput & ProbeOutcomeInput

const isProbeId = (id: string) => /^prb_[0-9a-f]{24}$/.test(id)

/**
 * Gives a probe to the worker that asks first. Who asked for it and what it is about are judged again: rights, policy and set may be others by now (S19).
 * @returns null: it is another one's, finished or over, or not for this worker: one answer, so that ids tell nothing
 * @throws CatalogError INVALID_INPUT; FORBIDDEN for another token's worker id
 */
export async function takeProbe(context: CatalogContext, input: TakeProbeInput): Promise<ProbeTask | null> {
  const taker = parseTaker(context.principal.id, input)
  await context.refresh()
  await requireOwnWorker(context, taker.workerId)
  const asked = isProbeId(input.id) ? await findProbe(context.db, input.id) : null
  if (asked === null || (asked.askedWorkerId !== null && asked.askedWorkerId !== taker.workerId)) return null
  if (!can(context.principal, 'REPORT_STATUS', asked.owner)) {
    await denied(context, 'probe.take', asked.id, 'id', 'probe')
    return null
  }
  if (!await isStillWanted(context, asked)) return null
  const now = context.now()
  const probe = await takeRow(context.db, asked.id, taker, now)
  if (probe === null) return null
  await context.accessLog.record({
    actor: actorOf(context.principal), action: 'probe.take', outcome: 'OK', target: probe.entryId,
    detail: { probeId: probe.id, owner: ownerKey(probe.owner), requestedBy: probe.requestedBy.id, workerId: taker.workerId },
  })
  const { id, entryId, owner, cursor } = probe
  return { id, entryId, owner, cursor, seconds: secondsLeft(probe, now) }
}

/** What was lost since it was asked for ends it here. */
async function isStillWanted(context: CatalogContext, probe: Probe): Promise<boolean> {
  const { index, now } = context
  const asker = index.principalNow({ kind: 'SIGN_IN', userId: probe.requestedBy.id, expiresAt: probe.deadlineAt.toISOString() }, now())
  const entry = index.state.entries.get(probe.entryId)
  if (asker !== null && can(asker, 'PROBE', probe.owner) && entry !== undefined && isInSet(context, entry, probe.owner)) return true
  if (probe.state === 'PENDING') {
    const reason = 'Before a worker took it, the entry left the set of this owner, or whoever asked lost the right to.'
    await finishProbe(context.db, probe, { state: 'REFUSED', succeeded: false, code: 'UNAVAILABLE', reason, inventory: null, revision: null }, now())
  }
  return false
}

/**
 * Takes what came of a probe, from the worker's process that took it and from nobody else.
 * @returns false: it is over, and nobody waits for it any more
 * @throws CatalogError INVALID_INPUT, LIMIT_EXCEEDED; NOT_FOUND for a probe that this process did not take
 */
export async function reportProbe(context: CatalogContext, input: ReportProbeInput): Promise<boolean> {
  const taker = parseTaker(context.principal.id, input)
  const outcome = parseOutcome(input)
  const probe = isProbeId(input.id) ? await findProbe(context.db, input.id) : null
  if (probe === null || !isTaker(probe, taker)) throw await denied(context, 'probe.report', input.id, 'id', 'probe')
  if (probeAt(probe, context.now()).state !== 'RUNNING') return false
  return finishProbe(context.db, probe, { ...outcome, state: outcome.succeeded ? 'SUCCEEDED' : 'FAILED' }, context.now())
}
