import { print } from 'graphql'
import { type Client, createClient, type SubscribePayload } from 'graphql-ws'
import { WebSocket } from 'ws'
import {
  CatalogChangedDocument, type CatalogChangedSubscription, type OwnerInput, ProbeRequestedDocument, type ProbeRequestedSubscription,
} from '../client/index.js'
import { messageOf } from './errors.js'
import { type CatalogEvent } from './view.js'

/** What one operation tells. After DROPPED or DENIED it says nothing more. */
export type FeedMessage<Event = CatalogEvent> =
  | { type: 'EVENT'; event: Event }
  | FeedEnd
export type FeedEnd =
  | { type: 'DROPPED'; reason: string; retryAfterMs?: number }
  | { type: 'DENIED'; code: string; reason: string }

/** One socket for every owner, opened with the first operation and closed with the last. */
export interface FeedTransport {
  /** Opens one operation; returns what ends it, after which nothing is told any more. */
  subscribe: (owner: OwnerInput, after: string | null, listener: (message: FeedMessage) => void) => () => void
  /** The same for probes that wait for a worker; an event is the id of one. */
  subscribeProbes: (workerId: string, listener: (message: FeedMessage<string>) => void) => () => void
  close: () => void
}

export interface FeedTransportOptions {
  /** The HTTP endpoint; the WebSocket has the same host and path. */
  url: string
  token: string
  /** Milliseconds of silence after which the peer is pinged. Default 10,000. */
  keepAliveMs?: number
  /** Milliseconds for its pong, for taking the socket, and for the first acknowledgement; then the socket is torn down. Default 5,000. */
  deadPeerMs?: number
  /** Told when the server took a socket, from the second on. */
  onReconnected?: () => void
}

interface OpenOperation {
  /** Opened while the last socket was closing: it is for the next one. */
  waitsForSocket: boolean
  drop: () => void
}

/** @throws TypeError for what is not an http or https URL */
export function webSocketUrl(url: string): string {
  const parsed = new URL(url)
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') throw new TypeError('url has to start with http: or https:')
  parsed.protocol = parsed.protocol === 'http:' ? 'ws:' : 'wss:'
  return parsed.href
}

export function createFeedTransport(
  { url, token, keepAliveMs = 10_000, deadPeerMs = 5000, onReconnected = () => {} }: FeedTransportOptions,
): FeedTransport {
  let socket: WebSocket | null = null
  let deadPeer: NodeJS.Timeout | undefined
  let hasConnected = false
  const open = new Set<OpenOperation>()
  const client = createClient({
    url: webSocketUrl(url),
    webSocketImpl: withHandshakeTimeout(deadPeerMs),
    connectionParams: { authorization: `Bearer ${token}` },
    lazy: true,
    // The follower decides when to come back: with its own back-off, and from the newest cursor.
    retryAttempts: 0,
    keepAlive: keepAliveMs,
    connectionAckWaitTimeout: deadPeerMs,
    on: {
      opened: (opened) => {
        socket = opened as WebSocket
        for (const operation of open) operation.waitsForSocket = false
      },
      connected: () => {
        if (hasConnected) onReconnected()
        hasConnected = true
      },
      ping: (isReceived) => {
        if (isReceived) return
        clearTimeout(deadPeer)
        deadPeer = setTimeout(() => {
          // First our operations learn of it; then the socket goes, without waiting for an answer to its closing frame.
          client.terminate()
          socket?.terminate()
        }, deadPeerMs)
        deadPeer.unref()
      },
      pong: (isReceived) => { if (isReceived) clearTimeout(deadPeer) },
      closed: (event) => {
        clearTimeout(deadPeer)
        // graphql-ws opens operations again by itself after a "normal" closure: without a pause, and from their old cursor.
        if (!isCloseEvent(event) || event.code !== 1000) return
        for (const operation of [...open]) if (!operation.waitsForSocket) operation.drop()
      },
    },
  })
  const line = () => ({ client, open, waitsForSocket: socket?.readyState === WebSocket.CLOSING })
  return {
    subscribe: (owner, after, listener) => openOperation<CatalogEvent, CatalogChangedSubscription>(
      line(), { query: print(CatalogChangedDocument), operationName: 'CatalogChanged', variables: { owner, after } }, ({ catalogChanged }) => catalogChanged, listener),
    subscribeProbes: (workerId, listener) => openOperation<string, ProbeRequestedSubscription>(
      line(), { query: print(ProbeRequestedDocument), operationName: 'ProbeRequested', variables: { workerId } }, ({ probeRequested }) => probeRequested?.id, listener),
    close: () => {
      clearTimeout(deadPeer)
      void Promise.resolve(client.dispose()).catch(() => {})
    },
  }
}

/** A network that swallows everything would keep a socket opening for ever, and every later operation waiting for it. */
function withHandshakeTimeout(handshakeTimeout: number): new (address: string | URL, protocols?: string | string[]) => WebSocket {
  return class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { handshakeTimeout })
    }
  }
}

/** The socket, and what is open on it. */
interface SharedSocket {
  client: Client
  open: Set<OpenOperation>
  waitsForSocket: boolean
}

function openOperation<Event, Data extends object>(
  { client, open, waitsForSocket }: SharedSocket, request: SubscribePayload, eventIn: (data: Data) => Event | undefined, listener: (message: FeedMessage<Event>) => void,
): () => void {
  let isDone = false
  const end = () => {
    isDone = true
    open.delete(operation)
  }
  const tell = (message: FeedMessage<Event>) => {
    if (isDone) return
    if (message.type !== 'EVENT') end()
    listener(message)
  }
  const operation: OpenOperation = {
    waitsForSocket,
    drop: () => {
      dispose()
      tell(fromClose(1000, ''))
    },
  }
  open.add(operation)
  const dispose = client.subscribe<Data>(request, {
    next: ({ data, errors }) => {
      const event = data == null || (errors?.length ?? 0) > 0 ? undefined : eventIn(data)
      if (event !== undefined) tell({ type: 'EVENT', event })
      else tell(fromErrors(errors ?? []))
    },
    error: (error) => tell(fromFailure(error)),
    complete: () => tell({ type: 'DROPPED', reason: 'the server ended the subscription' }),
  })
  return () => {
    end()
    dispose()
  }
}

/** Codes with which trying again cannot help; all others (UNAVAILABLE, RATE_LIMITED …) pass. */
const finalCodes = new Set([
  'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'INVALID_INPUT', 'BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED',
])

interface ReportedError {
  message: string
  extensions?: Record<string, unknown>
}

export function fromErrors(errors: ReadonlyArray<ReportedError>): FeedEnd {
  const [error] = errors
  if (error === undefined) return { type: 'DROPPED', reason: 'the server sent an event without data' }
  // In seconds, as the server's documentation and HTTP's header of that name have it.
  const { code, retryAfter } = error.extensions ?? {}
  if (typeof code === 'string' && finalCodes.has(code)) return { type: 'DENIED', code, reason: error.message }
  return { type: 'DROPPED', reason: error.message, ...(typeof retryAfter === 'number' && { retryAfterMs: retryAfter * 1000 }) }
}

/** What graphql-ws fails with: a list of GraphQL errors, a close event, or an error of the socket. */
export function fromFailure(failure: unknown): FeedEnd {
  if (Array.isArray(failure)) return fromErrors(failure as ReportedError[])
  if (isCloseEvent(failure)) return fromClose(failure.code, failure.reason)
  if (typeof failure === 'object' && failure !== null && 'message' in failure) return { type: 'DROPPED', reason: String(failure.message) }
  return { type: 'DROPPED', reason: messageOf(failure) }
}

function isCloseEvent(failure: unknown): failure is { code: number; reason: string } {
  return typeof failure === 'object' && failure !== null
    && 'code' in failure && typeof failure.code === 'number' && 'reason' in failure && typeof failure.reason === 'string'
}

/** 4401: the token is missing, ended or revoked. 4403: the right to everything on the socket is lost. Others may pass. */
export function fromClose(code: number, reason: string): FeedEnd {
  if (code === 4401) return { type: 'DENIED', code: 'UNAUTHENTICATED', reason: 'The access token is missing, has ended or was revoked.' }
  if (code === 4403) return { type: 'DENIED', code: 'FORBIDDEN', reason: 'The access token may not read this owner any more.' }
  // A hint of how long to stay away, in the words "retry in 1500 ms".
  const hint = /\bretry\b\D{0,20}(\d{1,6}) ?ms\b/i.exec(reason)?.[1]
  return {
    type: 'DROPPED', reason: `the socket was closed with ${code}${reason === '' ? '' : ` (${reason})`}`,
    ...(hint !== undefined && { retryAfterMs: Number(hint) }),
  }
}
