/** Why a tool call did not give a result. The server's own answer `isError` is a result, not one of these. */
export type ToolCallErrorCode =
  /** No tool of that name is offered now. */
  | 'UNKNOWN_TOOL'
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

  constructor(readonly code: ToolCallErrorCode, message: string) {
    super(message)
  }
}

/** Something of a server that was to end could not be ended, e.g. a process that ignores SIGKILL. */
export class SurvivorError extends Error {
  override readonly name = 'SurvivorError'
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // undici says "fetch failed" and keeps the reason in the cause.
  return error.cause instanceof Error && error.cause.message !== '' ? `${error.message}: ${error.cause.message}` : error.message
}
