/**
 * The one family of errors that may leave Pilothouse, and its closed list of codes.
 * Everything else is masked as INTERNAL at the edge (graphql/errors.ts).
 */
export const errorCodes = [
  'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'INVALID_INPUT', 'NAME_TAKEN', 'REVISION_CONFLICT',
  'POLICY_DENIED', 'QUOTA_EXCEEDED', 'APPROVAL_NOT_ALLOWED', 'SECRET_NOT_FOUND', 'SECRET_UNBOUND',
  'RATE_LIMITED', 'LIMIT_EXCEEDED', 'UNAVAILABLE', 'INTERNAL',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export interface ErrorDetails {
  /** Dotted path of the input that is wrong, e.g. `definition.transport.http.url`. */
  field?: string
  /** What to do so that the next try succeeds, as one sentence. */
  mend?: string
  /** More extensions of this code, e.g. `findings` or `currentRevision`. */
  [extension: string]: unknown
}

/** A refusal that its reader can act on: a code, the field and the mend. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError'

  constructor(readonly code: ErrorCode, message: string, readonly details: ErrorDetails = {}) {
    super(message)
  }
}

/** Unknown, malformed and forbidden ids all get this one answer, so that none can be told from another. */
export function notFound(field: string, noun: string): CatalogError {
  return new CatalogError('NOT_FOUND', `There is no ${noun} of that id for you.`, {
    field,
    mend: `Check the id; list the ${noun.replace(/y$/, 'ie')}s that you may see to find it.`,
  })
}

export function forbidden(field: string, message: string, mend: string): CatalogError {
  return new CatalogError('FORBIDDEN', message, { field, mend })
}

export function invalid(field: string, message: string, mend: string): CatalogError {
  return new CatalogError('INVALID_INPUT', message, { field, mend })
}
