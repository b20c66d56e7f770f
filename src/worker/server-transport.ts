import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type McpTransport, type RemoteTransport, type StdioTransport } from '../core/mcp-server.js'
import { createStdioTransport } from './stdio-transport.js'

export interface ServerTransportOptions {
  /** Where the server is, as the entry or the static file has it. */
  transport: McpTransport
  /** What a stdio child's environment starts from; the transport's own `env` is laid over it. */
  baseEnv: Record<string, string>
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. */
  graceMs: number
}

/** The way to one server, not yet gone. The only file that turns a definition into a process or a request. */
export interface ServerTransport {
  transport: Transport
  /** Why there is no connection, as far as the transport tells better than its error; null: it does not. */
  failure: () => string | null
  /** Tells the server that nobody comes again, before the transport closes. */
  farewell: () => Promise<void>
}

export function createServerTransport({ transport, baseEnv, graceMs }: ServerTransportOptions): ServerTransport {
  return transport.kind === 'STDIO' ? toProcess(transport, baseEnv, graceMs) : toAddress(transport)
}

function toProcess({ command, args, cwd, env: own }: StdioTransport, baseEnv: Record<string, string>, graceMs: number): ServerTransport {
  const env = { ...baseEnv, ...Object.fromEntries(own.map(({ name, value }) => [name, value])) }
  const transport = createStdioTransport({ command, args, env, graceMs, ...(cwd !== null && { cwd }) })
  return { transport, failure: transport.failure, farewell: async () => {} }
}

function toAddress({ kind, url, headers }: RemoteTransport): ServerTransport {
  const requestInit = { headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) }
  // Redirects stay within the origin: that is the SDK's default (`redirectPolicy: 'same-origin'`).
  if (kind === 'SSE') return { transport: new SSEClientTransport(new URL(url), { requestInit }), failure: () => null, farewell: async () => {} }
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit,
    // The stream that brings `list_changed` is re-opened for as long as the session with the server lives.
    reconnectionOptions: { initialReconnectionDelay: 1000, maxReconnectionDelay: 30_000, reconnectionDelayGrowFactor: 1.5, maxRetries: Infinity },
  })
  return { transport, failure: () => null, farewell: () => transport.terminateSession() }
}
