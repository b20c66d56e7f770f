import { generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Config } from '../../src/config.js'
import { DeactivateUserDocument, RevokeAccessTokenDocument, SetUserRoleDocument, UsersDocument } from '../../src/client/index.js'
import { readChain } from '../../src/db/audit.js'
import { audience, type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.js'
import { post, startTestServer, type TestServer } from '../support/server.js'
import { type Subscriber, subscribe } from '../support/subscriber.js'

let issuer: OidcIssuer
let server: TestServer
let now = () => new Date()
const open: Subscriber[] = []
const watch = (on: TestServer, token: string, owner: Parameters<typeof subscribe>[2] = { kind: 'USER' }) => {
  const subscriber = subscribe(on.webSocketUrl, token, owner)
  open.push(subscriber)
  return subscriber
}
const later = (seconds: number) => () => new Date(Date.now() + seconds * 1_000)

const settings = (change: Partial<NonNullable<Config['oidc']>> = {}): Partial<Config> => ({
  oidc: {
    issuer: issuer.url, audience, jwksUrl: null, clockSkewSeconds: 60, ...change,
    mapping: {
      provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: { claim: 'realm_access.roles', value: 'catalog-admin' },
      teams: { claim: 'groups', byValue: new Map([['/red', { slug: 'red', role: 'MEMBER' }], ['/red-leads', { slug: 'red', role: 'MAINTAINER' }], ['/blue', { slug: 'blue', role: 'MEMBER' }]]) },
    },
  },
})

beforeAll(async () => {
  issuer = await startOidcIssuer()
  server = await startTestServer({ now: () => now(), oidc: { keysCooldownMs: 0 } }, settings())
  for (const slug of ['red', 'blue']) await server.team(slug, [])
})
afterAll(async () => {
  await Promise.all(open.map((subscriber) => subscriber.close()))
  await server.close()
  await issuer.close()
})

const viewerQuery = '{ viewer { principal { kind id } user { provider subject displayName role teams { role team { slug } } } } }'
interface Viewer { principal: { kind: string; id: string }; user: { displayName: string; role: string; teams: Array<{ role: string; team: { slug: string } }> } }
async function viewer(token: string, on = server): Promise<Viewer> {
  const { data, errors } = await post(on.url, token, { query: viewerQuery })
  if (errors) throw new Error(JSON.stringify(errors))
  return (data as { viewer: Viewer }).viewer
}
/** The HTTP status and code, and the close code of a socket, that a token is answered with. */
async function refusal(token: string, on = server) {
  const response = await fetch(on.url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ query: viewerQuery }) })
  const { errors } = await response.json() as { errors?: Array<{ extensions: { code: string } }> }
  return [response.status, errors?.[0]?.extensions.code, (await watch(on, token).ended).code]
}
const opensNothing = [401, 'UNAUTHENTICATED', 4401]
const notNow = [503, 'UNAVAILABLE', 1012]

describe('a sign-in', () => {
  it('makes the person, maps role and teams, and costs no write when nothing changed', async () => {
    const token = await issuer.token('ada', { name: 'Ada L.', realm_access: { roles: ['other'] }, groups: ['/red-leads', '/red', '/nowhere'] })
    const { principal, user } = await viewer(token)
    expect(user).toEqual({ provider: 'oidc', subject: 'ada', displayName: 'Ada L.', role: 'USER', teams: [{ role: 'MAINTAINER', team: { slug: 'red' } }] })
    const { sequence } = server.app.services.index.state
    expect((await viewer(token)).principal).toEqual({ kind: 'USER', id: principal.id })
    await watch(server, token).nextSnapshot()
    expect((await viewer(await issuer.token('ada', { name: 'Ada L.', groups: ['/red-leads'] }))).principal.id).toBe(principal.id)
    expect(server.app.services.index.state.sequence).toBe(sequence)
    expect((await viewer(await issuer.token('plain'))).user).toMatchObject({ displayName: 'plain', teams: [] })
  })

  it('F2 S19: gives and takes what the newest claims say, on open sockets too', async () => {
    const seconds = Math.floor(Date.now() / 1_000)
    const claims = (at: number, more: object) => issuer.forge({ sub: 'bob', iat: seconds + at, ...more })
    const first = await claims(1, { name: 'Bob', groups: ['/red', '/blue'], realm_access: { roles: ['catalog-admin'] } })
    expect((await viewer(first)).user).toMatchObject({ role: 'ADMIN' })
    const red = server.app.services.index.state.teamsBySlug.get('red')!.id
    await server.register(server.admin, 'red-tool', { owner: { kind: 'TEAM', id: red } })
    const [own, team, deployment] = [watch(server, first), watch(server, first, { kind: 'TEAM', id: 'red' }), watch(server, first, { kind: 'DEPLOYMENT' })]
    expect((await own.nextSnapshot()).mcpServers).toMatchObject([{ name: 'red-tool' }])
    await Promise.all([team.nextSnapshot(), deployment.nextSnapshot()])
    const second = await claims(2, { name: 'Robert', groups: '/blue' })
    expect((await viewer(second)).user).toMatchObject({ displayName: 'Robert', role: 'USER', teams: [{ role: 'MEMBER', team: { slug: 'blue' } }] })
    expect(await own.nextDelta()).toMatchObject({ removed: [{ name: 'red-tool', reason: 'NOT_SHARED', mode: 'IMMEDIATE' }] })
    for (const lost of [team, deployment]) expect((await lost.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
    // The token from before is still valid, and brings nothing back.
    expect((await viewer(first)).user).toMatchObject({ displayName: 'Robert', role: 'USER', teams: [{ team: { slug: 'blue' } }] })
    expect((await viewer(await claims(3, { groups: ['/red'] }))).user.teams).toMatchObject([{ team: { slug: 'red' } }])
  })

  it('of several at once makes one person', async () => {
    const tokens = await Promise.all(Array.from({ length: 6 }, () => issuer.token('crowd', { groups: ['/red'] })))
    const ids = await Promise.all(tokens.map(async (token) => (await viewer(token)).principal.id))
    expect(new Set(ids).size).toBe(1)
    expect((await server.admin.client.execute(UsersDocument, { search: 'crowd' })).users.nodes).toHaveLength(1)
  })

  it('asks the issuer once for many tokens', async () => {
    const before = new Map(issuer.requests)
    for (const subject of ['one', 'two', 'three']) await viewer(await issuer.token(subject))
    for (const path of ['/jwks', '/.well-known/openid-configuration']) expect(issuer.requests.get(path)).toBe(before.get(path))
  })
})

describe('S7: nobody comes in with', () => {
  const seconds = () => Math.floor(Date.now() / 1_000)
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  it.each<[string, () => Promise<string>]>([
    ['a token for somebody else', () => issuer.forge({ aud: 'https://elsewhere.test/' })],
    ['a token for nobody', () => issuer.forge({ aud: undefined })],
    ['a token of another issuer', () => issuer.forge({ iss: 'https://elsewhere.test' })],
    ['the issuer written in another way', () => issuer.forge({ iss: `${issuer.url}/` })],
    ['an expired token', () => issuer.forge({ exp: seconds() - 65 })],
    ['a token without an end', () => issuer.forge({ exp: undefined })],
    ['an end that is no number', () => issuer.forge({ exp: '9999999999' })],
    ['a token whose time has not come', () => issuer.forge({ nbf: seconds() + 90 })],
    ['a token from the future', () => issuer.forge({ iat: seconds() + 90 })],
    ['a token of no subject', () => issuer.forge({ sub: undefined })],
    ['a subject that is no text', () => issuer.forge({ sub: ['admin'] as never })],
    ['a subject that no catalog holds', () => issuer.forge({ sub: 'a\u0000b' })],
    ['no signature', async () => `${encode({ alg: 'none' })}.${encode({ iss: issuer.url, aud: audience, sub: 'x', exp: seconds() + 60 })}.x`],
    ['no signature at all', async () => `${encode({ alg: 'none' })}.${encode({ iss: issuer.url, aud: audience, sub: 'x', exp: seconds() + 60 })}.`],
    ['the public key as a shared secret', () => issuer.forge({}, { alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(issuer.publicJwk())))],
    ['a key of their own under a known name', async () => issuer.forge({}, {}, (await generateKeyPair('RS256')).privateKey)],
    ['a key of their own that comes along', async () => issuer.forge({}, { kid: undefined, jwk: issuer.publicJwk() }, (await generateKeyPair('RS256')).privateKey)],
    ['a key that nobody knows', () => issuer.forge({}, { kid: 'unknown' })],
    ['a header that asks for more than we know', () => issuer.forge({}, { crit: ['https://x'], 'https://x': 1 })],
    ['claims that were changed on the way', async () => {
      const [head, , signature] = (await issuer.token('eve')).split('.')
      return `${head}.${encode({ iss: issuer.url, aud: audience, sub: 'root', exp: seconds() + 60, realm_access: { roles: ['catalog-admin'] } })}.${signature}`
    }],
    ['five parts', async () => 'a.b.c.d.e'],
    ['three parts of nothing', async () => 'a.b.c'],
  ])('%s', async (_, make) => {
    const { sequence } = server.app.services.index.state
    expect(await refusal(await make())).toEqual(opensNothing)
    expect(server.app.services.index.state.sequence).toBe(sequence)
  })

  it('a token longer than HTTP would carry, on a socket', async () => {
    expect((await watch(server, await issuer.forge({ sub: 'long', padding: 'x'.repeat(13_000) })).ended).code).toBe(4401)
    await watch(server, await issuer.forge({ sub: 'long', padding: 'x'.repeat(11_000) })).nextSnapshot()
  })

  it('... while clocks may differ a little', async () => {
    for (const claims of [{ exp: seconds() - 30 }, { nbf: seconds() + 30 }, { iat: seconds() + 30 }]) {
      expect((await viewer(await issuer.forge({ sub: 'skewed', ...claims }))).user.displayName).toBe('skewed')
    }
  })
})

describe('a sign-in ends', () => {
  it('when its token does, and its sockets with it', async () => {
    const token = await issuer.token('timed')
    const live = watch(server, token)
    await live.nextSnapshot()
    now = later(3_630)
    expect((await viewer(token)).user.displayName).toBe('timed')
    now = later(3_670)
    expect(await live.ended).toMatchObject({ code: 4401 })
    expect(await refusal(token)).toEqual(opensNothing)
    now = () => new Date()
  })

  it('when the person is deactivated, on sockets and for tokens of any kind, and is recorded', async () => {
    const token = await issuer.token('leaver')
    const { principal: { id } } = await viewer(token)
    const { data } = await post(server.url, token, { query: 'mutation { createAccessToken(input: { kind: PERSONAL, name: "mine" }) { secret accessToken { id } } }' })
    const { secret, accessToken } = (data as { createAccessToken: { secret: string; accessToken: { id: string } } }).createAccessToken
    const lives = [watch(server, token), watch(server, secret)]
    await Promise.all(lives.map((live) => live.nextSnapshot()))
    expect((await server.admin.client.execute(DeactivateUserDocument, { userId: id })).deactivateUser.deactivatedAt).not.toBeNull()
    for (const live of lives) expect(await live.ended).toMatchObject({ code: 4401 })
    for (const one of [token, secret, await issuer.token('leaver')]) expect(await refusal(one)).toEqual(opensNothing)
    const [last] = (await readChain(server.app.services.db, 'access', 0, 1_000)).reverse()
    expect(last).toMatchObject({ actor: { kind: 'USER', id }, action: 'AUTHENTICATE', outcome: 'DENIED', target: id })
    expect((await server.admin.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })).revokeAccessToken.revokedAt).not.toBeNull()
    expect((await server.admin.client.execute(UsersDocument, { search: 'leaver' })).users.nodes).toMatchObject([{ id, deactivatedAt: expect.any(String) as string }])
  })

  it('never by the role that the catalog gave, which the next sign-in takes back', async () => {
    const token = await issuer.token('promoted')
    const { principal: { id } } = await viewer(token)
    await server.admin.client.execute(SetUserRoleDocument, { userId: id, role: 'ADMIN' })
    expect((await viewer(token)).user.role).toBe('USER')
  })
})

describe('the keys of the issuer', () => {
  it('may change while we run: a new one is found, and one that is gone opens nothing once what was cached is over', async () => {
    const old = await issuer.token('rotating')
    await viewer(old)
    await issuer.rotate({ keepOld: true })
    const [kept, fresh] = [old, await issuer.token('rotating')]
    for (const token of [kept, fresh]) expect((await viewer(token)).user.displayName).toBe('rotating')
    await issuer.rotate({ keepOld: false })
    expect((await viewer(await issuer.token('rotating'))).user.displayName).toBe('rotating')
    expect((await viewer(old)).user.displayName).toBe('rotating')
    now = later(301)
    expect(await refusal(old)).toEqual(opensNothing)
    now = () => new Date()
  })

  it('are not asked for again and again because of tokens under unknown ones', async () => {
    const calm = await startTestServer({}, settings())
    await viewer(await issuer.token('calm'), calm)
    const before = issuer.requests.get('/jwks')
    for (let at = 0; at < 5; at++) expect((await post(calm.url, await issuer.forge({}, { kid: `unknown-${at}` }), { query: viewerQuery })).errors).toHaveLength(1)
    expect(issuer.requests.get('/jwks')).toBe(before)
    await calm.close()
  })

  it.each<[string, () => Partial<NonNullable<Config['oidc']>>, boolean]>([
    ['at an address of the configuration', () => ({ jwksUrl: `${issuer.url}/jwks` }), true],
    ['at an address that has none', () => ({ jwksUrl: `${issuer.url}/nothing` }), false],
    ['at an address that answers something else', () => ({ jwksUrl: `${issuer.url}/.well-known/openid-configuration` }), false],
  ])('are read %s', async (_, change, isFound) => {
    const other = await startTestServer({}, settings(change()))
    const discoveries = issuer.requests.get('/.well-known/openid-configuration')
    const token = await issuer.token('found')
    expect(await (isFound ? viewer(token, other).then(({ user }) => user.displayName) : refusal(token, other))).toEqual(isFound ? 'found' : notNow)
    if (isFound) expect(issuer.requests.get('/.well-known/openid-configuration')).toBe(discoveries)
    await other.close()
  })

  it('are not taken from a discovery document of another issuer', async () => {
    const alias = issuer.url.replace('127.0.0.1', 'localhost')
    const other = await startTestServer({}, settings({ issuer: alias }))
    expect(await refusal(await issuer.forge({ iss: alias }), other)).toEqual(notNow)
    await other.close()
  })
})

describe('an issuer that cannot be reached', () => {
  it('S23: lets nobody in and ends nobody, at the start and later; our own tokens go on', async () => {
    const token = await issuer.token('patient')
    await issuer.down()
    const early = await startTestServer({ oidc: { keysCooldownMs: 0 } }, settings())
    expect(await refusal(token, early)).toEqual(notNow)
    expect((await post(early.url, early.admin.token, { query: viewerQuery })).errors).toBeUndefined()
    await issuer.up()
    expect((await viewer(token, early)).user.displayName).toBe('patient')
    const [live, stranger] = [watch(early, token), await issuer.forge({ sub: 'stranger' }, { kid: 'not-fetched-yet' })]
    await live.nextSnapshot()
    await issuer.down()
    expect(await refusal(stranger, early)).toEqual(notNow)
    expect((await viewer(token, early)).user.displayName).toBe('patient')
    await early.register(early.admin, 'still-live', { owner: { kind: 'DEPLOYMENT' } })
    expect((await live.nextDelta()).upserted).toMatchObject([{ name: 'still-live' }])
    await issuer.up()
    expect(await refusal(stranger, early)).toEqual(opensNothing)
    await live.close()
    await early.close()
  })
})

it('S7: an address that sent too many bad tokens has ten signatures checked in a second; who is known comes in as before', async () => {
  let fixed = new Date()
  const own = await startTestServer({ now: () => fixed }, settings())
  const send = async (token: string) => (await fetch(own.url, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ query: '{ __typename }' }),
  })).status
  const tokens = await Promise.all(Array.from({ length: 13 }, (_, at) => issuer.token('one-of-many', { jti: String(at) })))
  expect(await send(tokens[0]!)).toBe(200)
  for (let at = 0; at < 120; at++) await send('nothing')
  const statuses: number[] = []
  for (const token of tokens) statuses.push(await send(token))
  expect(statuses).toEqual([...Array<number>(11).fill(200), 429, 429])
  fixed = new Date(fixed.getTime() + 1_000)
  expect(await send(tokens[12]!)).toBe(200)
  await own.close()
})
