import { type IncomingMessage, type Server } from 'node:http'
import { type Duplex } from 'node:stream'
import { createSourceEventStream, execute, type ExecutionArgs, getOperationAST, type GraphQLError, OperationTypeNode, parse, validate } from 'graphql'
import { handleProtocols, makeServer, type ConnectionInitMessage, type Context, type SubscribePayload } from 'graphql-ws'
import { WebSocket, WebSocketServer } from 'ws'
import { CatalogError, invalid } from '../core/errors.js'
import { callerContext, type CatalogServices } from '../catalog/context.js'
import { type Hub } from '../feed/hub.js'
import { type CatalogStream, isCatalogStream } from '../feed/stream.js'
import { type GraphQLContext } from '../graphql/context.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { schema } from '../graphql/schema.js'
import { type Authenticated, authenticate, type AuthProvider, bearerOf } from './auth.js'
import { createSink, renderKeyOf } from './frames.js'
import { graphqlPath, pathOf } from './yoga.js'

export interface WsOptions {
  services: CatalogServices
  hub: Hub
  providers: AuthProvider[]
  report: ReportMasked
  maxSocketsPerPrincipal: number
  maxOperationsPerSocket: number
  /** Bytes that may wait for a slow socket before it is closed with 4420. Default 1 MiB beyond the first event. */
  maxWaitingBytes?: number
  /** Milliseconds between pings; a peer that does not answer one is dropped. Default 12,000. */
  keepAliveMs?: number
}

/** Close codes of the feed's contract. */
export const closeCodes = { tokenEnded: 4401, rightsLost: 4403, slowConsumer: 4420, tooMany: 4429, restart: 1012 } as const

interface Extra {
  socket: WebSocket
  authenticated: Authenticated | null
  /** First events, which may be large, go out one after the other, each once the one before has left for the network. */
  turn: Promise<void>
}

type WsContext = Context<ConnectionInitMessage['payload'], Extra>

export interface WsServer {
  /** Closes sockets whose token ended; wired to every change of rights. */
  closeEnded: () => void
  size: () => number
  /** Tells every client to come again (1012). */
  close: () => Promise<void>
}

const maxMessageBytes = 1_048_576

/** GraphQL over WebSocket (`graphql-transport-ws`) on the same path as HTTP. */
export function attachWebSockets(server: Server, options: WsOptions): WsServer {
  const { services, keepAliveMs = 12_000 } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false, handleProtocols })
  const open = new Map<WebSocket, Extra>()
  const protocol = makeServer<ConnectionInitMessage['payload'], Extra>({
    connectionInitWaitTimeout: 10_000,
    onConnect: (context) => admit(options, open, context),
    onSubscribe: (context, id, payload) => prepare(options, context, id, payload),
    execute: (args) => executeMasked(args, options.report),
    subscribe: (args) => Promise.resolve((args as PreparedArgs).stream),
  })

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    // Node took its own listener off; whoever resets the connection now would take the process along.
    duplex.on('error', () => duplex.destroy())
    if (pathOf(request) !== graphqlPath) {
      return void duplex.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n', () => duplex.destroy())
    }
    sockets.handleUpgrade(request, duplex, head, (socket) => accept(socket))
  }

  function accept(socket: WebSocket): void {
    const extra: Extra = { socket, authenticated: null, turn: Promise.resolve() }
    open.set(socket, extra)
    const stopPings = keepAlive(socket, keepAliveMs)
    let closed: ((code: number, reason: string) => Promise<void>) | null = null
    const fault = (error: unknown) => {
      // A frame too large, or bytes that are no frame, are the client's fault and no news for us.
      if (!(error instanceof RangeError)) options.report(error)
      socket.close(4500, 'Internal server error')
    }
    socket.on('error', () => socket.terminate())
    socket.once('close', (code, reason) => {
      open.delete(socket)
      stopPings()
      void closed?.(code, String(reason))
    })
    closed = protocol.opened({
      protocol: socket.protocol,
      send: (text) => new Promise((resolve) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text, () => resolve())
        else resolve()
      }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (listener) => socket.on('message', (data) => void listener((data as Buffer).toString()).catch(fault)),
    }, extra)
  }

  function closeEnded(): void {
    for (const { socket, authenticated } of open.values()) {
      if (authenticated !== null && services.index.principalNow(authenticated.credential, services.now()) === null) socket.close(closeCodes.tokenEnded, 'Token ended')
    }
  }

  server.on('upgrade', upgrade)
  // Expiry is no event of the log, so it is looked for.
  const expiry = setInterval(closeEnded, 1_000)
  return {
    closeEnded,
    size: () => open.size,
    close: async () => {
      clearInterval(expiry)
      server.off('upgrade', upgrade)
      // Spread over two seconds, so that the next node is not met by everybody at once.
      for (const socket of open.keys()) socket.close(closeCodes.restart, `Restarting; retry in ${Math.round(Math.random() * 2_000)} ms`)
      await Promise.all([...open.keys()].map((socket) => closedOrTerminated(socket)))
      sockets.close()
    },
  }
}

function closedOrTerminated(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.terminate(), 1_000)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function keepAlive(socket: WebSocket, intervalMs: number): () => void {
  let isAnswered = true
  socket.on('pong', () => { isAnswered = true })
  const timer = setInterval(() => {
    if (!isAnswered) return socket.terminate()
    isAnswered = false
    socket.ping()
  }, intervalMs)
  return () => clearInterval(timer)
}

async function admit(options: WsOptions, open: Map<WebSocket, Extra>, context: WsContext): Promise<boolean> {
  const { socket } = context.extra
  const payload = context.connectionParams ?? {}
  const nested = typeof payload.headers === 'object' && payload.headers !== null ? payload.headers as Record<string, unknown> : {}
  try {
    const authenticated = await authenticate(options.providers, bearerOf(payload) ?? bearerOf(nested))
    const { id } = authenticated.principal
    const count = [...open.values()].filter((other) => other.authenticated?.principal.id === id).length
    if (count >= options.maxSocketsPerPrincipal) socket.close(closeCodes.tooMany, 'Too many sockets')
    context.extra.authenticated = authenticated
    return socket.readyState === WebSocket.OPEN
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'UNAUTHENTICATED') socket.close(closeCodes.tokenEnded, 'Unauthorized')
    else {
      // Not knowing is no answer about the token: 4401 would stop a worker for good.
      options.report(error)
      socket.close(closeCodes.restart, 'Not now; retry in 1000 ms')
    }
    return false
  }
}

interface PreparedArgs extends ExecutionArgs {
  stream: AsyncIterable<never>
}

/** Parses, validates, and for a subscription lets it in (or not) before anything is sent. */
async function prepare(options: WsOptions, context: WsContext, id: string, payload: SubscribePayload): Promise<ExecutionArgs | PreparedArgs | GraphQLError[]> {
  const mask = (error: unknown) => toGraphQLError(error, options.report)
  try {
    if (Object.keys(context.subscriptions).length > options.maxOperationsPerSocket) {
      throw new CatalogError('LIMIT_EXCEEDED', 'This socket has too many operations.', { field: 'id', mend: 'Complete some, or open another socket.' })
    }
    const document = parse(payload.query)
    const problems = validate(schema, document)
    if (problems.length > 0) return problems.map(mask)
    const contextValue: GraphQLContext = { index: options.services.index, hub: options.hub, caller: callerContext(options.services, context.extra.authenticated!.credential) }
    const args: ExecutionArgs = { schema, document, operationName: payload.operationName, variableValues: payload.variables, contextValue }
    const operation = getOperationAST(document, payload.operationName)
    if (!operation) throw invalid('operationName', 'The document has no such operation.', 'Name one of its operations.')
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return args
    const source = await createSourceEventStream(args)
    if (!isCatalogStream(source)) return 'errors' in source ? (source.errors ?? []).map(mask) : [mask(new Error('no stream'))]
    return { ...args, stream: pushed(options, context, id, payload, args, source) }
  } catch (error) {
    return [mask(error)]
  }
}

async function executeMasked(args: ExecutionArgs, report: ReportMasked) {
  const result = await execute(args)
  return result.errors === undefined ? result : { ...result, errors: result.errors.map((error) => toGraphQLError(error, report)) }
}

/** The iterable that graphql-ws holds for a subscription. It yields nothing: results go to the socket as ready-made frames. */
function pushed(
  options: WsOptions, context: WsContext, id: string, payload: SubscribePayload, args: ExecutionArgs, stream: CatalogStream,
): AsyncIterable<never> {
  let leave = () => {}
  let end = () => {}
  const ended = new Promise<IteratorResult<never>>((resolve) => {
    end = () => resolve({ done: true, value: undefined })
  })
  let isAttached = false
  let isStopped = false
  const stop = () => {
    isStopped = true
    leave()
    end()
    return ended
  }
  const fail = ({ message, extensions }: GraphQLError) => {
    // Whoever is gone from `subscriptions` gets no `complete` after the error, as the protocol asks.
    delete context.subscriptions[id]
    void stop()
    const isLast = Object.keys(context.subscriptions).length === 0
    if (extensions.code === 'FORBIDDEN' && isLast) context.extra.socket.close(closeCodes.rightsLost, message.slice(0, 100))
  }
  const sink = createSink({
    socket: context.extra.socket, id, args, renderKey: renderKeyOf(payload, args.document), index: options.services.index, hub: options.hub,
    maxWaitingBytes: options.maxWaitingBytes ?? 1_048_576, report: options.report, fail,
    overflow: () => {
      context.extra.socket.close(closeCodes.slowConsumer, 'Slow consumer')
      void stop()
    },
  })
  return {
    next: () => {
      // Only now does graphql-ws know the subscription; attaching earlier could outlive a client's `complete`.
      if (!isAttached) {
        isAttached = true
        context.extra.turn = context.extra.turn.then(() => {
          if (isStopped) return
          leave = stream.attach(sink)
          return sink.firstLeft
        }).catch(options.report)
      }
      return ended
    },
    return: stop,
    throw: stop,
    [Symbol.asyncIterator]() { return this },
  } as AsyncIterableIterator<never>
}
