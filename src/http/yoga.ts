import { type IncomingMessage } from 'node:http'
import { execute, type GraphQLError } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { schema } from '../graphql/schema.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { codedRefusals, requestRefusal } from './refusals.js'

/** Bytes of one request. */
export const maxBodyBytes = 4_194_304

/** The path of the API over HTTP and WebSocket. */
export const graphqlPath = '/graphql'

/** A request's path as it was sent. Not through `URL`, which throws on some of what strangers send. */
export function pathOf({ url }: IncomingMessage): string {
  return (url ?? '/').split('?', 1)[0]!
}

/** The GraphQL server over HTTP. Who calls is settled before; its context arrives ready made. */
export function createGraphQLServer(report: ReportMasked) {
  return createYoga<GraphQLContext>({
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
    // Yoga keeps a thousand documents of any size; a few dozen large ones would fill the memory.
    parserAndValidationCache: false,
    plugins: [oneBehaviour(report), codedRefusals()],
    maskedErrors: { maskError: (error) => requestRefusal(error) ?? toGraphQLError(error, report) },
  })
}

/**
 * HTTP behaves as the WebSocket does: graphql-js itself executes (its variable errors name the path of the input), and
 * validation errors leave with a code of the closed list.
 */
function oneBehaviour(report: ReportMasked): Plugin {
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
    onValidate: () => ({ valid, result, setResult }) => {
      if (!valid) setResult((result as GraphQLError[]).map((error) => toGraphQLError(error, report)))
    },
  }
}

const graphiqlHint = `# Put your token into the Headers tab below:  {"authorization": "Bearer pht_…"}
{
  viewer { principal { kind displayName } owners { kind id displayName } }
}
`
