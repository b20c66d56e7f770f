import { randomUUID } from 'node:crypto'
import { type IncomingHttpHeaders } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { type RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema, CompleteRequestSchema, ErrorCode, GetPromptRequestSchema, ListPromptsRequestSchema, ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema, ListToolsRequestSchema, ReadResourceRequestSchema, type ServerNotification, type ServerRequest,
  SubscribeRequestSchema, UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { type CallOptions } from './connector.js'
import { ToolCallError, type ToolCallErrorCode } from './errors.js'
import { type RelaySurface } from './relay-surface.js'
import { createRelayWatches } from './relay-watches.js'
import { type ShelfChange } from './server-shelf.js'

/** One MCP client of one endpoint, from `initialize` to its end. The only file that knows the SDK's server. */
export interface RelayClient {
  /** Answers one HTTP request; `body` is its parsed JSON. */
  handle: (method: string, headers: IncomingHttpHeaders, body: unknown) => Promise<Response>
  /** A list is another one now. Kept until there is a stream to say it on, unless the client asks for the list first. */
  tell: (change: ShelfChange) => void
  /** Whether the client has its stream for notifications open. Opening one brings what was kept. */
  setListening: (isListening: boolean) => void
  /** Ends its streams and aborts its calls in flight. */
  close: () => Promise<void>
}

export interface RelayClientOptions {
  /** What the client is told that it talks to. */
  name: string
  surface: RelaySurface
  onOpened: (id: string) => void
  onClosed: () => void
}

const notifications = {
  TOOLS: 'notifications/tools/list_changed', PROMPTS: 'notifications/prompts/list_changed', RESOURCES: 'notifications/resources/list_changed',
} as const
const changes = Object.keys(notifications) as ShelfChange[]

/** Everything on every endpoint, because a server that has more may come in place of one that has less. */
const capabilities = { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true, subscribe: true }, completions: {} }
/** Clients are asked for nothing, so none of their answers is ever looked at; the SDK's own would be made for each client. */
const noValidator = { getValidator: () => { throw new TypeError('the relay asks its clients for nothing') } }

export async function createRelayClient({ name, surface, onOpened, onClosed }: RelayClientOptions): Promise<RelayClient> {
  const instructions = surface.instructions()
  const server = new Server({ name, version: '0.1.0' }, { capabilities, jsonSchemaValidator: noValidator, ...(instructions !== null && { instructions }) })
  const untold = new Set<ShelfChange>()
  let isListening = false
  const watches = createRelayWatches(surface.ownerOf, (uri) => void server.sendResourceUpdated({ uri }).catch(() => {}))
  const flush = () => {
    for (const change of isListening ? [...untold] : []) {
      untold.delete(change)
      server.notification({ method: notifications[change] }).catch(() => {})
    }
  }
  answerRequests(server, surface, watches, (change) => untold.delete(change))
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: onOpened })
  server.onclose = () => {
    watches.close()
    onClosed()
  }
  await server.connect(transport)
  return {
    handle: (method, headers, body) => transport.handleRequest(toRequest(method, headers), { parsedBody: body }),
    tell: (change) => {
      untold.add(change)
      flush()
      if (change === 'RESOURCES') void watches.revise()
    },
    setListening: (next) => {
      // What went out on a stream that broke may never have arrived.
      if (isListening && !next) for (const change of changes) untold.add(change)
      isListening = next
      flush()
    },
    close: () => server.close(),
  }
}

/** The transport looks at these; the address would only carry the session's secret along. */
const passedHeaders = ['accept', 'content-type', 'mcp-session-id', 'mcp-protocol-version', 'last-event-id'] as const

function toRequest(method: string, all: IncomingHttpHeaders): Request {
  const headers = new Headers()
  for (const name of passedHeaders) if (all[name] !== undefined) headers.set(name, String(all[name]))
  return new Request('http://127.0.0.1/', { method, headers })
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

function answerRequests(
  server: Server, surface: RelaySurface, watches: Pick<ReturnType<typeof createRelayWatches>, 'add' | 'remove'>, asked: (change: ShelfChange) => void,
): void {
  server.setRequestHandler(ListToolsRequestSchema, () => {
    asked('TOOLS')
    return { tools: surface.tools() }
  })
  server.setRequestHandler(ListPromptsRequestSchema, () => {
    asked('PROMPTS')
    return answered(async () => ({ prompts: await surface.prompts() }))
  })
  server.setRequestHandler(ListResourcesRequestSchema, () => answered(async () => ({ resources: await surface.resources() })))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => answered(async () => ({ resourceTemplates: await surface.templates() })))
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => (
    answered(() => surface.callTool(params.name, params.arguments ?? {}, optionsOf(extra)))
  ))
  server.setRequestHandler(GetPromptRequestSchema, ({ params: { _meta, ...params } }, extra) => (
    answered(() => surface.getPrompt(params, optionsOf(extra)))
  ))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }, extra) => (
    answered(async () => (await surface.ownerOf(uri)).ask('resources/read', { uri }, optionsOf(extra)))
  ))
  server.setRequestHandler(CompleteRequestSchema, ({ params: { _meta, ...params } }, extra) => (
    answered(() => surface.complete(params, optionsOf(extra)))
  ))
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => answered(async () => {
    await watches.add(params.uri)
    return {}
  }))
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => answered(async () => {
    await watches.remove(params.uri)
    return {}
  }))
}

function optionsOf({ signal, _meta, sendNotification }: Extra): CallOptions {
  const progressToken = _meta?.progressToken
  if (progressToken === undefined) return { signal }
  return {
    signal,
    // What comes after the answer has nowhere to go.
    onProgress: ({ progress, total, message }) => {
      const params = { progressToken, progress, ...(total !== undefined && { total }), ...(message !== undefined && { message }) }
      sendNotification({ method: 'notifications/progress', params }).catch(() => {})
    },
  }
}

/** JSON-RPC codes; UPSTREAM keeps the server's own. A withdrawn tool is, to its caller, one that is not there. */
const rpcCodes: Record<ToolCallErrorCode, number> = {
  UNKNOWN_TOOL: ErrorCode.InvalidParams,
  HELD: ErrorCode.InvalidParams,
  UNKNOWN_PROMPT: ErrorCode.InvalidParams,
  WITHDRAWN: ErrorCode.InvalidParams,
  // "Resource not found", in the specification's words.
  UNKNOWN_RESOURCE: -32002,
  TIMEOUT: ErrorCode.RequestTimeout,
  CANCELLED: ErrorCode.InternalError,
  UNAVAILABLE: ErrorCode.InternalError,
  UPSTREAM: ErrorCode.InternalError,
}

/** What becomes of an error that is none of ours nobody outside is told. */
async function answered<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ToolCallError)) throw Object.assign(new Error('The relay could not answer.'), { code: ErrorCode.InternalError })
    // The SDK put the code in front of the server's words; it goes out beside them.
    const message = error.message.replace(/^(MCP error -?\d+: )+/, '')
    throw Object.assign(new Error(message), { code: error.rpcCode ?? rpcCodes[error.code], data: { reason: error.code } })
  }
}
