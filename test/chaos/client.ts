import { type TypedDocumentNode } from '@graphql-typed-document-node/core'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'graphql'
import { CatalogRequestError, createCatalogClient } from '../../src/client/index.js'
import { type createRandom } from '../support/random.js'
import { type ApiNode } from './node.js'

export type Answer<Result> =
  | { outcome: 'COMMITTED'; data: Result }
  | { outcome: 'REFUSED' | 'UNKNOWN'; error: CatalogRequestError }

/** Of connections that nobody takes. */
const mostTries = 500

/** Codes that say nothing about whether it was done. */
const unknowing = new Set(['UNAVAILABLE', 'INTERNAL'])

/** One request to one node, with what can be said of its outcome. A query that is answered counts as COMMITTED. */
export async function send<Result, Variables extends Record<string, unknown>>(
  node: ApiNode, token: string, document: TypedDocumentNode<Result, Variables>, variables: Variables, timeoutMs = 8_000,
): Promise<Answer<Result>> {
  try {
    const execute = createCatalogClient({ url: node.url, token, timeoutMs }).execute as (document: unknown, variables: unknown) => Promise<Result>
    return { outcome: 'COMMITTED', data: await execute(document, variables) }
  } catch (error) {
    if (!(error instanceof CatalogRequestError)) throw error
    return { outcome: unknowing.has(error.code) ? 'UNKNOWN' : 'REFUSED', error }
  }
}

/** As a client behind a balancer: a node that takes no connection is passed over, and while none does nothing is sent. */
export async function sendAnywhere<Result, Variables extends Record<string, unknown>>(
  nodes: readonly ApiNode[], random: ReturnType<typeof createRandom>, token: string, document: TypedDocumentNode<Result, Variables>, variables: Variables,
): Promise<Answer<Result>> {
  const first = random.below(nodes.length)
  for (let at = 0; ; at++) {
    const answer = await send(nodes[(first + at) % nodes.length]!, token, document, variables)
    if (answer.outcome === 'COMMITTED' || !answer.error.message.includes('ECONNREFUSED') || at > mostTries) return answer
    if ((at + 1) % nodes.length === 0) await delay(100)
  }
}

export const EntryDocument = parse('query Entry($id: ID!) { node(id: $id) { ... on CatalogEntry { id revision enabled } } }') as TypedDocumentNode<
  { node: { id: string; revision: number; enabled: boolean } | null }, { id: string }>
