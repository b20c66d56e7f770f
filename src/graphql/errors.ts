import { GraphQLError } from 'graphql'
import { CatalogError } from '../core/errors.js'
import { maskTokens } from '../core/redact.js'

/** Reports what was masked. The caller sees nothing of it but the id under which an operator finds it. */
export type ReportMasked = (error: unknown) => { requestId: string }

function originOf(error: unknown): unknown {
  let origin = error
  while (origin instanceof GraphQLError && origin.originalError) origin = origin.originalError
  return origin
}

/** Reasons of graphql-js that name only what schema.graphql says, or what a key is called. */
const harmless = /^(Field "[^"]+" (of required type "[^"]+" was not provided|is not defined by type "[^"]+")|Expected (non-nullable )?type "[^"]+"( not to be null|, got| to be)?|Exactly one key must be specified for OneOf type "[^"]+")/

/** Where graphql-js repeats what the document itself has in the place of a value. Of the language's own signs nothing is to hide. */
const literals: Array<[repeated: RegExp, instead: string]> = [
  [/(cannot represent [^:]* value): [^]*$/, '$1.'],
  [/, found (?!(?:<EOF>|"[^\w"]{1,3}"|null)\.)[^]*$/, ', found something else.'],
  [/^(Syntax Error: Unexpected (?:Name|Int|Float|String|BlockString)|Syntax Error: Invalid \w+ escape sequence)\b[^]*$/, '$1.'],
  [/^Value "\w*" does not exist/, 'The value does not exist'],
]

/** What somebody sent may be a secret that sits in the wrong place: values are left out, and of what things are called what is known for a token. */
function withoutValue(message: string, field: string): string {
  return maskTokens(withoutLiterals(message, field))
}

function withoutTokens(details: object): object {
  return Object.fromEntries(Object.entries(details).map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? maskTokens(value) : value]))
}

function withoutLiterals(message: string, field: string): string {
  if (!message.startsWith('Variable "$')) return literals.reduce((text, [repeated, instead]) => text.replace(repeated, instead), message)
  const reason = harmless.exec(message.slice(message.lastIndexOf('; ') + 2))?.[0]
  return `The variable has no valid value at ${field}.${reason === undefined ? '' : ` ${reason}.`}`
}

const unreachable = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT',
  // Postgres: shutting down, starting up, too many connections, not accepting connections.
  '57P01', '57P02', '57P03', '53300', '55000',
])

/** Whether the database was away, or went away meanwhile. */
export function isUnreachable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && unreachable.has(String(at.code))) return true
  }
  return false
}

/** Which field a GraphQL error of the document or its variables is about. */
function fieldOf(message: string): string {
  return / at "([^"]+)"; /.exec(message)?.[1] ?? /^Variable "\$([^"]+)"/.exec(message)?.[1] ?? 'query'
}

/**
 * The one place where errors leave: catalog errors with their code, field and mend; mistakes in the document or its
 * variables as INVALID_INPUT; everything else masked as INTERNAL.
 */
export function toGraphQLError(error: unknown, report: ReportMasked): GraphQLError {
  const origin = originOf(error)
  const place = error instanceof GraphQLError ? { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path } : {}
  if (origin instanceof CatalogError) {
    // The status of a refused document, which Yoga adds.
    const http = error instanceof GraphQLError ? error.extensions.http : undefined
    return new GraphQLError(maskTokens(origin.message), { ...place, extensions: { code: origin.code, ...withoutTokens(origin.details), ...(http ? { http } : {}) } })
  }
  if (origin instanceof GraphQLError) {
    if (origin.extensions.code === 'INTERNAL_SERVER_ERROR') report(error)
    // The outermost message names the path; the origin only says what is wrong with the value.
    const { message } = error instanceof GraphQLError ? error : origin
    const { http } = origin.extensions
    const field = maskTokens(fieldOf(message))
    return new GraphQLError(withoutValue(message, field), {
      ...place, extensions: { code: 'INVALID_INPUT', field, mend: 'Write the operation and its variables as schema.graphql says.', ...(http ? { http } : {}) },
    })
  }
  if (origin instanceof RangeError && /call stack/.test(origin.message)) {
    return new GraphQLError('The document is nested too deeply.', { extensions: { code: 'LIMIT_EXCEEDED', field: 'query', mend: 'Ask for less in one operation.' } })
  }
  // The origin, not what graphql-js wrapped it in: only its own class tells the log what in it is a value.
  if (isUnreachable(origin)) {
    const where = report(origin)
    return new GraphQLError('The catalog cannot be read or written right now.', {
      ...place, extensions: { code: 'UNAVAILABLE', field: 'request', mend: 'Try again in a moment.', ...where },
    })
  }
  const where = report(origin)
  return new GraphQLError('Something went wrong here. The server has logged it.', {
    ...place, extensions: { code: 'INTERNAL', field: 'request', mend: 'Try again; if it stays, tell an operator the requestId of this error.', ...where },
  })
}
