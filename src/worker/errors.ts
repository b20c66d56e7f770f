/**
 * Why a call of a tool, or a question for a prompt or a resource, did not give a result. The server's own answer
 * `isError` is a result, not one of these.
 */
export type ToolCallErrorCode =
  /** No tool of that name is offered now. */
  | 'UNKNOWN_TOOL'
  /** The server has such a tool, and its definition is not the one that was accepted. */
  | 'HELD'
  /** No prompt of that name is offered now. */
  | 'UNKNOWN_PROMPT'
  /** No server of the session has a resource of that URI. */
  | 'UNKNOWN_RESOURCE'
  /** The server was taken away, or the catalog has not been heard for too long. */
  | 'WITHDRAWN'
  | 'TIMEOUT'
  /** The caller's own signal. */
  | 'CANCELLED'
  /** The server cannot be reached, or ended in mid-call. */
  | 'UNAVAILABLE'
  /** The server answered with a protocol error. */
  | 'UPSTREAM'

/** The message holds no value of a header, an environment or a URL's query. */
export class ToolCallError extends Error {
  override readonly name = 'ToolCallError'

  /** @param rpcCode the server's own JSON-RPC code, with UPSTREAM */
  constructor(readonly code: ToolCallErrorCode, message: string, readonly rpcCode: number | null = null) {
    super(message)
  }
}

/** Something of a server that was to end could not be ended, e.g. a process that ignores SIGKILL. */
export class SurvivorError extends Error {
  override readonly name = 'SurvivorError'
}

/** The connector did not connect or spawn: what stands behind a name or a path is not what the policy allows. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

/** For calls of a tool whose definition is not the accepted one. */
export function heldError(name: string): ToolCallError {
  return new ToolCallError('HELD', `The tool ${name} is held: its definition is not the one that was accepted. Somebody has to look at it, and may accept it.`)
}

/**
 * DENIED: the catalog says that the values may not be had, or are not there: only a change can help. OUTDATED: what the worker knows of the entry, or the answer,
 * is older than what there is. UNAVAILABLE: no answer, or none that can be used; trying again may help.
 */
export type LeaseFailure = 'DENIED' | 'OUTDATED' | 'UNAVAILABLE'

/** Values of secrets could not be had. The message holds none. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError'

  constructor(readonly failure: LeaseFailure, message: string) {
    super(message)
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // undici says "fetch failed" and keeps the reason in the cause.
  return error.cause instanceof Error && error.cause.message !== '' ? `${error.message}: ${error.cause.message}` : error.message
}
