import { once } from 'node:events'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { CreateTeamDocument } from '../../src/client/index.js'
import { captureLog } from '../support/log-lines.js'
import { startProxy } from '../support/proxy.js'
import { startTestServer, type TestServer } from '../support/server.js'
import { subscribe } from '../support/subscriber.js'

const log = captureLog()
let server: TestServer
let sql: postgres.Sql
beforeAll(async () => {
  server = await startTestServer({ logTo: log }, { logLevel: 'debug' })
  sql = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await server.close()
})

const send = (body: unknown, headers: Record<string, string> = {}, token: string | null = server.admin.token) => fetch(server.url, {
  method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
})

/** A socket that was let in, and everything that it hears. */
async function open(token: string) {
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  const heard: Array<{ type: string; payload?: unknown }> = []
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(String(data)) as never))
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  await once(socket, 'message')
  return {
    ask: async (payload: unknown) => {
      const before = heard.length
      socket.send(JSON.stringify({ type: 'subscribe', id: String(before), payload }))
      while (heard.length === before) await once(socket, 'message')
      return heard[before]!
    },
    close: async (code: number) => {
      socket.close(code)
      await once(socket, 'close')
    },
  }
}

describe('requests', () => {
  it('have one line, with their id, who asked for what, and how it ended', async () => {
    const response = await send({ query: 'query Who { viewer { principal { id } } }' }, { 'x-request-id': 'from-the-proxy.1' })
    expect(response.headers.get('x-request-id')).toBe('from-the-proxy.1')
    const { time, pid, hostname, name, ms, ...line } = await log.line({ requestId: 'from-the-proxy.1' })
    expect(line).toEqual({
      level: 'info', msg: 'request', requestId: 'from-the-proxy.1', method: 'POST', path: '/graphql', status: 200, codes: [],
      principal: { kind: 'USER', id: server.admin.id }, operation: { kind: 'query', name: 'Who' },
    })
    expect([typeof time, typeof pid, typeof hostname, name, typeof ms]).toEqual(['string', 'number', 'string', 'pilothouse', 'number'])
  })

  it.each([undefined, '', 'two words', 'x'.repeat(65), '{"a":1}', `pht_${'x'.repeat(43)}`, 'ümlaut'])('get an id of ours instead of %j', async (given) => {
    const response = await send('{"query":"{viewer{principal{id}}}"}', given === undefined ? {} : { 'x-request-id': Buffer.from(given).toString('latin1') })
    const requestId = response.headers.get('x-request-id')!
    expect(requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(await log.line({ requestId })).toMatchObject({ status: 200, operation: { kind: 'query', name: null } })
  })

  it.each([
    ['a document that is none', { query: '{ nothing }' }, 200, ['INVALID_INPUT']],
    ['an id of nobody', { query: 'mutation M { deleteEntry(input: { id: "srv_none", expectedRevision: 1 }) { cursor } }' }, 200, ['NOT_FOUND']],
    ['a value of the wrong type', { query: 'query V($id: ID!) { node(id: $id) { id } }', variables: { id: {} } }, 200, ['INVALID_INPUT']],
    ['a query that is no text', { query: 1 }, 400, ['INVALID_INPUT']],
  ])('say which codes they were answered: %s', async (_, body, status, codes) => {
    const requestId = (await send(body)).headers.get('x-request-id')
    expect(await log.line({ requestId })).toMatchObject({ status, codes, principal: { id: server.admin.id } })
  })

  it('are told without who asked when nobody was let in', async () => {
    const requestId = (await send('{}', {}, 'nothing')).headers.get('x-request-id')
    expect(await log.line({ requestId })).toMatchObject({ status: 401, codes: ['UNAUTHENTICATED'], principal: null, operation: null })
  })

  it('for health and metrics are no news', async () => {
    const health = await fetch(new URL('/health/ready', server.url))
    const metrics = await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })
    expect(await log.line({ requestId: health.headers.get('x-request-id') })).toMatchObject({ level: 'debug', path: '/health/ready' })
    expect(await log.line({ requestId: metrics.headers.get('x-request-id') })).toMatchObject({ level: 'debug', path: '/metrics', status: 200 })
  })

  it('whose client goes away have no status', async () => {
    const release = await holdHead()
    const controller = new AbortController()
    const gone = fetch(server.url, {
      method: 'POST', signal: controller.signal, body: JSON.stringify({ query: 'mutation { createTeam(slug: "gone", displayName: "Gone") { id } }' }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.admin.token}`, 'x-request-id': 'goes-away' },
    })
    await release.waiting
    controller.abort()
    await expect(gone).rejects.toThrow()
    expect(await log.line({ requestId: 'goes-away' })).toMatchObject({ status: null, operation: { kind: 'mutation', name: null } })
    await release()
  })
})

/** Keeps the counter row, so that the next commit waits; `waiting` resolves when one does. */
async function holdHead() {
  const holder = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
  let free = () => {}
  const freed = new Promise<void>((resolve) => { free = resolve })
  let locked = () => {}
  const isLocked = new Promise<void>((resolve) => { locked = resolve })
  const held = holder.begin(async (tx) => {
    await tx`select * from catalog_head for update`
    locked()
    await freed
  })
  await isLocked
  const isWaiting = async () => (await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).length > 0
  const waiting = (async () => { while (!await isWaiting()); })()
  return Object.assign(async () => {
    free()
    await held
    await holder.end()
  }, { waiting })
}

describe('sockets', () => {
  it('have a line when they open and one when they close', async () => {
    const user = await server.user('socket')
    const socket = await open(user.token)
    expect(await socket.ask({ query: '{ viewer { principal { id } } }' })).toMatchObject({ type: 'next' })
    const opened = log.lines.find((line) => line.msg === 'socket opened' && (line.principal as { id: string }).id === user.id)!
    expect(opened).toMatchObject({ level: 'info', principal: { kind: 'USER', id: user.id } })
    await socket.close(4999)
    expect(await log.line({ msg: 'socket closed', socketId: opened.socketId })).toMatchObject({
      principal: { kind: 'USER', id: user.id }, code: 4999, operations: 1, ms: expect.any(Number) as number,
    })
  })

  it('behind a network that goes silent are ended by the second ping that nothing answers', async () => {
    const lines = captureLog()
    const node = await server.node({ keepAliveMs: 500, logTo: lines })
    const proxy = await startProxy(node.url)
    const user = await server.user('silent')
    const subscriber = subscribe(proxy.through(node.url).replace('http', 'ws'), user.token, { kind: 'USER' })
    await subscriber.nextSnapshot()
    proxy.silence()
    expect(await lines.line({ msg: 'socket closed' })).toMatchObject({ principal: { kind: 'USER', id: user.id }, code: 1006, operations: 1 })
    await proxy.close()
    await subscriber.close()
  })

  it('that nobody was let in on only close', async () => {
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init' }))
    await once(socket, 'close')
    expect(await log.line({ msg: 'socket closed', code: 4401 })).toMatchObject({ principal: null, operations: 0 })
  })
})

describe('denials', () => {
  it('have a line with actor, action and target, as the access chain has it', async () => {
    const [user, other] = await Promise.all([server.user('denied'), server.user('hidden')])
    await user.raw('query Q($id: ID!) { mcpServers(owner: { kind: USER, id: $id }) { nodes { id } } }', { id: other.id })
    const { id } = await server.register(other, 'private')
    await user.raw('mutation M($id: ID!) { deleteEntry(input: { id: $id, expectedRevision: 1 }) { cursor } }', { id })
    expect(await log.line({ msg: 'access', action: 'WRITE_ENTRIES', target: id })).toMatchObject({
      level: 'info', outcome: 'DENIED', actor: { kind: 'USER', id: user.id },
    })
  })
})

describe('masked errors', () => {
  const refuse = async (message: string, code: string) => {
    await sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise exception using message = ${message}, errcode = '${code}'; end $$`)
    await sql`create trigger refuse before insert on team for each row execute function refuse()`
  }
  const recover = async () => {
    await sql`drop trigger refuse on team`
    await sql`drop function refuse`
  }
  const query = 'mutation Make($name: String!) { createTeam(slug: "broken", displayName: $name) { id } }'

  it('are answered with the id under which the log has them', async () => {
    await refuse(`'the table is broken'`, 'P0001')
    const response = await send({ query, variables: { name: 'Canary4711' } })
    const requestId = response.headers.get('x-request-id')
    const { errors } = await response.json() as { errors: unknown }
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL', requestId, mend: expect.stringContaining('requestId') as string } }])
    const line = await log.line({ requestId, msg: 'masked error' })
    expect(line).toMatchObject({ level: 'error', principal: { id: server.admin.id }, err: { cause: 'the table is broken' } })
    expect(await log.line({ requestId, msg: 'request' })).toMatchObject({ status: 200, codes: ['INTERNAL'], operation: { name: 'Make' } })

    const socket = await open(server.admin.token)
    const { payload } = await socket.ask({ query, variables: { name: 'Canary4711' } }) as { payload: { errors: Array<{ extensions: { requestId: string } }> } }
    const socketId = payload.errors[0]!.extensions.requestId
    expect(await log.line({ socketId, msg: 'masked error' })).toMatchObject({ principal: { id: server.admin.id } })
    await socket.close(1000)
    await recover()
  })

  it('S14: never repeat a value, whether the database or our own query would', async () => {
    await refuse(`'invalid input: ' || new.display_name`, '22P02')
    const requestId = (await send({ query, variables: { name: 'Canary4712' } })).headers.get('x-request-id')
    expect(await log.line({ requestId, msg: 'masked error' })).toMatchObject({ err: { code: '22P02', cause: null } })
    await recover()
    expect(log.text()).not.toMatch(/Canary471/)
    const { createTeam } = await server.admin.client.execute(CreateTeamDocument, { slug: 'whole-again', displayName: 'Whole again' })
    expect(createTeam.id).toMatch(/^team_/)
  })
})
