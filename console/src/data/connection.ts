import { type Client, createClient } from 'graphql-ws'

/** CONNECTING before the first time; LOST: it was there, and is tried again. */
export type ConnectionState = 'CONNECTING' | 'LIVE' | 'LOST'

export interface ConnectionOptions {
  url: string
  onState: (state: ConnectionState) => void
  /** The sign-in has ended: nothing is tried again. `reason`: the server's word for why. */
  onSignedOut: (reason: string) => void
}

const pingEveryMs = 12_000
const pongWithinMs = 6_000
const longestWaitMs = 10_000
/** Of the feed's contract: the token or the session is missing, ended or revoked. */
const unauthorized = 4401

/** One socket for all subscriptions. A connection that died without a word is found by pings, and any other end by its event. */
export function createConnection({ url, onState, onSignedOut }: ConnectionOptions): Client {
  let wasLive = false
  let waiting: ReturnType<typeof setTimeout> | undefined
  const client: Client = createClient({
    url,
    lazy: true,
    keepAlive: pingEveryMs,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: (retries) => delay(Math.min(longestWaitMs, 250 * 2 ** retries) * (0.5 + Math.random() / 2)),
    on: {
      connected: () => {
        wasLive = true
        onState('LIVE')
      },
      closed: (event) => {
        clearTimeout(waiting)
        const { code, reason } = event as CloseEvent
        if (code === unauthorized) return onSignedOut(reason)
        onState(wasLive ? 'LOST' : 'CONNECTING')
      },
      ping: (isReceived) => {
        if (!isReceived) waiting = setTimeout(() => client.terminate(), pongWithinMs)
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(waiting)
      },
    },
  })
  return client
}

const delay = (ms: number) => new Promise<void>((resolve) => { setTimeout(resolve, ms) })
