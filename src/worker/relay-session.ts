import { randomBytes } from 'node:crypto'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type SessionRelay, type SessionServer } from './adapter.js'
import { withheldTools } from './offer-by-name.js'
import { createRelayClient, type RelayClient } from './relay-client.js'
import { digestOf, segmentOf } from './relay-door.js'
import { readBody, refuse, sendAnswer } from './relay-http.js'
import { mergedSurface, type OnUnknownTool, singleSurface } from './relay-surface.js'
import { createServerShelf, type ServerShelf } from './server-shelf.js'

/** One session's endpoints behind the worker's listener. */
export interface RelaySession extends SessionRelay {
  /** Of the secret in its path. */
  digest: Buffer
  /** @param segment the server's part of the path; null: the endpoint of all */
  handle: (segment: string | null, request: IncomingMessage, response: ServerResponse) => Promise<void>
}

/** MCP clients of one session; runtimes that never say goodbye leave theirs behind. */
export const maxClientsPerSession = 100

interface Connected {
  client: RelayClient
  /** Which endpoint it belongs to; null: the one of all. */
  serverName: string | null
  /** Answers under way, streams included. */
  open: number
}

/** A relay session's memory. */
interface Counter {
  shelf: ServerShelf
  /** By the id that the client sends along, the one that was heard of last at the end. */
  clients: Map<string, Connected>
  onUnknownTool: OnUnknownTool
  isClosed: boolean
}

const sessionNotFound = { code: -32001, message: 'Session not found' }
const refusals = {
  noSession: { code: -32000, message: 'Bad Request: send initialize first, and then the Mcp-Session-Id that it answers with' },
  notJson: { code: -32700, message: 'Parse error: Invalid JSON' },
  tooLarge: { code: -32000, message: 'Payload Too Large' },
  tooMany: { code: -32000, message: `There are ${maxClientsPerSession} MCP clients on this session, all of them busy; end one first` },
}

export interface RelaySessionOptions {
  port: number
  onUnknownTool: OnUnknownTool
  /** Called once, when nobody is let in any more; resolves when the listener has done its part. */
  onClosed: () => Promise<void>
}

export function createRelaySession({ port, onUnknownTool, onClosed }: RelaySessionOptions): RelaySession {
  const secret = randomBytes(32).toString('base64url')
  const url = `http://127.0.0.1:${port}/${secret}`
  const clients = new Map<string, Connected>()
  const shelf = createServerShelf((change, name) => {
    for (const { client, serverName } of clients.values()) if (serverName === null || serverName === name) client.tell(change)
  })
  const counter: Counter = { shelf, clients, onUnknownTool, isClosed: false }
  let closing: Promise<void> | null = null
  const close = async () => {
    counter.isClosed = true
    await Promise.all([...clients.values()].map(({ client }) => client.close()))
    for (const { name } of shelf.servers()) shelf.unload(name)
    await onClosed()
  }
  return {
    url, digest: digestOf(secret),
    urlOf: (serverName) => `${url}/${segmentOf(serverName)}`,
    load: (server: SessionServer) => { if (!counter.isClosed) shelf.load(server) },
    unload: shelf.unload,
    withheld: () => withheldTools(shelf.servers()),
    handle: (segment, request, response) => handle(counter, segment, request, response),
    close: () => closing ??= close(),
  }
}

async function handle(counter: Counter, segment: string | null, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { shelf, clients } = counter
  const id = request.headers['mcp-session-id']
  const known = clients.get(String(id))
  const server = segment === null ? null : shelf.servers().find(({ name }) => segmentOf(name) === segment)
  const isOfKnown = known !== undefined && (known.serverName === null ? null : segmentOf(known.serverName)) === segment
  // A client of a server that was withdrawn stays, with nothing on offer, and has it all back when the server is.
  if (server === undefined && !isOfKnown) return refuse(response, 404)
  if (!['GET', 'POST', 'DELETE'].includes(request.method!)) return refuse(response, 405)
  if (id !== undefined && !isOfKnown) return refuse(response, 404, sessionNotFound)
  const text = request.method === 'POST' ? await readBody(request) : ''
  if (text === null) return refuse(response, 413, refusals.tooLarge)
  const body = text === '' ? undefined : parse(text)
  if (request.method === 'POST' && body === undefined) return refuse(response, 400, refusals.notJson)
  // The session, or the client, may have ended while the body came.
  if (counter.isClosed) return refuse(response, 404)
  if (known !== undefined) {
    if (clients.get(String(id)) !== known) return refuse(response, 404, sessionNotFound)
    return answer(counter, String(id), known, request, response, body)
  }
  if (!isInitialize(body)) return refuse(response, 400, refusals.noSession)
  if (!makeRoom(clients)) return refuse(response, 503, refusals.tooMany)
  return welcome(counter, server?.name ?? null, request, response, body)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isInitialize(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'method' in body && body.method === 'initialize'
}

/** Whoever has been silent for longest gives way, if it has nothing open. */
function makeRoom(clients: Map<string, Connected>): boolean {
  if (clients.size < maxClientsPerSession) return true
  const idle = [...clients].find(([, { open }]) => open === 0)
  if (idle === undefined) return false
  const [id, { client }] = idle
  clients.delete(id)
  void client.close()
  return true
}

async function welcome(counter: Counter, serverName: string | null, request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
  const { shelf, clients, onUnknownTool } = counter
  let id: string | null = null
  const client = await createRelayClient({
    name: serverName ?? 'pilothouse',
    surface: serverName === null ? mergedSurface(shelf.servers, onUnknownTool) : singleSurface(serverName, () => shelf.get(serverName), onUnknownTool),
    onOpened: (opened) => {
      id = opened
      clients.set(opened, connected)
    },
    onClosed: () => { if (id !== null) clients.delete(id) },
  })
  const connected: Connected = { client, serverName, open: 0 }
  await answer(counter, null, connected, request, response, body)
  // What looked like a beginning and was none.
  if (id === null) await client.close()
}

async function answer(
  { clients }: Counter, id: string | null, connected: Connected, request: IncomingMessage, response: ServerResponse, body: unknown,
): Promise<void> {
  connected.open += 1
  if (id !== null) {
    clients.delete(id)
    clients.set(id, connected)
  }
  try {
    const made = await connected.client.handle(request.method!, request.headers, body)
    const isStream = request.method === 'GET' && made.status === 200
    if (isStream) {
      response.once('close', () => connected.client.setListening(false))
      connected.client.setListening(true)
    }
    await sendAnswer(made, response)
  } finally {
    connected.open -= 1
  }
}
