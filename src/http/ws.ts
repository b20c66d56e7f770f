import { type IncomingMessage, type Server } from 'node:http'
import { type Duplex } from 'node:stream'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws'
import { WebSocket, WebSocketServer } from 'ws'
import { CatalogError } from '../core/errors.js'
import { type CatalogServices } from '../catalog/context.js'
import { type Hub } from '../feed/hub.js'
import { type SubscriptionBook } from '../feed/subscription-book.js'
import { type Authenticated, authenticate, type AuthProvider, bearerOf } from './auth.js'
import { closedOrTerminated, restartReason } from './drain.js'
import { waitingBytes } from './frames.js'
import { closeCodes, createPeer, forget, type Peer, type PeerOptions, receive } from './peer.js'
import { createRenderings } from './rendering.js'
import { type Tracer } from './trace.js'
import { graphqlPath, pathOf } from './yoga.js'

export interface WsOptions {
  services: CatalogServices
  hub: Hub
  book: SubscriptionBook
  providers: AuthProvider[]
  tracer: Tracer
  maxSocketsPerPrincipal: number
  maxOperationsPerSocket: number
  /** Bytes that may wait for a slow socket before it is closed with 4420. Default 1 MiB beyond the first event. */
  maxWaitingBytes?: number
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
  const { services, hub, book, tracer, keepAliveMs = 12_000 } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false, clientTracking: false, handleProtocols })
  const open = new Set<Peer>()
  const counts = new Map<string, number>()
  const peerOptions: PeerOptions = {
    services, hub, book, tracer, maxOperationsPerSocket: options.maxOperationsPerSocket, maxWaitingBytes: options.maxWaitingBytes ?? 1_048_576,
    renderingOf: createRenderings({ index: services.index, hub, report: tracer.report, observer: services.observer }),
    admit: (peer, payload) => admit(options, counts, peer, payload),
  }

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    // Node took its own listener off; whoever resets the connection now would take the process along.
    duplex.on('error', () => duplex.destroy())
    if (pathOf(request) !== graphqlPath) {
      return void duplex.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n', () => duplex.destroy())
    }
    sockets.handleUpgrade(request, duplex, head, accept)
  }

  function accept(socket: WebSocket): void {
    socket.on('error', () => socket.terminate())
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    const peer = createPeer(socket)
    open.add(peer)
    socket.on('message', (data: Buffer) => {
      receive(peerOptions, peer, data).catch((error: unknown) => {
        tracer.reportOf(peer)(error)
        socket.close(CloseCode.InternalServerError, 'Internal server error')
      })
    })
    socket.on('pong', () => { peer.isAlive = true })
    socket.once('close', (code) => {
      open.delete(peer)
      tracer.socketClosed(peer, code)
      forget(peer)
      if (peer.authenticated !== null) count(counts, peer.authenticated.principal.id, -1)
    })
  }

  function closeEnded(): void {
    for (const { socket, authenticated } of open) {
      if (authenticated !== null && services.index.principalNow(authenticated.credential, services.now()) === null) socket.close(closeCodes.tokenEnded, 'Token ended')
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
  const timers = [setInterval(sweep, 1_000), setInterval(() => pingAll(open), keepAliveMs)]
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

function pingAll(open: Set<Peer>): void {
  for (const peer of open) {
    if (peer.isAlive) peer.socket.ping()
    else peer.socket.terminate()
    peer.isAlive = false
  }
}

/** How many sockets a principal has. */
function count(counts: Map<string, number>, principal: string, change: number): number {
  const now = (counts.get(principal) ?? 0) + change
  if (now > 0) counts.set(principal, now)
  else counts.delete(principal)
  return now
}

async function admit(options: WsOptions, counts: Map<string, number>, peer: Peer, payload: Record<string, unknown>): Promise<Authenticated | null> {
  const { socket } = peer
  const nested = typeof payload.headers === 'object' && payload.headers !== null ? payload.headers as Record<string, unknown> : {}
  try {
    const authenticated = await authenticate(options.providers, bearerOf(payload) ?? bearerOf(nested))
    // Gone meanwhile: nobody would count it out again.
    if (socket.readyState !== WebSocket.OPEN) return null
    const { id } = authenticated.principal
    if (count(counts, id, 1) <= options.maxSocketsPerPrincipal) return authenticated
    count(counts, id, -1)
    socket.close(closeCodes.tooMany, 'Too many sockets')
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'UNAUTHENTICATED') socket.close(closeCodes.tokenEnded, 'Unauthorized')
    else {
      // Not knowing is no answer about the token: 4401 would stop a worker for good.
      options.tracer.reportOf(peer)(error)
      socket.close(closeCodes.restart, 'Not now; retry in 1000 ms')
    }
  }
  return null
}
