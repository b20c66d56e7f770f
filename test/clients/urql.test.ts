import { cacheExchange, Client, fetchExchange, type OperationResult, subscriptionExchange } from '@urql/core'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, RegisterMcpServerDocument, ViewerDocument } from '../../src/client/index.js'
import { type Answer, describeRequestingClient, type RequestingOptions } from '../suites/requesting-client.js'
import { type ClientOptions, describeSubscribingClient } from '../suites/subscribing-client.js'

/** As urql's documentation has it, plus the token. */
function connect({ url, webSocketUrl, token, fetch }: ClientOptions & Partial<RequestingOptions>) {
  const authorization = `Bearer ${token}`
  const sockets = createClient({ url: webSocketUrl, webSocketImpl: WebSocket, connectionParams: { authorization }, retryWait: () => Promise.resolve() })
  const client = new Client({
    url, fetch,
    fetchOptions: { headers: { authorization } },
    exchanges: [cacheExchange, fetchExchange, subscriptionExchange({
      forwardSubscription: (request) => {
        const input = { ...request, query: request.query ?? '' }
        return { subscribe: (sink) => ({ unsubscribe: sockets.subscribe(input, sink) }) }
      },
    })],
  })
  return { client, sockets }
}

describeSubscribingClient('urql', (options) => {
  const { client, sockets } = connect(options)
  return {
    subscribe: (owner, { event, errors, failed }) => {
      let cursor: string | null = null
      const variables = { owner, get after() { return cursor } }
      const subscription = client.subscription(CatalogChangedDocument, variables).subscribe(({ data, error }) => {
        if (error?.networkError) return failed(`${(error.networkError as unknown as CloseEvent).code} ${(error.networkError as unknown as CloseEvent).reason}`)
        if (error) return errors(error.graphQLErrors)
        if (!data) return
        cursor = data.catalogChanged.cursor
        event(data.catalogChanged)
      })
      return () => subscription.unsubscribe()
    },
    close: async () => { await sockets.dispose() },
  }
})

const answerOf = <Data>({ data, error }: Pick<OperationResult<Data>, 'data' | 'error'>, pick: (data: Data) => unknown): Answer => (
  error?.networkError ? { failure: error.networkError.message } : error ? { errors: error.graphQLErrors } : { data: pick(data!) }
)

const accept = 'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed'

describeRequestingClient('urql', (options) => {
  const { client } = connect(options)
  return {
    viewer: async () => answerOf(await client.query(ViewerDocument, {}), ({ viewer: { principal: { kind, id } } }) => ({ kind, id })),
    register: async (input) => (
      answerOf(await client.mutation(RegisterMcpServerDocument, { input }), ({ registerMcpServer: { mcpServer: { name, revision } } }) => ({ name, revision }))
    ),
  }
}, { query: `GET ${accept} operationName,query,variables`, mutation: `POST ${accept} operationName,query,variables` })
