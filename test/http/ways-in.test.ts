import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { CreateAccessTokenDocument, RemoveTeamMemberDocument, RevokeAccessTokenDocument, SetUserRoleDocument } from '../../src/client/index.js'
import { post, startTestServer, type TestServer } from '../support/server.js'
import { subscribe } from '../support/subscriber.js'

let server: TestServer
let now = () => new Date()
beforeAll(async () => { server = await startTestServer({ now: () => now() }, { maxSocketsPerPrincipal: 2, maxOperationsPerSocket: 2, maxSubscriptionsPerUser: 3 }) })
afterAll(() => server.close())

const base = () => server.url.replace('/graphql', '')

/** A bare WebSocket that has spoken `messages`; everything that comes, and how it closes. */
async function speak(messages: unknown[]) {
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  const received: Array<{ type: string; id?: string; payload?: unknown }> = []
  socket.on('message', (data: Buffer) => received.push(JSON.parse(String(data)) as never))
  const closed = new Promise<number>((resolve) => { socket.once('close', resolve) })
  socket.on('error', () => {})
  await once(socket, 'open')
  for (const message of messages) socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  return { socket, received, closed }
}

describe('S7: every surface needs a token', () => {
  it.each(['/graphql', '/', '/metrics', '/metrics?token=x', '/metrics/', '/health/', '/health/live/x', '/anything', '/graphql/', '/graphql?query={viewer{principal{id}}}', '//', '/%00'])('%s answers 401', async (path) => {
    for (const [method, headers] of [['GET', {}], ['POST', { 'content-type': 'application/json' }], ['PUT', {}], ['GET', { accept: '*/*' }]] as const) {
      const response = await fetch(base() + path, { method, headers, ...(method === 'POST' && { body: '{"query":"{viewer{principal{id}}}"}' }) })
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', mend: expect.any(String) as string } }] })
    }
  })

  it('the page of GraphiQL and /health/* carry no data', async () => {
    const page = await fetch(`${server.url}?query={viewer{principal{id}}}`, { headers: { accept: 'text/html' } })
    expect(page.status).toBe(200)
    const html = await page.text()
    expect(html).not.toContain(server.admin.id)
    expect(html).not.toMatch(/(src|href)="https?:/)
    for (const path of ['/health', '/health/live', '/health/ready']) expect(await (await fetch(base() + path)).json()).toEqual({ status: 'ok' })
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer pht_short', `Bearer pht_${'x'.repeat(43)}`, `Bearer phw_${'é'.repeat(2)}`])('the header %j opens nothing', async (authorization) => {
    const response = await fetch(server.url, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: Buffer.from(authorization).toString('latin1') }, body: '{"query":"{viewer{principal{id}}}"}',
    })
    expect(response.status).toBe(401)
  })

  it.each([[{}], [{ authorization: 'Bearer nothing' }], [null], [{ authorization: ['Bearer x'] }]])('a socket with %j is closed with 4401', async (payload) => {
    const { closed, received } = await speak([{ type: 'connection_init', payload }])
    expect(await closed).toBe(4401)
    expect(received).toEqual([])
  })

  it('a socket that subscribes before it said who it is is closed with 4401', async () => {
    const { closed } = await speak([{ type: 'subscribe', id: '1', payload: { query: 'subscription { catalogChanged(owner: { kind: USER }) { __typename } }' } }])
    expect(await closed).toBe(4401)
  })

  it('takes the token from the headers of a connection_init too, as GraphiQL sends it', async () => {
    const { socket, closed } = await speak([{ type: 'connection_init', payload: { headers: { Authorization: `Bearer ${server.admin.token}` } } }])
    expect(JSON.parse(String((await once(socket, 'message'))[0]))).toEqual({ type: 'connection_ack' })
    socket.close()
    await closed
  })

  it.each(['/', '//', '/graphql/x', '/%00'])('an upgrade at %s is refused and harms nobody', async (path) => {
    const socket = new WebSocket(base().replace('http', 'ws') + path, 'graphql-transport-ws')
    const [error] = await once(socket, 'error') as [Error]
    expect(error.message).toContain('404')
    expect((await fetch(`${base()}/health`)).status).toBe(200)
  })
})

describe('a token that ends', () => {
  it('is refused at once and takes its sockets along when it is revoked', async () => {
    const user = await server.user('revoked')
    const live = await user.watch()
    await live.nextSnapshot()
    const { createAccessToken } = await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'second' } })
    const { accessToken, secret } = createAccessToken
    expect(accessToken).toMatchObject({ kind: 'PERSONAL', prefix: secret.slice(0, 10), revokedAt: null })
    const other = subscribe(server.webSocketUrl, secret, { kind: 'USER' })
    await other.nextSnapshot()
    await user.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    expect(await other.ended).toMatchObject({ code: 4401 })
    expect((await post(server.url, secret, { query: '{ viewer { principal { id } } }' })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    await server.register(user, 'still-here')
    expect((await live.nextDelta()).upserted).toHaveLength(1)
  })

  it('closes its sockets when it expires', async () => {
    const user = await server.user('expiring')
    const live = await user.watch()
    await live.nextSnapshot()
    now = () => new Date(Date.now() + 91 * 86_400_000)
    expect(await live.ended).toMatchObject({ code: 4401 })
    expect((await user.raw('{ viewer { principal { id } } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    now = () => new Date()
  })
})

describe('rights on a socket', () => {
  it('F2, S21: end the operation with FORBIDDEN when the right to the owner is lost, and the socket with 4403 when it was all it had', async () => {
    const user = await server.user('leaver')
    await server.team('leaving', [[user, 'MEMBER']])
    const live = await user.watch({ kind: 'TEAM', id: 'leaving' })
    await live.nextSnapshot()
    await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'leaving', userId: user.id })
    expect((await live.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', field: 'owner' })
  })

  it('follow the role of the moment: a demoted admin loses the deployment', async () => {
    const user = await server.user('demoted')
    await server.admin.client.execute(SetUserRoleDocument, { userId: user.id, role: 'ADMIN' })
    const live = await user.watch({ kind: 'DEPLOYMENT' })
    await live.nextSnapshot()
    await server.admin.client.execute(SetUserRoleDocument, { userId: user.id, role: 'USER' })
    expect((await live.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })

  it('S21: subscribe itself is guarded: what may not be read is refused before anything is sent', async () => {
    const [user, other] = await Promise.all([server.user('nosy'), server.user('quiet')])
    for (const owner of [{ kind: 'USER' as const, id: other.id }, { kind: 'TEAM' as const, id: 'nowhere' }, { kind: 'USER' as const, id: 'usr_none' }]) {
      const live = await user.watch(owner)
      expect((await live.ended).errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' })
      expect(live.events).toEqual([])
    }
    const live = await user.watch({ kind: 'DEPLOYMENT' })
    expect((await live.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
  })

  it('let a worker read the owners it serves and nothing else', async () => {
    const [user, other] = await Promise.all([server.user('served'), server.user('unserved')])
    const worker = await server.worker([{ kind: 'USER', id: user.id }])
    await (await worker.watch({ kind: 'USER', id: user.id })).nextSnapshot()
    await (await worker.watch({ kind: 'USER', provider: 'test', subject: 'served' })).nextSnapshot()
    expect((await (await worker.watch({ kind: 'USER', id: other.id })).ended).code).toBe(4429)
    const everyone = await server.worker()
    const unknown = await everyone.watch({ kind: 'USER', provider: 'elsewhere', subject: 'nobody-yet' })
    expect((await unknown.nextSnapshot()).agents).toEqual([])
    for (const query of ['{ mcpServers { nodes { id } } }', '{ teams { id } }', '{ users { nodes { id } } }', 'mutation { createTeam(slug: "x", displayName: "x") { id } }']) {
      expect((await worker.raw(query)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
    }
    expect((await worker.raw('{ viewer { principal { kind id } user { id } } }')).data).toEqual({ viewer: { principal: { kind: 'WORKER', id: worker.id }, user: null } })
  })
})

it('a client that goes leaves nothing behind', async () => {
  const user = await server.user('goer')
  const before = server.app.hub.size()
  const live = await user.watch()
  await live.nextSnapshot()
  expect(server.app.hub.size()).toBe(before + 1)
  await live.close()
  while (server.app.hub.size() > before) await server.register(user, `tick-${Math.random().toString(36).slice(2)}`)
})

describe('bounds', () => {
  const init = () => ({ type: 'connection_init', payload: { authorization: `Bearer ${server.admin.token}` } })
  const subscription = (id: string) => ({ type: 'subscribe', id, payload: { query: 'subscription { catalogChanged(owner: { kind: USER }) { __typename } }' } })

  it('hold for operations of one socket', async () => {
    const { socket, received, closed } = await speak([init()])
    await once(socket, 'message')
    for (const id of ['1', '2', '3']) socket.send(JSON.stringify(subscription(id)))
    while (received.length < 4) await once(socket, 'message')
    expect(received.filter(({ type }) => type === 'error')).toMatchObject([{ id: '3', payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] }])
    socket.close()
    await closed
  })

  it('S21: hold for open subscriptions of one user on all sockets, and what ended makes room', async () => {
    const { token } = await server.user('collector')
    const [one, other] = await Promise.all([0, 1].map(async () => {
      const opened = await speak([{ ...init(), payload: { authorization: `Bearer ${token}` } }])
      await once(opened.socket, 'message')
      return opened
    }))
    const begin = async (at: typeof one, id: string) => {
      at!.socket.send(JSON.stringify(subscription(id)))
      await once(at!.socket, 'message')
      return at!.received.at(-1)!
    }
    for (const id of ['1', '2']) expect((await begin(one, id)).type).toBe('next')
    expect((await begin(other, '3')).type).toBe('next')
    expect(await begin(other, '4')).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'subscriptions', most: 3 } }] })
    other!.socket.send(JSON.stringify({ type: 'complete', id: '3' }))
    expect((await begin(other, '5')).type).toBe('next')
    one!.socket.close()
    await one!.closed
    while ((await begin(other, '6')).type === 'error');
    other!.socket.close()
    await other!.closed
  })

  it('S21: hold for sockets of one principal, and those that do not answer give way to who comes back', async () => {
    const { token } = await server.user('fleet')
    const come = async () => {
      const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws', { autoPong: false })
      const closed = once(socket, 'close').then(([code, reason]) => `${code} ${String(reason)}`)
      await once(socket, 'open')
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
      const answer = await Promise.race([closed, once(socket, 'message').then(([data]) => String(data))])
      return { socket, closed, answer }
    }
    const old = [await come(), await come()]
    const answering = old[0]!.socket
    answering.on('ping', () => answering.pong())
    const answers: string[] = []
    let newcomer = await come()
    for (; !newcomer.answer.includes('ack'); newcomer = await come()) answers.push(newcomer.answer)
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) expect(answer).toMatch(/^4429 Too many sockets; retry in \d+ ms$/)
    expect(await old[1]!.closed).toBe('1006 ')
    expect(answering.readyState).toBe(WebSocket.OPEN)
    for (const { socket, closed } of [old[0]!, newcomer]) {
      socket.close()
      await closed
    }
  })

  it('hold for frames and for messages that are none', async () => {
    const { closed: tooLarge } = await speak([init(), 'x'.repeat(2_000_000)])
    expect(await tooLarge).toBe(1009)
    const { closed: nonsense } = await speak(['no json'])
    expect(await nonsense).toBe(4400)
  })

  it('answers queries and mutations over the socket as over HTTP', async () => {
    const { socket, received, closed } = await speak([init()])
    await once(socket, 'message')
    socket.send(JSON.stringify({ type: 'subscribe', id: 'q', payload: { query: '{ viewer { principal { id } } nope: node(id: "x") { id } }' } }))
    socket.send(JSON.stringify({ type: 'subscribe', id: 'e', payload: { query: '{ nothing }' } }))
    while (received.length < 4) await once(socket, 'message')
    expect(received.find(({ type, id }) => type === 'next' && id === 'q')?.payload).toEqual({ data: { viewer: { principal: { id: server.admin.id } }, nope: null } })
    expect(received.find(({ type, id }) => type === 'error' && id === 'e')?.payload).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }])
    socket.close()
    await closed
  })

  it('refuses subscriptions over HTTP with the way to go', async () => {
    const response = await fetch(server.url, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${server.admin.token}` },
      body: JSON.stringify({ query: 'subscription { catalogChanged(owner: { kind: USER }) { __typename } }' }),
    })
    expect(await response.text()).toContain('WebSocket')
  })
})
