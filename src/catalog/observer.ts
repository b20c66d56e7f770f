import { CatalogError, type ErrorCode } from '../core/errors.js'
import { type AccessEvent } from './context.js'

/** How a write ended: refused by rights, policy or its own form is `denied`; overtaken by somebody else's is `conflict`. */
export type Outcome = 'ok' | 'conflict' | 'denied' | 'error'

/** What was kept out before anything was done for it: see "Limits" in docs/operating.md. */
export const refusedKinds = [
  'host', 'origin', 'media_type', 'body', 'document', 'reads', 'writes', 'reports', 'subscriptions', 'failures', 'pages', 'sockets', 'silent_sockets', 'operations',
] as const

export type RefusedKind = (typeof refusedKinds)[number]

/**
 * Hears what happens, to count it. Some of these are called for every event of every subscription: an implementation adds up
 * and returns, and never throws. What it is told are words and numbers of ours, never an id or a text from outside.
 */
export interface Observer {
  /** A write that was decided begins; the answer is called with its end. */
  commit: () => (outcome: Outcome) => void
  /** A mutation was answered; `field` is its name in the schema. */
  mutation: (field: string, outcome: Outcome) => void
  /** The access chain has this event. */
  access: (event: AccessEvent) => void
  /** A document was executed on an event, for a whole group. */
  rendered: (type: 'CatalogSnapshot' | 'CatalogDelta' | 'CatalogBookmark' | 'DeskChange') => void
  /** Events were written to a socket; `bytes` is their size together, framed. */
  delivered: (events: number, bytes: number) => void
  socketClosed: (code: number) => void
  /** A request, a socket or an operation was over a limit, or came from elsewhere. */
  refused: (kind: RefusedKind) => void
  /** A request was answered with this status; null when the client was gone before. */
  requested: (status: number | null, seconds: number) => void
}

export const noObserver: Observer = {
  commit: () => () => {}, mutation: () => {}, access: () => {}, rendered: () => {}, delivered: () => {}, socketClosed: () => {}, refused: () => {}, requested: () => {},
}

const outcomes: Partial<Record<ErrorCode, Outcome>> = { REVISION_CONFLICT: 'conflict', NAME_TAKEN: 'conflict', UNAVAILABLE: 'error', INTERNAL: 'error' }

export function outcomeOf(error: unknown): Outcome {
  return error instanceof CatalogError ? outcomes[error.code] ?? 'denied' : 'error'
}

/**
 * Tells the observer how a write went, and passes its end on.
 * @param isOvertaken whether an error says no more than that somebody else was faster
 */
export async function observed<Result>(observer: Observer, isOvertaken: (error: unknown) => boolean, write: () => Promise<Result>): Promise<Result> {
  const ended = observer.commit()
  try {
    const result = await write()
    ended('ok')
    return result
  } catch (error) {
    ended(isOvertaken(error) ? 'conflict' : outcomeOf(error))
    throw error
  }
}
