import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { completePolicy, type PolicyDocument } from '../../src/core/policy-document.js'
import { createGuardedFetch, type GuardedFetchOptions, type Lookup } from '../../src/worker/guarded-fetch.js'
import { testCertificate } from '../support/test-certificate.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

interface Answering { port: number; requests: IncomingMessage[] }

async function serve(answer: RequestListener = (_, response) => response.end('here'), tls = false): Promise<Answering> {
  const requests: IncomingMessage[] = []
  const listener: RequestListener = (request, response) => { requests.push(request); answer(request, response) }
  const server = (tls ? createTlsServer(testCertificate, listener) : createServer(listener)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }))
  return { port: (server.address() as AddressInfo).port, requests }
}

/** A resolver that answers in turn, the last answer for ever, and remembers what it was asked. */
function resolver(...answers: string[][]): Lookup & { asked: string[] } {
  const asked: string[] = []
  return Object.assign(async (hostname: string) => {
    asked.push(hostname)
    return answers[Math.min(asked.length, answers.length) - 1]!
  }, { asked })
}

const onLoopback: PolicyDocument['urls'] = { insecureHttp: ['mcp.example.com', '127.0.0.1', '[::1]', '[::ffff:7f00:1]'], privateNetworks: ['127.0.0.0/8'] }

function guarded(url: string, options: Partial<GuardedFetchOptions> & { urls?: PolicyDocument['urls'] } = {}) {
  const { urls = onLoopback, ...rest } = options
  const { fetch, close } = createGuardedFetch({ url, policies: () => [completePolicy({ urls })], ...rest })
  cleanups.push(close)
  return fetch
}

const textOf = async (answer: Promise<Response>) => (await answer).text()

describe('S9: a connection', () => {
  it('goes to an address that was judged, with the name as Host, and the name is resolved once for it', async () => {
    const { port, requests } = await serve()
    const lookup = resolver(['127.0.0.1'], ['10.0.0.1'])
    const fetch = guarded(`http://mcp.example.com:${port}/mcp`, { lookup })
    expect(await textOf(fetch(`http://mcp.example.com:${port}/mcp`, { headers: new Headers({ 'x-key': 'v' }), method: 'POST', body: '{}' }))).toBe('here')
    expect([requests[0]?.headers.host, requests[0]?.headers['x-key'], lookup.asked]).toEqual([`mcp.example.com:${port}`, 'v', ['mcp.example.com']])
  })

  it.each<[string, string[]]>([
    ['a private one', ['10.0.0.1']], ['loopback that is not listed', ['::1']], ['a private one behind a public one', ['8.8.8.8', '10.0.0.1']],
    ['a private one before a listed one', ['192.168.0.1', '127.0.0.1']], ['an IPv4 one in IPv6', ['::ffff:10.0.0.1']], ['a translated one', ['64:ff9b::a00:1']],
    ['this host', ['0.0.0.0']], ['metadata', ['169.254.169.254']], ['no address', ['mcp.example.com']], ['none', []],
  ])('is not made when a name leads to %s', async (_, addresses) => {
    const { port, requests } = await serve()
    await expect(guarded(`http://mcp.example.com:${port}/`, { lookup: resolver(addresses) })(`http://mcp.example.com:${port}/`)).rejects.toThrow(/^mcp\.example\.com leads to /)
    expect(requests).toEqual([])
  })

  it.each([
    'http://127.0.0.1:PORT/', 'http://[::ffff:127.0.0.1]:PORT/', 'http://0x7f000001:PORT/', 'http://2130706433:PORT/', 'http://0177.0.0.1:PORT/', 'http://localhost:PORT/',
  ])('is not made to %s, which nobody looks up, unless it is listed', async (form) => {
    const { port, requests } = await serve()
    const url = form.replace('PORT', String(port))
    await expect(guarded(url, { urls: { ...onLoopback, privateNetworks: [] } })(url)).rejects.toThrow(/urls\.(privateNetworks|insecureHttp)|another form/)
    expect(requests).toEqual([])
  })

  it('S19: that stands ends with the next request, once its network is listed no more', async () => {
    const { port, requests } = await serve((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n'))
    const url = `http://mcp.example.com:${port}/`
    let privateNetworks = ['127.0.0.0/8']
    const fetch = guarded(url, { policies: () => [completePolicy({ urls: { ...onLoopback, privateNetworks } })], lookup: resolver(['127.0.0.1']) })
    const stream = (await fetch(url)).text().catch(() => 'ended')
    await fetch(url)
    expect(requests).toHaveLength(2)
    privateNetworks = []
    await expect(fetch(url)).rejects.toThrow('mcp.example.com leads to 127.0.0.1, which is not a public address (loopback).')
    expect([await stream, requests.length]).toEqual(['ended', 2])
  })

  it('is judged anew for each one, by the policy of the moment', async () => {
    const { port, requests } = await serve((_, response) => response.writeHead(200, { connection: 'close' }).end('here'))
    const url = `http://mcp.example.com:${port}/`
    let privateNetworks = ['127.0.0.0/8']
    const policies = () => [completePolicy({ urls: { ...onLoopback, privateNetworks } })]
    const rebound = guarded(url, { policies, lookup: resolver(['127.0.0.1'], ['127.0.0.1', '10.0.0.1']) })
    expect(await textOf(rebound(url))).toBe('here')
    await expect(rebound(url)).rejects.toThrow('mcp.example.com leads to 10.0.0.1, which is not a public address (private).')
    const tightened = guarded(url, { policies, lookup: resolver(['127.0.0.1']) })
    expect(await textOf(tightened(url))).toBe('here')
    privateNetworks = []
    await expect(tightened(url)).rejects.toThrow('leads to 127.0.0.1, which is not a public address (loopback).')
    expect(requests).toHaveLength(2)
  })

  it('is made only where every policy allows it: of a team that lists less no name leads further (S9)', async () => {
    const { port, requests } = await serve()
    const url = `http://mcp.example.com:${port}/`
    const both = (narrower: PolicyDocument['urls']) => [onLoopback, { ...onLoopback, ...narrower }].map((urls) => completePolicy({ urls }))
    for (const [policies, reason] of [[both({ privateNetworks: [] }), 'leads to 127.0.0.1'], [both({ privateNetworks: [] }).reverse(), 'leads to 127.0.0.1'], [both({ insecureHttp: [] }), 'urls.insecureHttp']] as const) {
      await expect(guarded(url, { policies: () => policies, lookup: resolver(['127.0.0.1']) })(url)).rejects.toThrow(reason)
    }
    expect(requests).toEqual([])
    expect(await textOf(guarded(url, { policies: () => both({ privateNetworks: ['127.0.0.1'] }), lookup: resolver(['127.0.0.1']) })(url))).toBe('here')
  })

  it('asks the system for a name when nobody else is given', async () => {
    const { port } = await serve()
    const url = `http://localhost:${port}/`
    expect(await textOf(guarded(url, { urls: { insecureHttp: ['localhost'], privateNetworks: ['localhost'] } })(url))).toBe('here')
    await expect(guarded(url, { urls: { insecureHttp: ['localhost'], privateNetworks: ['10.0.0.0/8'] } })(url)).rejects.toThrow('urls.privateNetworks')
  })

  it('says nothing of path and query when it is refused', async () => {
    const url = 'https://mcp.example.com/canary-path?key=canary-query'
    const refusal = await guarded(url, { lookup: resolver(['10.0.0.1']) })(url).catch(String)
    expect(refusal).toContain('10.0.0.1')
    expect(refusal).not.toContain('canary')
  })

  it('that fails keeps its reason', async () => {
    const { port } = await serve()
    const fetch = guarded(`http://127.0.0.2:${port}/`, { urls: { insecureHttp: ['127.0.0.2'], privateNetworks: ['127.0.0.2'] } })
    await expect(fetch(`http://127.0.0.2:${port}/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    const lost = guarded('https://mcp.example.com/', { lookup: () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })) })
    await expect(lost('https://mcp.example.com/')).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } })
  })
})

describe('S9: TLS', () => {
  const connection = { ca: testCertificate.cert }

  it('checks the name, though the address is pinned', async () => {
    const { port } = await serve(undefined, true)
    const lookup = resolver(['127.0.0.1'])
    expect(await textOf(guarded(`https://mcp.example.com:${port}/`, { lookup, connection })(`https://mcp.example.com:${port}/`))).toBe('here')
    await expect(guarded(`https://other.example.com:${port}/`, { lookup, connection })(`https://other.example.com:${port}/`))
      .rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    await expect(guarded(`https://mcp.example.com:${port}/`, { lookup })(`https://mcp.example.com:${port}/`)).rejects.toMatchObject({ cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
  })
})

describe('S9: redirects', () => {
  it('are left to the SDK, even when a caller asks to follow', async () => {
    const { port, requests } = await serve((_, response) => response.writeHead(307, { location: '/there' }).end())
    const url = `http://127.0.0.1:${port}/`
    expect((await guarded(url)(url, { redirect: 'follow' })).status).toBe(307)
    expect(requests).toHaveLength(1)
  })

  it.each([
    'http://OTHER/there', 'https://127.0.0.1:PORT/there', 'http://localhost:PORT/there', 'http://127.0.0.2:PORT/there', 'http://[::ffff:127.0.0.1]:PORT/there', 'http://127.0.0.1/there',
    'http://169.254.169.254/latest', 'file:///etc/passwd', 'javascript:alert(1)', 'data:text/plain,x', 'ftp://127.0.0.1/', 'blob:http://127.0.0.1:PORT/x', 'http://mcp.example.com.:PORT/there',
  ])('S6: nothing is sent to %s, whoever names it', async (form) => {
    const [own, other] = [await serve(), await serve()]
    const place = form.replace('PORT', String(own.port)).replace('OTHER', `127.0.0.1:${other.port}`)
    await expect(guarded(`http://127.0.0.1:${own.port}/`)(place)).rejects.toThrow(/another place .* never followed/)
    expect([own.requests, other.requests]).toEqual([[], []])
  })

  it('S6: within the origin no user name comes in', async () => {
    const { port, requests } = await serve()
    await expect(guarded(`http://127.0.0.1:${port}/`)(`http://user:pw@127.0.0.1:${port}/`)).rejects.toThrow('must not carry a user name')
    expect(requests).toEqual([])
  })
})

describe('its connections', () => {
  it('end with it, requests in flight included', async () => {
    const { port } = await serve((_, response) => response.writeHead(200).write('begun'))
    const url = `http://127.0.0.1:${port}/`
    const { fetch, close } = createGuardedFetch({ url, policies: () => [completePolicy({ urls: onLoopback })] })
    const reading = (await fetch(url)).text()
    await Promise.all([expect(reading).rejects.toThrow(), close()])
    await expect(fetch(url)).rejects.toThrow()
  })
})
