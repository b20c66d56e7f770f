import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { type McpServerPorts } from './plan.js'

/**
 * A real MCP server of the official SDK in a process of its own, over Streamable HTTP on as many ports of loopback as it is told:
 * what was revoked is refused at its old place. One tool, `lookup`, which answers after `ms` milliseconds, or at once.
 */
const transports = new Map<string, StreamableHTTPServerTransport>()

async function openSession(): Promise<StreamableHTTPServerTransport> {
  const server = new Server({ name: 'bench', version: '1' }, { capabilities: { tools: { listChanged: true } } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'lookup', description: 'Looks up a ticket, and who owns it.', inputSchema: { type: 'object' as const, properties: { ms: { type: 'number' } } } }],
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const ms = Number(params.arguments?.ms ?? 0)
    if (ms > 0) await delay(ms, undefined, { signal })
    return { content: [{ type: 'text' as const, text: 'nobody owns it' }] }
  })
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => { transports.set(id, transport) },
    onsessionclosed: (id) => { transports.delete(id) },
  })
  await server.connect(transport)
  return transport
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = request.headers['mcp-session-id']
  const transport = id === undefined ? await openSession() : transports.get(String(id))
  if (transport === undefined) response.writeHead(404).end()
  else await transport.handleRequest(request, response)
}

async function listen(): Promise<number> {
  const http = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
  await once(http, 'listening')
  return (http.address() as AddressInfo).port
}

const ports = await Promise.all(Array.from({ length: Number(process.argv[2]) }, listen))
process.send?.({ kind: 'PORTS', ports } satisfies McpServerPorts)
process.on('disconnect', () => process.exit(0))
