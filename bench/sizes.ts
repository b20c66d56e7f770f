import { type Task } from './plan.js'
import { type TargetName } from './targets.js'

/** How much of everything is measured: enough for a steady median, little enough for a run of half an hour. */
export const fullSizes = {
  /** Mutations before anything is measured: the first few hundred requests of a process are two or three times slower. */
  warmUp: 200,
  latency: (sockets: number): Task => ({
    kind: 'LATENCY', warmUp: sockets <= 100 ? 60 : sockets <= 1_000 ? 20 : 5, mutations: sockets <= 1 ? 200 : sockets <= 100 ? 100 : sockets <= 1_000 ? 40 : 15,
  }),
  /** Offered: 200,000 events a second. B delivers a tenth of that, so it gets fewer. */
  throughput: (sockets: number, target: TargetName): Task => {
    const perSecond = Math.max(1, Math.round(200_000 / sockets))
    return { kind: 'THROUGHPUT', perSecond, mutations: Math.min(entries, perSecond * (target === 'B' ? 1 : 3)) }
  },
  storm: (): Task => ({ kind: 'STORM', times: 2, missed: [1, 20] }),
  memory: (sockets: number): Task => ({ kind: 'MEMORY', from: Math.ceil(sockets / 10), settleMs: 2_000 }),
  clients: [1, 8, 32],
  clientsMs: 4_000,
  moreGroups: [50, 500],
  snapshotEntries: 10_000,
  snapshotRepeats: 7,
  /** Changes of each way before anything is measured, and those that are. */
  offered: { warmUp: 25, changes: 40 },
  /** Each number of sessions with calls that end at once, and with calls that take half a second. */
  refused: { sessions: [1, 10, 100], callMs: [0, 500], warmUp: 2, revocations: 10 },
  /** Of each sort of definition, before anything is measured and while it is. */
  evaluation: { warmUp: 500, times: 1_000 },
  simulation: { repeats: 5 },
  /** Of each size. */
  seal: { warmUp: 2_000, times: 5_000 },
  /** Before anything is measured; one after the other; and at once. */
  lease: { warmUp: 200, leases: 500, atOnce: 1_000 },
}

/** Entries of the catalog that mutations change: more than a task has mutations, so that each changes one of its own. */
export const entries = 1_024

export type Sizes = typeof fullSizes

export const quickSizes: Sizes = {
  warmUp: 20,
  latency: () => ({ kind: 'LATENCY', warmUp: 5, mutations: 10 }),
  throughput: () => ({ kind: 'THROUGHPUT', perSecond: 100, mutations: 50 }),
  storm: () => ({ kind: 'STORM', times: 1, missed: [1, 20] }),
  memory: (sockets) => ({ kind: 'MEMORY', from: Math.ceil(sockets / 10), settleMs: 100 }),
  clients: [1, 8, 32],
  clientsMs: 300,
  moreGroups: [25],
  snapshotEntries: 200,
  snapshotRepeats: 2,
  offered: { warmUp: 2, changes: 4 },
  refused: { sessions: [1, 10], callMs: [0, 200], warmUp: 1, revocations: 3 },
  evaluation: { warmUp: 20, times: 50 },
  simulation: { repeats: 2 },
  seal: { warmUp: 100, times: 200 },
  lease: { warmUp: 10, leases: 30, atOnce: 100 },
}
