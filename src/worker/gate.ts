import { type RevocationMode } from '../core/entry.js'
import { type Clock } from './clock.js'
import { ToolCallError } from './errors.js'
import { tellEach } from './tell-each.js'

export interface GateEnding {
  mode: RevocationMode
  /** For DRAIN: seconds until calls in flight are aborted all the same. */
  deadlineSeconds: number
  /** Told to whoever calls afterwards. */
  reason: string
}

/**
 * The second lock of a revocation: one gate stands before each running server, and every call passes it. It looks at
 * memory alone, is closed before anything else happens to the server, and never opens again: what comes back gets a new one.
 */
export interface Gate {
  /** Whether a call would pass now. */
  isOpen: () => boolean
  inFlight: () => number
  /** Calls that came to a closed gate. Those that were in flight when it closed are not among them. */
  refused: () => number
  /**
   * Runs the call. Rejects at once when the gate closes IMMEDIATE or its deadline passes, whatever the call does about
   * its signal.
   * @throws ToolCallError WITHDRAWN when the gate is or gets closed, CANCELLED when the caller's signal aborts
   */
  pass: <Result>(call: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal) => Promise<Result>
  /** No new calls from here on. A later IMMEDIATE overrides an earlier DRAIN. Resolves when no call is in flight. */
  close: (ending: GateEnding) => Promise<void>
  /** Told once, when it closes, after it is closed. Returns what ends it. */
  onClosed: (listener: () => void) => () => void
}

/**
 * @param isTrusted asked at every call as well, because a timer may be late when the event loop was busy; the gate
 *   stays closed for as long as it says no
 * @param onRefused told after each call that was refused
 */
export function createGate(clock: Clock, isTrusted: () => boolean, onRefused: () => void = () => {}): Gate {
  let closed: GateEnding | null = null
  let refused = 0
  const abortCall = new Set<() => void>()
  const emptied: Array<() => void> = []
  const closedListeners = new Set<() => void>()
  let cancelDeadline = () => {}

  const withdrawn = () => new ToolCallError('WITHDRAWN', `The MCP server is not available any more (${closed?.reason ?? 'STALE'}).`)
  const abortAll = () => { for (const abort of [...abortCall]) abort() }
  const leave = (abort: () => void) => {
    abortCall.delete(abort)
    if (abortCall.size > 0) return
    if (closed !== null) cancelDeadline()
    for (const resolve of emptied.splice(0)) resolve()
  }

  return {
    isOpen: () => closed === null && isTrusted(),
    inFlight: () => abortCall.size,
    refused: () => refused,
    pass: async (call, signal) => {
      if (closed !== null || !isTrusted()) {
        refused += 1
        onRefused()
        throw withdrawn()
      }
      if (signal?.aborted === true) throw cancelled()
      const controller = new AbortController()
      let abort = () => {}
      let onCancel = () => {}
      // Not only a signal: an upstream that does not heed it must not keep the caller waiting.
      const ended = new Promise<never>((_, reject) => {
        abort = () => { reject(withdrawn()); controller.abort(withdrawn()) }
        onCancel = () => { reject(cancelled()); controller.abort(cancelled()) }
      })
      abortCall.add(abort)
      signal?.addEventListener('abort', onCancel, { once: true })
      try {
        return await Promise.race([call(controller.signal), ended])
      } finally {
        signal?.removeEventListener('abort', onCancel)
        leave(abort)
      }
    },
    close: (ending) => {
      const isFirst = closed === null
      if (closed === null || (closed.mode === 'DRAIN' && ending.mode === 'IMMEDIATE')) {
        closed = ending
        cancelDeadline()
        if (ending.mode === 'IMMEDIATE') abortAll()
        else if (abortCall.size > 0) cancelDeadline = clock.after(ending.deadlineSeconds * 1000, abortAll)
      }
      if (isFirst) tellEach(closedListeners)
      return abortCall.size === 0 ? Promise.resolve() : new Promise((resolve) => emptied.push(resolve))
    },
    onClosed: (listener) => {
      closedListeners.add(listener)
      return () => { closedListeners.delete(listener) }
    },
  }
}

function cancelled(): ToolCallError {
  return new ToolCallError('CANCELLED', 'The caller cancelled the call.')
}
