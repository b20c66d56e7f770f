import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeactivateUserDocument, UsersDocument } from '../../src/client/index.js'
import { localPath } from '../../src/core/local-path.js'
import { type Browser, openBrowser } from '../support/browser.js'
import { captureLog } from '../support/log-lines.js'
import { loginClient, type OidcLogin, startOidcLogin } from '../support/oidc-login.js'
import { audience } from '../support/oidc-issuer.js'
import { startTestServer, type TestServer } from '../support/server.js'

const [origin, host] = ['https://catalog.example.com', 'catalog.example.com']
const log = captureLog()
let issuer: OidcLogin
let server: TestServer
let now = () => new Date()
beforeAll(async () => {
  issuer = await startOidcLogin(`${origin}/session/oidc/callback`)
  server = await startTestServer({ now: () => now(), logTo: log }, {
    logLevel: 'debug', publicOrigin: origin, allowedHosts: [host], oidcClient: { ...loginClient, scope: 'openid profile' },
    oidc: {
      issuer: issuer.url, audience, jwksUrl: null, clockSkewSeconds: 60,
      mapping: { provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: { claim: 'role', value: 'boss' }, teams: { claim: 'groups', byValue: null } },
    },
  })
  await server.team('red', [])
})
afterAll(async () => {
  await server.close()
  await issuer.close()
})

const navigation = { without: /^(Origin|Sec-Fetch|x-pilothouse|Content-Type)/, headers: ['Accept: text/html', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'] }
/** A browser that was sent to the issuer, and where to. */
async function begun(target = '/session/oidc?return=/approvals') {
  const browser = openBrowser(server.url, { host, scheme: 'https' })
  const { status, headers } = await browser.request(`GET ${target}`, navigation)
  expect(status).toBe(302)
  return { browser, headers, location: headers.location! }
}
/** Back from the issuer at that address. */
const problemAt = (location: string | undefined) => Object.fromEntries(new URL(location ?? 'none:').searchParams)
const back = (browser: Browser, address: string) => browser.request(`GET ${address.replace(origin, '')}`, navigation)

describe('S7: a sign-in at the issuer', () => {
  it('goes there with PKCE, and comes back signed in at the page where it began', async () => {
    issuer.claims.set('ada', { name: 'Ada L.', groups: ['red'] })
    const { browser, headers, location } = await begun()
    expect(headers['set-cookie']).toMatch(/^__Host-pilothouse-oidc=[\w.-]+; Max-Age=600; HttpOnly; SameSite=Lax; Path=\/; Secure$/)
    const asked = new URL(location)
    expect(asked.origin).toBe(issuer.url)
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      response_type: 'code', client_id: 'console', redirect_uri: `${origin}/session/oidc/callback`, scope: 'openid profile', code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/) as string, nonce: expect.stringMatching(/^[\w-]{43}$/) as string, code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
    const answer = await back(browser, await issuer.browse(location, 'ada'))
    expect([answer.status, answer.headers.location]).toEqual([302, `${origin}/approvals`])
    const { users } = await server.admin.client.execute(UsersDocument, { search: 'Ada L.' })
    expect(users.nodes).toMatchObject([{ provider: 'oidc', subject: 'ada' }])
    expect(server.app.services.index.state.teamsOf.get(users.nodes[0]!.id)?.size).toBe(1)
    // Of both cookies the raw client keeps the last one, which ends the try.
    expect(answer.headers['set-cookie']).toMatch(/^__Host-pilothouse-oidc=; Max-Age=0; /)
    expect(JSON.parse((await browser.request('GET /session')).body)).toEqual({ signedIn: false, oidc: { authorizePath: '/session/oidc' } })
  })

  it('gives a session like any other, which ends with the person', async () => {
    const { browser, headers, location } = await begun()
    const address = await issuer.browse(location, 'bob')
    const answer = await fetch(`${server.url.replace('/graphql', '')}${address.replace(origin, '')}`, { redirect: 'manual', headers: { cookie: headers['set-cookie']!.split(';')[0]! } })
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('__Host-pilothouse='))!
    expect(cookie).toMatch(/^__Host-pilothouse=phc_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Secure$/)
    const signedIn = openBrowser(server.url, { host, scheme: 'https', cookie: cookie.split(';')[0]! })
    const [status, id] = await signedIn.whoAmI()
    expect(status).toBe(200)
    // Nobody comes in a second time by the same answer.
    expect((await back(openBrowser(server.url, { host, scheme: 'https', cookie: browser.cookie() }), address)).headers.location).toMatch(/\?problem=(denied|expired)&return=%2Fapprovals$/)
    await server.admin.client.execute(DeactivateUserDocument, { userId: id! })
    expect(await signedIn.whoAmI()).toEqual([401, 'UNAUTHENTICATED'])
    const again = await begun()
    expect(problemAt((await back(again.browser, await issuer.browse(again.location, 'bob'))).headers.location)).toEqual({ problem: 'denied', return: '/approvals' })
  })

  it('takes the place of the session that the browser had, which the way back does not bring along', async () => {
    const signedIn = openBrowser(server.url, { host, scheme: 'https' })
    const user = await server.user('before')
    await signedIn.signIn(user.token)
    const { headers } = await openBrowser(server.url, { host, scheme: 'https', cookie: signedIn.cookie() }).request('GET /session/oidc', navigation)
    const on = openBrowser(server.url, { host, scheme: 'https', cookie: headers['set-cookie']!.split(';')[0]! })
    const address = await issuer.browse(headers.location!, 'dora')
    expect(await signedIn.whoAmI()).toEqual([200, user.id])
    expect((await back(on, address)).headers.location).toBe(`${origin}/`)
    expect(await signedIn.whoAmI()).toEqual([401, 'UNAUTHENTICATED'])
  })

  it.each<[what: string, problem: string, change: (address: URL, browser: Browser) => Promise<[URL, Browser]>, isKnown?: boolean]>([
    ['another state', 'expired', async (address, browser) => (address.searchParams.set('state', 'x'.repeat(43)), [address, browser])],
    ['no state', 'expired', async (address, browser) => (address.searchParams.delete('state'), [address, browser])],
    ['no try under way', 'expired', async (address) => [address, openBrowser(server.url, { host, scheme: 'https' })], false],
    ['the try of another browser', 'expired', async (address) => [address, (await begun()).browser]],
    ['a try that was made up', 'expired', async (address) => [address, openBrowser(server.url, { host, scheme: 'https', cookie: `__Host-pilothouse-oidc=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA` })], false],
    ['another code', 'denied', async (address, browser) => (address.searchParams.set('code', 'x'.repeat(43)), [address, browser])],
    ['no code', 'denied', async (address, browser) => (address.searchParams.delete('code'), [address, browser])],
    ['a refusal of the issuer', 'denied', async (address, browser) => (address.searchParams.delete('code'), address.searchParams.set('error', 'access_denied'), [address, browser])],
    ['the answer of two issuers', 'denied', async (address, browser) => (address.searchParams.append('iss', 'https://elsewhere.test'), [address, browser])],
    ['two codes', 'denied', async (address, browser) => (address.searchParams.append('code', 'x'.repeat(43)), [address, browser])],
    ['the answer of another issuer', 'denied', async (address, browser) => (address.searchParams.set('iss', 'https://elsewhere.test'), [address, browser])],
    ['an answer that comes too late', 'expired', async (address, browser) => (now = () => new Date(Date.now() + 601_000), [address, browser]), false],
    ['the code of another try, whose verifier and nonce are others', 'denied', async (address, browser) => {
      const other = new URL(await issuer.browse((await begun()).location, 'mallory'))
      address.searchParams.set('code', other.searchParams.get('code')!)
      return [address, browser]
    }],
  ])('signs nobody in with %s', async (_what, problem, change, isKnown = true) => {
    const { browser, location } = await begun()
    const [address, from] = await change(new URL(await issuer.browse(location, 'eve')), browser)
    const answer = await back(from, address.href)
    now = () => new Date()
    expect([answer.status, answer.headers.location!.split('?')[0]]).toEqual([302, `${origin}/sign-in`])
    // Where it began is known from the try alone, and leads on.
    expect(problemAt(answer.headers.location)).toEqual({ problem, ...isKnown && { return: '/approvals' } })
    expect(answer.headers['set-cookie']).toMatch(/^__Host-pilothouse-oidc=; Max-Age=0/)
  })

  it('is not to be had where the issuer is away, nor where it is not set up', async () => {
    const own = await startTestServer()
    expect((await openBrowser(own.url).request('GET /session/oidc', navigation)).status).toBe(401)
    await own.close()
    const away = await startOidcLogin(`${origin}/x`)
    await away.close()
    const lonely = await startTestServer({}, { publicOrigin: origin, allowedHosts: [host], oidcClient: { ...loginClient, scope: 'openid' }, oidc: { issuer: away.url, audience, jwksUrl: null, clockSkewSeconds: 60, mapping: { provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: null, teams: null } } })
    expect((await openBrowser(lonely.url).request('GET /session/oidc', navigation)).status).toBe(503)
    await lonely.close()
  })
})

describe('S7: the page to come back to is one of ours', () => {
  it.each([
    'https://evil.example', '//evil.example', '/\\evil.example', '\\/evil.example', '/%09/evil.example/../..//evil.example', '/.//evil.example', '/..//evil.example', '/a/..//evil.example', '/\t/evil.example', '/\n/evil.example',
    'javascript:alert(1)', 'data:text/html,x', 'evil', '', ' /', '/é', '///evil.example', '/./\\evil.example', `/${'x'.repeat(2_000)}`, '/\u0000', '/ /evil.example', 'http:/evil.example', 'http:evil.example',
  ])('%j is not', (text) => {
    const path = localPath(text)
    expect(new URL(path, origin).origin).toBe(origin)
    expect(path.startsWith('//')).toBe(false)
    expect(path.includes('evil') && new URL(path, origin).host !== host).toBe(false)
  })

  it.each([['/approvals', '/approvals'], ['/integrations/srv_1?tab=history#top', '/integrations/srv_1?tab=history#top'], ['/a/../b', '/b'], ['/?next=//evil.example', '/?next=//evil.example'], ['//evil.example', '/'], ['/.//evil.example', '/']])('%j leads to %j', (text, path) => {
    expect(localPath(text)).toBe(path)
  })

  it.each([['/session/oidc?return=//evil.example', '/'], ['/session/oidc?return=https://evil.example/x', '/'], ['/session/oidc', '/'], ['/session/oidc?return=%2Fpeople%3Fa%3D1', '/people?a=1']])('%s comes back to %s', async (target, path) => {
    const { browser, location } = await begun(target)
    expect((await back(browser, await issuer.browse(location, 'carol'))).headers.location).toBe(`${origin}${path}`)
  })
})

describe('S7: a sign-in is kept from nobody by what others of their address do', () => {
  it('however many begin one, or load GraphiQL', async () => {
    const ask = (target: string, etag = '') => openBrowser(server.url, { host, scheme: 'https' }).request(target, { ...navigation, headers: ['Accept: text/html', `If-None-Match: ${etag}`] })
    const { headers: { etag } } = await ask('GET /graphql')
    const statuses = await Promise.all(Array.from({ length: 120 }, async () => (await ask('GET /graphql', etag)).status))
    expect([...new Set(statuses)].sort()).toEqual([304, 429])
    await Promise.all(Array.from({ length: 121 }, () => begun()))
    const { browser, location } = await begun()
    expect((await back(browser, await issuer.browse(location, 'ada'))).headers.location).toBe(`${origin}/approvals`)
  })

  it('after many that the issuer refused it is asked ten times in a second, and whoever must wait is told so', async () => {
    const { browser, location } = await begun()
    const [good, cookie] = [await issuer.browse(location, 'ada'), browser.cookie()]
    const bad = good.replace(/code=[^&]+/, `code=${'x'.repeat(43)}`)
    const tries = async (count: number) => {
      const problems: string[] = []
      for (let at = 0; at < count; at++) problems.push(problemAt((await back(openBrowser(server.url, { host, scheme: 'https', cookie }), bad)).headers.location).problem!)
      return problems
    }
    const moment = new Date()
    expect(await tries(120)).toContain('denied')
    now = () => new Date(moment.getTime() + 60_000)
    expect(await tries(12)).toEqual([...Array<string>(10).fill('denied'), 'busy', 'busy'])
    now = () => new Date(moment.getTime() + 61_000)
    expect((await back(browser, good)).headers.location).toBe(`${origin}/approvals`)
    now = () => new Date()
  })
})

it('S14: no line of the log holds a code, a state, a cookie or a verifier, whatever becomes of a sign-in', async () => {
  const [good, refused, lost] = [await begun(), await begun(), await begun()]
  const answers: URL[] = []
  for (const each of [good, refused, lost]) answers.push(new URL(await issuer.browse(each.location, 'finn')))
  const session = await fetch(`${server.url.replace('/graphql', '')}${answers[0]!.href.replace(origin, '')}`, { redirect: 'manual', headers: { cookie: good.headers['set-cookie']!.split(';')[0]! } })
  const cookie = session.headers.getSetCookie().find((line) => line.startsWith('__Host-pilothouse='))!.split(';')[0]!
  expect((await openBrowser(server.url, { host, scheme: 'https', cookie }).whoAmI())[0]).toBe(200)
  expect((await back(refused.browser, `${answers[1]!.href}&iss=https://elsewhere.test`)).headers.location).toMatch(/\/sign-in\?problem=denied&/)
  await issuer.close()
  expect((await back(lost.browser, answers[2]!.href)).headers.location).toMatch(/\/sign-in\?problem=unavailable&/)
  await log.line({ msg: 'the OIDC issuer cannot be reached' })
  const kept = [cookie, ...[good, refused, lost].map(({ headers }) => headers['set-cookie']!.split(';')[0]!)].map((one) => one.split('=')[1]!)
  const told = answers.flatMap(({ searchParams }) => [searchParams.get('code')!, searchParams.get('state')!])
  for (const secret of [...kept, ...told]) expect([secret.length > 20, log.text().includes(secret)]).toEqual([true, false])
})
