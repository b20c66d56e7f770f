import { once } from 'node:events'
import { type OperationDefinitionNode, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { CreateAccessTokenDocument, RevokeAccessTokenDocument } from '../../src/client/index.js'
import { readConfig } from '../../src/config.js'
import { type Principal } from '../../src/core/access.js'
import { measure } from '../../src/graphql/limits.js'
import { schema } from '../../src/graphql/schema.js'
import { chargeOf } from '../../src/http/admission.js'
import { charactersIn } from '../../src/http/weights.js'
import { createRates } from '../../src/http/rates.js'
import { noObserver } from '../../src/catalog/observer.js'
import { hashToken } from '../../src/catalog/token.js'
import { createTokenProvider } from '../../src/http/auth.js'
import { createTrickle } from '../../src/http/trickle.js'
import { type CatalogIndex } from '../../src/index/catalog-index.js'
import { report, sessionOf } from '../support/reporting.js'
import { type Person, post, type RawAnswer, startTestServer, type TestServer } from '../support/server.js'

/** Changes as they are without any setting; the rest is counted down by the tests. */
let server: TestServer
let person: Person
const readsPerMinute = 400
const { writesPerMinute } = readConfig({})
beforeAll(async () => {
  server = await startTestServer({}, { readsPerMinute, writesPerMinute, reportsPerMinute: 5 })
  person = await server.user('busy')
})
afterAll(() => server.close())

const times = (count: number, text: (at: number) => string) => Array.from({ length: count }, (_, at) => text(at)).join(' ')
const viewers = (count: number) => `{ ${times(count, (at) => `v${at}: viewer { principal { id } }`)} }`
/** Changes that are refused, which costs as much as any. */
const changes = (count: number) => `mutation { ${times(count, (at) => `c${at}: setEntryEnabled(input: { id: "srv_none", expectedRevision: 1, enabled: false }) { cursor }`)} }`
const codesOf = ({ errors }: RawAnswer) => errors?.map(({ extensions }) => extensions.code) ?? []
const send = (token: string, query: string, accept = 'application/json') => fetch(server.url, {
  method: 'POST', headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${token}` }, body: JSON.stringify({ query }),
})

async function refusedOf(type: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', server.url), { headers: { authorization: `Bearer ${server.admin.token}` } })).text()
  return Number(new RegExp(`^pilothouse_refused_total\\{type="${type}"\\} (\\d+)$`, 'm').exec(text)?.[1])
}

async function speaker(token: string): Promise<WebSocket> {
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  return socket
}

async function askBySocket(socket: WebSocket, query: string): Promise<Record<string, unknown>> {
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }))
  return JSON.parse(String((await once(socket, 'message'))[0])) as Record<string, unknown>
}

const limited = (budget: RegExp) => ({
  message: expect.stringMatching(budget) as string,
  extensions: { code: 'RATE_LIMITED', field: 'request', retryAfter: expect.any(Number) as number, mend: expect.stringMatching(/^Try again in \d+ s/) as string },
})

describe('S21: rates of one principal', () => {
  it('leave a script alone that registers, and dry-runs, 300 definitions in a row', async () => {
    const dryRun = `mutation ($text: String!) { importCatalog(input: { owner: { kind: USER }, format: MCP_JSON, dryRun: true, text: $text }) { items { name } } }`
    for (let at = 0; at < 300; at += 20) {
      const batch = Array.from({ length: 20 }, (_, place) => at + place)
      await Promise.all(batch.map((number) => server.register(person, `server-${number}`)))
      const answers = await Promise.all(batch.map(() => person.raw(dryRun, { text: '{"a":{"type":"http","url":"https://a.example.com/mcp"}}' })))
      expect(answers.flatMap(codesOf)).toEqual([])
    }
    expect(await refusedOf('writes')).toBe(0)
  })

  it('hold a loop of changes, by every way, and say when to come again; what others do, and what one reads, goes on', async () => {
    let asked = 600
    while (!codesOf(await person.raw(changes(50))).includes('RATE_LIMITED')) asked += 50
    expect(asked).toBe(writesPerMinute)
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const answer = await send(person.token, changes(1), accept)
      const { errors: [error] } = await answer.json() as { errors: [{ extensions: { retryAfter: number } }] }
      expect(error).toMatchObject(limited(new RegExp(`at most ${writesPerMinute} changes in a minute`)))
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, String(error.extensions.retryAfter)])
      expect(error.extensions.retryAfter).toBeLessThanOrEqual(60)
    }
    const socket = await speaker(person.token)
    await once(socket, 'message')
    expect(await askBySocket(socket, changes(1))).toMatchObject({ id: '1', type: 'error', payload: [limited(/changes/)] })
    expect(await askBySocket(socket, viewers(1))).toMatchObject({ id: '1', type: 'next', payload: { data: { v0: { principal: { id: person.id } } } } })
    socket.close()
    expect(codesOf(await server.admin.raw(changes(1)))).toEqual(['NOT_FOUND'])
    expect(await refusedOf('writes')).toBeGreaterThanOrEqual(4)
  })

  it('hold a loop of reads, large ones sooner, and of documents that are none', async () => {
    const [reader, glutton, babbler] = await Promise.all([server.user('reader'), server.user('glutton'), server.user('babbler')])
    const until = async (who: Person, query: string) => {
      let answered = 0
      while (!codesOf(await who.raw(query)).includes('RATE_LIMITED')) answered++
      return answered
    }
    expect(await until(reader, viewers(50))).toBe(readsPerMinute / 50)
    // Ten workers with 500 sessions of ten entries with nine fields each: 46.0031 times ten thousand, which is 47 points.
    expect(await until(glutton, `{ workers { sessions(first: 500) { nodes { id entries { ${'name kind origin revision state reason refusedCalls at entryId'} } } } } }`)).toBe(Math.floor(readsPerMinute / 47))
    const nonsense = await Promise.all([viewers(51), '{', '{ nothing }'].map((query) => babbler.raw(query)))
    expect(nonsense.flatMap(codesOf)).toEqual(['LIMIT_EXCEEDED', 'INVALID_INPUT', 'INVALID_INPUT'])
    expect(await until(babbler, viewers(50))).toBe(readsPerMinute / 50 - 1)
    const answer = await fetch(`${server.url}?query=${encodeURIComponent(viewers(1))}`, { headers: { authorization: `Bearer ${reader.token}` } })
    expect([answer.status, await answer.json()]).toMatchObject([429, { errors: [limited(/reads/)] }])
  })

  it('hold reports of workers in a budget of their own', async () => {
    const worker = await server.worker()
    for (let number = 1; number <= 5; number++) await report(worker, 'reporter', number, [sessionOf(person, 'a')])
    await expect(report(worker, 'reporter', 6, [sessionOf(person, 'a')])).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect((await worker.raw('{ viewer { principal { id } } }')).data).toEqual({ viewer: { principal: { id: worker.id } } })
    expect(codesOf(await worker.raw('mutation { createTeam(slug: "x", displayName: "x") { id } }'))).toEqual(['FORBIDDEN'])
  })

  it('never refuse ten thousand subscriptions that come back, several times over', async () => {
    const { charge } = createRates({ readsPerMinute: 1, writesPerMinute: 1, reportsPerMinute: 1, failuresPerMinute: 120 }, noObserver)
    for (let at = 0; at < 60_000; at++) await charge('usr_1', 'subscriptions', 1)
    await expect(charge('usr_1', 'subscriptions', 1)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    await charge('usr_2', 'subscriptions', 1)
    await charge('usr_1', 'reads', 1_000)
    await expect(charge('usr_1', 'reads', 1)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })
})

describe('S21: work is paid for before it is done', () => {
  const unread = (number: number) => `query Unread${number} { viewer { principal { id } } }`

  it('whoever has nothing left is refused unread, by every way; what is remembered and pays otherwise goes on', async () => {
    const spender = await server.user('spender')
    await server.register(spender, 'remembered')
    while (!codesOf(await spender.raw(viewers(50))).includes('RATE_LIMITED'));
    // A document that is none would be told so, had it been read.
    for (const accept of ['application/json', 'application/graphql-response+json']) expect((await send(spender.token, '{ nothing }', accept)).status).toBe(429)
    expect((await fetch(`${server.url}?query=${encodeURIComponent('{ nothing }')}`, { headers: { authorization: `Bearer ${spender.token}` } })).status).toBe(429)
    expect((await send(spender.token, `{ ${'x'.repeat(70_000)} }`)).status).toBe(429)
    const socket = await speaker(spender.token)
    await once(socket, 'message')
    expect(await askBySocket(socket, unread(1))).toMatchObject({ id: '1', type: 'error', payload: [limited(/reads/)] })
    socket.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(70_000) } }))
    expect((await once(socket, 'close'))[0]).toBe(1012)
    await server.register(spender, 'still-remembered')
  })

  it('reading a query is part of its price', async () => {
    const reader = await server.user('careful')
    for (let number = 0; number < readsPerMinute; number++) expect(codesOf(await reader.raw(unread(number)))).toEqual([])
    expect(codesOf(await reader.raw(unread(0)))).toEqual(['RATE_LIMITED'])
  })

  it('a request that does not say how long it is pays as if it were as long as it may be', async () => {
    const streamer = await server.user('streamer')
    const stream = () => fetch(server.url, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${streamer.token}` }, duplex: 'half',
      body: new Blob(['{"query":"{ __typename }"}']).stream(),
    } as RequestInit)
    const statuses: number[] = []
    while (statuses.at(-1) !== 429) statuses.push((await stream()).status)
    expect(statuses).toEqual([...Array<number>(Math.floor(readsPerMinute / 66)).fill(200), 429])
  })

  const [user, worker] = (['USER', 'WORKER'] as const).map((kind): Principal => ({ kind, id: 'x', role: 'USER' } as unknown as Principal))
  it.each<[who: Principal, text: string, characters: number, expected: { budget: string; points: number }]>([
    [user!, 'mutation { importCatalog { x } }', 9_999, { budget: 'writes', points: 1 }],
    [user!, 'mutation { importCatalog { x } }', 1_000_000, { budget: 'writes', points: 101 }],
    [user!, 'mutation { a: importCatalog { x } b: importCatalog { x } }', 1_000_000, { budget: 'writes', points: 202 }],
    [user!, 'mutation { createTeam { x } }', 1_000_000, { budget: 'writes', points: 1 }],
    [user!, '{ simulatePolicy { x } }', 10, { budget: 'reads', points: 100 }],
    [user!, '{ auditEvents { x } auditTargets { x } }', 10, { budget: 'reads', points: 10 }],
    [user!, 'mutation { setPolicy { x } }', 10, { budget: 'writes', points: 20 }],
    [worker!, 'mutation { reportWorkerStatus { x } }', 1_000_000, { budget: 'reports', points: 1 }],
    [user!, 'mutation { reportWorkerStatus { x } }', 10, { budget: 'writes', points: 1 }],
    [worker!, 'mutation { createTeam { x } }', 10, { budget: 'writes', points: 1 }],
    [worker!, 'mutation { reportWorkerStatus { x } createTeam { x } }', 10, { budget: 'writes', points: 2 }],
    [worker!, '{ viewer { x } }', 10, { budget: 'reads', points: 1 }],
    [user!, 'subscription { catalogChanged { x } }', 10, { budget: 'subscriptions', points: 1 }],
  ])('%o pays for %s with %i characters', (who, text, characters, expected) => {
    const document = parse(text)
    const operation = document.definitions[0] as OperationDefinitionNode
    expect(chargeOf(who, operation, measure(schema, document, operation), 1, { characters: () => characters })).toEqual(expected)
  })

  it('texts are counted wherever they stand', () => {
    let deep: unknown = 'abc'
    for (let at = 0; at < 100_000; at++) deep = [deep]
    expect(charactersIn({ input: { text: 'abcd', list: ['a', 1, null, { more: 'bc' }] }, deep })).toBe(10)
  })
})

describe('S7: tokens that open nothing', () => {
  it('are counted by address, and then cost nothing more; good ones of that address still open, and ended ones are told so', async () => {
    const { createAccessToken: { accessToken, secret } } = await server.admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'ended', userId: person.id } })
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    const guess = (at: number) => `pht_${String(at).padStart(43, 'x')}`
    const codes: unknown[] = []
    for (let at = 0; at < 121; at++) codes.push((await post(server.url, guess(at), { query: '{ __typename }' })).errors?.[0]?.extensions.code)
    expect(new Set(codes.slice(0, 120))).toEqual(new Set(['UNAUTHENTICATED']))
    const refused = await send(guess(0), '{ __typename }')
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
    expect(await refused.json()).toMatchObject({ errors: [limited(/at most 120 tokens/)] })
    expect((await post(server.url, server.admin.token, { query: '{ __typename }' })).data).toEqual({ __typename: 'Query' })
    expect((await post(server.url, secret, { query: '{ __typename }' })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    expect((await post(server.url, null, { query: '{ __typename }' })).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const closes = await Promise.all([guess(1), secret].map(async (token) => {
      const [code, reason] = await once(await speaker(token), 'close') as [number, Buffer]
      return [code, String(reason)]
    }))
    // Not knowing is no answer about the token: 4401 would stop a worker for good.
    expect(closes).toEqual([[1012, expect.stringMatching(/^Too many failed tries; retry in \d+ ms$/)], [4401, 'Unauthorized']])
    const good = await speaker(server.admin.token)
    expect(JSON.parse(String((await once(good, 'message'))[0]))).toEqual({ type: 'connection_ack' })
    good.close()
    expect(await refusedOf('failures')).toBeGreaterThanOrEqual(3)
  })

  it('a spent address still has one look at the change log in a second, which all share: a token made elsewhere a moment ago opens', async () => {
    let nowMs = 1_000_000
    let refreshes = 0
    const known = new Map<string, unknown>()
    const principal = { kind: 'USER', id: 'usr_1' }
    const provider = createTokenProvider({
      index: { state: { tokensByHash: known }, principalNow: () => principal } as unknown as CatalogIndex, accessLog: { record: async () => {} },
      refresh: async () => { refreshes++ }, now: () => new Date(nowMs), used: () => {},
    })
    const token = (at: number) => `pht_${String(at).padStart(43, 'x')}`
    expect(await Promise.all(Array.from({ length: 50 }, (_, at) => provider.authenticate(token(at), true)))).toEqual(Array(50).fill(null))
    expect(refreshes).toBe(1)
    known.set(hashToken(token(7)), { id: 'tok_7', kind: 'PERSONAL' })
    nowMs += 1_000
    expect(await provider.authenticate(token(7), true)).toMatchObject({ principal })
    await provider.authenticate(token(8), true)
    expect(refreshes).toBe(2)
    for (let at = 0; at < 5; at++) await provider.authenticate(token(9), false)
    expect(refreshes).toBe(7)
  })

  it('a trickle lets a few through in each second, also when the clock is set back', () => {
    let nowMs = 5_000
    const pass = createTrickle(2, () => nowMs)
    const three = () => [pass(), pass(), pass()]
    expect(three()).toEqual([true, true, false])
    nowMs += 999
    expect(pass()).toBe(false)
    nowMs += 1
    expect(three()).toEqual([true, true, false])
    nowMs = 0
    expect(three()).toEqual([true, true, false])
  })

  it('a network of IPv6 is one address', async () => {
    const { failures } = createRates({ readsPerMinute: 1, writesPerMinute: 1, reportsPerMinute: 1, failuresPerMinute: 120 }, noObserver)
    for (let at = 0; at < 120; at++) await failures.count(`2001:db8:1:2::${at.toString(16)}`)
    expect(await failures.isSpent('2001:db8:1:2:ffff::1')).toBe(true)
    expect(await failures.isSpent('2001:db8:1:3::1')).toBe(false)
    for (let at = 0; at < 120; at++) await failures.count('10.0.0.1')
    expect([await failures.isSpent('::ffff:10.0.0.1'), await failures.isSpent('10.0.0.2')]).toEqual([true, false])
  })
})
