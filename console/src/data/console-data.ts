import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql'
import { type OwnerInput } from '../generated/graphql.js'
import { followCatalog } from './catalog-feed.js'
import { type ConnectionState, createConnection } from './connection.js'
import { followDesk } from './desk-feed.js'
import { createLive, type Live, topics } from './live.js'
import { csrfHeaders } from './session.js'

/** Everything that comes from the server, for one sign-in. */
export interface ConsoleData {
  client: Client
  /** The same without a cache, for what may hold a secret. */
  uncached: Client
  live: Live
  connection: () => ConnectionState
  watchConnection: (listener: () => void) => () => void
  /** Follows the sets of these owners, and whatever else one may see, from now on. @returns ends it */
  follow: (owners: readonly OwnerInput[]) => () => void
  close: () => void
}

export interface ConsoleDataOptions {
  /** Called once the server no longer knows the sign-in. `reason`: its word for why; empty when it said none. */
  onSignedOut: (reason: string) => void
}

export function createConsoleData({ onSignedOut }: ConsoleDataOptions): ConsoleData {
  const live = createLive()
  const listeners = new Set<() => void>()
  let state: ConnectionState = 'CONNECTING'
  const socket = createConnection({
    url: new URL('/graphql', location.href.replace(/^http/, 'ws')).href,
    onSignedOut,
    onState: (next) => {
      // Queries that no feed covers may have missed something: all that is visible is read again.
      if (state === 'LOST' && next === 'LIVE') live.touch(topics)
      state = next
      for (const listener of [...listeners]) listener()
    },
  })
  const options = { url: '/graphql', preferGetMethod: false, fetchOptions: { credentials: 'same-origin', headers: { ...csrfHeaders } } } as const
  const noticeEnd = mapExchange({
    onError: ({ graphQLErrors, response }) => {
      const isOut = (response as Response | undefined)?.status === 401 || graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED')
      if (isOut) onSignedOut('')
    },
  })
  const client = new Client({
    ...options,
    exchanges: [
      noticeEnd,
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables: variables as Record<string, unknown> }, sink) }),
        }),
      }),
    ],
  })
  return {
    client,
    uncached: new Client({ ...options, exchanges: [noticeEnd, fetchExchange] }),
    live,
    connection: () => state,
    watchConnection: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    follow: (owners) => {
      const ends = [followDesk(socket, live), ...owners.map((owner) => followCatalog(socket, live, owner))]
      return () => ends.forEach((end) => end())
    },
    close: () => void socket.dispose(),
  }
}
