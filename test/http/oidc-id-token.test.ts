import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser } from '../support/browser.js'
import { startTestServer, type TestServer } from '../support/server.js'

const [origin, host] = ['https://catalog.example.com', 'catalog.example.com']
let url: string
let issuer: Server
let server: TestServer
let key: CryptoKey
/** What the token endpoint answers next, and what it was sent last. */
let answer: (nonce: string) => Promise<{ status: number; body: string }>
let nonce = ''
let sent = ''

/** An issuer that says whatever a real one never would. */
beforeAll(async () => {
  const pair = await generateKeyPair('RS256', { extractable: true })
  key = pair.privateKey
  const jwk = { ...await exportJWK(pair.publicKey), kid: 'own', alg: 'RS256' }
  issuer = createServer((request, response) => {
    const pages: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/jwks`, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` }, '/jwks': { keys: [jwk] },
    }
    const page = pages[request.url!]
    if (page !== undefined) return void response.end(JSON.stringify(page))
    void (async () => {
      sent = ''
      for await (const chunk of request) sent += String(chunk)
      const { status, body } = await answer(nonce)
      response.writeHead(status).end(body)
    })()
  })
  issuer.listen(0, '127.0.0.1')
  await once(issuer, 'listening')
  url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
  server = await startTestServer({}, {
    publicOrigin: origin, allowedHosts: [host], oidcClient: { id: 'console', secret: null, scope: 'openid' },
    oidc: { issuer: url, audience: 'api', jwksUrl: null, clockSkewSeconds: 60, mapping: { provider: 'oidc', subjectClaim: 'sub', nameClaim: 'name', admin: null, teams: null } },
  })
})
afterAll(async () => {
  await server.close()
  issuer.close()
  issuer.closeAllConnections()
})

const seconds = () => Math.floor(Date.now() / 1_000)
async function idToken(claims: Record<string, unknown>, signedBy: CryptoKey = key): Promise<{ status: number; body: string }> {
  const whole = { iss: url, aud: 'console', sub: 'ada', iat: seconds(), exp: seconds() + 60, nonce, ...claims }
  const token = await new SignJWT(whole).setProtectedHeader({ alg: 'RS256', kid: 'own' }).sign(signedBy)
  return { status: 200, body: JSON.stringify({ access_token: 'x', id_token: token }) }
}
/** Where a browser ends that went there and came back. */
async function signIn(): Promise<string> {
  const browser = openBrowser(server.url, { host, scheme: 'https' })
  const asked = new URL((await browser.request('GET /session/oidc?return=/in', { without: /^(Origin|Sec-Fetch)/ })).headers.location!)
  nonce = asked.searchParams.get('nonce')!
  return (await browser.request(`GET /session/oidc/callback?code=c&state=${asked.searchParams.get('state')}`, { without: /^(Origin|Sec-Fetch)/ })).headers.location!.replace(origin, '')
}
const unsigned = (claims: object) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`

describe('S7: of what an issuer answers a code with', () => {
  it.each<[what: string, path: string, make: () => Promise<{ status: number; body: string }>]>([
    ['a good ID token lets somebody in', '/in', () => idToken({})],
    ['one for several, that says it is for us, too', '/in', () => idToken({ aud: ['console', 'api'], azp: 'console' })],
    ['one with the nonce of another try does not', '/sign-in?problem=denied', () => idToken({ nonce: 'x'.repeat(43) })],
    ['one without a nonce', '/sign-in?problem=denied', () => idToken({ nonce: undefined })],
    ['one for the API', '/sign-in?problem=denied', () => idToken({ aud: 'api' })],
    ['one that somebody else asked for', '/sign-in?problem=denied', () => idToken({ aud: ['console', 'other'], azp: 'other' })],
    ['one of another issuer', '/sign-in?problem=denied', () => idToken({ iss: 'https://elsewhere.test' })],
    ['one that is over', '/sign-in?problem=denied', () => idToken({ exp: seconds() - 90 })],
    ['one from the future', '/sign-in?problem=denied', () => idToken({ iat: seconds() + 90 })],
    ['one without a time', '/sign-in?problem=denied', () => idToken({ iat: undefined })],
    ['one of nobody', '/sign-in?problem=denied', () => idToken({ sub: undefined })],
    ['one under another key', '/sign-in?problem=denied', async () => idToken({}, (await generateKeyPair('RS256')).privateKey)],
    ['one that nobody signed', '/sign-in?problem=denied', async () => ({ status: 200, body: JSON.stringify({ id_token: unsigned({ iss: url, aud: 'console', sub: 'ada', iat: seconds(), exp: seconds() + 60, nonce }) }) })],
    ['an access token alone', '/sign-in?problem=denied', async () => ({ status: 200, body: '{"access_token":"x"}' })],
    ['what is no JSON', '/sign-in?problem=denied', async () => ({ status: 200, body: '<html>' })],
    ['a refusal', '/sign-in?problem=denied', async () => ({ status: 400, body: '{"error":"invalid_grant"}' })],
    ['a fault', '/sign-in?problem=unavailable', async () => ({ status: 500, body: '' })],
    ['more than anybody needs', '/sign-in?problem=unavailable', async () => ({ status: 200, body: 'x'.repeat(1_048_577) })],
  ])('%s', async (_what, path, make) => {
    answer = make
    expect(await signIn()).toBe(path === '/in' ? path : `${path}&return=%2Fin`)
    const form = new URLSearchParams(sent)
    expect([form.get('client_id'), form.get('code'), form.get('code_verifier')?.length, form.get('redirect_uri')]).toEqual(['console', 'c', 43, `${origin}/session/oidc/callback`])
  })
})
