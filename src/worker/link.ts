import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  type CallToolResult, ErrorCode, McpError, type Progress, PromptListChangedNotificationSchema, ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema, type Tool, ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { mostMessageBytes } from './bounded-response.js'
import { messageOf, SurvivorError, ToolCallError } from './errors.js'
import { lists, type Offers, type Requests, resultSchemas } from './offers.js'
import { createServerTransport } from './server-transport.js'
import { type ServerTransportOptions } from './server-transport-options.js'
import { NotSentError } from './stdio-transport.js'

export type { CallToolResult, Progress }
export type UpstreamTool = Tool

export interface LinkOptions extends ServerTransportOptions {
  /** Milliseconds for connecting, the handshake and the first list of tools together. */
  connectTimeoutMs: number
  signal: AbortSignal
  /** The server says that a list of its is another one now; RESOURCES stands for templates too. */
  onListChanged: (kind: 'TOOLS' | 'PROMPTS' | 'RESOURCES') => void
  /** A resource that is subscribed to, or a part of one, changed. */
  onResourceUpdated: (uri: string) => void
  /** The connection is gone for good. */
  onDropped: () => void
  /** Something went wrong; the connection may still live. */
  onTrouble: () => void
}

export interface RequestLimits {
  timeoutMs: number
  signal: AbortSignal
  /** With it the server is asked to tell how far it is. */
  onProgress?: ((progress: Progress) => void) | undefined
}

/** One connection to one MCP server, from handshake to close. The only file that knows the SDK's client. */
export interface Link {
  /** What the server says of its use; null: nothing. */
  instructions: string | null
  /** All pages; empty where the server has none of the kind. */
  list: <Kind extends keyof Offers>(kind: Kind) => Promise<Array<Offers[Kind]>>
  /** Whether the server tells when that list changes. */
  tellsOf: (kind: keyof Offers) => boolean
  /** @throws ToolCallError, or an error for which `isUndelivered` holds */
  request: <Method extends keyof Requests>(method: Method, params: Requests[Method]['params'], limits: RequestLimits) => Promise<Requests[Method]['result']>
  /** @throws when no answer comes in time */
  ping: (timeoutMs: number) => Promise<void>
  close: () => Promise<void>
}

const clientInfo = { name: 'pilothouse-worker', version: '0.1.0' }
/** Bounds against a server that never ends its list. */
const mostPages = 100
const mostOfAKind = 1000
/** A farewell is a courtesy; nobody waits for it longer. */
const farewellMs = 1000

/**
 * Connects and shakes hands.
 * @throws Error with the reason (unredacted) when it fails or takes longer than `connectTimeoutMs`; nothing is left then. SurvivorError
 *   when something is
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  // Given up in the moment in which it was decided on, as when two changes arrive together: nothing is to begin then.
  options.signal.throwIfAborted()
  const { transport, failure: failureOf, farewell } = createServerTransport(options)
  const client = new Client(clientInfo, { capabilities: {} })
  // The SDK calls it after a failed handshake and looks at nothing that comes of it; what survives is told by the transport itself.
  client.close = () => transport.close().catch(() => {})
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => options.onListChanged('TOOLS'))
  client.setNotificationHandler(PromptListChangedNotificationSchema, () => options.onListChanged('PROMPTS'))
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => options.onListChanged('RESOURCES'))
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => options.onResourceUpdated(params.uri))
  const limit = AbortSignal.any([AbortSignal.timeout(options.connectTimeoutMs), options.signal])
  try {
    // The SDK bounds the handshake alone; an SSE server that never names its endpoint would hang it for ever.
    await orAborted(client.connect(transport, { timeout: options.connectTimeoutMs }), limit)
  } catch (error) {
    const failure = failureOf()
    // What survives is worse than whatever went wrong before.
    await transport.close().catch((ending: unknown) => { if (ending instanceof SurvivorError) throw ending })
    if (options.signal.aborted) throw error
    throw new Error(failure ?? (limit.aborted ? `no answer within ${options.connectTimeoutMs} ms` : messageOf(error)), { cause: error })
  }
  client.onclose = options.onDropped
  client.onerror = options.onTrouble
  return {
    instructions: client.getInstructions() ?? null,
    list: (kind) => list(client, kind, options.connectTimeoutMs),
    tellsOf: (kind) => client.getServerCapabilities()?.[lists[kind].capability]?.listChanged === true,
    request: (method, params, limits) => request(client, method, params, limits),
    ping: async (timeoutMs) => { await client.ping({ timeout: timeoutMs }) },
    close: async () => {
      client.onclose = undefined
      client.onerror = undefined
      await orAborted(farewell(), AbortSignal.timeout(farewellMs)).catch(() => {})
      // Not the client, which drops its transport when that closes by itself; the process must be gone all the same.
      await transport.close()
    },
  }
}

/** Settles with the work, or rejects with the signal's reason if that aborts first; what comes of the work then is nobody's affair. */
export async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  // Under way by now, even if the signal aborted before: a rejection that nobody takes would end the host's process.
  work.catch(() => {})
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
async function list<Kind extends keyof Offers>(client: Client, kind: Kind, timeout: number): Promise<Array<Offers[Kind]>> {
  const { method, capability, schema, field }: (typeof lists)[keyof Offers] = lists[kind]
  if (client.getServerCapabilities()?.[capability] === undefined) return []
  const found: unknown[] = []
  let cursor: string | undefined
  let size = 0
  for (let page = 0; page < mostPages && found.length < mostOfAKind; page += 1) {
    const params = cursor === undefined ? {} : { cursor }
    const answer: { nextCursor?: string | undefined } & Record<string, unknown> = await client.request({ method, params }, schema, { timeout })
    size += JSON.stringify(answer).length
    if (size > mostMessageBytes) throw new Error(`its answers to ${method} have more than ${mostMessageBytes} characters in all`)
    found.push(...answer[field] as unknown[])
    cursor = answer.nextCursor
    if (cursor === undefined) break
  }
  const all = found.slice(0, mostOfAKind) as Array<Offers[Kind]>
  return kind === 'TOOLS' ? (all as Tool[]).filter(isCallable).map(withoutTasks) as Array<Offers[Kind]> : all
}

/** The worker starts no tasks, so what runs as one only could be listed but never called (S28). */
function isCallable({ execution }: Tool): boolean {
  return execution?.taskSupport !== 'required'
}

function withoutTasks({ execution: _, ...tool }: Tool): Tool {
  return tool
}

async function request<Method extends keyof Requests>(
  client: Client, method: Method, params: Requests[Method]['params'], { timeoutMs, signal, onProgress }: RequestLimits,
): Promise<Requests[Method]['result']> {
  const schema: (typeof resultSchemas)[keyof Requests] = resultSchemas[method]
  const options = { timeout: timeoutMs, signal, ...(onProgress !== undefined && { onprogress: onProgress }) }
  try {
    return await client.request({ method, params }, schema, options)
  } catch (error) {
    if (isUndelivered(error)) throw error
    throw toToolCallError(error, timeoutMs)
  }
}

function toToolCallError(error: unknown, timeoutMs: number): ToolCallError {
  if (error instanceof ToolCallError) return error
  if (!(error instanceof McpError)) return new ToolCallError('UNAVAILABLE', messageOf(error))
  if (error.code === Number(ErrorCode.RequestTimeout)) return new ToolCallError('TIMEOUT', `No answer within ${timeoutMs} ms.`)
  if (error.code === Number(ErrorCode.ConnectionClosed)) return new ToolCallError('UNAVAILABLE', 'The connection ended before the answer came.')
  return new ToolCallError('UPSTREAM', error.message, error.code)
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
