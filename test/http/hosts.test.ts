import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createHostCheck, isReadableType, type RequestHead } from '../../src/http/hosts.js'
import { rawRequest } from '../support/raw-http.js'
import { type RawAnswer, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let port: number
beforeAll(async () => {
  server = await startTestServer({}, { allowedHosts: ['catalog.example.com', 'pinned.example.com:8443'], allowedOrigins: ['https://pages.example.com'] })
  port = Number(new URL(server.url).port)
})
afterAll(() => server.close())

const lines = (given: string[]) => given.map((line) => line.replaceAll('PORT', String(port)))
const query = '{"query":"{ viewer { principal { id } } }"}'
const authorized = () => `Authorization: Bearer ${server.admin.token}`
const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==', 'Sec-WebSocket-Protocol: graphql-transport-ws']

describe('S8: a request with a foreign Host or Origin', () => {
  const own = 'Host: 127.0.0.1:PORT'

  it.each<[what: string, head: string[], field: 'host' | 'origin', target?: string]>([
    ['no Host', [], 'host'],
    ['an empty Host', ['Host:'], 'host'],
    ['a foreign Host', ['Host: evil.example'], 'host'],
    ['a foreign Host with our port', ['Host: evil.example:PORT'], 'host'],
    ['a Host that begins with ours', ['Host: 127.0.0.1.evil.example:PORT'], 'host'],
    ['a Host that ends with ours', ['Host: evil-localhost:PORT'], 'host'],
    ['a name below an allowed one', ['Host: evil.catalog.example.com'], 'host'],
    ['an allowed one with a dot at its end', ['Host: catalog.example.com.'], 'host'],
    ['another port than the allowed one', ['Host: pinned.example.com:8444'], 'host'],
    ['no port instead of the allowed one', ['Host: pinned.example.com'], 'host'],
    ['another address of the network', ['Host: 192.168.1.1:PORT'], 'host'],
    ['the address that means all', ['Host: 0.0.0.0:PORT'], 'host'],
    ['our address as one number', ['Host: 2130706433:PORT'], 'host'],
    ['our address in short', ['Host: 127.1:PORT'], 'host'],
    ['a user before our address', ['Host: evil.example@127.0.0.1:PORT'], 'host'],
    ['our address as a user', ['Host: 127.0.0.1:PORT@evil.example'], 'host'],
    ['a path behind our address', ['Host: 127.0.0.1:PORT/evil'], 'host'],
    ['a list with our address', ['Host: 127.0.0.1:PORT, evil.example'], 'host'],
    ['a port that is none', ['Host: 127.0.0.1:99999'], 'host'],
    ['two Hosts, ours first', [own, 'Host: evil.example'], 'host'],
    ['two Hosts, ours last', ['Host: evil.example', own], 'host'],
    ['a target with a foreign host of its own', [own], 'host', 'http://evil.example/graphql'],
    ['what proxies say', ['Host: evil.example', 'X-Forwarded-Host: 127.0.0.1:PORT', 'Forwarded: host=127.0.0.1'], 'host'],
    ['Origin null', [own, 'Origin: null'], 'origin'],
    ['an empty Origin', [own, 'Origin:'], 'origin'],
    ['a foreign Origin', [own, 'Origin: https://evil.example'], 'origin'],
    ['a foreign Origin that begins with ours', [own, 'Origin: http://127.0.0.1:PORT.evil.example'], 'origin'],
    ['our Origin as a user', [own, 'Origin: http://127.0.0.1:PORT@evil.example'], 'origin'],
    ['another program on our address', [own, 'Origin: http://127.0.0.1:1'], 'origin'],
    ['our address by another name', [own, 'Origin: http://localhost:PORT'], 'origin'],
    ['an Origin with a path', [own, 'Origin: http://127.0.0.1:PORT/'], 'origin'],
    ['two Origins', [own, 'Origin: http://127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT'], 'origin'],
    ['an extension of a browser', [own, 'Origin: chrome-extension://abcdef'], 'origin'],
    ['a file', [own, 'Origin: file://'], 'origin'],
    ['an allowed Host as a foreign Origin of another', [own, 'Origin: https://catalog.example.com'], 'origin'],
    ['an allowed Origin with another scheme', [own, 'Origin: http://pages.example.com'], 'origin'],
    ['an allowed Origin with a port', [own, 'Origin: https://pages.example.com:8443'], 'origin'],
    ['an image of another site', [own, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image'], 'origin'],
    ['a script of a neighbour', [own, 'Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script'], 'origin'],
    ['a frame of another site', [own, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe'], 'origin'],
  ])('%s gets 403 on every route, and at the upgrade', async (_what, head, field, target) => {
    const asked: Array<[first: string, more: string[], body?: string]> = [
      [`POST ${target ?? '/graphql'} HTTP/1.1`, [authorized(), 'Content-Type: application/json'], query],
      [`GET ${target ?? '/graphql?query={viewer{principal{id}}}'} HTTP/1.1`, [authorized()]],
      [`GET ${target ?? '/graphql'} HTTP/1.1`, ['Accept: text/html']],
      [`GET ${target ?? '/metrics'} HTTP/1.1`, [authorized()]],
      [`GET ${target ?? '/graphql'} HTTP/1.1`, upgrade],
    ]
    for (const [first, more, body] of asked) {
      const answer = await rawRequest(port, [first, ...lines(head), ...more], body)
      expect(answer.status).toBe(403)
      expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', field, mend: expect.any(String) as string } }] })
    }
  })

  it.each<[what: string, head: string[]]>([
    ['our address', [own]], ['our address without a port', ['Host: 127.0.0.1']], ['another port, as through a tunnel', ['Host: localhost:8080']],
    ['loopback of IPv6', ['Host: [::1]:PORT']], ['capitals', ['Host: LOCALHOST:PORT']],
    ['an allowed name', ['Host: catalog.example.com']], ['an allowed name, any port', ['Host: catalog.example.com:8443']], ['an allowed name with its port', ['Host: pinned.example.com:8443']],
    ['our Origin', [own, 'Origin: http://127.0.0.1:PORT']], ['our Origin behind TLS', ['Host: catalog.example.com', 'Origin: https://catalog.example.com']],
    ['our Origin with the port of its scheme', ['Host: catalog.example.com:443', 'Origin: https://catalog.example.com']],
    ['an allowed Origin', [own, 'Origin: https://pages.example.com']], ['our own page', [own, 'Sec-Fetch-Site: same-origin']],
    ['an address that somebody typed', [own, 'Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate']],
  ])('is told from %s', async (_what, head) => {
    const answer = await rawRequest(port, ['POST /graphql HTTP/1.1', ...lines(head), authorized(), 'Content-Type: application/json'], query)
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { data: { viewer: { principal: { id: server.admin.id } } } }])
    const headers = Object.fromEntries(lines(head).map((line) => line.split(': ') as [string, string]))
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws', { headers })
    await once(socket, 'open')
    socket.close()
    await once(socket, 'close')
  })

  it('does not stop a link to the page of GraphiQL, nor a balancer that asks for health', async () => {
    const link = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', 'Accept: text/html']
    expect((await rawRequest(port, ['GET /graphql HTTP/1.1', ...lines([own]), ...link])).status).toBe(200)
    expect((await rawRequest(port, ['GET /health/ready HTTP/1.1', 'Host: 10.0.0.7', 'Origin: null'])).body).toContain('{"status":"ok"}')
  })

  it('is counted by its kind', async () => {
    const text = await (await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })).text()
    for (const type of ['host', 'origin']) expect(Number(new RegExp(`^pilothouse_refused_total\\{type="${type}"\\} (\\d+)$`, 'm').exec(text)?.[1])).toBeGreaterThan(50)
  })
})

describe('S8: what a page can send anywhere without being asked is not executed', () => {
  it.each([
    'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', 'text/plain;charset=UTF-8', 'text/plain; application/json', 'TEXT/PLAIN', '',
    'application/jsonp', 'application/json,text/plain', 'text/json',
  ])('a body of %j', async (type) => {
    expect(isReadableType(type)).toBe(false)
    const body = 'query=mutation{createTeam(slug:"forged",displayName:"x"){id}}'
    const head = ['POST /graphql HTTP/1.1', `Host: 127.0.0.1:${port}`, `Content-Type: ${type}`]
    const answer = await rawRequest(port, [...head, authorized()], type.includes('form-url') ? body : '{"query":"mutation{createTeam(slug:\\"forged\\",displayName:\\"x\\"){id}}"}')
    expect(answer.status).toBe(415)
    expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT', field: 'content-type', mend: 'Send application/json.' } }] })
    expect((await rawRequest(port, head, body)).status).toBe(401)
    expect((await server.admin.raw('{ teams { slug } }')).data).toEqual({ teams: [] })
  })

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/json ; x=y', 'application/graphql+json'])('while %j is read', (type) => {
    expect(isReadableType(type)).toBe(true)
  })

  it('no change comes with a GET, and no other origin is ever let ask for more', async () => {
    const forged = await rawRequest(port, ['GET /graphql?query=mutation{createTeam(slug:"forged",displayName:"x"){id}} HTTP/1.1', `Host: 127.0.0.1:${port}`, authorized()])
    expect(forged.status).toBe(405)
    const preflight = await rawRequest(port, ['OPTIONS /graphql HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Origin: https://pages.example.com', 'Access-Control-Request-Method: POST'])
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    const answer = await rawRequest(port, ['POST /graphql HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Cookie: token=x; authorization=Bearer x', 'Content-Type: application/json'], query)
    expect((JSON.parse(answer.body) as RawAnswer).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
  })
})

describe('the address at which a connection comes in', () => {
  const strangerOf = createHostCheck({ host: '0.0.0.0', allowedHosts: [], allowedOrigins: [] })
  const ask = (host: string, localAddress?: string): RequestHead => ({ url: '/graphql', method: 'POST', headers: { host }, rawHeaders: ['Host', host], socket: { localAddress } })

  it.each([
    ['10.1.2.3:4000', '10.1.2.3'], ['10.1.2.3', '::ffff:10.1.2.3'], ['[2001:db8::1]:4000', '2001:db8::1'], ['[2001:DB8:0:0::1]', '2001:db8::1'],
  ])('%s may be used as Host at %s', (host, localAddress) => expect(strangerOf(ask(host, localAddress))).toBeNull())

  it.each([
    ['10.1.2.4:4000', '10.1.2.3'], ['evil.example', '10.1.2.3'], ['10.1.2.3', undefined], ['[2001:db8::2]', '2001:db8::1'], ['[::ffff:a01:203].evil.example', '10.1.2.3'],
    ['1e10', '10.1.2.3'], ['[10.1.2.3]', '10.1.2.3'], ['010.1.2.3', '10.1.2.3'],
  ])('%s may not, at %s', (host, localAddress) => expect(strangerOf(ask(host, localAddress))).toBe('host'))
})
