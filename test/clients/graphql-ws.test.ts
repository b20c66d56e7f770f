import { print } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, type CatalogChangedSubscription } from '../../src/client/index.js'
import { describeSubscribingClient } from '../suites/subscribing-client.js'

describeSubscribingClient('graphql-ws', ({ webSocketUrl, token }) => {
  const client = createClient({
    url: webSocketUrl, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${token}` },
    // Its own retry, without the pause of some seconds.
    retryWait: () => Promise.resolve(),
  })
  return {
    subscribe: (owner, { event, errors, failed }) => {
      let cursor: string | null = null
      // The client sends the same variables again when it comes back: a getter lets them name the newest cursor.
      const variables = { owner, get after() { return cursor } }
      return client.subscribe<CatalogChangedSubscription>({ query: print(CatalogChangedDocument), variables }, {
        next: ({ data }) => {
          if (!data) return
          cursor = data.catalogChanged.cursor
          event(data.catalogChanged)
        },
        error: (error) => {
          if (Array.isArray(error)) errors(error as Parameters<typeof errors>[0])
          else failed(`${(error as CloseEvent).code} ${(error as CloseEvent).reason}`)
        },
        complete: () => {},
      })
    },
    close: async () => { await client.dispose() },
  }
})
