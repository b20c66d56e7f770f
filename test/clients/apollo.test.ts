import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { OperationTypeNode } from 'graphql'
import { createClient } from 'graphql-ws'
import { tap } from 'rxjs'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, type CatalogChangedSubscription, possibleTypes, RegisterMcpServerDocument, ViewerDocument } from '../../src/client/index.js'
import { type Answer, describeRequestingClient, type RequestingOptions } from '../suites/requesting-client.js'
import { type ClientOptions, describeSubscribingClient } from '../suites/subscribing-client.js'

// Apollo's link asks the global for a constant; Node 20 has none.
globalThis.WebSocket ??= WebSocket as never

/** Apollo copies variables once. This link lets the operation name the newest cursor when graphql-ws sends it again. */
const resume = new ApolloLink((operation, forward) => forward(operation).pipe(tap(({ data }) => {
  const event = (data as CatalogChangedSubscription | null | undefined)?.catalogChanged
  if (event?.cursor !== undefined) operation.variables.after = event.cursor
})))

/** As Apollo's documentation has it, plus the token. */
function connect({ url, webSocketUrl, token, fetch }: ClientOptions & Partial<RequestingOptions>) {
  const authorization = `Bearer ${token}`
  const sockets = createClient({ url: webSocketUrl, webSocketImpl: WebSocket, connectionParams: { authorization }, retryWait: () => Promise.resolve() })
  const client = new ApolloClient({
    cache: new InMemoryCache({ possibleTypes }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      ApolloLink.from([resume, new GraphQLWsLink(sockets)]),
      new HttpLink({ uri: url, headers: { authorization }, fetch }),
    ),
  })
  return { client, sockets }
}

describeSubscribingClient('Apollo Client', (options) => {
  const { client, sockets } = connect(options)
  return {
    subscribe: (owner, { event, errors, failed }) => {
      const subscription = client.subscribe({ query: CatalogChangedDocument, variables: { owner } }).subscribe(({ data, error }) => {
        if (CombinedGraphQLErrors.is(error)) errors(error.errors)
        else if (error) failed(error.message)
        else if (data) event(data.catalogChanged)
      })
      return () => subscription.unsubscribe()
    },
    close: async () => {
      client.stop()
      await sockets.dispose()
    },
  }
})

const answerOf = <Data>({ data, error }: { data?: Data; error?: Error }, pick: (data: Data) => unknown): Answer => (
  CombinedGraphQLErrors.is(error) ? { errors: error.errors } : error ? { failure: error.message } : { data: pick(data!) }
)

const accept = 'application/graphql-response+json,application/json;q=0.9'

describeRequestingClient('Apollo Client', (options) => {
  const { client } = connect(options)
  // What is refused is thrown, unless one asks for it beside the data.
  const errorPolicy = 'all'
  return {
    viewer: async () => answerOf(await client.query({ query: ViewerDocument, errorPolicy }), ({ viewer: { principal: { kind, id } } }) => ({ kind, id })),
    register: async (input) => answerOf(
      await client.mutate({ mutation: RegisterMcpServerDocument, variables: { input }, errorPolicy }),
      ({ registerMcpServer: { mcpServer: { name, revision } } }) => ({ name, revision }),
    ),
  }
}, { query: `POST ${accept} extensions,operationName,query,variables`, mutation: `POST ${accept} extensions,operationName,query,variables` })
