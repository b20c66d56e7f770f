import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consoleHeaders, createConsolePage } from '../../src/http/console-page.js'
import { rawRequest } from '../support/raw-http.js'
import { startTestServer, type TestServer } from '../support/server.js'

let folder: string
let server: TestServer
const html = '<!doctype html><title>Pilothouse</title><script type="module" src="/assets/main-abc123.js"></script>'
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-console-'))
  await writeFile(join(folder, 'outside.txt'), 'outside')
  server = await startTestServer({ consoleFolder: join(folder, 'console') })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const get = (target: string, headers: string[] = ['Accept: text/html,*/*;q=0.8'], method = 'GET') => rawRequest(Number(new URL(server.url).port), [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...headers])

describe('S7: the files of the console', () => {
  it('say how to build them as long as they are not, and are found as soon as they are', async () => {
    const answer = await get('/')
    expect([answer.status, answer.headers['content-type'], answer.headers['content-security-policy']]).toEqual([503, 'text/plain; charset=utf-8', expect.stringContaining("default-src 'none'")])
    expect(answer.body).toContain('npm run build')
    await mkdir(join(folder, 'console', 'assets'), { recursive: true })
    for (const [name, text] of [['index.html', html], ['favicon.svg', '<svg/>'], ['assets/main-abc123.js', 'export {}'], ['assets/main-abc123.js.map', '{}'], ['assets/main-abc123.css', 'a{}'], ['.env', 'SECRET=1']] as const) {
      await writeFile(join(folder, 'console', name), text)
    }
    expect((await get('/')).body).toBe(html)
  })

  it.each(['/', '/index.html', '/integrations', '/integrations/srv_1?tab=history', '/approvals/', '/people/%3Cscript%3E', '//', '/%00', '/graphqlx', '/sessions'])('%s is the page, for whoever opens it', async (target) => {
    const answer = await get(target)
    expect([answer.status, answer.body, answer.headers['cache-control'], answer.headers['content-type']]).toEqual([200, html, 'no-cache', 'text/html; charset=utf-8'])
  })

  it.each<[target: string, type: string, cache: string]>([
    ['/assets/main-abc123.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'], ['/assets/main-abc123.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/favicon.svg', 'image/svg+xml', 'no-cache'],
  ])('%s comes as %s', async (target, type, cache) => {
    const answer = await get(target, ['Accept: */*'])
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([200, type, cache])
    expect((await get(target, ['Accept: */*'], 'HEAD')).body).toBe('')
    expect((await get(target, ['Accept: */*', `If-None-Match: ${answer.headers.etag}`])).status).toBe(304)
    expect((await get(target, ['Accept: */*', 'Accept-Encoding: gzip'])).headers['content-encoding']).toBe('gzip')
  })

  it.each([
    '/assets/main-abc123.js.map', '/assets/other.js', '/assets/', '/assets/../../outside.txt', '/assets/%2e%2e/%2e%2e/outside.txt', '/../outside.txt', '/..%2foutside.txt', '/assets/..\\..\\outside.txt',
    '/.env', '/favicon.svg/', '/Favicon.svg', '/__proto__', '/constructor',
  ])('%s is none of them', async (target) => {
    const answer = await get(target, ['Accept: */*'])
    expect([answer.status, answer.body.includes('outside')]).toEqual([401, false])
  })

  it.each(['/graphql/', '/metrics', '/metrics/x', '/health/x', '/session/x'])('%s stays with the API, also for a browser', async (target) => {
    expect((await get(target)).status).toBe(401)
  })

  it('come with headers that let nothing of others run, frame or be sent', async () => {
    for (const target of ['/', '/assets/main-abc123.js']) {
      const { headers } = await get(target)
      expect(headers).toMatchObject(consoleHeaders(false))
      const policy = new Map(headers['content-security-policy']!.split('; ').map((part) => [part.split(' ')[0], part.split(' ').slice(1).join(' ')]))
      expect(Object.fromEntries(policy)).toMatchObject({
        'default-src': "'none'", 'script-src': "'self'", 'connect-src': "'self'", 'frame-ancestors': "'none'", 'base-uri': "'none'", 'form-action': "'self'",
      })
      expect(headers['content-security-policy']).not.toMatch(/unsafe-eval|script-src[^;]*unsafe|https?:|\*/)
      expect(headers).not.toHaveProperty('set-cookie')
      expect(headers).not.toHaveProperty('strict-transport-security')
    }
    expect(consoleHeaders(true)).toMatchObject({ 'strict-transport-security': 'max-age=31536000' })
  })

  it('are refused to whoever calls the server by a foreign name, like everything else (S8)', async () => {
    const answer = await rawRequest(Number(new URL(server.url).port), ['GET / HTTP/1.1', 'Host: evil.example', 'Accept: text/html'])
    expect(answer.status).toBe(403)
  })

  it('are tried again when they could not be read', async () => {
    const answer = createConsolePage({ folder: join(folder, 'console', 'index.html'), isHttps: false })
    await expect(answer({ method: 'GET', headers: { accept: 'text/html' } } as never, {} as never, '/')).rejects.toThrow('ENOTDIR')
  })
})
