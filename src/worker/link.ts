import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  type CallToolResult, CallToolResultSchema, ErrorCode, ListToolsResultSchema, McpError, type Tool, ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { type McpTransport, type RemoteTransport } from '../core/mcp-server.js'
import { messageOf, ToolCallError } from './errors.js'
import { createStdioTransport, NotSentError, type StdioGroupTransport } from './stdio-transport.js'

export type { CallToolResult }
export type UpstreamTool = Tool

export interface LinkOptions {
  transport: McpTransport
  /** What a stdio child's environment starts from; the transport's own `env` is laid over it. */
  baseEnv: Record<string, string>
  /** Milliseconds for connecting, the handshake and the first list of tools together. */
  connectTimeoutMs: number
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. */
  graceMs: number
  signal: AbortSignal
  onToolsChanged: () => void
  /** The connection is gone for good. */
  onDropped: () => void
  /** Something went wrong; the connection may still live. */
  onTrouble: () => void
}

/** One connection to one MCP server, from handshake to close. The only file that knows the SDK's client. */
export interface Link {
  listTools: () => Promise<UpstreamTool[]>
  /** @throws ToolCallError, or an error for which `isUndelivered` holds */
  callTool: (name: string, args: Record<string, unknown>, timeoutMs: number, signal: AbortSignal) => Promise<CallToolResult>
  /** @throws when no answer comes in time */
  ping: (timeoutMs: number) => Promise<void>
  close: () => Promise<void>
}

const clientInfo = { name: 'pilothouse-worker', version: '0.1.0' }
/** Bounds against a server that never ends its list. */
const mostPages = 100
const mostTools = 1000
/** A farewell is a courtesy; nobody waits for it longer. */
const farewellMs = 1000

/**
 * Connects and shakes hands.
 * @throws Error with the reason (unredacted) when it fails or takes longer than `connectTimeoutMs`; nothing is left then
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  const transport = createTransport(options)
  const client = new Client(clientInfo, { capabilities: {} })
  client.setNotificationHandler(ToolListChangedNotificationSchema, options.onToolsChanged)
  const limit = AbortSignal.any([AbortSignal.timeout(options.connectTimeoutMs), options.signal])
  try {
    // The SDK bounds the handshake alone; an SSE server that never names its endpoint would hang it for ever.
    await orAborted(client.connect(transport, { timeout: options.connectTimeoutMs }), limit)
  } catch (error) {
    const failure = failureOf(transport)
    await client.close().catch(() => {})
    await transport.close().catch(() => {})
    if (options.signal.aborted) throw error
    throw new Error(failure ?? (limit.aborted ? `no answer within ${options.connectTimeoutMs} ms` : messageOf(error)), { cause: error })
  }
  client.onclose = options.onDropped
  client.onerror = options.onTrouble
  return {
    listTools: () => listTools(client, options.connectTimeoutMs),
    callTool: (name, args, timeoutMs, signal) => callTool(client, name, args, timeoutMs, signal),
    ping: async (timeoutMs) => { await client.ping({ timeout: timeoutMs }) },
    close: async () => {
      client.onclose = undefined
      client.onerror = undefined
      if (transport instanceof StreamableHTTPClientTransport) {
        await orAborted(transport.terminateSession(), AbortSignal.timeout(farewellMs)).catch(() => {})
      }
      await client.close()
      // The SDK drops its transport when that closes by itself; the process must be gone all the same.
      await transport.close()
    },
  }
}

function createTransport({ transport, baseEnv, graceMs }: LinkOptions): Transport {
  if (transport.kind === 'STDIO') {
    const { command, args, cwd } = transport
    const env = { ...baseEnv, ...Object.fromEntries(transport.env.map(({ name, value }) => [name, value])) }
    return createStdioTransport({ command, args, env, graceMs, ...(cwd !== null && { cwd }) })
  }
  const url = new URL(transport.url)
  const requestInit = { headers: headersOf(transport) }
  // Redirects stay within the origin: that is the SDK's default (`redirectPolicy: 'same-origin'`).
  if (transport.kind === 'SSE') return new SSEClientTransport(url, { requestInit })
  return new StreamableHTTPClientTransport(url, {
    requestInit,
    // The stream that brings `list_changed` is re-opened for as long as the session with the server lives.
    reconnectionOptions: { initialReconnectionDelay: 1000, maxReconnectionDelay: 30_000, reconnectionDelayGrowFactor: 1.5, maxRetries: Infinity },
  })
}

function headersOf({ headers }: RemoteTransport): Record<string, string> {
  return Object.fromEntries(headers.map(({ name, value }) => [name, value]))
}

function failureOf(transport: Transport): string | null {
  return 'failure' in transport ? (transport as StdioGroupTransport).failure() : null
}

async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Not `client.listTools`, which keeps only the last page's schemas, and compiles code out of a stranger's schemas. */
async function listTools(client: Client, timeout: number): Promise<UpstreamTool[]> {
  if (client.getServerCapabilities()?.tools === undefined) return []
  const tools: UpstreamTool[] = []
  let cursor: string | undefined
  for (let page = 0; page < mostPages && tools.length < mostTools; page += 1) {
    const params = cursor === undefined ? {} : { cursor }
    const answer = await client.request({ method: 'tools/list', params }, ListToolsResultSchema, { timeout })
    tools.push(...answer.tools)
    cursor = answer.nextCursor
    if (cursor === undefined) break
  }
  return tools.slice(0, mostTools)
}

async function callTool(
  client: Client, name: string, args: Record<string, unknown>, timeout: number, signal: AbortSignal,
): Promise<CallToolResult> {
  try {
    return await client.request({ method: 'tools/call', params: { name, arguments: args } }, CallToolResultSchema, { timeout, signal })
  } catch (error) {
    if (isUndelivered(error)) throw error
    throw toToolCallError(error, timeout)
  }
}

function toToolCallError(error: unknown, timeoutMs: number): ToolCallError {
  if (error instanceof ToolCallError) return error
  if (!(error instanceof McpError)) return new ToolCallError('UNAVAILABLE', messageOf(error))
  if (error.code === Number(ErrorCode.RequestTimeout)) return new ToolCallError('TIMEOUT', `No answer within ${timeoutMs} ms.`)
  if (error.code === Number(ErrorCode.ConnectionClosed)) return new ToolCallError('UNAVAILABLE', 'The connection ended before the answer came.')
  return new ToolCallError('UPSTREAM', error.message)
}

const refusedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/**
 * Whether the server certainly did not act on the request, so that it may be sent again over a new connection: nobody
 * took it, or the session it belongs to is unknown (404, in the specification's words; some answer 400).
 */
export function isUndelivered(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof McpError) return false
  if (error instanceof NotSentError) return true
  if (error instanceof StreamableHTTPError) return error.code === 404 || (error.code === 400 && /session/i.test(error.message))
  const cause = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : ''
  return refusedCodes.has(cause) || error.message === 'Not connected' || /\(HTTP 40[04]\)/.test(error.message)
}
