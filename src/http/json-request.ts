import { type IncomingMessage, type ServerResponse } from 'node:http'
import { execute, type ExecutionResult, getOperationAST, type OperationDefinitionNode, OperationTypeNode } from 'graphql'
import { CatalogError } from '../core/errors.js'
import { schema } from '../graphql/schema.js'
import { type ReadDocument } from './documents.js'
import { boundedComplaints } from './variables.js'
import { masked, type RequestContext } from './yoga.js'

interface JsonRequest {
  query: string
  operationName: string | null
  variables: Record<string, unknown>
}

/** What every client of ours and most others send: a POST of JSON that takes JSON back. Everything else is Yoga's. */
export function isPlainJson({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '')
    && ['application/json', '*/*', undefined].includes(headers.accept) && headers['content-encoding'] === undefined && headers['content-length'] !== undefined
}

export function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.once('end', () => resolve(Buffer.concat(chunks).toString()))
    // Gone before it was all sent: there is nobody to answer.
    request.once('error', reject)
  })
}

/**
 * Runs a plain query or mutation without the objects of the fetch standard around it, which cost more than the whole operation (decision 10).
 * @returns false for whatever is not quite in order: Yoga answers that, in its own words
 */
export async function answerPlainJson(response: ServerResponse, body: string, contextValue: RequestContext): Promise<boolean> {
  const asked = readJson(body)
  const valid = asked === null ? null : await readValid(asked, contextValue)
  if (asked === null || valid === null) return false
  const { read: { document }, operation } = valid
  contextValue.trace.operation(document, asked.operationName)
  const refusal = await contextValue.admit(valid.read, operation, asked.variables)
  const result: ExecutionResult = refusal === null
    ? await execute({ schema, document, operationName: asked.operationName, variableValues: asked.variables, contextValue, ...boundedComplaints }) : { errors: [refusal] }
  const text = JSON.stringify(masked(result, contextValue.trace))
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(text)
  return true
}

function readJson(body: string): JsonRequest | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null
  const { query, operationName = null, variables = null, extensions = null, ...rest } = parsed as Record<string, unknown>
  const isInOrder = typeof query === 'string' && (operationName === null || typeof operationName === 'string') && extensions === null
    && typeof variables === 'object' && !Array.isArray(variables) && Object.keys(rest).length === 0
  return isInOrder ? { query, operationName, variables: (variables ?? {}) as Record<string, unknown> } : null
}

interface Valid {
  read: ReadDocument
  operation: OperationDefinitionNode
}

/** The document and its operation, if it is valid and asks for one query or mutation. @throws CatalogError RATE_LIMITED */
async function readValid({ query, operationName }: JsonRequest, context: RequestContext): Promise<Valid | null> {
  try {
    const read = await context.read(query)
    const operation = read.problems.length > 0 ? null : getOperationAST(read.document, operationName)
    return operation && operation.operation !== OperationTypeNode.SUBSCRIPTION ? { read, operation } : null
  } catch (error) {
    if (error instanceof CatalogError) throw error
    return null
  }
}
