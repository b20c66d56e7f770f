import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import { type IncomingMessage } from 'node:http'
import { EncryptJWT, jwtDecrypt, jwtVerify } from 'jose'
import { mapClaims } from '../core/claims.js'
import { CatalogError } from '../core/errors.js'
import { consoleSessionMs, type SourceCredential } from '../catalog/console-session.js'
import { type CatalogServices } from '../catalog/context.js'
import { signIn } from '../catalog/sign-in.js'
import { isFromTheFuture, type OidcSettings } from './oidc.js'
import { algorithms, createKeySource, discover, type Discovery, endpointOf, fetchBounded, fetchTimeoutMs } from './oidc-issuer.js'
import { localPath } from './local-path.js'
import { cookieIn } from './session-cookie.js'

/** How Pilothouse is known at the issuer. */
export interface OidcClient {
  id: string
  /** null: a public client, which PKCE alone vouches for. */
  secret: string | null
  /** Divided by spaces; with `openid`. */
  scope: string
}

export interface OidcSignInOptions {
  settings: OidcSettings
  client: OidcClient
  services: CatalogServices
  /** The origin to which the issuer sends people back. */
  publicOrigin: string
  /** Told when the issuer cannot be reached. */
  report: (error: unknown) => void
}

/** Why nobody was signed in: the issuer or the catalog refused; the browser has no, or another, try under way; the issuer is away. */
export type SignInProblem = 'denied' | 'expired' | 'unavailable'

export interface OidcSignIn {
  /** Where the browser goes to, and the cookie that it comes back with. @throws CatalogError UNAVAILABLE */
  begin: (request: IncomingMessage) => Promise<{ location: string; cookie: string }>
  /** Who came back, and to which page of ours. */
  finish: (request: IncomingMessage) => Promise<{ credential: SourceCredential; path: string } | { problem: SignInProblem }>
  /** Ends the try. */
  noCookie: string
}

export const callbackPath = '/session/oidc/callback'
/** As long as people need to sign in at the issuer. */
const patienceSeconds = 600
const discoveryMs = 300_000

/** What a browser keeps while its person is at the issuer, sealed: neither they nor a script can read or make one. */
interface Try extends Record<string, unknown> {
  state: string
  nonce: string
  verifier: string
  path: string
}

/**
 * Signs people in at the issuer with the authorization code flow and PKCE. Of the issuer's answer the ID token counts alone: its claims are read like those of a bearer
 * token, and it is kept nowhere. A try is bound to its browser by `state`, to its token by `nonce`, and to its code by the verifier.
 */
export function createOidcSignIn({ settings, client, services, publicOrigin, report }: OidcSignInOptions): OidcSignIn {
  const key = new Uint8Array(hkdfSync('sha256', services.auditKey, '', 'pilothouse sign-in at an issuer', 32))
  const keyOf = createKeySource(settings, report, { cacheMaxAge: discoveryMs, cooldownDuration: 30_000 })
  const redirectUri = `${publicOrigin}${callbackPath}`
  const isHttps = publicOrigin.startsWith('https:')
  const cookieName = isHttps ? '__Host-pilothouse-oidc' : 'pilothouse-oidc'
  // Lax: the issuer's page sends the browser here, and the cookie must come along.
  const attributes = `HttpOnly; SameSite=Lax; Path=/${isHttps ? '; Secure' : ''}`
  let known: { discovery: Promise<Discovery>; until: number } | null = null

  async function discovery(): Promise<Discovery> {
    if (known === null || known.until < performance.now()) known = { discovery: discover(settings.issuer), until: performance.now() + discoveryMs }
    return known.discovery.catch((error: unknown) => {
      known = null
      throw error
    })
  }

  async function readTry(request: IncomingMessage): Promise<Try | null> {
    const sealed = cookieIn(request.headers.cookie, cookieName)
    if (sealed === null) return null
    return jwtDecrypt<Try>(sealed, key, { currentDate: services.now(), requiredClaims: ['exp'] }).then(({ payload }) => payload, () => null)
  }

  /** The id of the person that an ID token vouches for; null: nobody whom we let in. */
  async function personOf(idToken: string, nonce: string): Promise<string | null> {
    const now = services.now()
    const payload = await jwtVerify(idToken, keyOf, {
      issuer: settings.issuer, audience: client.id, algorithms, requiredClaims: ['exp', 'iat', 'sub', 'nonce'], clockTolerance: settings.clockSkewSeconds, currentDate: now,
    }).then((result) => result.payload, (error: unknown) => {
      if (error instanceof CatalogError) throw error
      return null
    })
    if (payload === null || payload.nonce !== nonce || (payload.azp ?? client.id) !== client.id || isFromTheFuture(payload, now, settings.clockSkewSeconds)) return null
    const identity = mapClaims(payload, settings.mapping)
    return identity && signIn(services, identity)
  }

  return {
    noCookie: `${cookieName}=; Max-Age=0; ${attributes}`,
    begin: async (request) => {
      const [state, nonce, verifier] = [secret(), secret(), secret()]
      const path = localPath(new URLSearchParams((request.url ?? '').split('?')[1]).get('return'))
      const location = await discovery().then((found) => endpointOf(found, 'authorization_endpoint')).catch((error: unknown) => {
        report(error)
        throw new CatalogError('UNAVAILABLE', 'The identity provider cannot be reached.', { field: 'request', mend: 'Try again in a moment, or sign in with a token.' })
      })
      const asked = {
        response_type: 'code', client_id: client.id, redirect_uri: redirectUri, scope: client.scope, state, nonce,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(asked)) location.searchParams.set(name, value)
      const nowSeconds = Math.floor(services.now().getTime() / 1_000)
      const sealed = await new EncryptJWT({ state, nonce, verifier, path } satisfies Try).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).setExpirationTime(nowSeconds + patienceSeconds).encrypt(key)
      return { location: location.href, cookie: `${cookieName}=${sealed}; Max-Age=${patienceSeconds}; ${attributes}` }
    },
    finish: async (request) => {
      const answer = new URLSearchParams((request.url ?? '').split('?')[1])
      const begun = await readTry(request)
      if (begun === null || answer.get('state') !== begun.state) return { problem: 'expired' }
      const code = answer.get('code')
      // Nothing is said twice (RFC 6749, 3.1). An answer may say whose it is: of another issuer none counts.
      if (code === null || new Set(answer.keys()).size !== answer.size || (answer.get('iss') ?? settings.issuer) !== settings.issuer) return { problem: 'denied' }
      try {
        const idToken = await redeem(endpointOf(await discovery(), 'token_endpoint'), client, { code, code_verifier: begun.verifier, redirect_uri: redirectUri })
        const userId = idToken === null ? null : await personOf(idToken, begun.nonce)
        if (userId === null) return { problem: 'denied' }
        // A commit is done before this node has read it, if its reader lags.
        if (!services.index.state.users.has(userId)) return { problem: 'unavailable' }
        const expiresAt = new Date(services.now().getTime() + consoleSessionMs).toISOString()
        return { credential: { kind: 'SIGN_IN', userId, expiresAt }, path: begun.path }
      } catch (error) {
        report(error)
        return { problem: 'unavailable' }
      }
    },
  }
}

/** The ID token for a code; null: the issuer refused. @throws when it cannot be reached */
async function redeem(endpoint: URL, client: OidcClient, given: { code: string; code_verifier: string; redirect_uri: string }): Promise<string | null> {
  const form = new URLSearchParams({ grant_type: 'authorization_code', ...given, ...client.secret === null && { client_id: client.id } })
  const basic = client.secret === null ? null : Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64')
  const response = await fetchBounded(endpoint.href, {
    method: 'POST', redirect: 'manual', signal: AbortSignal.timeout(fetchTimeoutMs), body: form.toString(),
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...basic !== null && { authorization: `Basic ${basic}` } },
  })
  if (response.status >= 500) throw new Error(`the OIDC issuer answered a code with ${response.status}`)
  const { id_token: idToken } = await response.json().catch(() => ({})) as { id_token?: unknown }
  return response.status === 200 && typeof idToken === 'string' ? idToken : null
}

const secret = () => randomBytes(32).toString('base64url')
