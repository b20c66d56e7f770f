/**
 * A real MCP server on this machine, to be registered: http://127.0.0.1:3901/mcp
 *
 *   npm run example:server                    another port: npm run example:server -- 3902
 *
 * It is the official everything server. Started by its own command it listens on every address of the machine, so it is served from here: on loopback alone.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo } from 'node:net'
import { argv, env, exit } from 'node:process'
import { type McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

interface Everything {
  createServer: () => { server: McpServer; cleanup: (sessionId?: string) => void }
}

// One of its tools tells its environment to whoever asks.
for (const name of Object.keys(env)) Reflect.deleteProperty(env, name)
const script = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/server/index.js')
const everything = await import(script) as Everything
const sessions = new Map<string, StreamableHTTPServerTransport>()

async function openSession(allowedHosts: string[]): Promise<StreamableHTTPServerTransport> {
  const { server, cleanup } = everything.createServer()
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID, enableDnsRebindingProtection: true, allowedHosts,
    onsessioninitialized: (id) => {
      sessions.set(id, transport)
      process.stdout.write('A client connected.\n')
    },
  })
  server.server.onclose = () => {
    const id = transport.sessionId
    if (id === undefined || !sessions.delete(id)) return
    cleanup(id)
    process.stdout.write('A client is gone.\n')
  }
  await server.connect(transport)
  return transport
}

async function handle(request: IncomingMessage, response: ServerResponse, allowedHosts: string[]): Promise<void> {
  const id = request.headers['mcp-session-id']
  const transport = id === undefined ? await openSession(allowedHosts) : sessions.get(String(id))
  if (request.url !== '/mcp' || transport === undefined) response.writeHead(404).end()
  else await transport.handleRequest(request, response)
}

// Another example that started it has ended.
process.once('disconnect', () => exit(0))
const httpServer = createServer()
httpServer.once('error', ({ message }) => {
  process.stderr.write(`The MCP server cannot start: ${message}.\n`)
  exit(1)
})
httpServer.listen(Number(argv[2] ?? 3901), '127.0.0.1')
await once(httpServer, 'listening')
const { port } = httpServer.address() as AddressInfo
const allowedHosts = [`127.0.0.1:${port}`, `localhost:${port}`]
httpServer.on('request', (request, response) => void handle(request, response, allowedHosts).catch(() => response.destroy()))
process.stdout.write(`The MCP server is ready: http://127.0.0.1:${port}/mcp. Ctrl-C ends it.\n`)
