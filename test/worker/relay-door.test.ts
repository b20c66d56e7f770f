import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SessionRelay } from '../../src/worker/adapter.js'
import { createRelay } from '../../src/worker/relay.js'
import { segmentOf } from '../../src/worker/relay-door.js'
import { maxBodyBytes } from '../../src/worker/relay-http.js'
import { maxClientsPerSession } from '../../src/worker/relay-session.js'
import { serverItem, upstreamOf } from '../suites/adapter-conformance.js'
import { connectMcpClient } from '../support/mcp-client.js'
import { rawRequest } from '../support/raw-http.js'

let relay: SessionRelay
let other: SessionRelay
let port: number
let path: string
beforeEach(async () => {
  const all = createRelay()
  ;[relay, other] = await Promise.all([all.open(), all.open()])
  relay.load(serverItem('a', { upstream: upstreamOf('x') }))
  port = Number(new URL(relay.url).port)
  path = new URL(relay.url).pathname
})
afterEach(() => Promise.all([relay.close(), other.close()]))

const accept = ['Accept: application/json, text/event-stream', 'Content-Type: application/json']
const initialize = (protocolVersion = '2025-11-25') => JSON.stringify({
  jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion, capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
})
const post = (lines: string[], body: string, to = path) => rawRequest(port, [`POST ${to} HTTP/1.1`, ...accept, ...lines], body)
const own = () => `Host: 127.0.0.1:${port}`
const messageOf = (body: string) => JSON.parse(/^data: (.*)$/m.exec(body)![1]!) as { result: Record<string, unknown>; error?: { code: number } }

describe('S8: a request with a foreign Host or Origin', () => {
  it.each([
    ['no Host', []],
    ['a foreign name', ['Host: evil.example']],
    ['a foreign name with our port', ['Host: evil.example:PORT']],
    ['another name for loopback', ['Host: localhost:PORT']],
    ['another address of loopback', ['Host: 127.0.0.2:PORT']],
    ['loopback in six', ['Host: [::1]:PORT']],
    ['our address in decimal', ['Host: 2130706433:PORT']],
    ['our address and no port', ['Host: 127.0.0.1']],
    ['another port', ['Host: 127.0.0.1:1']],
    ['a longer port', ['Host: 127.0.0.1:PORT0']],
    ['a trailing dot', ['Host: 127.0.0.1.:PORT']],
    ['our name as somebody\'s part', ['Host: 127.0.0.1:PORT.evil.example']],
    ['a user in front', ['Host: evil.example@127.0.0.1:PORT']],
    ['two Hosts, ours first', ['Host: 127.0.0.1:PORT', 'Host: evil.example']],
    ['two Hosts, ours last', ['Host: evil.example', 'Host: 127.0.0.1:PORT']],
    ['Origin null', ['Host: 127.0.0.1:PORT', 'Origin: null']],
    ['an empty Origin', ['Host: 127.0.0.1:PORT', 'Origin:']],
    ['a foreign Origin', ['Host: 127.0.0.1:PORT', 'Origin: https://evil.example']],
    ['a foreign Origin that holds ours', ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT.evil.example']],
    ['an Origin of another port', ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:1']],
    ['an Origin of another scheme', ['Host: 127.0.0.1:PORT', 'Origin: https://127.0.0.1:PORT']],
    ['an Origin by another name', ['Host: 127.0.0.1:PORT', 'Origin: http://localhost:PORT']],
    ['an Origin with a path', ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT/']],
    ['two Origins', ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT']],
  ])('is refused: %s', async (_, given) => {
    const lines = given.map((line) => line.replaceAll('PORT', String(port)))
    for (const first of [`POST ${path} HTTP/1.1`, `GET ${path} HTTP/1.1`, `OPTIONS ${path} HTTP/1.1`, 'GET /nothing HTTP/1.1']) {
      expect(await rawRequest(port, [first, ...accept, ...lines], first.startsWith('POST') ? initialize() : '')).toMatchObject({ status: 403, body: '' })
    }
  })

  it('is refused in the request target too', async () => {
    for (const target of [`http://evil.example${path}`, `//evil.example${path}`]) expect((await post([own()], initialize(), target)).status).toBe(403)
  })

  it('is refused when it asks for a WebSocket; and nobody gets one', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']
    expect((await rawRequest(port, [`GET ${path} HTTP/1.1`, 'Host: evil.example', ...upgrade])).status).toBe(403)
    expect((await rawRequest(port, [`GET ${path} HTTP/1.1`, own(), 'Origin: null', ...upgrade])).status).toBe(403)
    expect((await rawRequest(port, [`GET ${path} HTTP/1.1`, own(), ...upgrade])).status).toBe(400)
  })

  it('is told from our own, with our Origin and without', async () => {
    expect((await post([own()], initialize())).status).toBe(200)
    expect((await post([own(), `Origin: http://127.0.0.1:${port}`], initialize())).status).toBe(200)
  })
})

describe('a path', () => {
  it('that leads nowhere tells nothing, whatever is asked of it', async () => {
    const secret = path.slice(1)
    const nowhere = [
      '/', '/favicon.ico', '/mcp', `/${'A'.repeat(43)}`, `/${secret.slice(0, -1)}`, `${path}A`, path.toUpperCase(), `${path}?a=1`, `${path}/`, `${path}/b`,
      `${path}/A`, `${path}/a/`, `${path}/a/a`, `${path}/..`, `/./${secret}`, `/%2e/${secret}`, `/x/${secret}`, `${new URL(other.url).pathname}/a`,
    ]
    const answers = await Promise.all(nowhere.flatMap((target) => ['POST', 'GET', 'DELETE', 'OPTIONS', 'PUT'].map(async (method) => {
      const { status, headers: { date: _, ...headers }, body } = await rawRequest(port, [`${method} ${target} HTTP/1.1`, ...accept, own()], method === 'POST' ? initialize() : '')
      return JSON.stringify({ target: status === 404 ? '' : target, headers, body })
    })))
    expect([...new Set(answers)]).toEqual([JSON.stringify({ target: '', headers: { 'content-length': '0', connection: 'close' }, body: '' })])
  })

  it('that leads to a session allows three methods', async () => {
    expect(await rawRequest(port, [`PUT ${path} HTTP/1.1`, own()])).toMatchObject({ status: 405, headers: { allow: 'GET, POST, DELETE' } })
  })

  it('holds a secret that differs each time, long enough not to be found', () => {
    const [mine, theirs] = [relay, other].map(({ url }) => new URL(url).pathname.slice(1))
    expect(Buffer.from(mine!, 'base64url')).toHaveLength(32)
    expect(mine).not.toBe(theirs)
  })

  it.each([['a', 'a'], ['My.Tools', 'My.Tools'], ['a/b', 'a%2Fb'], ['..', '~..'], ['.', '~.'], ['~..', '%7E..'], ['ä?#', '%C3%A4%3F%23'], ['\ud800', '%EF%BF%BD'], ['', '']])(
    'of the server %j is reached by every client', async (name, segment) => {
      expect(segmentOf(name)).toBe(segment)
      relay.load(serverItem(name, { upstream: upstreamOf('own') }))
      expect(new URL(relay.urlOf(name)).pathname).toBe(`${path}/${segment}`)
      const { tools, close } = await connectMcpClient(relay.urlOf(name))
      expect(await tools()).toEqual(['own'])
      await close()
    },
  )
})

describe('a stream for notifications', () => {
  it('brings at once what changed before it was opened, and everything anew after one that broke', async () => {
    const opened = await post([own()], initialize())
    const session = { accept: 'text/event-stream', 'mcp-session-id': opened.headers['mcp-session-id'] }
    /** The first `list_changed` of each kind that a new stream brings, then the stream is broken off. */
    const changesOf = async () => {
      const asking = request({ host: '127.0.0.1', port, path, headers: session }).on('error', () => {}).end()
      const [response] = await once(asking, 'response') as [IncomingMessage]
      let said = ''
      for await (const chunk of response.setEncoding('utf8')) {
        said += String(chunk)
        if (said.split('list_changed').length > 3) break
      }
      asking.destroy()
      return [...said.matchAll(/notifications\/(\w+)\/list_changed/g)].map(([, kind]) => kind).sort()
    }
    relay.load(serverItem('b', { upstream: upstreamOf('y') }))
    for (let times = 0; times < 2; times += 1) {
      let kinds: Array<string | undefined> = []
      // The other side may not have noticed yet that the last stream is gone.
      while (kinds.length === 0) kinds = await changesOf()
      expect(kinds).toEqual(['prompts', 'resources', 'tools'])
    }
  })
})

describe('what is sent', () => {
  it.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('in revision %s of the protocol is answered in it', async (protocolVersion) => {
    const opened = await post([own()], initialize(protocolVersion))
    expect(messageOf(opened.body).result).toMatchObject({ protocolVersion, serverInfo: { name: 'pilothouse' } })
    const session = [own(), `Mcp-Session-Id: ${opened.headers['mcp-session-id']}`, ...(protocolVersion > '2025-06' ? [`Mcp-Protocol-Version: ${protocolVersion}`] : [])]
    expect((await post(session, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))).status).toBe(202)
    const called = await post(session, JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'a-x', arguments: {} } }))
    expect(messageOf(called.body).result).toEqual({ content: [{ type: 'text', text: 'x' }] })
    expect((await rawRequest(port, [`DELETE ${path} HTTP/1.1`, ...session])).status).toBe(200)
    expect((await post(session, JSON.stringify({ jsonrpc: '2.0', id: 3, method: 'tools/list' }))).status).toBe(404)
  })

  it('in an unknown revision is answered in the newest', async () => {
    expect(messageOf((await post([own()], initialize('2099-01-01'))).body).result).toMatchObject({ protocolVersion: '2025-11-25' })
  })

  it.each([
    ['nothing', '', 400], ['no JSON', '{', 400], ['no beginning', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), 400],
    ['a beginning among others', `[${initialize()},${initialize()}]`, 400], ['null', 'null', 400], ['a beginning without its parts', '{"method":"initialize"}', 400],
  ])('that is %s opens nothing', async (_, body, status) => expect((await post([own()], body)).status).toBe(status))

  it('with the id of a client of another endpoint finds nothing', async () => {
    const opened = await post([own()], initialize())
    const id = `Mcp-Session-Id: ${opened.headers['mcp-session-id']}`
    const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    expect((await post([own(), id], list)).status).toBe(200)
    for (const elsewhere of [`${path}/a`, new URL(other.url).pathname]) expect((await post([own(), id], list, elsewhere)).status).toBe(404)
    expect((await post([own(), 'Mcp-Session-Id: undefined'], list)).status).toBe(404)
  })

  it('is refused when it is too large, before it is read', async () => {
    const headers = { 'content-length': maxBodyBytes + 1, 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const asking = request({ host: '127.0.0.1', port, path, method: 'POST', headers }).on('error', () => {})
    asking.flushHeaders()
    const [response] = await once(asking, 'response') as [{ statusCode: number }]
    expect(response.statusCode).toBe(413)
    asking.destroy()
  })

  it('by more clients than fit ends those that were silent for longest', async () => {
    const ids: string[] = []
    for (let count = 0; count <= maxClientsPerSession; count += 1) ids.push((await post([own()], initialize())).headers['mcp-session-id']!)
    const list = (id: string) => post([own(), `Mcp-Session-Id: ${id}`], JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }))
    expect((await list(ids[0]!)).status).toBe(404)
    expect((await list(ids[1]!)).status).toBe(200)
  })

  it('by more clients than fit, all of them busy, is refused', async () => {
    const clients = await Promise.all(Array.from({ length: maxClientsPerSession }, () => connectMcpClient(relay.url)))
    const heard = clients.map(({ next }) => next())
    relay.load(serverItem('b', { order: 1, upstream: upstreamOf('y') }))
    // Whoever has heard of it has its stream open.
    await Promise.all(heard)
    expect((await post([own()], initialize())).status).toBe(503)
    await clients[0]!.close()
    await Promise.all(clients.map(({ close }) => close()))
  })
})
