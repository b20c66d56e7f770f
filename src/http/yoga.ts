import { type IncomingMessage } from 'node:http'
import { type DocumentNode, execute, type ExecutionArgs, type ExecutionResult, getOperationAST, GraphQLError, type OperationDefinitionNode } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { schema } from '../graphql/schema.js'
import { type GraphQLContext } from '../graphql/context.js'
import { toGraphQLError } from '../graphql/errors.js'
import { CatalogError } from '../core/errors.js'
import { type Documents, type ReadDocument } from './documents.js'
import { codedRefusals, maxBodyBytes, requestRefusal } from './refusals.js'
import { type RequestTrace } from './trace.js'
import { boundedComplaints } from './variables.js'

/** The path of the API over HTTP and WebSocket. */
export const graphqlPath = '/graphql'

export function nothingHere(): CatalogError {
  return new CatalogError('NOT_FOUND', 'There is nothing here.', { field: 'path', mend: `The API is at ${graphqlPath}.` })
}

/** A request's path as it was sent. Not through `URL`, which throws on some of what strangers send. */
export function pathOf({ url }: IncomingMessage): string {
  return (url ?? '/').split('?', 1)[0]!
}

export interface RequestContext extends GraphQLContext {
  trace: RequestTrace
  /** Reads a document for its price. @throws CatalogError RATE_LIMITED; GraphQLError for what is no document */
  read: (text: string) => Promise<ReadDocument>
  /** Lets an operation in: null, or what is wrong with it. @throws CatalogError RATE_LIMITED */
  admit: (read: ReadDocument, operation: OperationDefinitionNode, variables: Record<string, unknown>) => Promise<GraphQLError | null>
}

/** The GraphQL server over HTTP. Who calls is settled before; its context arrives ready made. */
export function createGraphQLServer(documents: Documents) {
  return createYoga<RequestContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    // graphiql-page.ts answers that.
    graphiql: false,
    logging: false,
    maxRequestBodySize: maxBodyBytes,
    // Yoga keeps a thousand documents of any size; a few dozen large ones would fill the memory. documents.ts is bounded.
    parserAndValidationCache: false,
    plugins: [oneBehaviour(documents), codedRefusals()],
    // `oneBehaviour` masks: Yoga would not say whose request it is.
    maskedErrors: false,
  })
}

/**
 * HTTP behaves as the WebSocket does: graphql-js itself executes (its variable errors name the path of the input), and
 * every error of every stage leaves with a code of the closed list.
 */
function oneBehaviour(documents: Documents): Plugin<RequestContext, RequestContext> {
  return {
    onParams: async ({ params: { query }, context, setResult }) => {
      if (typeof query !== 'string') return
      try {
        await context.read(query)
      } catch (error) {
        // What is no document is answered where it is parsed.
        if (error instanceof CatalogError) setResult({ errors: [tooOften(error)] })
      }
    },
    onParse: ({ setParseFn }) => setParseFn((source: unknown) => documents.read(String(source)).document),
    onValidate: ({ params, setResult }) => {
      const read = documents.known(params.documentAST as DocumentNode)
      if (read !== null) setResult(read.problems)
    },
    onExecute: async ({ args, setExecuteFn, setResultAndStopExecution }) => {
      const { contextValue: { trace, admit }, document, operationName, variableValues } = args as ExecutionArgs & { contextValue: RequestContext }
      trace.operation(document, operationName)
      setExecuteFn((given: ExecutionArgs) => execute({ ...given, ...boundedComplaints }))
      const [read, operation] = [documents.known(document), getOperationAST(document, operationName)]
      if (read === null || !operation) return
      const refusal = await admit(read, operation, { ...variableValues }).then((problem) => problem && withStatus(problem, { status: 400, spec: true }), tooOften)
      if (refusal !== null) setResultAndStopExecution({ errors: [refusal] })
    },
    onResultProcess: (payload) => {
      const { result, serverContext: { trace } } = payload
      if (Array.isArray(result)) payload.setResult(result.map((one) => masked(one, trace)))
      else payload.setResult(Symbol.asyncIterator in result ? maskedEach(result, trace) : masked(result, trace))
    },
  }
}

/** @throws what is no refusal */
function tooOften(error: unknown): GraphQLError {
  if (!(error instanceof CatalogError) || error.code !== 'RATE_LIMITED') throw error
  return withStatus(error, { status: 429, headers: { 'retry-after': String(error.details.retryAfter) } })
}

/** What Yoga makes a status of, if nothing was executed; `spec` leaves it at 200 for clients that accept plain JSON alone. */
function withStatus(error: GraphQLError | CatalogError, http: { status: number; spec?: boolean; headers?: Record<string, string> }): GraphQLError {
  return new GraphQLError(error.message, { originalError: error, extensions: { http } })
}

/** Every error as it may leave; what was hidden is reported. */
export function masked<Result extends ExecutionResult>(result: Result, trace: RequestTrace): Result {
  const errors = result.errors?.map((error) => requestRefusal(error) ?? toGraphQLError(error, trace.report))
  errors?.forEach(({ extensions }) => trace.refused(extensions.code))
  return errors === undefined ? result : { ...result, errors }
}

async function* maskedEach<Result extends ExecutionResult>(results: AsyncIterable<Result>, trace: RequestTrace): AsyncGenerator<Result> {
  for await (const result of results) yield masked(result, trace)
}
