import { type Page } from 'playwright-core'
import { beforeAll, afterAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/db/free-port.js'
import { axeProblems, hasBrowser, refusalsOf, startBrowser, type TestBrowser } from '../support/chromium.js'
import { audience } from '../support/oidc-issuer.js'
import { loginClient, type OidcLogin, startOidcLogin } from '../support/oidc-login.js'
import { startTestServer, type TestServer } from '../support/server.js'
import { closing } from '../support/shared.js'

describe.runIf(hasBrowser)('S7: a sign-in at the identity provider, in a browser', () => {
  let [issuer, server, browser] = [] as unknown as [OidcLogin, TestServer, TestBrowser]
  let origin: string
  beforeAll(async () => {
    const port = await freePort()
    // The issuer is at 127.0.0.1: for a browser that is another site, as it is in life.
    origin = `http://localhost:${port}`
    issuer = await startOidcLogin(`${origin}/session/oidc/callback`)
    issuer.claims.set('ada', { name: 'Ada L.' })
    const mapping = { provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: null, teams: null }
    server = await startTestServer({}, { port, publicOrigin: origin, oidcClient: { ...loginClient, scope: 'openid profile' }, oidc: { issuer: issuer.url, audience, jwksUrl: null, clockSkewSeconds: 60, mapping } })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await Promise.all([browser.close(), server.close()])
    await issuer.close()
  })
  const open = async (path: string) => {
    const page = await browser.open(`${origin}/graphql`)
    closing(page.context())
    await page.goto(path)
    return page
  }
  const go = (page: Page) => page.getByRole('link', { name: 'Sign in with your organisation' }).click()
  const logIn = async (page: Page, who: string) => {
    await page.getByLabel('Who are you?').fill(who)
    await page.getByRole('button', { name: 'Log in' }).click()
  }
  const isIn = (page: Page) => page.getByRole('navigation', { name: 'Sections' }).waitFor()

  it('leads to where one wanted to go, by a cookie that no script reads, with nothing of it left in the page', async () => {
    const page = await open('/approvals?state=all')
    const asked: string[] = []
    page.on('request', (request) => void (request.isNavigationRequest() && asked.push(request.url())))
    expect(await axeProblems(page)).toEqual([])
    await go(page)
    await logIn(page, 'ada')
    await isIn(page)
    expect(page.url()).toBe(`${origin}/approvals?state=all`)
    await page.getByRole('banner').getByRole('link', { name: 'Ada L.' }).waitFor()
    const callback = asked.find((url) => url.startsWith(`${origin}/session/oidc/callback`))!
    const { searchParams } = new URL(callback)
    const kept = await page.evaluate<string>('document.documentElement.outerHTML + JSON.stringify([document.cookie, history.state, location.href, document.referrer, { ...localStorage }, { ...sessionStorage }])')
    const cookies = await page.context().cookies(origin)
    expect(cookies.map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path }))).toEqual([{ name: 'pilothouse', httpOnly: true, sameSite: 'Strict', path: '/' }])
    for (const secret of [cookies[0]!.value, searchParams.get('code')!, searchParams.get('state')!, 'eyJ']) expect([secret.length > 2, kept.includes(secret)]).toEqual([true, false])
    expect(await refusalsOf(page)).toEqual([])

    // The same answer again: nobody comes in by it, and whoever is signed in stays so.
    const other = await open(callback.replace(origin, ''))
    await other.getByRole('alert').filter({ hasText: 'took too long, or belongs to another one' }).waitFor()
    await page.goto(callback)
    await isIn(page)

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in with your organisation' }).waitFor()
    await page.context().addCookies(cookies)
    await page.reload()
    await page.getByRole('link', { name: 'Sign in with your organisation' }).waitFor()
  })

  it('that the person gives up, or that comes back with another state, says so in place and leads on to where one wanted to go', async () => {
    const page = await open('/secrets')
    await go(page)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alert').filter({ hasText: 'did not let you in' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await go(page)
    const back = new URL(page.url())
    expect(back.origin).toBe(issuer.url)
    await page.goto('/session/oidc/callback?code=x&state=y')
    await page.getByRole('alert').filter({ hasText: 'belongs to another one' }).waitFor()
    await go(page)
    await logIn(page, 'ada')
    await isIn(page)
    expect(new URL(page.url()).pathname).toMatch(/^\/secrets/)
  })

  it('takes the place of whom the browser was signed in as, and by a token from the refusal one goes on as well', async () => {
    const page = await open('/sign-in?problem=denied&return=%2Faudit')
    await page.getByLabel('access token').fill(server.admin.token)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isIn(page)
    expect(new URL(page.url()).pathname).toBe('/audit')
    const [before] = await page.context().cookies(origin)
    await page.goto('/session/oidc?return=/policy')
    await logIn(page, 'ada')
    await isIn(page)
    expect(new URL(page.url()).pathname).toMatch(/^\/policy/)
    const [after] = await page.context().cookies(origin)
    expect(after!.value).not.toBe(before!.value)
    expect((await page.request.post('/graphql', { headers: { origin, 'x-pilothouse-csrf': '1', cookie: `pilothouse=${before!.value}` }, data: { query: '{ __typename }' } })).status()).toBe(401)
  })

  it('S7: and leads to no other origin, whatever an address names as the place to go on', async () => {
    const page = await open('/sign-in?problem=denied&return=%2F%2Fevil.example%2Fx')
    expect(await page.getByRole('link', { name: 'Sign in with your organisation' }).getAttribute('href')).toBe('/session/oidc?return=%2F')
    await page.getByLabel('access token').fill(server.admin.token)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL(`${origin}/integrations/all`)
  })
})
