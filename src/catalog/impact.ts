import { connectedForMs } from '../core/connected.js'
import { trustForMs } from '../core/worker-status.js'
import { listHolders } from '../db/worker.js'
import { denied, visibleEntry } from './authorize.js'
import { type CatalogContext } from './context.js'
import { ownerNow, visibleOwners, workersByIds, type WorkerSessionView } from './worker.js'

/**
 * The sessions that would lose an entry if it were withdrawn now: the targets that its receipt would have, as far as the caller may see them.
 * @throws CatalogError NOT_FOUND for an entry that the caller does not see
 */
export async function revocationImpact(
  context: CatalogContext, entryId: string, after: { workerId: string; sessionId: string } | null, limit: number,
): Promise<WorkerSessionView[]> {
  const entry = await visibleEntry(context, entryId)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', entryId, 'entryId', 'entry')
  const moment = new Date(context.now().getTime() - connectedForMs - trustForMs)
  const sessions = await listHolders(context.db, { entryId, owners: visibleOwners(context), moment }, after, limit)
  const workers = await workersByIds(context, sessions.map(({ workerId }) => workerId))
  return sessions.flatMap((session) => {
    const worker = workers.get(session.workerId)
    // Gone since the sessions were read.
    return worker === undefined ? [] : [{ ...session, owner: ownerNow(context, session.owner), worker }]
  })
}
