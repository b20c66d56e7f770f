import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CreateAccessTokenDocument, DeactivateUserDocument, RevokeAccessTokenDocument, SetUserRoleDocument } from '../../src/client/index.js'
import { consoleSession } from '../../src/db/schema.js'
import { readChain } from '../../src/db/audit.js'
import { openBrowser } from '../support/browser.js'
import { rawRequest } from '../support/raw-http.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
let second: TestNode
let port: number
let now = () => new Date()
const later = (hours: number) => () => new Date(Date.now() + hours * 3_600_000)
beforeAll(async () => {
  server = await startTestServer({ now: () => now(), credentialsMs: 20 }, { allowedHosts: ['catalog.example.com', 'plain.example.com'], allowedOrigins: ['https://pages.example.com'] })
  // What it learns, it learns from the log.
  second = await server.node({ credentialsMs: 3_600_000 })
  port = Number(new URL(server.url).port)
})
afterAll(() => server.close())

const ack = { type: 'connection_ack' }
async function signedIn(who: Person) {
  const browser = openBrowser(server.url)
  expect((await browser.signIn(who.token)).status).toBe(204)
  return browser
}
/** The same browser, as a balancer sends it to the other node. */
const atSecond = (browser: ReturnType<typeof openBrowser>) => openBrowser(second.url, { cookie: browser.cookie() })
const secondToken = async (user: Person) => (await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'second' } })).createAccessToken

describe('S7: a sign-in at the console', () => {
  it('gives a cookie that no script reads and no other site sends, and opens what the token opens, on every node', async () => {
    const user = await server.user('ada')
    const browser = openBrowser(server.url)
    expect(await browser.whoAmI()).toEqual([401, 'UNAUTHENTICATED'])
    const answer = await browser.signIn(`  ${user.token}\n`)
    expect([answer.status, answer.body, answer.headers['cache-control']]).toEqual([204, '', 'no-store'])
    expect(answer.headers['set-cookie']).toMatch(/^pilothouse=phc_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(answer.headers['set-cookie']).not.toContain(user.token)
    expect(await browser.whoAmI()).toEqual([200, user.id])
    expect(await atSecond(browser).whoAmI()).toEqual([200, user.id])
    for (const each of [browser, atSecond(browser)]) expect(JSON.parse((await each.request('GET /session')).body)).toEqual({ signedIn: true, oidc: null })
    expect(JSON.parse((await openBrowser(server.url).request('GET /session')).body)).toEqual({ signedIn: false, oidc: null })
  })

  it('behind TLS is for TLS alone, bound to the very host', async () => {
    const browser = openBrowser(server.url, { host: 'catalog.example.com', scheme: 'https' })
    expect((await browser.signIn(server.admin.token)).headers['set-cookie']).toMatch(/^__Host-pilothouse=phc_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Secure$/)
    expect(await browser.whoAmI()).toEqual([200, server.admin.id])
    // Somebody on the way made a page of the same name without TLS, and has that cookie sent along.
    expect(await openBrowser(server.url, { host: 'catalog.example.com', scheme: 'http', cookie: browser.cookie() }).whoAmI()).toEqual([403, 'FORBIDDEN'])
    expect(await openBrowser(server.url, { cookie: browser.cookie() }).whoAmI()).toEqual([401, 'UNAUTHENTICATED'])
  })

  it('takes the place of the one before, and S14: nowhere is anything stored that opens it', async () => {
    const user = await server.user('again')
    const browser = await signedIn(user)
    const old = openBrowser(server.url, { cookie: browser.cookie() })
    await browser.signIn(user.token)
    expect([await old.whoAmI(), await browser.whoAmI()]).toEqual([[401, 'UNAUTHENTICATED'], [200, user.id]])
    const { db } = server.app.services
    const chain = await readChain(db, 'changes', 0, 10_000)
    expect(chain.filter(({ action, actor }) => action.startsWith('consoleSession.') && actor.id === user.id).map(({ action }) => action)).toEqual(['consoleSession.begin', 'consoleSession.begin', 'consoleSession.end'])
    const stored = await db.select().from(consoleSession)
    expect(JSON.stringify([chain, stored])).not.toContain(browser.cookie()!.split('=')[1]!)
    for (const { hash } of stored) expect(JSON.stringify(chain)).not.toContain(hash)
  })

  it('holds for twenty browsers of a person; the oldest gives way', async () => {
    const user = await server.user('everywhere')
    const browsers = []
    for (let at = 0; at < 21; at++) browsers.push(await signedIn(user))
    expect(await Promise.all(browsers.map(async (browser) => (await browser.whoAmI())[0]))).toEqual([401, ...Array<number>(20).fill(200)])
  })

  it.each<[what: string, status: number, code: string, change: { headers?: string[]; without?: RegExp; body?: string; first?: string }]>([
    ['a token that opens nothing', 401, 'UNAUTHENTICATED', { body: `{"token":"pht_${'x'.repeat(43)}"}` }],
    ['what is no token', 401, 'UNAUTHENTICATED', { body: '{"token":"hello"}' }],
    ['the cookie of a session', 401, 'UNAUTHENTICATED', { body: 'COOKIE' }],
    ['no token', 400, 'INVALID_INPUT', { body: '{}' }],
    ['a token that is no text', 400, 'INVALID_INPUT', { body: '{"token":["TOKEN"]}' }],
    ['a token with spaces in it', 400, 'INVALID_INPUT', { body: '{"token":"TOKEN TOKEN"}' }],
    ['null', 400, 'INVALID_INPUT', { body: 'null' }],
    ['what is no JSON', 400, 'INVALID_INPUT', { body: 'token=TOKEN' }],
    ['nothing', 400, 'INVALID_INPUT', { body: '' }],
    ['a form', 415, 'INVALID_INPUT', { without: /^Content-Type/, headers: ['Content-Type: application/x-www-form-urlencoded'] }],
    ['plain text', 415, 'INVALID_INPUT', { without: /^Content-Type/, headers: ['Content-Type: text/plain'] }],
    ['more than any token has', 413, 'LIMIT_EXCEEDED', { body: `{"token":"${'x'.repeat(20_480)}"}` }],
    ['another method', 405, 'INVALID_INPUT', { first: 'PUT /session' }],
    ['no header against CSRF', 403, 'FORBIDDEN', { without: /^x-pilothouse-csrf/ }],
    ['another value of it', 403, 'FORBIDDEN', { without: /^x-pilothouse-csrf/, headers: ['x-pilothouse-csrf: 0'] }],
    ['no Origin', 403, 'FORBIDDEN', { without: /^Origin/ }],
    ['Origin null', 403, 'FORBIDDEN', { without: /^Origin/, headers: ['Origin: null'] }],
    ['a foreign Origin', 403, 'FORBIDDEN', { without: /^Origin/, headers: ['Origin: https://evil.example'] }],
    ['another program on this machine', 403, 'FORBIDDEN', { without: /^Origin/, headers: ['Origin: http://127.0.0.1:1'] }],
    ['a page of an allowed origin, which has a token of its own', 403, 'FORBIDDEN', { without: /^Origin/, headers: ['Origin: https://pages.example.com'] }],
    ['a page of a neighbour', 403, 'FORBIDDEN', { without: /^Sec-Fetch-Site/, headers: ['Sec-Fetch-Site: same-site'] }],
    ['a page of another site', 403, 'FORBIDDEN', { without: /^(Sec-Fetch-Site|Origin)/, headers: ['Sec-Fetch-Site: cross-site'] }],
    ['a page over plain HTTP from another machine', 403, 'FORBIDDEN', { without: /^(Host|Origin)/, headers: ['Host: plain.example.com', 'Origin: http://plain.example.com'] }],
  ])('is not to be had with %s', async (_what, status, code, { first = 'POST /session', body = '{"token":"TOKEN"}', ...change }) => {
    const text = body === 'COOKIE' ? JSON.stringify({ token: (await signedIn(server.admin)).cookie()!.split('=')[1] }) : body.replaceAll('TOKEN', server.admin.token)
    const browser = openBrowser(server.url)
    const answer = await browser.request(first, { ...change, body: text })
    expect([answer.status, answer.headers['set-cookie']]).toEqual([status, undefined])
    expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ extensions: { code, field: expect.any(String) as string, mend: expect.any(String) as string } }] })
    expect(answer.body).not.toContain(server.admin.token)
  })

  it('is for people', async () => {
    const answer = await openBrowser(server.url).signIn((await server.worker()).token)
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { errors: [{ extensions: { code: 'FORBIDDEN', field: 'token' } }] }])
  })
})

describe('S7, S8: the cookie of a session', () => {
  it.each<[what: string, status: number, change: { headers?: string[]; without?: RegExp }]>([
    ['no header against CSRF', 403, { without: /^x-pilothouse-csrf/ }],
    ['another value of it', 403, { without: /^x-pilothouse-csrf/, headers: ['x-pilothouse-csrf: true'] }],
    ['no Origin', 403, { without: /^Origin/ }],
    ['neither', 403, { without: /^(Origin|x-pilothouse-csrf)/ }],
    ['Origin null', 403, { without: /^Origin/, headers: ['Origin: null'] }],
    ['a foreign Origin', 403, { without: /^Origin/, headers: ['Origin: https://evil.example'] }],
    ['our address by another name', 403, { without: /^Origin/, headers: ['Origin: http://localhost:PORT'] }],
    ['our name on another port', 403, { without: /^Origin/, headers: ['Origin: http://127.0.0.1:1'] }],
    ['a page of an allowed origin', 403, { without: /^Origin/, headers: ['Origin: https://pages.example.com'] }],
    ['our page by TLS, which has another cookie', 401, { without: /^Origin/, headers: ['Origin: https://127.0.0.1:PORT'] }],
    ['a page of a neighbour', 403, { without: /^Sec-Fetch-Site/, headers: ['Sec-Fetch-Site: same-site'] }],
    ['a plain form', 415, { without: /^Content-Type/, headers: ['Content-Type: text/plain'] }],
    ['another cookie of that name beside it', 401, { headers: [`Cookie: pilothouse=phc_${'y'.repeat(43)}`] }],
    ['a bearer token that opens nothing: that one counts', 401, { headers: [`Authorization: Bearer pht_${'x'.repeat(43)}`] }],
  ])('opens nothing with %s', async (_what, status, change) => {
    const browser = await signedIn(server.admin)
    const headers = (change.headers ?? []).map((line) => line.replace('PORT', String(port)))
    expect((await browser.whoAmI({ ...change, headers }))[0]).toBe(status)
    expect(await browser.whoAmI()).toEqual([200, server.admin.id])
  })

  it('is no token, and a token is no cookie; a bearer token wins and needs no header', async () => {
    const [browser, user] = [await signedIn(server.admin), await server.user('bearer')]
    const secret = browser.cookie()!.split('=')[1]!
    const bare = openBrowser(server.url)
    expect(await bare.whoAmI({ headers: [`Authorization: Bearer ${secret}`] })).toEqual([401, 'UNAUTHENTICATED'])
    expect(await openBrowser(server.url, { cookie: `pilothouse=${user.token}` }).whoAmI()).toEqual([401, 'UNAUTHENTICATED'])
    expect(await browser.whoAmI({ headers: [`Authorization: Bearer ${user.token}`], without: /^(x-pilothouse-csrf|Origin|Sec-Fetch)/ })).toEqual([200, user.id])
  })

  it('changes and reads nothing by GET, and opens neither metrics nor anything else', async () => {
    const browser = await signedIn(server.admin)
    const mutation = 'GET /graphql?query=mutation{createTeam(slug:"forged",displayName:"x"){id}}'
    expect((await browser.request(mutation)).status).toBe(405)
    expect((await browser.request(mutation, { without: /^(Origin|x-pilothouse)/ })).status).toBe(403)
    expect((await browser.request('GET /metrics')).status).toBe(401)
    expect((await server.admin.raw('{ teams { slug } }')).data).toEqual({ teams: [] })
  })

  it('opens a socket for our own pages alone', async () => {
    const browser = await signedIn(server.admin)
    const opened = await browser.socket()
    expect(opened.answer).toEqual(ack)
    opened.socket.close()
    expect((await browser.socket({})).answer).toBe(4401)
    expect((await openBrowser(server.url).socket()).answer).toBe(4401)
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) await expect(browser.socket({ origin })).rejects.toThrow('403')
    // A page of an allowed origin is no page of ours: it needs a token, and may have one.
    expect((await browser.socket({ origin: 'https://pages.example.com' })).answer).toBe(4401)
    const user = await server.user('elsewhere')
    const own = await browser.socket({ origin: 'https://pages.example.com' }, { authorization: `Bearer ${user.token}` })
    expect(own.answer).toEqual(ack)
    own.socket.close()
    await Promise.all([opened.ended, own.ended])
  })
})

describe('S7: a session ends', () => {
  it('by signing out: on every node at once, with its sockets, and with no other one of the person', async () => {
    const user = await server.user('leaver')
    const [browser, other] = [await signedIn(user), await signedIn(user)]
    const away = atSecond(browser)
    const sockets = [await browser.socket(), await away.socket()]
    const stays = await other.socket()
    const answer = await away.signOut()
    expect([answer.status, answer.headers['set-cookie']]).toEqual([204, 'pilothouse=; Max-Age=0; HttpOnly; SameSite=Strict; Path=/'])
    expect(await Promise.all(sockets.map(({ ended }) => ended))).toEqual([4401, 4401])
    expect(await Promise.all([browser, atSecond(browser)].map((each) => each.whoAmI()))).toEqual([[401, 'UNAUTHENTICATED'], [401, 'UNAUTHENTICATED']])
    expect((await browser.signOut()).status).toBe(204)
    expect(await other.whoAmI()).toEqual([200, user.id])
    stays.socket.close()
    await stays.ended
  })

  it('only when one of our pages asks', async () => {
    const browser = await signedIn(server.admin)
    for (const without of [/^Origin/, /^x-pilothouse-csrf/]) expect((await browser.request('DELETE /session', { without })).status).toBe(403)
    expect(await browser.whoAmI()).toEqual([200, server.admin.id])
  })

  it('with the token that it was made of, on the other node too, and not with another', async () => {
    const user = await server.user('revoker')
    const { accessToken, secret } = await secondToken(user)
    const [browser, other] = [await signedIn({ ...user, token: secret }), await signedIn(user)]
    const away = atSecond(browser)
    const sockets = [await browser.socket(), await away.socket()]
    await user.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    expect(await Promise.all(sockets.map(({ ended }) => ended))).toEqual([4401, 4401])
    expect(await Promise.all([browser.whoAmI(), away.whoAmI(), other.whoAmI()])).toEqual([[401, 'UNAUTHENTICATED'], [401, 'UNAUTHENTICATED'], [200, user.id]])
  })

  it('with the person, and has their rights of the moment until then', async () => {
    const user = await server.user('moved')
    const browser = await signedIn(user)
    const read = async () => (JSON.parse((await browser.request('POST /graphql', { body: '{"query":"{ viewer { principal { role: kind } user { role } } }"}' })).body) as { data: { viewer: { user: { role: string } } } }).data.viewer.user.role
    await server.admin.client.execute(SetUserRoleDocument, { userId: user.id, role: 'ADMIN' })
    expect(await read()).toBe('ADMIN')
    const { ended } = await atSecond(browser).socket()
    await server.admin.client.execute(DeactivateUserDocument, { userId: user.id })
    expect([await ended, await browser.whoAmI()]).toEqual([4401, [401, 'UNAUTHENTICATED']])
  })

  it.each<[what: string, hours: number, isUsed: boolean]>([['after twelve hours, however busy', 12.1, true], ['after two hours that nobody used it', 2.1, false]])('%s', async (_what, hours, isUsed) => {
    const browser = await signedIn(await server.user(`idle-${hours}`))
    const { ended } = await browser.socket()
    for (let at = 1.9; isUsed && at < 12; at += 1.9) {
      now = later(at)
      expect((await browser.whoAmI())[0]).toBe(200)
    }
    now = later(hours)
    expect(await ended).toBe(4401)
    expect((await browser.whoAmI())[0]).toBe(401)
    now = () => new Date()
  })
})

it('S7: tries with cookies that open nothing are counted like those with tokens', async () => {
  const own = await startTestServer({}, { failuresPerMinute: 3 })
  const statuses: number[] = []
  for (let at = 0; at < 5; at++) statuses.push((await openBrowser(own.url, { cookie: `pilothouse=phc_${String(at).repeat(43)}` }).whoAmI())[0])
  expect(statuses).toEqual([401, 401, 401, 429, 429])
  expect((await rawRequest(Number(new URL(own.url).port), ['GET /session HTTP/1.1', 'Host: localhost'])).status).toBe(200)
  // Whoever has a good token comes in from there all the same, whatever cookie is left of another time.
  const person = openBrowser(own.url, { cookie: `pilothouse=phc_${'z'.repeat(43)}` })
  expect((await person.signIn(own.admin.token)).status).toBe(204)
  expect(await person.whoAmI()).toEqual([200, own.admin.id])
  await own.close()
})
