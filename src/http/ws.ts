import { type IncomingMessage, type Server } from 'node:http'
import { type Duplex } from 'node:stream'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws'
import { WebSocket, WebSocketServer } from 'ws'
import { CatalogError } from '../core/errors.js'
import { type CatalogServices } from '../catalog/context.js'
import { type Observer } from '../catalog/observer.js'
import { type Desk } from '../feed/desk.js'
import { type Hub } from '../feed/hub.js'
import { type ProbeDesk } from '../feed/probe-desk.js'
import { type SubscriptionBook } from '../feed/subscription-book.js'
import { type Admission } from './admission.js'
import { type Authenticated, authenticate, bearerOf, type Entrance } from './auth.js'
import { closedOrTerminated, restartReason, retryHint } from './drain.js'
import { waitingBytes } from './frames.js'
import { type RequestHead, type Stranger, strangerError } from './hosts.js'
import { closeCodes, createPeer, forget, type Peer, type PeerOptions, receive } from './peer.js'
import { createRenderings } from './rendering.js'
import { type Sessions } from './session.js'
import { createSubscriptionBound } from './subscription-bound.js'
import { type Tracer } from './trace.js'
import { whyEnded } from './why-ended.js'
import { graphqlPath, nothingHere, pathOf } from './yoga.js'

export interface WsOptions {
  services: CatalogServices
  hub: Hub
  desk: Desk
  probes: ProbeDesk
  book: SubscriptionBook
  entrance: Entrance
  admission: Admission
  /** What has a foreign Host or Origin is no request of ours. */
  strangerOf: (request: RequestHead) => Stranger | null
  sessions: Sessions
  tracer: Tracer
  maxSocketsPerPrincipal: number
  maxOperationsPerSocket: number
  maxSubscriptionsPerUser: number
  /** Bytes that may wait for a slow socket before it is closed with 4420. Default 1 MiB beyond the first event. */
  maxWaitingBytes?: number
  /** Sockets that may be open without having said who they are; the oldest gives way. Default 10,000. */
  maxSilentSockets?: number
  /** Milliseconds between pings; a peer that does not answer one is dropped. Default 12,000. */
  keepAliveMs?: number
}

export interface WsServer {
  /** Closes sockets whose token ended; wired to every change of rights. */
  closeEnded: () => void
  size: () => number
  /** Bytes that wait, for each socket. */
  waitingBytes: () => number[]
  /** Tells every client to come again (1012). */
  close: () => Promise<void>
}

const maxMessageBytes = 1_048_576
const initPatienceMs = 10_000

/** GraphQL over WebSocket (`graphql-transport-ws`) on the same path as HTTP. */
export function attachWebSockets(server: Server, options: WsOptions): WsServer {
  const { services, hub, desk, probes, book, tracer, maxSilentSockets = 10_000, keepAliveMs = 12_000 } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false, clientTracking: false, handleProtocols })
  const open = new Set<Peer>()
  /** In the order in which they came. */
  const silent = new Set<Peer>()
  const rolls = new Map<string, Set<Peer>>()
  const peerOptions: PeerOptions = {
    services, hub, desk, probes, book, tracer, bound: createSubscriptionBound(options.maxSubscriptionsPerUser, services.observer), admission: options.admission, maxOperationsPerSocket: options.maxOperationsPerSocket,
    maxWaitingBytes: options.maxWaitingBytes ?? 1_048_576,
    renderingOf: createRenderings({ index: services.index, hub, desk, probes, report: tracer.report, observer: services.observer }),
    admit: async (peer, payload) => {
      silent.delete(peer)
      return admit(options, rolls, peer, payload)
    },
  }

  const upgrade = createUpgrade(options, sockets, accept)

  function accept(socket: WebSocket, request: IncomingMessage): void {
    socket.on('error', () => socket.terminate())
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    const peer = createPeer(socket, request.socket.remoteAddress ?? '', options.sessions.secretOf(request))
    open.add(peer)
    silent.add(peer)
    if (silent.size > maxSilentSockets) dropOldest(silent, services.observer)
    socket.on('message', (data: Buffer) => {
      receive(peerOptions, peer, data).catch((error: unknown) => {
        tracer.reportOf(peer)(error)
        socket.close(CloseCode.InternalServerError, 'Internal server error')
      })
    })
    socket.on('pong', () => { peer.isAlive = true })
    socket.once('close', (code) => {
      open.delete(peer)
      silent.delete(peer)
      tracer.socketClosed(peer, code)
      forget(peer)
      if (peer.authenticated !== null) leave(rolls, peer.authenticated.principal.id, peer)
    })
  }

  function closeEnded(): void {
    const now = services.now()
    for (const { socket, authenticated } of open) {
      if (authenticated !== null && services.index.principalNow(authenticated.credential, now) === null) socket.close(closeCodes.tokenEnded, whyEnded(services.index, authenticated, now))
    }
  }

  /** Expiry is no event of the log, so it is looked for; and whoever never says who they are goes. */
  function sweep(): void {
    closeEnded()
    const latest = performance.now() - initPatienceMs
    for (const { socket, stage, openedAt } of open) {
      if (stage === 'OPEN' && openedAt < latest) socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
    }
  }

  server.on('upgrade', upgrade)
  const timers = [setInterval(sweep, 1_000), setInterval(() => pingAll(open, Math.min(pongPatienceMs, keepAliveMs / 2)), keepAliveMs)]
  return {
    closeEnded,
    size: () => open.size,
    waitingBytes: () => [...open].map(({ socket }) => waitingBytes(socket)),
    close: async () => {
      timers.forEach((timer) => clearInterval(timer))
      server.off('upgrade', upgrade)
      const peers = [...open]
      for (const { socket } of peers) socket.close(closeCodes.restart, restartReason(peers.length, Math.random()))
      await Promise.all(peers.map(({ socket }) => closedOrTerminated(socket)))
      sockets.close()
    },
  }
}

function createUpgrade({ services, strangerOf }: WsOptions, sockets: WebSocketServer, accept: (socket: WebSocket, request: IncomingMessage) => void) {
  return (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    // Node took its own listener off; whoever resets the connection now would take the process along.
    duplex.on('error', () => duplex.destroy())
    const stranger = strangerOf(request)
    if (stranger !== null) {
      services.observer.refused(stranger)
      return refuseUpgrade(duplex, '403 Forbidden', strangerError(stranger))
    }
    if (pathOf(request) !== graphqlPath) return refuseUpgrade(duplex, '404 Not Found', nothingHere())
    sockets.handleUpgrade(request, duplex, head, (socket) => accept(socket, request))
  }
}

/** Whoever comes says at once who it is; who waits longest is the least likely to do so. */
function dropOldest(silent: Set<Peer>, observer: Observer): void {
  const [oldest] = silent
  if (oldest === undefined) return
  silent.delete(oldest)
  observer.refused('silent_sockets')
  oldest.socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
}

/** Says why as a request over HTTP would be told, and ends the connection. */
function refuseUpgrade(duplex: Duplex, status: string, { code, message, details }: CatalogError): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code, ...details } }] })
  const head = [`HTTP/1.1 ${status}`, 'connection: close', 'content-type: application/json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`]
  duplex.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => duplex.destroy())
}

function pingAll(open: Set<Peer>, patienceMs: number): void {
  const now = performance.now()
  for (const peer of open) {
    if (peer.isAlive) ping(peer)
    // One that was asked in between, because its principal's roll was full, has a while to answer.
    else if (peer.pingedAt < now - patienceMs) peer.socket.terminate()
  }
}

/** Sockets of a principal, in the order in which they came. */
type Rolls = Map<string, Set<Peer>>

function leave(rolls: Rolls, principal: string, peer: Peer): void {
  const roll = rolls.get(principal)
  roll?.delete(peer)
  if (roll?.size === 0) rolls.delete(principal)
}

/** A pong that is owed for so long will hardly come. */
const pongPatienceMs = 1_000

/**
 * Puts a socket on its principal's roll, unless that is full. A fleet that was cut off comes back before its old sockets are missed, so those that owe
 * a pong give way first. While none does, all are asked again, and whoever is told to come later finds room.
 */
function enter(rolls: Rolls, principal: string, peer: Peer, most: number): boolean {
  const roll = rolls.get(principal) ?? new Set<Peer>()
  if (roll.size >= most) {
    const now = performance.now()
    const [gone] = debtors(roll, now)
    if (gone === undefined) {
      const [oldest] = roll
      if (oldest !== undefined && oldest.pingedAt < now - pongPatienceMs) for (const one of roll) ping(one)
      return false
    }
    roll.delete(gone)
    gone.socket.terminate()
  }
  rolls.set(principal, roll.add(peer))
  return true
}

function* debtors(roll: Set<Peer>, now: number): Generator<Peer> {
  for (const peer of roll) if (!peer.isAlive && peer.pingedAt < now - pongPatienceMs) yield peer
}

function ping(peer: Peer): void {
  // Who owes one is not given more time by a second one.
  if (!peer.isAlive || peer.socket.readyState !== WebSocket.OPEN) return
  peer.isAlive = false
  peer.pingedAt = performance.now()
  peer.socket.ping()
}

async function admit(options: WsOptions, rolls: Rolls, peer: Peer, payload: Record<string, unknown>): Promise<Authenticated | null> {
  const { socket } = peer
  const nested = typeof payload.headers === 'object' && payload.headers !== null ? payload.headers as Record<string, unknown> : {}
  try {
    const { entrance, sessions } = options
    const [bearer, { secret }] = [bearerOf(payload) ?? bearerOf(nested), peer]
    peer.secret = null
    const authenticated = bearer === null && secret !== null ? await sessions.admitSecret(secret, peer.address) : await authenticate(entrance, bearer, peer.address)
    // Gone meanwhile: nobody would count it out again.
    if (socket.readyState !== WebSocket.OPEN) return null
    const most = options.maxSocketsPerPrincipal
    if (enter(rolls, authenticated.principal.id, peer, most)) return authenticated
    options.services.observer.refused('sockets')
    socket.close(closeCodes.tooMany, `Too many sockets; ${retryHint(most, Math.random())}`)
  } catch (error) {
    const code = error instanceof CatalogError ? error.code : null
    if (code === 'UNAUTHENTICATED') socket.close(closeCodes.tokenEnded, 'Unauthorized')
    else if (code === 'RATE_LIMITED') socket.close(closeCodes.restart, `Too many failed tries; retry in ${Number((error as CatalogError).details.retryAfter) * 1_000} ms`)
    else {
      // Not knowing is no answer about the token: 4401 would stop a worker for good.
      options.tracer.reportOf(peer)(error)
      socket.close(closeCodes.restart, 'Not now; retry in 1000 ms')
    }
  }
  return null
}
