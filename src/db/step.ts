import { channel } from 'node:diagnostics_channel'

/**
 * The steps of whatever the server does with the catalog, and what is so once one of them has passed. A process may be gone after any of them;
 * test/crash kills it there (S17).
 */
export const serverSteps = {
  'change.decided': 'rights and policy say yes; nothing is locked or written',
  'change.begun': 'its transaction is open',
  'entry.locked': 'nobody else changes the entry',
  'entry.written': 'the entry, its revision and its request for approval are written, in the transaction',
  'approval.written': 'the decision on a request is written, in the transaction',
  'secret.locked': 'nobody else changes the secret',
  'secret.written': 'the next version of the secret is written, sealed, in the transaction',
  'tools.written': 'what a server offers is written, in the transaction',
  'head.locked': 'nobody else commits',
  'receipt.written': 'the receipt and its targets are written, in the transaction',
  'change.sealed': 'change rows, audit events, head and wake-up are written; what is left of the transaction is its end',
  'change.committed': 'Postgres has it; no process knows',
  'change.told': 'this process knows it, and its subscribers are being told',
  'event.sent': 'an event is on its way to a subscriber',
  'change.settled': 'whoever asks this process sees it; all that is left is to answer',
  'lease.gathered': 'the values for a lease are read; nothing tells of it yet',
  'lease.recorded': 'the lease is in the access chain; all that is left is to answer',
  'report.written': "a worker's report is stored",
  'receipt.brought': 'a receipt tells what a report said',
} as const

export type ServerStep = keyof typeof serverSteps

const steps = channel('pilothouse:server')

/**
 * Says that a step has passed, on the diagnostics channel `pilothouse:server`, as `{ step }`. Whoever subscribes runs in this process, at once; with
 * nobody there it costs a look.
 */
export function passed(step: ServerStep): void {
  if (steps.hasSubscribers) steps.publish({ step })
}
