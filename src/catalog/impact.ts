import { type AppliedState, heldStates } from '../core/worker-status.js'
import { listReporting } from '../db/worker.js'
import { denied, visibleEntry } from './authorize.js'
import { type CatalogContext } from './context.js'
import { mayRunSince, ownerNow, visibleOwners, workersByIds, type WorkerSessionView } from './worker.js'

/** Where the last page ended. */
export interface SessionPlace {
  workerId: string
  sessionId: string
}

/**
 * The sessions that would lose an entry if it were withdrawn now: the targets that its receipt would have, as far as the caller may see them.
 * @throws CatalogError NOT_FOUND for an entry that the caller does not see
 */
export function revocationImpact(context: CatalogContext, entryId: string, after: SessionPlace | null, limit: number): Promise<WorkerSessionView[]> {
  return entrySessions(context, { entryId, states: heldStates }, after, limit)
}

/**
 * The sessions that report an entry in one of some states, of workers that may still run something (`mayRunSince`), as far as the caller may see them.
 * @throws CatalogError NOT_FOUND for an entry that the caller does not see
 */
export async function entrySessions(
  context: CatalogContext, { entryId, states }: { entryId: string; states: readonly AppliedState[] }, after: SessionPlace | null, limit: number,
): Promise<WorkerSessionView[]> {
  const entry = await visibleEntry(context, entryId)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', entryId, 'entryId', 'entry')
  const sessions = await listReporting(context.db, { entryId, states, owners: visibleOwners(context), moment: mayRunSince(context) }, after, limit)
  const workers = await workersByIds(context, sessions.map(({ workerId }) => workerId))
  return sessions.flatMap((session) => {
    const worker = workers.get(session.workerId)
    // Gone since the sessions were read.
    return worker === undefined ? [] : [{ ...session, owner: ownerNow(context, session.owner), worker }]
  })
}
