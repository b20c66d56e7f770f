import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import {
  type CallToolResult, CompleteRequestSchema, ErrorCode, GetPromptRequestSchema, ListPromptsRequestSchema, ListResourcesRequestSchema, ListResourceTemplatesRequestSchema, McpError,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { startTestMcpServer, type TestMcpServer } from './mcp-servers.js'
import { secretForms } from './secret-forms.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** An MCP server that shows what it was sent in the header X-Key in every place that the protocol has, `control` beside it. */
export async function startMirror(control: string, instructions: string): Promise<TestMcpServer> {
  const key = () => String(server.requests.findLast((headers) => headers['x-key'] !== undefined)?.['x-key'])
  const said = () => `${control} ${key()} ${JSON.stringify(server.requests.at(-1))}`
  const everything = (): CallToolResult => ({
    content: [
      { type: 'text', text: said() }, ...Object.values(secretForms).map((form) => ({ type: 'text' as const, text: `${control} ${form(key())}` })),
      { type: 'image', mimeType: 'image/png', data: base64(said()) }, { type: 'audio', mimeType: 'audio/wav', data: base64(said()) },
      { type: 'resource', resource: { uri: 'test:///embedded', text: said(), _meta: { key: key() } } }, { type: 'resource', resource: { uri: `test:///${encodeURIComponent(key())}`, blob: base64(said()) } },
      { type: 'resource_link', uri: `https://a.example.com/?k=${encodeURIComponent(key())}`, name: key() },
    ],
    structuredContent: { [control]: key(), [key()]: control, deep: [[{ headers: { ...server.requests.at(-1) } }]] }, _meta: { key: key() },
  })
  const server: TestMcpServer = await startTestMcpServer([], {
    instructions,
    capabilities: { prompts: {}, resources: {}, completions: {}, logging: {} },
    register: (own) => {
      own.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [{ name: 'ask', description: said(), arguments: [{ name: 'a', description: key() }] }, { name: key(), title: key() }] }))
      own.setRequestHandler(GetPromptRequestSchema, () => ({ description: said(), messages: [{ role: 'user', content: { type: 'text', text: said() } }] }))
      own.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [{ uri: 'test:///it', name: said(), description: key() }, { uri: `test:///${encodeURIComponent(key())}`, name: 'x' }] }))
      own.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [{ uriTemplate: 'test:///{x}', name: said() }, { uriTemplate: `test:///${encodeURIComponent(key())}/{x}`, name: 'y' }] }))
      own.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({ contents: [{ uri, text: said() }, { uri, blob: base64(said()) }] }))
      own.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [said(), key()] } }))
    },
  })
  const description = () => said()
  await server.setTools([
    // Getters: the description is what was sent when it is listed.
    { name: 'all', get description() { return description() }, get more() { return { title: key(), inputSchema: { type: 'object' as const, properties: { q: { type: 'string', default: key(), description: said() } } }, annotations: { title: key() }, _meta: { key: key() } } }, run: async () => everything() },
    { name: 'wrong', run: async () => ({ ...everything(), isError: true }) },
    { name: 'throws', run: async () => { throw new McpError(ErrorCode.InternalError, said(), { headers: { ...server.requests.at(-1) } }) } },
    {
      name: 'slow',
      run: async (_, signal, tell) => {
        for (const progress of [1, 2]) await tell({ progress, total: 3, message: said() })
        await server.tell({ method: 'notifications/message', params: { level: 'error', logger: key(), data: { said: said() } } })
        if (signal.aborted) throw new Error(said())
        return everything()
      },
    },
    // Can be the name of a tool.
    { get name() { return `t_${String(server.requests.at(-1)?.['x-two']).split(':')[0]!}` } },
    { get name() { return key() } },
  ])
  return server
}

export interface BadServer {
  /** The address at which it goes wrong in that way. */
  at: (fault: typeof faults[number]) => string
  /** Headers of every request, and of those that came by a redirect to elsewhere. */
  seen: IncomingMessage['headers'][]
  elsewhere: IncomingMessage['headers'][]
  close: () => Promise<void>
}

export const faults = ['400', '401', '403', '404', '429', '500', 'redirect', 'redirect-post', 'garbage', 'sse-garbage', 'rpc-error', 'oversize', 'cut', 'silent'] as const

/** Goes wrong in every way that HTTP has, and repeats the headers of the request in each. */
export async function startBadServer(control: string): Promise<BadServer> {
  const seen: IncomingMessage['headers'][] = []
  const elsewhere: IncomingMessage['headers'][] = []
  const other = await listening((request, response) => {
    elsewhere.push(request.headers)
    response.writeHead(500).end(JSON.stringify(request.headers))
  })
  const bad = await listening((request, response) => {
    seen.push(request.headers)
    const echo = `${control} ${JSON.stringify(request.headers)} ${String(request.headers['x-key'])}`
    const fault = request.url!.slice(1)
    const headers = { 'content-type': 'application/json', 'www-authenticate': `Bearer error="invalid_token", error_description="${encodeURIComponent(echo)}", resource_metadata="http://127.0.0.1:${other.port}/x"`, 'x-echo': encodeURIComponent(echo) }
    if (/^\d+$/.test(fault)) return response.writeHead(Number(fault), headers).end(echo)
    if (fault.startsWith('redirect')) return response.writeHead(fault === 'redirect' ? 302 : 307, { ...headers, location: `http://127.0.0.1:${other.port}/?${encodeURIComponent(echo)}` }).end(echo)
    if (fault === 'garbage') return response.writeHead(200, headers).end(echo)
    if (fault === 'sse-garbage') return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`event: message\ndata: ${echo}\n\n`)
    if (fault === 'rpc-error') return response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id: 0, error: { code: -32000, message: echo, data: { echo } } }))
    if (fault === 'oversize') return response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id: 0, result: { echo: echo.repeat(20_000) } }))
    if (fault === 'cut') return response.writeHead(200, { ...headers, 'content-length': 1_000_000 }).write(echo, () => response.destroy())
    return undefined
  })
  return { at: (fault) => `http://127.0.0.1:${bad.port}/${fault}`, seen, elsewhere, close: async () => { await Promise.all([bad.close(), other.close()]) } }
}

async function listening(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => answer(request, response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A stdio server, by its first argument: `tells` shows its variable TOKEN everywhere, the others fail with it. */
export const tellingProcess = `
const { TOKEN = '' } = process.env
const all = () => JSON.stringify(process.env) + ' ' + TOKEN + ' ' + Buffer.from(TOKEN).toString('base64')
const out = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const [how, control] = process.argv.slice(2)
const ways = {
  dies: () => { process.stderr.write('x'.repeat(1990) + ' ' + control + ' TOKEN=' + TOKEN + '\\n' + all() + '\\n'); process.exitCode = 3 },
  throws: () => { throw new Error(all()) },
  babbles: () => { process.stdout.write(control + ' ' + all() + '\\n'); process.exitCode = 4 },
  overflows: () => { process.stdout.write(all().repeat(20000)); process.stdout.write(all().repeat(20000)) },
  hangs: () => { process.stderr.write(all()); process.stdin.resume() },
  refuses: () => process.stdin.setEncoding('utf8').on('data', (chunk) => chunk.trim().split('\\n').map(JSON.parse).forEach(({ id }) => {
    if (id !== undefined) out({ id, error: { code: -32000, message: control + all(), data: process.env } })
  })),
  tells: () => process.stdin.setEncoding('utf8').on('data', (chunk) => chunk.trim().split('\\n').map(JSON.parse).forEach(({ id, method, params }) => {
    process.stderr.write(method + ' ' + all() + '\\n')
    const text = { content: [{ type: 'text', text: control + ' ' + all() }], structuredContent: { ...process.env } }
    if (method === 'initialize') out({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: TOKEN, version: '1' }, instructions: all() } })
    if (method === 'tools/list') out({ id, result: { tools: ['env', 'error', 'exit'].map((name) => ({ name, description: control + all(), inputSchema: { type: 'object', default: TOKEN } })) } })
    if (method === 'tools/call' && params.name === 'env') out({ id, result: text })
    if (method === 'tools/call' && params.name === 'error') out({ id, error: { code: -32000, message: all(), data: process.env } })
    if (method === 'tools/call' && params.name === 'exit') { process.stderr.write(all()); process.exitCode = 5; process.stdin.destroy() }
  })),
}
ways[how]()`
