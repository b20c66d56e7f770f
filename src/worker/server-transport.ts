import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type NameValue, type RemoteTransport, type StdioTransport } from '../core/mcp-server.js'
import { hasReference } from '../core/secret-ref.js'
import { createGuardedFetch, type GuardedFetch } from './guarded-fetch.js'
import { startGuardedProcess } from './guarded-process.js'
import { createInjectedFetch } from './injected-fetch.js'
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
export function createServerTransport(options: ServerTransportOptions): ServerTransport {
  const { transport } = options
  return transport.kind === 'STDIO' ? toProcess(transport, options) : toAddress(transport, options)
}

function toProcess({ command, args, cwd, env, kind }: StdioTransport, { baseEnv, graceMs, guard, injected, createStream }: ServerTransportOptions): ServerTransport {
  const transport = createStdioTransport(graceMs, () => {
    const own = withInjected(env, injected?.())
    return guard === undefined
      ? startProcessGroup({ command, args, env: { ...baseEnv, ...mapOf(own) }, stderr: createStream?.(), ...(cwd !== null && { cwd }) })
      : startGuardedProcess({ kind, command, args, env: own, cwd }, guard, createStream?.())
  })
  return { transport, failure: transport.failure, farewell: async () => {} }
}

function withInjected(pairs: NameValue[], injected: NameValue[] = []): NameValue[] {
  return [...pairs.filter(({ name }) => !injected.some((one) => one.name === name)), ...injected]
}

function mapOf(pairs: NameValue[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]))
}

function toAddress({ kind, url, headers }: RemoteTransport, { guard, injected }: ServerTransportOptions): ServerTransport {
  // A reference itself is nothing to send.
  const requestInit = { headers: mapOf(injected === undefined ? headers : headers.filter(({ value }) => !hasReference(value))) }
  guard?.check()
  const guarded = guard === undefined ? null : createGuardedFetch({ url, policies: guard.policies })
  const sending = injected === undefined ? guarded?.fetch : createInjectedFetch(guarded?.fetch ?? fetch, url, injected)
  // Redirects stay within the origin: that is the SDK's default (`redirectPolicy: 'same-origin'`).
  const options = { requestInit, ...(sending !== undefined && { fetch: sending }) }
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
