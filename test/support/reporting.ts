import { type AppliedEntryInput, ReportWorkerStatusDocument, type ReportWorkerStatusInput, type WorkerSessionInput } from '../../src/client/index.js'
import { type Person } from './server.js'

/** An entry as a session has it; APPLIED and of the catalog unless said otherwise. */
export const applied = (name: string, more: Partial<AppliedEntryInput> = {}): AppliedEntryInput => (
  { name, kind: 'MCP_SERVER', origin: 'catalog', revision: 1, state: 'APPLIED', ...more })

export const sessionOf = (owner: Person | WorkerSessionInput['owner'], id = 's', more: Partial<WorkerSessionInput> = {}): WorkerSessionInput => (
  { id, owner: 'kind' in owner ? owner : { kind: 'USER', id: owner.id }, entries: [], ...more })

/** Sends a report; a full one of one process unless said otherwise. Resolves with whether it was taken. */
export async function report(worker: Person, workerId: string, number: number, sessions: WorkerSessionInput[], more: Partial<ReportWorkerStatusInput> = {}): Promise<boolean> {
  const input = { workerId, processId: 'p1', number, full: true, sessions, ...more }
  return (await worker.client.execute(ReportWorkerStatusDocument, { input })).reportWorkerStatus.accepted
}
