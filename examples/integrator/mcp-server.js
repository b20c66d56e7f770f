import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const shout = {
  name: 'shout',
  description: 'Says it louder.',
  inputSchema: { type: /** @type {const} */ ('object'), properties: { text: { type: 'string' } }, required: ['text'] },
}

/** A small MCP server with one tool, over Streamable HTTP on a free loopback port. */
export async function startMcpServer() {
  /** @type {Map<string | undefined, StreamableHTTPServerTransport>} */
  const sessions = new Map()

  const open = async () => {
    const server = new Server({ name: 'shouter', version: '1.0.0' }, { capabilities: { tools: {} } })
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [shout] }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
      content: [{ type: 'text', text: String(params.arguments?.text).toUpperCase() }],
    }))
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => { sessions.set(id, transport) },
    })
    await server.connect(transport)
    return transport
  }

  const http = createServer(async (request, response) => {
    const transport = sessions.get(/** @type {string | undefined} */ (request.headers['mcp-session-id'])) ?? await open()
    await transport.handleRequest(request, response)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: () => {
      http.close()
      http.closeAllConnections()
    },
  }
}
