import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type RemoteTransport } from '../../src/core/mcp-server.js'
import { completePolicy } from '../../src/core/policy-document.js'
import { systemClock } from '../../src/worker/clock.js'
import { createConnector, type Upstream } from '../../src/worker/connector.js'
import { type LaunchGuard } from '../../src/worker/launch-guard.js'
import { createLaunchers } from '../../src/worker/launchers.js'
import { startEverything, startTestMcpServer, text } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

function closing<Thing extends { close: () => Promise<unknown> }>(thing: Thing): Thing {
  cleanups.push(() => thing.close())
  return thing
}

/** A plain HTTP server that counts what reaches it, and how many connections it has. */
async function serve(answer: RequestListener) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => { requests.push(request); answer(request, response) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing({ close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const loopback = completePolicy({ urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } })
const guard: LaunchGuard = { check: () => {}, policies: () => [loopback], launchers: createLaunchers('') }

async function connect(kind: RemoteTransport['kind'], url: string, held: LaunchGuard | undefined = guard): Promise<Upstream> {
  const transport = { kind, url, headers: [{ name: 'Authorization', value: 'Bearer canary-token' }] }
  const target = { transport, tools: { include: ['*'], exclude: [] }, timeoutMs: null, guard: held }
  return closing(await createConnector({ clock: systemClock, connectTimeoutMs: 10_000 }).connect(target, {}, new AbortController().signal))
}

describe('a catalog server behind the guard', () => {
  it('works over Streamable HTTP, is told good-bye, and has no connection left', async () => {
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    const upstream = await connect('HTTP', server.url)
    expect(await upstream.callTool('a', {})).toEqual(text('a'))
    const changed = new Promise<void>((resolve) => upstream.onToolsChanged(resolve))
    await server.setTools([{ name: 'b' }])
    await changed
    expect(upstream.tools().map(({ name }) => name)).toEqual(['b'])
    expect(server.requests.every(({ authorization }) => authorization === 'Bearer canary-token')).toBe(true)
    await upstream.close()
    expect(server.sessions()).toBe(0)
  })

  it('works over SSE', async () => {
    const { url } = closing(await startEverything('sse'))
    const upstream = await connect('SSE', url)
    expect(await upstream.callTool('echo', { message: 'hi' })).toMatchObject({ content: [{ text: 'Echo: hi' }] })
  })

  it('is not connected to when it is refused by then; a static one is none of the policy\'s business', async () => {
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    await expect(connect('HTTP', server.url, { ...guard, check: () => { throw new Error('denied by now') } })).rejects.toThrow('denied by now')
    await expect(connect('HTTP', server.url, { ...guard, policies: () => [completePolicy({})] })).rejects.toThrow('urls.insecureHttp')
    await expect(connect('SSE', server.url, { ...guard, policies: () => [completePolicy({ urls: { insecureHttp: ['127.0.0.1'] } })] })).rejects.toThrow('urls.privateNetworks')
    expect(server.requests).toEqual([])
    const { tools } = await createConnector({ clock: systemClock }).connect({ transport: { kind: 'HTTP', url: server.url, headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null }, {}, new AbortController().signal).then(closing)
    expect(tools()).toHaveLength(1)
  })
})

describe('S9: a redirect', () => {
  it('within the origin is followed, and the policy is asked at each hop', async () => {
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    const moved = await serve((request, response) => response.writeHead(307, { location: request.url === '/old' ? '/new' : server.url }).end())
    let asked = 0
    await expect(connect('HTTP', `${moved.url}/old`, { ...guard, policies: () => { asked += 1; return [loopback] } })).rejects.toThrow()
    expect(moved.requests.map(({ url }) => url)).toEqual(['/old', '/new'])
    expect(asked).toBeGreaterThanOrEqual(2)
    // The second hop leaves the origin: nobody goes there, and no header does.
    expect(server.requests).toEqual([])
  })

  it.each(['HTTP', 'SSE'] as const)('to another origin is not followed over %s', async (kind) => {
    const secret = await serve((_, response) => response.end('inner'))
    const evil = await serve((_, response) => response.writeHead(302, { location: `${secret.url}/latest/meta-data` }).end())
    await expect(connect(kind, `${evil.url}/mcp`)).rejects.toThrow()
    expect([evil.requests.length > 0, secret.requests]).toEqual([true, []])
  })
})

describe('S6: addresses that a server names', () => {
  it.each([
    'file:///etc/passwd', 'javascript:alert(1)', 'http://169.254.169.254/latest', 'http://127.0.0.1:1/\\nHost: evil', 'OTHER/.well-known/oauth-protected-resource', 'https://evil.example.com/',
  ])('as its metadata are not opened: %s', async (named) => {
    const other = await serve((_, response) => response.end('{}'))
    const evil = await serve((_, response) => response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${named.replace('OTHER', other.url)}", scope="all"` }).end())
    await expect(connect('HTTP', `${evil.url}/mcp`)).rejects.toThrow()
    expect([other.requests, evil.requests.map(({ url }) => url)]).toEqual([[], ['/mcp']])
  })

  it.each(['OTHER/messages', 'file:///etc/passwd', 'javascript:alert(1)', 'http://169.254.169.254/x', '//127.0.0.2/x'])('as its endpoint over SSE are not opened: %s', async (named) => {
    const other = await serve((_, response) => response.end())
    const evil = await serve((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`event: endpoint\ndata: ${named.replace('OTHER', other.url)}\n\n`))
    await expect(connect('SSE', `${evil.url}/sse`)).rejects.toThrow(/origin/i)
    expect([other.requests, evil.requests.map(({ url }) => url)]).toEqual([[], ['/sse']])
  })
})
