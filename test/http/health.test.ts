import { once } from 'node:events'
import { connect } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readinessOf } from '../../src/http/health.js'
import { startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer({ pollMs: 50, freshForMs: 1_000 }) })
afterAll(() => server.close())

const at = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), init)
const ready = async () => {
  const response = await at('/health/ready')
  return [response.status, await response.json()] as [number, unknown]
}

it.each([
  [true, false, true, 'ok'], [false, false, true, 'starting'], [true, false, false, 'behind'], [true, true, true, 'draining'], [true, true, false, 'draining'],
  [false, true, true, 'draining'],
] as const)('listening %s, draining %s, fresh %s is %s', (isListening, isDraining, isFresh, status) => {
  expect(readinessOf({ isListening, isDraining, isFresh })).toBe(status)
})

describe('S7: health needs no token and has no data', () => {
  it.each(['/health', '/health/live', '/health/ready', '/health/ready?token=x'])('%s answers one word', async (path) => {
    const response = await at(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.text()).toBe('{"status":"ok"}')
    const head = await at(path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it.each([['POST', '/health'], ['PUT', '/health/ready'], ['GET', '/health/'], ['GET', '/health/live/x'], ['GET', '/health/toString'], ['GET', '/toString']])('%s %s is like any other path', async (method, path) => {
    expect((await at(path, { method })).status).toBe(401)
    expect((await at(path, { method, headers: { authorization: `Bearer ${server.admin.token}` } })).status).toBe(404)
  })

  it('answers a balancer that speaks HTTP/1.0 and names no host', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.setEncoding('utf8')
    let text = ''
    socket.on('data', (chunk: string) => { text += chunk })
    socket.end('GET /health/ready HTTP/1.0\r\n\r\n')
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })
})

it('a server that loses its database goes on, is not ready meanwhile, and comes back by itself', async () => {
  expect(await ready()).toEqual([200, { status: 'ok' }])
  const admin = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} })
  const name = new URL(server.databaseUrl).pathname.slice(1)
  await admin.unsafe(`alter database ${name} allow_connections false`)
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
  let answer = await ready()
  while (answer[0] === 200) answer = await ready()
  expect(answer).toEqual([503, { status: 'behind' }])
  expect((await at('/health/live')).status).toBe(200)
  await admin.unsafe(`alter database ${name} allow_connections true`)
  await admin.end()
  while (answer[0] !== 200) answer = await ready()
  expect(answer).toEqual([200, { status: 'ok' }])
  await server.register(server.admin, 'after-the-loss')
}, 60_000)
