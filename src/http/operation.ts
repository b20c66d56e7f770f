import { createSourceEventStream, execute, type ExecutionArgs, getOperationAST, OperationTypeNode } from 'graphql'
import { type SubscribePayload } from 'graphql-ws'
import { type Principal } from '../core/access.js'
import { invalid } from '../core/errors.js'
import { callerContext, type CatalogServices } from '../catalog/context.js'
import { type Desk } from '../feed/desk.js'
import { type Hub, type Rendering } from '../feed/hub.js'
import { type CatalogStream, isCatalogStream } from '../feed/stream.js'
import { type SubscriptionBook } from '../feed/subscription-book.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { schema } from '../graphql/schema.js'
import { admit, type Admission, readPaid } from './admission.js'
import { type Authenticated } from './auth.js'
import { type Asked } from './rendering.js'
import { type SubscriptionBound } from './subscription-bound.js'
import { boundedComplaints } from './variables.js'

export interface OperationOptions {
  admission: Admission
  services: CatalogServices
  hub: Hub
  desk: Desk
  book: SubscriptionBook
  bound: SubscriptionBound
  renderingOf: (asked: Asked) => Rendering
}

/** What became of an operation: its one result, or a stream that was let in; `release` is called when that has ended, or is not wanted any more. */
export type Begun =
  | { kind: 'RESULT'; result: unknown }
  | { kind: 'STREAM'; stream: CatalogStream; rendering: Rendering; release: () => void }
  | { kind: 'REFUSED'; errors: readonly unknown[] }

/** Parses, validates and runs an operation of a socket; a subscription is let in, or not, before anything is sent. */
export async function beginOperation(
  { admission, services, hub, desk, book, bound, renderingOf }: OperationOptions, report: ReportMasked, authenticated: Authenticated, payload: SubscribePayload,
): Promise<Begun> {
  const { query } = payload
  const [operationName, variables] = [payload.operationName ?? null, payload.variables ?? {}]
  try {
    const paid = await readPaid(admission, authenticated.principal, query)
    const { read, read: { document } } = paid
    if (read.problems.length > 0) return { kind: 'REFUSED', errors: read.problems }
    const operation = getOperationAST(document, operationName)
    if (!operation) throw invalid('operationName', 'The document has no such operation.', 'Name one of its operations.')
    const refusal = await admit(admission, authenticated.principal, paid, operation, variables)
    if (refusal !== null) return { kind: 'REFUSED', errors: [refusal] }
    const contextValue: GraphQLContext = { index: services.index, hub, desk, caller: callerContext(services, authenticated.credential) }
    const args: ExecutionArgs = { schema, document, operationName, variableValues: variables, contextValue, ...boundedComplaints }
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      const result = await execute(args)
      return { kind: 'RESULT', result: result.errors === undefined ? result : { ...result, errors: result.errors.map((error) => toGraphQLError(error, report)) } }
    }
    return await beginStream({ book, bound, renderingOf }, authenticated.principal, args, { query, document, operationName, variables })
  } catch (error) {
    return { kind: 'REFUSED', errors: [error] }
  }
}

async function beginStream({ book, bound, renderingOf }: Pick<OperationOptions, 'book' | 'bound' | 'renderingOf'>, principal: Principal, args: ExecutionArgs, asked: Asked): Promise<Begun> {
  const leave = bound.enter(principal)
  try {
    const source = await createSourceEventStream(args)
    if (isCatalogStream(source)) {
      // People look; workers run what they are told of.
      const unbook = principal.kind === 'WORKER' && source.owner !== null ? await book.open(principal.id, source.owner) : () => {}
      const release = () => {
        leave()
        unbook()
      }
      return { kind: 'STREAM', stream: source, rendering: renderingOf(asked), release }
    }
    leave()
    return { kind: 'REFUSED', errors: 'errors' in source ? source.errors ?? [] : [new Error('no stream')] }
  } catch (error) {
    leave()
    throw error
  }
}
