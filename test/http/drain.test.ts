import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { restartReason } from '../../src/http/drain.js'
import { captureLog } from '../support/log-lines.js'
import { type RunningProcess, start } from '../support/process.js'
import { createTestDatabase, post, startTestServer } from '../support/server.js'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let dataDir: string
let sql: postgres.Sql
let server: RunningProcess
beforeAll(async () => {
  database = await createTestDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-drain-'))
  sql = postgres(database.url, { max: 1, onnotice: () => {} })
})
afterEach(async () => { await server.stop('SIGKILL') })
afterAll(async () => {
  await sql.end()
  await database.drop()
  await rm(dataDir, { recursive: true, force: true })
})

/** The built server. `nodeArgs` stand before it. */
async function serve(env: Record<string, string> = {}, nodeArgs: string[] = []): Promise<{ url: string; token: string }> {
  server = start([...nodeArgs, 'dist/cli/bin.js', 'serve'], { DATABASE_URL: database.url, PILOTHOUSE_DATA_DIR: dataDir, PORT: '0', PILOTHOUSE_LOG_LEVEL: 'info', ...env })
  const [url] = await server.says(/http:\/\/\S+\/graphql/)
  return { url, token: await readFile(join(dataDir, 'admin-token'), 'utf8') }
}

/** A subscription over a bare socket, once it has its first event; and the code and the reason with which it is closed. */
async function subscribe(url: string, token: string): Promise<{ closed: Promise<[code: number, reason: string]> }> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  const closed = once(socket, 'close').then(([code, reason]) => [code as number, String(reason)] as [number, string])
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'subscription { catalogChanged(owner: { kind: USER }) { __typename } }' } }))
  await once(socket, 'message')
  return { closed }
}

/** A big import, held up in its transaction. `release` lets it go on. */
async function slowImport(url: string, token: string, prefix: string, held = sql, databaseUrl = database.url) {
  const holder = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  let locked = () => {}
  const isLocked = new Promise<void>((resolve) => { locked = resolve })
  const holding = holder.begin(async (tx) => {
    await tx`select * from catalog_head for update`
    locked()
    await released
  })
  await isLocked
  const servers = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`${prefix}-${at}`, { type: 'http', url: `https://s${at}.example.com` }]))
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` } })
  sent.end(JSON.stringify({
    query: 'mutation Slow($text: String!) { importCatalog(input: { owner: { kind: USER }, format: MCP_JSON, text: $text }) { cursor items { outcome } } }',
    variables: { text: JSON.stringify({ mcpServers: servers }) },
  }))
  const answered = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
    let text = ''
    for await (const chunk of response!) text += String(chunk)
    return { status: response!.statusCode, headers: response!.headers, body: JSON.parse(text) as { data?: { importCatalog: { items: Array<{ outcome: string }> } } } }
  })
  answered.catch(() => {})
  while ((await held`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).length === 0);
  return {
    answered,
    release: async () => {
      release()
      await holding
      await holder.end()
    },
  }
}

describe('SIGTERM', () => {
  it('turns ready off and serves on, then sends everybody away, answers what is in flight and ends with 0', async () => {
    const { url, token } = await serve({ PILOTHOUSE_DRAIN_SECONDS: '1' })
    const health = async (kind: string) => {
      const response = await fetch(new URL(`/health/${kind}`, url), { headers: { connection: 'close' } })
      return [response.status, await response.json()] as [number, unknown]
    }
    expect(await health('ready')).toEqual([200, { status: 'ok' }])
    const subscriber = await subscribe(url, token)
    const silent = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8')
    await once(silent, 'connect')
    const slow = await slowImport(url, token, 'slow')
    server.process.kill('SIGTERM')
    let ready = await health('ready')
    while (ready[0] === 200) ready = await health('ready')
    expect(ready).toEqual([503, { status: 'draining' }])
    expect(await health('live')).toEqual([200, { status: 'ok' }])
    expect((await post(url, token, { query: '{ viewer { principal { kind } } }' })).data).toEqual({ viewer: { principal: { kind: 'USER' } } })

    const [code, reason] = await subscriber.closed
    expect([code, reason]).toEqual([1012, expect.stringMatching(/retry in \d+ ms/)])
    await expect(fetch(url)).rejects.toThrow()
    silent.write(`GET /graphql HTTP/1.1\r\nhost: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n\r\n`)
    let refused = ''
    silent.on('data', (text: string) => { refused += text })
    await once(silent, 'end')
    expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*connection: close\r\n[\s\S]*"code":"UNAVAILABLE"/i)

    await slow.release()
    const { status, headers, body } = await slow.answered
    expect([status, headers.connection]).toEqual([200, 'close'])
    expect(body.data?.importCatalog.items.filter(({ outcome }) => outcome === 'CREATED')).toHaveLength(200)
    expect(await server.ended).toBe(0)
    expect(server.stderr()).toContain('"name":"Slow"')
    const [row] = await sql`select count(*)::int as count from entry where name like 'slow-%'`
    expect(row!.count).toBe(200)
  })

  it('twice ends at once, whatever is in flight', async () => {
    const { url, token } = await serve()
    const subscriber = await subscribe(url, token)
    const slow = await slowImport(url, token, 'never')
    let code: number | string | null = null
    void server.ended.then((ended) => { code = ended })
    while (code === null) {
      server.process.kill('SIGTERM')
      await sql`select 1`
    }
    expect(code).toBe(1)
    expect((await subscriber.closed)[0]).toBe(1012)
    await expect(slow.answered).rejects.toThrow()
    await slow.release()
  })

  it('that arrives twice for one Ctrl-C is one', async () => {
    await serve()
    server.process.kill('SIGINT')
    server.process.kill('SIGINT')
    expect(await server.ended).toBe(0)
  })
})

describe('a fault that nobody caught', () => {
  const faulty = (statement: string) => ['--import', `data:text/javascript,process.once('SIGUSR2', () => { ${statement} })`]

  it.each([
    ['uncaughtException', 'throw new TypeError("nobody expected this")'], ['unhandledRejection', 'Promise.reject(new TypeError("nobody expected this"))'],
  ])('is logged, sockets are sent away, and the server ends with 1: %s', async (origin, statement) => {
    const { url, token } = await serve({ PILOTHOUSE_DRAIN_SECONDS: '60' }, faulty(statement))
    const subscriber = await subscribe(url, token)
    server.process.kill('SIGUSR2')
    expect((await subscriber.closed)[0]).toBe(1012)
    expect(await server.ended).toBe(1)
    const line = server.stderr().split('\n').find((text) => text.includes('"fatal"'))!
    expect(JSON.parse(line)).toMatchObject({ level: 'fatal', origin, err: { type: 'TypeError', message: 'nobody expected this' } })
    expect(server.stderr()).toContain('its log says which')
  })
})

it('requests that do not finish in time are cut off', async () => {
  const log = captureLog()
  const inProcess = await startTestServer({ finishMs: 50, logTo: log }, { logLevel: 'info' })
  const held = postgres(inProcess.databaseUrl, { max: 1, onnotice: () => {} })
  const slow = await slowImport(inProcess.url, inProcess.admin.token, 'cut', held, inProcess.databaseUrl)
  const closed = inProcess.app.close()
  await expect(slow.answered).rejects.toThrow()
  expect(await log.line({ msg: 'request', status: null })).toMatchObject({ operation: { name: 'Slow' } })
  await slow.release()
  await closed
  await held.end()
  await inProcess.close()
})

it('a database that does not answer does not keep a server that has to stop', async () => {
  const inProcess = await startTestServer()
  const holder = postgres(inProcess.databaseUrl, { max: 1, onnotice: () => {} })
  await holder.begin(async (tx) => {
    await tx`lock table change_event in access exclusive mode`
    inProcess.app.services.refresh().catch(() => {})
    while ((await tx`select 1 from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`).length === 0);
    await inProcess.app.close()
  })
  await holder.end()
  await inProcess.close()
})

it('the more sockets there are, the wider their return is spread', () => {
  expect([0, 0.5, 1].map((chance) => restartReason(10, chance))).toEqual(['Restarting; retry in 0 ms', 'Restarting; retry in 1000 ms', 'Restarting; retry in 2000 ms'])
  expect([0, 0.5, 1].map((chance) => restartReason(20_000, chance))).toEqual(['Restarting; retry in 0 ms', 'Restarting; retry in 5000 ms', 'Restarting; retry in 10000 ms'])
})
