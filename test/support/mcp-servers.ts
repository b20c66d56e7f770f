import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema, type CallToolResult, ListToolsRequestSchema, type Progress, type ServerCapabilities, type ServerNotification, type Tool,
} from '@modelcontextprotocol/sdk/types.js'
import { freePort } from '../../src/db/free-port.js'

const require = createRequire(import.meta.url)

/** The script of an official reference server; run it with `process.execPath`. */
export function serverScript(name: 'everything' | 'filesystem' | 'memory'): string {
  return require.resolve(`@modelcontextprotocol/server-${name}/dist/index.js`)
}

export interface RunningServer {
  url: string
  close: () => Promise<void>
}

/** The official everything server as a process of its own, over Streamable HTTP or SSE. */
export async function startEverything(mode: 'streamableHttp' | 'sse' = 'streamableHttp', port?: number): Promise<RunningServer> {
  const chosen = port ?? await freePort()
  const child = spawn(process.execPath, [serverScript('everything'), mode], { env: { PORT: String(chosen) }, stdio: ['ignore', 'ignore', 'pipe'] })
  await untilSaid(child, /running on port|listening on port/i)
  return {
    url: `http://127.0.0.1:${chosen}/${mode === 'sse' ? 'sse' : 'mcp'}`,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function untilSaid(child: ChildProcess, pattern: RegExp): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${said}`)))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (pattern.test(said)) resolve()
    })
  })
}

export interface TestTool {
  name: string
  description?: string
  /** What else is listed of it. */
  more?: Partial<Tool>
  /** Default: answers with its own name. `tell` sends progress, if the caller wants any. */
  run?: (args: Record<string, unknown>, signal: AbortSignal, tell: (progress: Progress) => Promise<void>) => Promise<CallToolResult>
}

export interface TestMcpServer extends RunningServer {
  port: number
  /** Changes the tools of every session and tells them so. */
  setTools: (tools: TestTool[]) => Promise<void>
  /** Sends a notification to every session. */
  tell: (notification: ServerNotification) => Promise<void>
  /** Headers of every request so far. */
  requests: IncomingMessage['headers'][]
  /** Sessions that were opened and not ended. */
  sessions: () => number
  calls: string[]
}

export const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] })

/** A tool that starts and never ends by itself; `started` resolves with each start. */
export function hangingTool(name: string): TestTool & { started: Promise<void>; aborted: Promise<void> } {
  let start = () => {}
  let abort = () => {}
  const started = new Promise<void>((resolve) => { start = resolve })
  const aborted = new Promise<void>((resolve) => { abort = resolve })
  return {
    name, started, aborted,
    run: (_, signal) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => { abort(); reject(new Error('aborted')) })
      start()
    }),
  }
}

export interface TestMcpServerOptions {
  port?: number
  pageSize?: number
  instructions?: string
  capabilities?: ServerCapabilities
  /** Adds handlers to the server of each session. */
  register?: (server: Server) => void
  /** Done when a list of tools is made and not yet sent; what is told then arrives before it. */
  beforeListed?: (tell: (notification: ServerNotification) => Promise<void>) => Promise<void>
}

/** A real MCP server of the official SDK whose tools tests can change, with lists of `pageSize` tools a page. */
export async function startTestMcpServer(tools: TestTool[], options: TestMcpServerOptions = {}): Promise<TestMcpServer> {
  const { port = 0, pageSize = 100, instructions = '', capabilities = {}, register = () => {}, beforeListed = () => Promise.resolve() } = options
  let current = tools
  const open = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>()
  const requests: IncomingMessage['headers'][] = []
  const calls: string[] = []

  const createSession = async (): Promise<StreamableHTTPServerTransport> => {
    const server = new Server({ name: 'test', version: '1' }, { instructions, capabilities: { tools: { listChanged: true }, ...capabilities } })
    register(server)
    server.setRequestHandler(ListToolsRequestSchema, async ({ params }, { sendNotification }) => {
      const from = Number(params?.cursor ?? 0)
      const page = current.slice(from, from + pageSize).map(({ name, description, more }): Tool => ({ name, description, inputSchema: { type: 'object' }, ...more }))
      await beforeListed(sendNotification)
      return { tools: page, ...(from + pageSize < current.length && { nextCursor: String(from + pageSize) }) }
    })
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
      const progressToken = params._meta?.progressToken
      const tell = async (progress: Progress) => {
        if (progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params: { ...progress, progressToken } })
      }
      calls.push(params.name)
      const tool = current.find(({ name }) => name === params.name)
      if (tool === undefined) throw new Error(`no tool ${params.name}`)
      return tool.run === undefined ? text(tool.name) : tool.run(params.arguments ?? {}, signal, tell)
    })
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => { open.set(id, { server, transport }) },
      onsessionclosed: (id) => { open.delete(id) },
    })
    await server.connect(transport)
    return transport
  }

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request.headers)
    const id = request.headers['mcp-session-id']
    if (id !== undefined && !open.has(String(id))) {
      response.writeHead(404).end()
      return
    }
    const transport = id === undefined ? await createSession() : open.get(String(id))!.transport
    await transport.handleRequest(request, response)
  }

  const http: HttpServer = createServer((request, response) => void handle(request, response))
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const { port: bound } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}/mcp`, port: bound, requests, calls,
    sessions: () => open.size,
    setTools: async (next) => {
      current = next
      await Promise.all([...open.values()].map(({ server }) => server.sendToolListChanged()))
    },
    tell: async (notification) => { await Promise.all([...open.values()].map(({ server }) => server.notification(notification))) },
    close: async () => {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** Whether a process runs; one that ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Takes every connection and never answers: the server that does not come up. */
export async function startSilentServer() {
  let open = 0
  let mostOpen = 0
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  server.on('connection', (socket) => {
    open += 1
    mostOpen = Math.max(mostOpen, open)
    socket.once('close', () => { open -= 1 })
  })
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, open: () => open, mostOpen: () => mostOpen,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
