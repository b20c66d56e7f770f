import { type IncomingMessage } from 'node:http'
import { type DocumentNode, execute, type ExecutionArgs, type ExecutionResult } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { schema } from '../graphql/schema.js'
import { type GraphQLContext } from '../graphql/context.js'
import { toGraphQLError } from '../graphql/errors.js'
import { knownProblems, readDocument } from './documents.js'
import { codedRefusals, requestRefusal } from './refusals.js'
import { type RequestTrace } from './trace.js'

/** Bytes of one request. */
export const maxBodyBytes = 4_194_304

/** The path of the API over HTTP and WebSocket. */
export const graphqlPath = '/graphql'

/** A request's path as it was sent. Not through `URL`, which throws on some of what strangers send. */
export function pathOf({ url }: IncomingMessage): string {
  return (url ?? '/').split('?', 1)[0]!
}

export interface RequestContext extends GraphQLContext {
  trace: RequestTrace
}

/** The GraphQL server over HTTP. Who calls is settled before; its context arrives ready made. */
export function createGraphQLServer() {
  return createYoga<RequestContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    // Over WebSocket GraphiQL would not send the token: its Headers tab reaches HTTP only. Over SSE a subscription is answered
    // with the way to go.
    graphiql: { title: 'Pilothouse', subscriptionsProtocol: 'SSE', defaultQuery: graphiqlHint },
    // The page of this package is whole: nothing is loaded from elsewhere. It is large, so it is read when it is asked for.
    renderGraphiQL: async (options) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(options),
    logging: false,
    maxRequestBodySize: maxBodyBytes,
    // Yoga keeps a thousand documents of any size; a few dozen large ones would fill the memory. documents.ts is bounded.
    parserAndValidationCache: false,
    plugins: [oneBehaviour(), codedRefusals()],
    // `oneBehaviour` masks: Yoga would not say whose request it is.
    maskedErrors: false,
  })
}

/**
 * HTTP behaves as the WebSocket does: graphql-js itself executes (its variable errors name the path of the input), and
 * every error of every stage leaves with a code of the closed list.
 */
function oneBehaviour(): Plugin<RequestContext, RequestContext> {
  return {
    onParse: ({ params, setParsedDocument }) => {
      try {
        setParsedDocument(readDocument(String(params.source)).document)
      } catch {
        // Yoga parses it again, and answers what is wrong with it.
      }
    },
    onValidate: ({ params, setResult }) => {
      const problems = knownProblems(params.documentAST as DocumentNode)
      if (problems !== null) setResult(problems)
    },
    onExecute: ({ args, setExecuteFn }) => {
      const { contextValue, document, operationName } = args as ExecutionArgs & { contextValue: RequestContext }
      contextValue.trace.operation(document, operationName)
      setExecuteFn(execute)
    },
    onResultProcess: (payload) => {
      const { result, serverContext: { trace } } = payload
      if (Array.isArray(result)) payload.setResult(result.map((one) => masked(one, trace)))
      else payload.setResult(Symbol.asyncIterator in result ? maskedEach(result, trace) : masked(result, trace))
    },
  }
}

function masked<Result extends ExecutionResult>(result: Result, trace: RequestTrace): Result {
  const errors = result.errors?.map((error) => requestRefusal(error) ?? toGraphQLError(error, trace.report))
  errors?.forEach(({ extensions }) => trace.refused(extensions.code))
  return errors === undefined ? result : { ...result, errors }
}

async function* maskedEach<Result extends ExecutionResult>(results: AsyncIterable<Result>, trace: RequestTrace): AsyncGenerator<Result> {
  for await (const result of results) yield masked(result, trace)
}

const graphiqlHint = `# Put your token into the Headers tab below:  {"authorization": "Bearer pht_…"}
{
  viewer { principal { kind displayName } owners { kind id displayName } }
}
`
