import { channel } from 'node:diagnostics_channel'

/** The steps in which a worker carries out what it hears, and what is so once one of them has passed; see db/step.ts for the server's. */
export const workerSteps = {
  'event.heard': 'an event is here, and nothing is made of it',
  'event.applied': 'what it means is decided, the gates of what was taken away are closed',
  'lease.asked': 'values are asked for',
  'lease.opened': 'they are here, in memory',
  'process.started': 'a stdio server runs; nobody has spoken to it',
  'server.connected': 'a server has shaken hands',
  'tools.listed': 'its tools are known here',
  'tools.told': 'and to the catalog',
  'entry.loaded': 'the adapter has it',
  'entry.serving': 'calls go to it; what it replaces takes no new ones',
  'secrets.renewed': 'the values of the moment are leased for what runs: in use, or for a start that follows',
  'gate.closed': 'no call reaches what was taken away or replaced; it still runs',
  'server.ended': 'nothing of it is left',
  'report.sent': 'the catalog is being told what the sessions have',
  'report.taken': 'the catalog has that',
} as const

export type WorkerStep = keyof typeof workerSteps

const steps = channel('pilothouse:worker')

/** Says that a step has passed, on the diagnostics channel `pilothouse:worker`, as `{ step }`; with nobody there it costs a look. */
export function passed(step: WorkerStep): void {
  if (steps.hasSubscribers) steps.publish({ step })
}
