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
import { localPath } from '../core/local-path.js'
import { cookieIn } from './session-cookie.js'
import { createTrickle } from './trickle.js'

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

/** Why nobody was signed in: the issuer or the catalog refused; the browser has no, or another, try under way; the issuer is away; too many tries of the address were refused. */
export type SignInProblem = 'denied' | 'expired' | 'unavailable' | 'busy'

export interface OidcSignIn {
  /**
   * Where the browser goes to, and the cookie that it comes back with.
   * @param replaces the session that the browser has
   * @throws CatalogError UNAVAILABLE
   */
  begin: (request: IncomingMessage, replaces: string | null) => Promise<{ location: string; cookie: string }>
  /**
   * Who came back, to which page of ours (null: none is known), and the session that the browser had when it went.
   * @param isSparing too many tries of the address were refused: the issuer is asked about ten in a second, for all of them together
   */
  finish: (request: IncomingMessage, isSparing: boolean) => Promise<{ credential: SourceCredential; path: string; replaces: string | null } | { problem: SignInProblem; path: string | null }>
  /** Ends the try. */
  noCookie: string
}

export const callbackPath = '/session/oidc/callback'
/** As long as people need to sign in at the issuer. */
const patienceSeconds = 600
const discoveryMs = 300_000
/** An issuer that is away is asked once in so long, however many want to sign in. */
const issuerRestMs = 1_000
const sparseRedemptions = 10

/** What a browser keeps while its person is at the issuer, sealed: neither they nor a script can read or make one. */
interface Try extends Record<string, unknown> {
  state: string
  nonce: string
  verifier: string
  path: string
  replaces: string | null
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
  const discovery = createDiscovery(settings.issuer)
  const mayRedeem = createTrickle(sparseRedemptions, () => services.now().getTime())
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
    begin: async (request, replaces) => {
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
      const sealed = await new EncryptJWT({ state, nonce, verifier, path, replaces } satisfies Try).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).setExpirationTime(nowSeconds + patienceSeconds).encrypt(key)
      return { location: location.href, cookie: `${cookieName}=${sealed}; Max-Age=${patienceSeconds}; ${attributes}` }
    },
    finish: async (request, isSparing) => {
      const answer = new URLSearchParams((request.url ?? '').split('?')[1])
      const begun = await readTry(request)
      const path = begun?.path ?? null
      if (begun === null || answer.get('state') !== begun.state) return { problem: 'expired', path }
      const code = answer.get('code')
      // Nothing is said twice (RFC 6749, 3.1). An answer may say whose it is: of another issuer none counts.
      if (code === null || new Set(answer.keys()).size !== answer.size || (answer.get('iss') ?? settings.issuer) !== settings.issuer) return { problem: 'denied', path }
      if (isSparing && !mayRedeem()) return { problem: 'busy', path }
      try {
        const idToken = await redeem(endpointOf(await discovery(), 'token_endpoint'), client, { code, code_verifier: begun.verifier, redirect_uri: redirectUri })
        const userId = idToken === null ? null : await personOf(idToken, begun.nonce)
        if (userId === null) return { problem: 'denied', path }
        // A commit is done before this node has read it, if its reader lags.
        if (!services.index.state.users.has(userId)) return { problem: 'unavailable', path }
        const expiresAt = new Date(services.now().getTime() + consoleSessionMs).toISOString()
        return { credential: { kind: 'SIGN_IN', userId, expiresAt }, path: begun.path, replaces: begun.replaces }
      } catch (error) {
        report(error)
        return { problem: 'unavailable', path }
      }
    },
  }
}

/** What the issuer says of itself, kept for some minutes. */
function createDiscovery(issuer: string): () => Promise<Discovery> {
  let known: { discovery: Promise<Discovery>; until: number } | null = null
  return () => {
    if (known === null || known.until < performance.now()) {
      const asked = { discovery: discover(issuer), until: performance.now() + discoveryMs }
      asked.discovery.catch(() => { asked.until = performance.now() + issuerRestMs })
      known = asked
    }
    return known.discovery
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
