import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { CatalogError } from '../core/errors.js'
import { deploymentOwner } from '../core/owner.js'
import { authorize } from '../catalog/authorize.js'
import { callerContext } from '../catalog/context.js'
import { toGraphQLError } from '../graphql/errors.js'
import { authenticate, bearerOf, type AuthProvider } from './auth.js'
import { type AnswerConsole } from './console-page.js'
import { createInFlight } from './drain.js'
import { createGraphiqlPage, renderGraphiql } from './graphiql-page.js'
import { answerHealth, isHealthRequest } from './health.js'
import { createGraphQLAnswers } from './graphql-answers.js'
import { createHostCheck, type HostOptions, strangerError } from './hosts.js'
import { isMetricsToken, type Metrics, metricsPath } from './metrics.js'
import { createSessions, sessionPath } from './session.js'
import { type RequestTrace } from './trace.js'
import { attachWebSockets, type WsOptions, type WsServer } from './ws.js'
import { graphqlPath, nothingHere, pathOf } from './yoga.js'

export interface HttpOptions extends Omit<WsOptions, 'strangerOf' | 'entrance' | 'sessions'> {
  hosts: HostOptions
  /** The ways in that a token may take. */
  providers: AuthProvider[]
  /** The way in of the cookie of the console. */
  sessionProvider: AuthProvider
  /** Where people reach the server, besides the request's own Host; null: nowhere else. */
  publicOrigin: string | null
  answerConsole: AnswerConsole
  metrics: Metrics
  /** Opens `/metrics` besides an admin's token; null when there is none. */
  metricsToken: string | null
  /** Whether the change log was read to its end recently. */
  isFresh: () => boolean
  /** Milliseconds that requests in flight get when the server closes. Default 10,000. */
  finishMs?: number
}

export interface HttpServer {
  webSockets: WsServer
  /** Resolves with the address once connections are taken. @throws when the port is taken */
  listen: (port: number, host: string) => Promise<AddressInfo>
  /** From now on not ready, and otherwise as before. */
  drain: () => void
  /** Refuses what is new, sends sockets away with 1012, and resolves when what is in flight was answered. */
  close: () => Promise<void>
  requestsInFlight: () => number
}

/**
 * HTTP and WebSocket on one port. Nothing but `/health`, the empty page of GraphiQL and the files of the console answers without a token, or a session made of one (S7).
 */
export function createHttpServer(options: HttpOptions): HttpServer {
  const { tracer, admission, services: { observer }, finishMs = 10_000 } = options
  const entrance = { providers: options.providers, failures: admission.rates.failures }
  const sessions = createSessions({ ...options, entrance, provider: options.sessionProvider, rates: admission.rates, hasOidc: false })
  const graphql = createGraphQLAnswers(options)
  const answerPage = createGraphiqlPage(renderGraphiql)
  const strangerOf = createHostCheck(options.hosts)
  const inFlight = createInFlight()
  let isDraining = false
  let isClosing = false
  // A missing Host is ours to refuse, in the same way as a foreign one.
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    const path = pathOf(request)
    const isHealth = isHealthRequest(request, path)
    const trace = tracer.request(request, response, isHealth || path === metricsPath)
    inFlight.add(response)
    // Before everything else: balancers ask with whatever Host they like, or with none.
    if (isHealth) return answerHealth(response, path, { isListening: server.listening, isDraining, isFresh: options.isFresh() })
    handle(request, response, trace).catch((error: unknown) => answerError(request, response, error, trace))
  })
  // Longer than balancers and clients keep an idle connection (60 s mostly): else now and then a request meets one that is just being closed.
  server.keepAliveTimeout = 75_000
  const webSockets = attachWebSockets(server, { ...options, entrance, sessions, strangerOf })

  async function handle(request: IncomingMessage, response: ServerResponse, trace: RequestTrace): Promise<void> {
    if (isClosing) throw closing()
    const path = pathOf(request)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const stranger = strangerOf(request)
    if (stranger !== null) {
      observer.refused(stranger)
      throw strangerError(stranger)
    }
    // Whatever else the URL holds: no operation is executed for a page.
    const wantsPage = path === graphqlPath && request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
    if (wantsPage) {
      await admission.rates.page(request.socket.remoteAddress ?? '')
      return answerPage(request, response)
    }
    if (path === sessionPath) return sessions.answer(request, response)
    if (await options.answerConsole(request, response, path)) return
    const bearer = bearerOf(request.headers)
    const wantsMetrics = path === metricsPath && isRead
    if (wantsMetrics && isMetricsToken(bearer, options.metricsToken)) return answerMetrics(response, options.metrics)
    const { principal, credential } = (path === graphqlPath ? await sessions.admit(request) : null) ?? await authenticate(entrance, bearer, request.socket.remoteAddress ?? '')
    trace.admitted(principal)
    const caller = callerContext(options.services, credential)
    if (wantsMetrics) {
      // A denial is written down, which is work.
      await admission.rates.charge(principal.id, 'reads', 1)
      await authorize(caller, 'READ_METRICS', deploymentOwner, 'authorization')
      return answerMetrics(response, options.metrics)
    }
    if (path !== graphqlPath) throw nothingHere()
    await graphql.answer(request, response, caller, principal, trace)
  }

  return {
    webSockets,
    listen: async (port, host) => {
      const address = await listen(server, port, host, (error) => tracer.fault(error, 'the listener failed, and goes on'))
      // Asked to stop while it started: nobody else would end it.
      if (isClosing) server.close()
      return address
    },
    drain: () => { isDraining = true },
    close: async () => {
      isDraining = true
      isClosing = true
      const closed = new Promise((resolve) => server.close(resolve))
      await Promise.all([webSockets.close(), inFlight.finish(finishMs)])
      // What is left never asked for anything, or took too long.
      server.closeAllConnections()
      await closed
    },
    requestsInFlight: inFlight.size,
  }
}

/** @param failed hears of errors after the start, such as no file descriptor left for a connection */
function listen(server: Server, port: number, host: string, failed: (error: Error) => void): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      server.on('error', failed)
      resolve(server.address() as AddressInfo)
    })
  })
}

function closing(): CatalogError {
  return new CatalogError('UNAVAILABLE', 'This server is about to stop.', { field: 'request', mend: 'Try again in a moment, on a new connection.' })
}

async function answerMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  const text = await metrics.text()
  response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' })
  response.end(text)
}

const statusOf: Partial<Record<string, number>> = {
  INVALID_INPUT: 400, UNAUTHENTICATED: 401, FORBIDDEN: 403, NOT_FOUND: 404, LIMIT_EXCEEDED: 413, RATE_LIMITED: 429, UNAVAILABLE: 503,
}
const headersOf: Partial<Record<number, Record<string, string>>> = {
  401: { 'www-authenticate': 'Bearer' },
  // The next try should find another server, or this one again, and both only over a new connection.
  503: { 'retry-after': '1', connection: 'close' },
}

/** Clients that accept the media type of GraphQL take the code out of such an answer, and only a status out of any other. */
function answerError(request: IncomingMessage, response: ServerResponse, error: unknown, trace: RequestTrace): void {
  const masked = toGraphQLError(error, trace.report)
  trace.refused(masked.extensions.code)
  if (response.headersSent) return void response.destroy()
  const { code, field, retryAfter } = masked.extensions
  const status = field === 'content-type' ? 415 : field === 'method' ? 405 : statusOf[String(code)] ?? 500
  const type = (request.headers.accept ?? '').includes('application/graphql-response+json') ? 'application/graphql-response+json' : 'application/json'
  const body = JSON.stringify({ errors: [masked.toJSON()] })
  const head = { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' }
  response.writeHead(status, { ...head, ...headersOf[status], ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }) })
  response.end(body)
}
