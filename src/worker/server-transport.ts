import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type RemoteTransport, type StdioTransport } from '../core/mcp-server.js'
import { createGuardedFetch, type GuardedFetch } from './guarded-fetch.js'
import { startGuardedProcess } from './guarded-process.js'
import { type LaunchGuard } from './launch-guard.js'
import { startProcessGroup } from './process-group.js'
import { type ServerTransportOptions } from './server-transport-options.js'
import { createStdioTransport } from './stdio-transport.js'

/** The way to one server, not yet gone. The only file that turns a definition into a process or a request. */
export interface ServerTransport {
  transport: Transport
  /** Why there is no connection, as far as the transport tells better than its error; null: it does not. */
  failure: () => string | null
  /** Tells the server that nobody comes again, before the transport closes. */
  farewell: () => Promise<void>
}

/** @throws Error when the guard's entry may not run now */
export function createServerTransport({ transport, baseEnv, graceMs, guard }: ServerTransportOptions): ServerTransport {
  return transport.kind === 'STDIO' ? toProcess(transport, baseEnv, graceMs, guard) : toAddress(transport, guard)
}

function toProcess({ command, args, cwd, env: own, kind }: StdioTransport, baseEnv: Record<string, string>, graceMs: number, guard?: LaunchGuard): ServerTransport {
  const env = { ...baseEnv, ...Object.fromEntries(own.map(({ name, value }) => [name, value])) }
  const transport = createStdioTransport(graceMs, () => guard === undefined
    ? startProcessGroup({ command, args, env, ...(cwd !== null && { cwd }) })
    : startGuardedProcess({ kind, command, args, env: own, cwd }, guard))
  return { transport, failure: transport.failure, farewell: async () => {} }
}

function toAddress({ kind, url, headers }: RemoteTransport, guard?: LaunchGuard): ServerTransport {
  const requestInit = { headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) }
  guard?.check()
  const guarded = guard === undefined ? null : createGuardedFetch({ url, policy: guard.policy })
  // Redirects stay within the origin: that is the SDK's default (`redirectPolicy: 'same-origin'`).
  const options = { requestInit, ...(guarded !== null && { fetch: guarded.fetch }) }
  if (kind === 'SSE') return { transport: closingToo(new SSEClientTransport(new URL(url), options), guarded), failure: () => null, farewell: async () => {} }
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    ...options,
    // The stream that brings `list_changed` is re-opened for as long as the session with the server lives.
    reconnectionOptions: { initialReconnectionDelay: 1000, maxReconnectionDelay: 30_000, reconnectionDelayGrowFactor: 1.5, maxRetries: Infinity },
  })
  return { transport: closingToo(transport, guarded), failure: () => null, farewell: () => transport.terminateSession() }
}

/** The guard's connections are its own, and end with the transport. */
function closingToo(transport: Transport, guarded: GuardedFetch | null): Transport {
  const close = transport.close.bind(transport)
  transport.close = () => close().finally(() => guarded?.close())
  return transport
}
