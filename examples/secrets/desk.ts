import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

export interface Desk {
  url: string
  /** How many requests carried anything in one of the two headers. */
  withValues: () => number
  close: () => Promise<void>
}

/**
 * A real MCP server over Streamable HTTP on a free loopback port that wants to know who calls: an account in `Authorization`, and the key of the
 * deployment in `X-Desk-Key`. Its one tool, `whoami`, answers with the names of both, and never with what it was sent.
 * @param names what it knows, by value; who comes with anything else gets a 401
 */
export async function startDesk(names: ReadonlyMap<string, string>): Promise<Desk> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  let withValues = 0

  async function open(): Promise<StreamableHTTPServerTransport> {
    const server = new Server({ name: 'desk', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [{ name: 'whoami', description: 'Whose account this is', inputSchema: { type: 'object' } }] }))
    server.setRequestHandler(CallToolRequestSchema, (_, { requestInfo }) => ({ content: [{ type: 'text', text: callerOf(requestInfo?.headers ?? {}).join(', ') }] }))
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => { sessions.set(id, transport) },
      onsessionclosed: (id) => { sessions.delete(id) },
    })
    await server.connect(transport)
    return transport
  }

  /** The names of the account and of the key that a request came with; null for what is not known. */
  const callerOf = (headers: IncomingMessage['headers']) => (
    [headers.authorization?.replace(/^Bearer /, ''), headers['x-desk-key']].map((value) => names.get(String(value)) ?? null)
  )

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request
    if (headers.authorization !== undefined || headers['x-desk-key'] !== undefined) withValues += 1
    const id = headers['mcp-session-id']
    if (callerOf(headers).includes(null)) return void response.writeHead(401).end()
    const transport = id === undefined ? await open() : sessions.get(String(id))
    if (transport === undefined) return void response.writeHead(404).end()
    await transport.handleRequest(request, response)
  }

  const httpServer = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  return {
    url: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/mcp`, withValues: () => withValues,
    close: async () => {
      httpServer.closeAllConnections()
      await new Promise((resolve) => httpServer.close(resolve))
    },
  }
}
