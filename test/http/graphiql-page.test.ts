import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { noObserver } from '../../src/catalog/observer.js'
import { createGraphiqlPage, renderGraphiql } from '../../src/http/graphiql-page.js'
import { createRates } from '../../src/http/rates.js'
import { rawRequest } from '../support/raw-http.js'

const html = `<html>${'x'.repeat(100_000)}</html>`
let server: Server
let port: number
let rendered = 0
/** What each answer was given to send. */
const sent: Buffer[] = []
beforeAll(async () => {
  const page = createGraphiqlPage(async () => {
    if (++rendered === 1) throw new Error('no memory')
    return html
  })
  server = createServer((request, response) => {
    const end = response.end.bind(response)
    vi.spyOn(response, 'end').mockImplementation(((body?: Buffer) => {
      if (body !== undefined) sent.push(body)
      return end(body)
    }) as ServerResponse['end'])
    page(request, response).catch(() => response.writeHead(500).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => { server.close() })

const ask = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/graphql`, { headers })

describe('S21: the page of GraphiQL', () => {
  it('is made once for everybody, and again only when that failed; all answers share its bytes', async () => {
    expect((await ask({})).status).toBe(500)
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => ask({ 'accept-encoding': at % 2 === 0 ? 'identity' : 'br, gzip;q=0.5' })))
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(Array.from({ length: 10 }, () => html))
    expect(rendered).toBe(2)
    expect(new Set(sent).size).toBe(2)
    expect(answers.map(({ headers }) => headers.get('content-encoding'))).toEqual(Array.from({ length: 10 }, (_, at) => at % 2 === 0 ? null : 'gzip'))
    expect(gunzipSync(sent.find((body) => body[0] === 0x1f)!).toString()).toBe(html)
  })

  it.each<[accepted: string, encoding: string | null]>([
    ['gzip', 'gzip'], ['*', 'gzip'], ['deflate, GZIP', 'gzip'], ['gzip;q=1.0', 'gzip'], ['gzip; q=0.001', 'gzip'],
    ['gzip;q=0', null], ['gzip;q=0.000', null], ['*, gzip; q=0', null], ['identity', null], ['x-gzip', null], ['br', null], ['', null],
  ])('for %j comes as %j', async (accepted, encoding) => {
    const answer = await rawRequest(port, ['GET /graphql HTTP/1.1', 'Host: localhost', `Accept-Encoding: ${accepted}`])
    expect(answer.headers['content-encoding'] ?? null).toBe(encoding)
  })

  it('S7: is framed by nobody: it shares its origin with the console', async () => {
    const { headers } = await ask({})
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual(['nosniff', 'no-referrer'])
  })

  it('is not sent to whoever has it', async () => {
    const etag = (await ask({})).headers.get('etag')!
    const again = await ask({ 'if-none-match': `"other", ${etag}` })
    expect([again.status, await again.text()]).toEqual([304, ''])
    expect((await ask({ 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('is paid for by the address', async () => {
    const { page, failures } = createRates({ readsPerMinute: 1, writesPerMinute: 1, reportsPerMinute: 1, failuresPerMinute: 120 }, noObserver)
    for (let at = 0; at < 120; at++) await page('10.0.0.1')
    await expect(page('10.0.0.1')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    await page('10.0.0.2')
    expect(await failures.isSpent('10.0.0.1')).toBe(false)
  })

  it('is whole', async () => {
    const page = await renderGraphiql()
    expect(page).toContain('Put your token into the Headers tab')
    expect(page).not.toMatch(/(src|href)="https?:/)
  })
})
