import { describe, expect, it } from 'vitest'
import { ConsoleSessionsDocument, DeactivateUserDocument, EndConsoleSessionDocument, EndOtherConsoleSessionsDocument, RevokeAccessTokenDocument } from '../../src/client/index.js'
import { readChain } from '../../src/db/audit.js'
import { type Browser, openBrowser } from '../support/browser.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

let now = () => new Date()
const { server } = shared({ server: () => startTestServer({ now: () => now(), credentialsMs: 20 }, { allowedOrigins: ['https://pages.example.com'] }) })

async function signedIn(who: Person): Promise<Browser> {
  const browser = openBrowser(server.url)
  expect((await browser.signIn(who.token)).status).toBe(204)
  return browser
}
const list = async (who: Person, userId?: string) => (await who.client.execute(ConsoleSessionsDocument, { userId })).consoleSessions.nodes
/** The same asked by a browser, with its cookie. */
async function listIn(browser: Browser): Promise<Array<{ id: string; current: boolean }>> {
  const { body } = await browser.request('POST /graphql', { body: JSON.stringify({ query: '{ consoleSessions { nodes { id current } } }' }) })
  return (JSON.parse(body) as { data: { consoleSessions: { nodes: Array<{ id: string; current: boolean }> } } }).data.consoleSessions.nodes
}
/** A socket of that browser, and with what it is closed. */
async function open(browser: Browser): Promise<{ closed: Promise<[code: number, reason: string]> }> {
  const { socket } = await browser.socket()
  return { closed: new Promise((resolve) => { socket.once('close', (code, reason) => resolve([code, reason.toString()])) }) }
}
const denials = async (userId: string) => (await readChain(server.app.services.db, 'access', 0, 10_000)).filter(({ actor, outcome }) => actor.id === userId && outcome === 'DENIED')
const refused = { code: 'NOT_FOUND' }

describe('sessions of the console', () => {
  it('are listed to the person and to admins, newest first, with what they were made of and which one asks', async () => {
    const user = await server.user('ada')
    const [first, second] = [await signedIn(user), await signedIn(user)]
    const [newer, older] = await list(user)
    expect(await list(server.admin, user.id)).toEqual([newer, older])
    expect([newer, older]).toMatchObject([{ current: false, accessToken: { name: 'ada' } }, { current: false }])
    for (const at of [newer!.createdAt, newer!.lastUsedAt]) expect(Date.now() - new Date(at).getTime()).toBeLessThan(60_000)
    expect(newer!.createdAt > older!.createdAt).toBe(true)
    expect([await listIn(first), await listIn(second)]).toEqual([[{ id: newer!.id, current: false }, { id: older!.id, current: true }], [{ id: newer!.id, current: true }, { id: older!.id, current: false }]])
    await expect(list(await server.user('nosy'), user.id)).rejects.toMatchObject(refused)
  })

  it('are listed no more once they open nothing', async () => {
    const user = await server.user('over')
    await signedIn(user)
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: (await list(user))[0]!.accessToken!.id })
    expect(await list(server.admin, user.id)).toEqual([])
  })

  it('S7: are ended one by one, or all but the one that asks, at once and with their sockets, and that is written down', async () => {
    const user = await server.user('bob')
    const browsers = [await signedIn(user), await signedIn(user), await signedIn(user)]
    const [first, second, third] = await Promise.all(browsers.map((browser) => open(browser)))
    const [newest] = await list(user)
    await expect((await server.user('mallory')).client.execute(EndConsoleSessionDocument, { id: newest!.id })).rejects.toMatchObject(refused)
    for (let at = 0; at < 2; at++) expect((await user.client.execute(EndConsoleSessionDocument, { id: newest!.id })).endConsoleSession.endedAt).toMatch(/Z$/)
    expect(await third!.closed).toEqual([4401, 'Session ended'])
    const { body } = await browsers[0]!.request('POST /graphql', { body: '{"query":"mutation { endOtherConsoleSessions }"}' })
    expect(JSON.parse(body)).toEqual({ data: { endOtherConsoleSessions: 1 } })
    expect(await second!.closed).toEqual([4401, 'Session ended'])
    expect(await Promise.all(browsers.map(async (browser) => (await browser.whoAmI())[0]))).toEqual([200, 401, 401])
    expect((await server.admin.client.execute(EndOtherConsoleSessionsDocument, { userId: user.id })).endOtherConsoleSessions).toBe(1)
    expect(await first!.closed).toEqual([4401, 'Session ended'])
    const ends = (await readChain(server.app.services.db, 'changes', 0, 10_000)).filter(({ action, before }) => action === 'consoleSession.end' && (before as { userId: string }).userId === user.id)
    expect(ends.map(({ actor }) => actor.id)).toEqual([user.id, user.id, server.admin.id])
  })

  it('say by their sockets why they end', async () => {
    const [revoked, left, over] = [await server.user('revoked'), await server.user('left'), await server.user('over-there')]
    const [ofToken, ofPerson, ofTime] = [await open(await signedIn(revoked)), await open(await signedIn(left)), await open(await signedIn(over))]
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: (await list(revoked))[0]!.accessToken!.id })
    await server.admin.client.execute(DeactivateUserDocument, { userId: left.id })
    expect([await ofToken.closed, await ofPerson.closed]).toEqual([[4401, 'Token ended'], [4401, 'Deactivated']])
    now = () => new Date(Date.now() + 12.1 * 3_600_000)
    // The sweep and the keeper of sessions both look; whoever is first says it.
    expect(await ofTime.closed).toEqual([4401, expect.stringMatching(/^Session (over|ended)$/)])
    now = () => new Date()
  })
})

describe('S7: the access chain has', () => {
  it.each<[what: string, change: { headers?: string[]; without?: RegExp }, field: string]>([
    ['no header against CSRF', { without: /^x-pilothouse-csrf/ }, 'x-pilothouse-csrf'], ['a foreign Origin', { without: /^Origin/, headers: ['Origin: https://pages.example.com'] }, 'origin'],
    ['a page of a neighbour', { without: /^Sec-Fetch-Site/, headers: ['Sec-Fetch-Site: same-site'] }, 'origin'],
  ])('the cookie of somebody signed in with %s', async (what, change, field) => {
    const user = await server.user(what.replaceAll(' ', '-'))
    const browser = await signedIn(user)
    const { id } = (await list(user))[0]!
    expect((await browser.whoAmI(change))[0]).toBe(403)
    expect((await browser.request('DELETE /session', change)).status).toBe(403)
    const event = { action: 'AUTHENTICATE', target: id, after: { refused: field } }
    expect(await denials(user.id)).toMatchObject([event, event])
  })

  it('a cookie whose session has ended, on either way in, and none that never was one; asking whether one is signed in is no try', async () => {
    const user = await server.user('gone')
    const browser = await signedIn(user)
    const { id } = (await list(user))[0]!
    const old = openBrowser(server.url, { cookie: browser.cookie() })
    await browser.signOut()
    expect(JSON.parse((await old.request('GET /session')).body)).toMatchObject({ signedIn: false })
    expect(await denials(user.id)).toEqual([])
    expect((await old.whoAmI())[0]).toBe(401)
    expect((await old.socket()).answer).toBe(4401)
    const event = { action: 'AUTHENTICATE', target: id }
    expect(await denials(user.id)).toMatchObject([event, event])
    const { length } = await readChain(server.app.services.db, 'access', 0, 10_000)
    expect((await openBrowser(server.url, { cookie: `pilothouse=phc_${'z'.repeat(43)}` }).whoAmI())[0]).toBe(401)
    expect(await readChain(server.app.services.db, 'access', 0, 10_000)).toHaveLength(length)
  })
})

describe('S7: where little may be asked', () => {
  const { own } = shared({ own: () => startTestServer({}, { failuresPerMinute: 3, readsPerMinute: 20 }) })

  it('cookies that are refused, from foreign pages or since they have ended, make the access chain no longer than that', async () => {
    const user = await own.user('user')
    const [here, gone] = [openBrowser(own.url), openBrowser(own.url)]
    for (const browser of [here, gone]) await browser.signIn(user.token)
    const old = gone.cookie()
    await gone.signOut()
    const [foreign, ended]: [number[], number[]] = [[], []]
    for (let at = 0; at < 22; at++) {
      foreign.push((await here.whoAmI({ without: /^x-pilothouse-csrf/ }))[0])
      ended.push((await openBrowser(own.url, { cookie: old }).whoAmI())[0])
    }
    expect(foreign).toEqual([...Array<number>(20).fill(403), 429, 429])
    expect(ended).toEqual([...Array<number>(3).fill(401), ...Array<number>(19).fill(429)])
    expect((await readChain(own.app.services.db, 'access', 0, 10_000)).filter(({ actor }) => actor.id === user.id)).toHaveLength(23)
  })

  it('whoever has an old cookie is asked to sign in, whatever others of their address tried', async () => {
    for (let at = 0; at < 4; at++) await openBrowser(own.url, { cookie: `pilothouse=phc_${String(at).repeat(43)}` }).whoAmI()
    const answer = await openBrowser(own.url, { cookie: `pilothouse=phc_${'z'.repeat(43)}` }).request('GET /session')
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { signedIn: false, oidc: null }])
  })
})
