import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { ListPromptsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, describe, expect, it } from 'vitest'
import { type RemoteTransport } from '../../src/core/mcp-server.js'
import { completePolicy } from '../../src/core/policy-document.js'
import { systemClock } from '../../src/worker/clock.js'
import { createConnector } from '../../src/worker/connector.js'
import { LeaseError } from '../../src/worker/errors.js'
import { type LaunchGuard } from '../../src/worker/launch-guard.js'
import { createLaunchers } from '../../src/worker/launchers.js'
import { startTestMcpServer, text } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

/** A plain HTTP server, and what each request carried. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers['x-key'] as string | undefined ?? 'nothing'}`)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, seen }
}

const policy = completePolicy({ urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } })
const guard: LaunchGuard = { check: () => {}, policies: () => [policy], launchers: createLaunchers('') }

/** Connects with a header that is leased, `value` by now. */
function connecting(kind: RemoteTransport['kind'], url: string) {
  const secret = { value: 'first-value', leases: 0, refusal: null as LeaseError | null }
  const lease = async () => {
    secret.leases += 1
    if (secret.refusal !== null) throw secret.refusal
    return { revision: 1, secretVersion: secret.leases, values: new Map([['secret:A', secret.value]]), untilMs: Infinity }
  }
  const transport = { kind, url, headers: [{ name: 'X-Key', value: '${secret:A}' }] }
  const connected = createConnector({ clock: systemClock }).connect({ transport, tools: { include: ['*'], exclude: [] }, timeoutMs: null, guard, secrets: { lease } }, {}, new AbortController().signal)
    .then((upstream) => {
      cleanups.push(upstream.close)
      return upstream
    })
  connected.catch(() => {})
  return { secret, connected }
}

describe('S14, S24: a leased header', () => {
  it('goes with the stream and with the messages of SSE, as it is at the moment', async () => {
    let stream: ServerResponse | null = null
    const server = await serve((request, response) => {
      if (request.method === 'GET') {
        stream = response
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: /messages\n\n')
        return
      }
      let body = ''
      request.setEncoding('utf8').on('data', (chunk: string) => { body += chunk }).on('end', () => {
        response.writeHead(202).end()
        const { id, method, params } = JSON.parse(body) as { id?: number; method: string; params: { protocolVersion: string } }
        const result = method === 'initialize' ? { protocolVersion: params.protocolVersion, capabilities: { prompts: {} }, serverInfo: { name: 'x', version: '1' } } : { prompts: [{ name: 'p' }] }
        if (id !== undefined) stream?.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`)
      })
    })
    const { connected, secret } = connecting('SSE', server.url)
    const upstream = await connected
    secret.value = 'second-value'
    await upstream.renewSecrets?.()
    expect(await upstream.offers('PROMPTS')).toHaveLength(1)
    expect([...new Set(server.seen)]).toEqual(['GET first-value', 'POST first-value', 'POST second-value'])
  })

  it('does not follow a redirect to another origin', async () => {
    const elsewhere = await serve((_, response) => response.writeHead(404).end())
    const server = await serve((_, response) => response.writeHead(307, { location: elsewhere.url }).end())
    await expect(connecting('HTTP', server.url).connected).rejects.toThrow()
    expect([server.seen, elsewhere.seen]).toEqual([['POST first-value'], []])
  })

  it('is asked for anew when a lost connection is made again, and a no is told and ends it', async () => {
    const server = await startTestMcpServer([{ name: 'a' }])
    const { connected, secret } = connecting('HTTP', server.url)
    const upstream = await connected
    const denials: string[] = []
    upstream.onDenied?.(({ message }) => denials.push(message))
    await server.close()
    await expect(upstream.callTool('a', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const again = await startTestMcpServer([{ name: 'a' }], { port: server.port })
    cleanups.push(again.close)
    expect(await upstream.callTool('a', {})).toEqual(text('a'))
    expect(secret.leases).toBeGreaterThan(1)
    await again.close()
    cleanups.pop()
    secret.refusal = new LeaseError('DENIED', 'not any more')
    // The first finds the connection lost, the second makes it again.
    for (let call = 0; call < 2; call += 1) await expect(upstream.callTool('a', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(denials[0]).toBe('not any more')
  })

  it('is not in what a server says instead of a list', async () => {
    const server = await startTestMcpServer([{ name: 'a' }], {
      capabilities: { prompts: {} },
      register: (mcp) => mcp.setRequestHandler(ListPromptsRequestSchema, (_, { requestInfo }) => { throw new Error(`no: ${String(requestInfo?.headers['x-key'])}`) }),
    })
    cleanups.push(server.close)
    const upstream = await connecting('HTTP', server.url).connected
    await expect(upstream.offers('PROMPTS')).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('no: [redacted]') as string })
  })

  it('is not in any request once it was denied, the farewell neither', async () => {
    const server = await startTestMcpServer([{ name: 'a' }])
    cleanups.push(server.close)
    const upstream = await connecting('HTTP', server.url).connected
    const asked = server.requests.length
    upstream.forgetSecrets?.()
    await expect(upstream.callTool('a', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await upstream.close()
    expect(server.requests.slice(asked).filter((headers) => headers['x-key'] !== undefined)).toEqual([])
  })
})
