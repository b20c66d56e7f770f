import { type TypedDocumentNode } from '@graphql-typed-document-node/core'
// Not 'graphql' as a whole, whose loading takes longer than the rest of a command's start.
import { print } from 'graphql/language/printer.js'

export * from './generated/graphql.js'
export { possibleTypes } from './possible-types.js'

export interface CatalogClientOptions {
  /** The HTTP endpoint, e.g. `http://127.0.0.1:4000/graphql`. */
  url: string
  /** An access token; sent as a bearer token and nowhere else. */
  token: string
  /** Milliseconds until a request is given up; default 30,000. */
  timeoutMs?: number
}

/** A refusal of the API: its code of the closed list, the field and the mend. */
export class CatalogRequestError extends Error {
  override readonly name = 'CatalogRequestError'

  constructor(message: string, readonly code: string, readonly extensions: Record<string, unknown> = {}) {
    super(message)
  }
}

export interface CatalogClient {
  /** @throws CatalogRequestError; code UNAVAILABLE when the server cannot be reached or does not speak GraphQL */
  execute: <Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Result, Variables>, ...variables: Record<string, never> extends Variables ? [Variables?] : [Variables]
  ) => Promise<Result>
}

interface GraphQLAnswer {
  data?: unknown
  errors?: Array<{ message: string; extensions?: Record<string, unknown> }>
}

/** A small typed client for queries and mutations over HTTP; any other GraphQL client works as well. */
export function createCatalogClient({ url, token, timeoutMs = 30_000 }: CatalogClientOptions): CatalogClient {
  return {
    execute: async (document, ...[variables]) => {
      const answer = await post(url, token, timeoutMs, { query: print(document), variables: variables ?? {} })
      const [error] = answer.errors ?? []
      if (error !== undefined) {
        throw new CatalogRequestError(error.message, codeOf(error.extensions), error.extensions)
      }
      return answer.data as never
    },
  }
}

function codeOf(extensions: Record<string, unknown> | undefined): string {
  return typeof extensions?.code === 'string' ? extensions.code : 'INTERNAL'
}

async function post(url: string, token: string, timeoutMs: number, body: unknown): Promise<GraphQLAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const answer = await response.json() as GraphQLAnswer
    if (answer.data === undefined && answer.errors === undefined) throw new Error(`HTTP ${response.status} without a GraphQL answer`)
    return answer
  } catch (error) {
    const { message, cause } = error as Error
    const why = cause instanceof Error ? cause.message : message
    throw new CatalogRequestError(`The catalog at ${url} did not answer: ${why}`, 'UNAVAILABLE')
  }
}
