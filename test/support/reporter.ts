import { expect } from 'vitest'
import { type AppliedEntryInput, type OwnerInput, ReportWorkerStatusDocument, RevocationDocument, type WorkerSessionInput } from '../../src/client/index.js'
import { type Person } from './server.js'

export interface Reporter {
  send: (sessions: WorkerSessionInput[], more?: { full?: boolean; closedSessions?: string[] }) => Promise<void>
}

/** A process of a worker that tells what the test says, as an SDK would. */
export function createReporter(at: Person, workerId: string, processId = 'p1'): Reporter {
  let number = 0
  return {
    send: async (sessions, more = {}) => {
      number += 1
      const { reportWorkerStatus } = await at.client.execute(ReportWorkerStatusDocument, {
        input: { workerId, processId, number, full: more.full ?? number === 1, sessions, closedSessions: more.closedSessions },
      })
      expect(reportWorkerStatus.accepted).toBe(true)
    },
  }
}

export const appliedEntry = (id: string, state: AppliedEntryInput['state'], more: Partial<AppliedEntryInput> = {}): AppliedEntryInput => (
  { entryId: id, name: 'x', kind: 'MCP_SERVER', origin: 'catalog', revision: 1, state, ...more })

export const sessionOf = (id: string, owner: Person | OwnerInput, cursor: string, ...entries: AppliedEntryInput[]): WorkerSessionInput => (
  { id, owner: 'kind' in owner ? owner : { kind: 'USER', id: owner.id }, cursor, entries })

/** A receipt with its targets as `[worker, session, state, refused calls]`; null when it is not shown. */
export async function readReceipt(who: Person, id: string) {
  const { revocation } = await who.client.execute(RevocationDocument, { id })
  if (revocation === null) return null
  const { targets, ...receipt } = revocation
  return { ...receipt, targets: targets.nodes.map((target) => [target.worker?.id, target.sessionId, target.state, target.refusedCalls]) }
}
