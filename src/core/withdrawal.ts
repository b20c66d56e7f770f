import { type RevocationMode } from './entry.js'
import { invalid } from './errors.js'

/**
 * The ways to take an entry from sessions, with how they lose it when nothing else is said. UPDATE: some do, by a change of the entry. RIGHTS: by a change of
 * somebody's rights. TOKEN: those of a worker token that was revoked.
 */
export const withdrawals = {
  DISABLE: 'DRAIN', DELETE: 'IMMEDIATE', REVOKE: 'IMMEDIATE', UPDATE: 'IMMEDIATE', RIGHTS: 'IMMEDIATE', TOKEN: 'IMMEDIATE',
} as const satisfies Record<string, RevocationMode>
export type WithdrawalVerb = keyof typeof withdrawals

/** How sessions are to lose an entry, as whoever took it away said. */
export interface Withdrawal {
  mode: RevocationMode
  /** DRAIN: until when calls in flight may finish. In both modes: until when every session should have said that it stopped. */
  deadlineSeconds: number
}

/** Seconds that calls in flight may go on after a DRAIN when the writer names no deadline. */
export const defaultDrainSeconds = 30
const maxDeadlineSeconds = 3_600

/** @throws CatalogError INVALID_INPUT for a deadline out of 1 to 3,600 seconds */
export function parseWithdrawal(verb: WithdrawalVerb, input: { mode?: RevocationMode | null; deadlineSeconds?: number | null }): Withdrawal {
  const deadlineSeconds = input.deadlineSeconds ?? defaultDrainSeconds
  if (!Number.isInteger(deadlineSeconds) || deadlineSeconds < 1 || deadlineSeconds > maxDeadlineSeconds) {
    throw invalid('deadlineSeconds', `A deadline lies 1 to ${maxDeadlineSeconds} seconds ahead.`, 'Choose a whole number between them, or leave it out for 30.')
  }
  return { mode: input.mode ?? withdrawals[verb], deadlineSeconds }
}

/** Of two ways to lose the same thing the one that ends calls sooner: IMMEDIATE beats DRAIN, the earlier deadline a later one. */
export function stricterOf(one: Withdrawal, other: Withdrawal): Withdrawal {
  if (one.mode !== other.mode) return one.mode === 'IMMEDIATE' ? one : other
  return one.deadlineSeconds <= other.deadlineSeconds ? one : other
}
