import { randomUUID } from 'node:crypto'
import { CloseCode, MessageType, parseMessage, type SubscribePayload } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CatalogError } from '../core/errors.js'
import { type CatalogStream } from '../feed/stream.js'
import { type Rendering } from '../feed/hub.js'
import { toGraphQLError } from '../graphql/errors.js'
import { chargeBytes } from './admission.js'
import { type Authenticated } from './auth.js'
import { createFrameWriter, onceDrained, waitingBytes } from './frames.js'
import { beginOperation, type OperationOptions } from './operation.js'
import { type TracedSocket, type Tracer } from './trace.js'

/** Close codes of the feed's contract. */
export const closeCodes = { tokenEnded: 4401, rightsLost: 4403, slowConsumer: 4420, tooMany: 4429, restart: 1012 } as const

/** Characters of an operation's id, which is kept as long as it lives; clients send UUIDs. */
const mostIdLength = 200
/** Bytes of a message of somebody who has not said who they are: room for the longest token. */
const mostBytesUnknown = 20_480

export interface PeerOptions extends OperationOptions {
  maxOperationsPerSocket: number
  maxWaitingBytes: number
  tracer: Tracer
  /** Lets the caller in and acknowledges, or closes the socket. */
  admit: (peer: Peer, payload: Record<string, unknown>) => Promise<Authenticated | null>
}

/** One socket, as `graphql-transport-ws` sees it. There are many, so it holds little. */
export interface Peer extends TracedSocket {
  socket: WebSocket
  stage: 'OPEN' | 'INITIALISING' | 'READY'
  authenticated: Authenticated | null
  /** Of the other side, as the connection tells it. */
  address: string
  /** A session of the console that the upgrade vouched for; it counts if no token comes. Forgotten once it was used. */
  secret: string | null
  /** The last ping was answered. */
  isAlive: boolean
  /** When that was sent, as `performance.now()` tells; when it came, before the first. */
  pingedAt: number
  operations: Map<string, Operation>
  /** It was pinged while it did not read. */
  isOwedPong: boolean
  /** Subscriptions whose first event waits until there is room for it. */
  turns: Array<() => void> | null
}

interface Operation {
  isStopped: boolean
  leave: () => void
}

export function createPeer(socket: WebSocket, address: string, secret: string | null): Peer {
  return {
    id: randomUUID(), socket, stage: 'OPEN', address, secret, authenticated: null, openedAt: performance.now(), asked: 0, isAlive: true, pingedAt: performance.now(), operations: new Map(), isOwedPong: false, turns: null,
  }
}

/**
 * The server's side of the protocol. Not `makeServer` of graphql-ws: it holds an iterator, a context and several closures for each
 * subscription and encodes for each of them, which doubles the memory of an idle one (decision 7). Messages are parsed by graphql-ws.
 */
export async function receive(options: PeerOptions, peer: Peer, data: Buffer): Promise<void> {
  const { socket, operations } = peer
  if (peer.stage !== 'READY' && data.length > mostBytesUnknown) return socket.close(1009, 'Message too big')
  // Not waited for: messages keep their order.
  if (peer.authenticated !== null) chargeBytes(options.admission, peer.authenticated.principal, data.length).catch((error: unknown) => tooMuch(options, peer, error))
  let message: ReturnType<typeof parseMessage>
  try {
    message = parseMessage(data.toString())
  } catch {
    return socket.close(CloseCode.BadRequest, 'Invalid message received')
  }
  switch (message.type) {
    case MessageType.ConnectionInit:
      if (peer.stage !== 'OPEN') return socket.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests')
      peer.stage = 'INITIALISING'
      peer.authenticated = await options.admit(peer, message.payload ?? {})
      if (peer.authenticated === null || socket.readyState !== WebSocket.OPEN) return
      peer.stage = 'READY'
      options.tracer.socketOpened(peer)
      return send(peer, '{"type":"connection_ack"}')
    case MessageType.Ping: return pong(options, peer, peer.stage === 'READY' ? message.payload : undefined)
    case MessageType.Pong: return
    case MessageType.Subscribe:
      if (message.id.length > mostIdLength) return socket.close(CloseCode.BadRequest, 'The id is too long')
      if (peer.stage !== 'READY') return socket.close(CloseCode.Unauthorized, 'Unauthorized')
      if (operations.has(message.id)) return socket.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${message.id} already exists`.slice(0, 120))
      return subscribe(options, peer, message.id, message.payload)
    case MessageType.Complete: return stop(peer, message.id)
    case MessageType.ConnectionAck: case MessageType.Next: case MessageType.Error:
      return socket.close(CloseCode.BadRequest, `Unexpected message of type ${message.type} received`)
  }
}

/** Ends everything that the socket had open; it is closed by then. */
export function forget({ operations }: Peer): void {
  for (const operation of operations.values()) end(operation)
  operations.clear()
}

function end(operation: Operation): void {
  operation.isStopped = true
  operation.leave()
}

function stop({ operations }: Peer, id: string): void {
  const operation = operations.get(id)
  if (operation === undefined) return
  operations.delete(id)
  end(operation)
}

function send({ socket }: Peer, text: string): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(text)
}

/** Whoever pings and does not read gets one answer for all, so that nothing piles up here. */
function pong(options: PeerOptions, peer: Peer, payload: Record<string, unknown> | undefined): void {
  if (waitingBytes(peer.socket) <= options.maxWaitingBytes) return send(peer, JSON.stringify({ type: MessageType.Pong, ...(payload && { payload }) }))
  if (peer.isOwedPong) return
  peer.isOwedPong = true
  onceDrained(peer.socket, () => {
    peer.isOwedPong = false
    send(peer, '{"type":"pong"}')
  })
}

function tooMuch(options: PeerOptions, peer: Peer, error: unknown): void {
  if (!(error instanceof CatalogError) || error.code !== 'RATE_LIMITED') return void options.tracer.reportOf(peer)(error)
  peer.socket.close(closeCodes.restart, `Too much was sent; retry in ${Number(error.details.retryAfter) * 1_000} ms`)
}

async function subscribe(options: PeerOptions, peer: Peer, id: string, payload: SubscribePayload): Promise<void> {
  const operation: Operation = { isStopped: false, leave: () => {} }
  peer.operations.set(id, operation)
  peer.asked++
  if (peer.operations.size > options.maxOperationsPerSocket) {
    options.services.observer.refused('operations')
    const tooMany = new CatalogError('LIMIT_EXCEEDED', 'This socket has too many operations.', { field: 'id', mend: 'Complete some, or open another socket.', limit: 'operations', most: options.maxOperationsPerSocket })
    return fail(options, peer, id, [tooMany])
  }
  const begun = await beginOperation(options, options.tracer.reportOf(peer), peer.authenticated!, payload)
  if (begun.kind === 'STREAM') operation.leave = begun.release
  if (operation.isStopped) return operation.leave()
  if (begun.kind === 'REFUSED') return fail(options, peer, id, begun.errors)
  if (begun.kind === 'STREAM') return inTurn(options, peer, () => { if (!operation.isStopped) attach(options, peer, id, operation, begun) })
  peer.operations.delete(id)
  send(peer, JSON.stringify({ id, type: MessageType.Next, payload: begun.result }))
  send(peer, JSON.stringify({ id, type: MessageType.Complete }))
}

/** The error is the last thing on an operation. */
function fail(options: PeerOptions, peer: Peer, id: string, errors: readonly unknown[]): void {
  stop(peer, id)
  send(peer, JSON.stringify({ id, type: MessageType.Error, payload: errors.map((error) => toGraphQLError(error, options.tracer.reportOf(peer)).toJSON()) }))
}

function attach(options: PeerOptions, peer: Peer, id: string, operation: Operation, { stream, rendering, release }: { stream: CatalogStream; rendering: Rendering; release: () => void }): void {
  const { socket } = peer
  const writeEvents = createFrameWriter(socket, id)
  let isFirst = true
  const detach = stream.attach({
    rendering,
    write: (events) => {
      // The first event may be a large snapshot; only one of them waits at a time.
      if (!isFirst && waitingBytes(socket) > options.maxWaitingBytes) {
        socket.close(closeCodes.slowConsumer, 'Slow consumer')
        return stop(peer, id)
      }
      isFirst = false
      options.services.observer.delivered(events.length, writeEvents(events))
    },
    fail: (error) => {
      fail(options, peer, id, [error])
      if (error instanceof CatalogError && error.code === 'FORBIDDEN' && peer.operations.size === 0) socket.close(closeCodes.rightsLost, error.message.slice(0, 100))
    },
  })
  operation.leave = () => {
    detach()
    release()
  }
  // It may have ended while it attached.
  if (operation.isStopped) operation.leave()
}

/** First events may be large: the next goes out when the one before has left for the network. */
function inTurn(options: PeerOptions, peer: Peer, attachNow: () => void): void {
  if (peer.turns === null && waitingBytes(peer.socket) === 0) return attachNow()
  if (peer.turns === null) {
    peer.turns = []
    onceDrained(peer.socket, () => nextTurn(options, peer))
  }
  peer.turns.push(attachNow)
}

function nextTurn(options: PeerOptions, peer: Peer): void {
  const turns = peer.turns ?? []
  peer.turns = null
  for (const turn of turns) inTurn(options, peer, turn)
}
