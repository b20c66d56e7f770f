import { GraphQLError } from 'graphql'
import { CatalogError } from '../core/errors.js'

/** Reports what was masked; the caller sees nothing of it. */
export type ReportMasked = (error: unknown) => void

function originOf(error: unknown): unknown {
  let origin = error
  while (origin instanceof GraphQLError && origin.originalError) origin = origin.originalError
  return origin
}

/** graphql-js repeats a variable's whole value in its message; what somebody sent may be a secret that sits in the wrong place. */
function withoutValue(message: string): string {
  return message.replace(/ got invalid value .* at "/s, ' got an invalid value at "').replace(/ got invalid value .*; /s, ' got an invalid value; ')
}

/**
 * The one place where errors leave: catalog errors with their code, field and mend; mistakes in the document or its
 * variables as INVALID_INPUT; everything else masked as INTERNAL.
 */
export function toGraphQLError(error: unknown, report: ReportMasked): GraphQLError {
  const origin = originOf(error)
  const place = error instanceof GraphQLError ? { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path } : {}
  if (origin instanceof CatalogError) {
    return new GraphQLError(origin.message, { ...place, extensions: { code: origin.code, ...origin.details } })
  }
  if (origin instanceof GraphQLError) {
    if (origin.extensions.code === 'INTERNAL_SERVER_ERROR') report(error)
    // The outermost message names the path; the origin only says what is wrong with the value.
    const { message } = error instanceof GraphQLError ? error : origin
    const field = / at "([^"]+)"; /.exec(message)?.[1] ?? /^Variable "\$([^"]+)"/.exec(message)?.[1] ?? 'query'
    const { http } = origin.extensions
    return new GraphQLError(withoutValue(message), {
      ...place,
      extensions: { code: 'INVALID_INPUT', field, mend: 'Write the operation and its variables as schema.graphql says.', ...(http ? { http } : {}) },
    })
  }
  report(error)
  return new GraphQLError('Something went wrong here. The server has logged it.', {
    ...place, extensions: { code: 'INTERNAL', mend: 'Try again; if it stays, tell an operator when it happened.' },
  })
}
