import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { CatalogError, invalid } from '../core/errors.js'
import { type ReportMasked, toGraphQLError } from '../graphql/errors.js'
import { authenticate, bearerOf } from './auth.js'
import { callerContext } from '../catalog/context.js'
import { attachWebSockets, type WsOptions, type WsServer } from './ws.js'
import { createGraphQLServer, graphqlPath, maxBodyBytes, pathOf } from './yoga.js'

export interface HttpServer {
  webSockets: WsServer
  /** Resolves with the address once connections are taken. @throws when the port is taken */
  listen: (port: number, host: string) => Promise<AddressInfo>
  close: () => Promise<void>
}

/** HTTP and WebSocket on one port. Nothing but `/health` and the empty page of GraphiQL answers without a token (S7). */
export function createHttpServer(options: WsOptions): HttpServer {
  const yoga = createGraphQLServer(options.report)
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => answerError(request, response, error, options.report))
  })
  const webSockets = attachWebSockets(server, options)

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pathname = pathOf(request)
    if (!isAuthority(request.headers.host)) throw invalid('host', 'The Host header is no host.', 'Send the host and port of this server.')
    if (pathname === '/health') return answer(response, 200, { status: 'ok' })
    const context = { index: options.services.index, hub: options.hub, caller: null }
    // Yoga answers a browser's GET with the page of GraphiQL, whatever else the URL holds.
    const wantsPage = pathname === graphqlPath && request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
    if (wantsPage) return void await yoga.handle(request, response, context)
    const { token } = await authenticate(options.providers, bearerOf(request.headers))
    if (pathname !== graphqlPath) throw new CatalogError('NOT_FOUND', 'There is nothing here.', { field: 'path', mend: `The API is at ${graphqlPath}.` })
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
      throw new CatalogError('LIMIT_EXCEEDED', `A request has at most ${maxBodyBytes} bytes.`, { field: 'body', mend: 'Send it in parts.' })
    }
    await yoga.handle(request, response, { ...context, caller: callerContext(options.services, token.id) })
  }

  return {
    webSockets,
    listen: (port, host) => listen(server, port, host),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      await webSockets.close()
      server.closeIdleConnections()
      // Requests in flight finish; whoever only keeps a connection open is let go.
      const timer = setTimeout(() => server.closeAllConnections(), 5_000)
      await closed
      clearTimeout(timer)
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

/** Yoga builds a URL of it, and would answer a stack to what is none. */
function isAuthority(host: string | undefined): boolean {
  return host !== undefined && /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}/`)
}

const statusOf: Partial<Record<string, number>> = { INVALID_INPUT: 400, UNAUTHENTICATED: 401, NOT_FOUND: 404, LIMIT_EXCEEDED: 413, UNAVAILABLE: 503 }

/** Clients that accept the media type of GraphQL take the code out of such an answer, and only a status out of any other. */
function answerError(request: IncomingMessage, response: ServerResponse, error: unknown, report: ReportMasked): void {
  const masked = toGraphQLError(error, report)
  if (response.headersSent) return void response.destroy()
  const status = statusOf[String(masked.extensions.code)] ?? 500
  const type = (request.headers.accept ?? '').includes('application/graphql-response+json') ? 'application/graphql-response+json' : 'application/json'
  answer(response, status, { errors: [masked.toJSON()] }, {
    'content-type': `${type}; charset=utf-8`, ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  })
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers })
  response.end(JSON.stringify(body))
}
