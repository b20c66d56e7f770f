import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type Principal } from '../core/access.js'
import { CatalogError, type ErrorCode, forbidden, invalid } from '../core/errors.js'
import { beginConsoleSession, endConsoleSession, type SourceCredential } from '../catalog/console-session.js'
import { type CatalogServices } from '../catalog/context.js'
import { type Authenticated, authenticate, type AuthProvider, bearerOf, type Entrance } from './auth.js'
import { isReadableType, type RequestHead } from './hosts.js'
import { readBody } from './json-request.js'
import { callbackPath, type OidcSignIn, type SignInProblem } from './oidc-sign-in.js'
import { type Rates } from './rates.js'
import { anySessionSecretIn, csrfHeader, noSessionCookie, ownPageOf, type Scheme, sessionCookie, sessionSecretIn } from './session-cookie.js'

const sessionPath = '/session'
/** Where a sign-in at the identity provider begins. */
const authorizePath = '/session/oidc'

export interface SessionOptions {
  services: CatalogServices
  /** The ways in that a token may take. */
  entrance: Entrance
  /** The way in of the cookie. */
  provider: AuthProvider
  rates: Rates
  /** Where people reach the server, besides the request's own Host; null: nowhere else. */
  publicOrigin: string | null
  /** Signs people in at an identity provider; null: there is none for that. */
  oidc: OidcSignIn | null
}

/** How a browser is let in without a token that its scripts could read. */
export interface Sessions {
  /** Whether it is asked at that path. */
  isFor: (path: string) => boolean
  answer: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>
  /**
   * Who a request to the API comes from, by its cookie; null when it has none.
   * @throws CatalogError UNAUTHENTICATED for a session that is over, FORBIDDEN for a cookie that no page of ours sent along, RATE_LIMITED
   */
  admit: (request: IncomingMessage) => Promise<Authenticated | null>
  /** What of an upgrade may open a socket later, if no token comes; null: nothing. */
  secretOf: (request: RequestHead) => string | null
  /** @throws CatalogError UNAUTHENTICATED, RATE_LIMITED */
  admitSecret: (secret: string, address: string) => Promise<Authenticated>
  /** Signs somebody in, in the place of whom the browser was before. @returns the cookie to be set */
  begin: (request: RequestHead, credential: SourceCredential, scheme: Scheme) => Promise<string>
}

/** The longest token, quoted, and some. */
const maxBodyBytes = 20_480

export function createSessions(options: SessionOptions): Sessions {
  const { services, entrance, provider, rates, publicOrigin, oidc } = options
  const ownEntrance: Entrance = { providers: [provider], failures: entrance.failures }

  async function admitSecret(secret: string, address: string): Promise<Authenticated> {
    return authenticate(ownEntrance, secret, address).catch((error: unknown) => {
      throw hasCode(error, 'UNAUTHENTICATED') ? isOver() : error
    })
  }

  async function begin(request: RequestHead, credential: SourceCredential, scheme: Scheme): Promise<string> {
    const { secret } = await beginConsoleSession(services, credential)
    // Whoever came with something good is never refused for what others of their address tried: an old cookie that is not looked at then ends by itself.
    await end(request, sessionSecretIn(request.headers.cookie, scheme)).catch((error: unknown) => {
      if (!hasCode(error, 'RATE_LIMITED')) throw error
    })
    return sessionCookie(secret, scheme)
  }

  async function end(request: RequestHead, secret: string | null): Promise<void> {
    const found = await known(request, secret)
    if (found?.credential.kind === 'CONSOLE') await endConsoleSession(services, { id: found.credential.sessionId, userId: found.principal.id })
  }

  /** null: nobody's, or it is over. */
  async function known(request: RequestHead, secret: string | null): Promise<Authenticated | null> {
    return secret === null ? null : admitSecret(secret, addressOf(request)).catch((error: unknown) => {
      if (hasCode(error, 'UNAUTHENTICATED')) return null
      throw error
    })
  }

  async function signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = ownPage(request, publicOrigin)
    const token = await tokenIn(request)
    const { principal, credential } = await authenticate(entrance, token, addressOf(request)).catch((error: unknown) => {
      throw hasCode(error, 'UNAUTHENTICATED') ? badToken() : error
    })
    // A token alone reaches it.
    if (credential.kind === 'CONSOLE') throw badToken()
    await pay(principal)
    send(response, 204, { 'set-cookie': await begin(request, credential, scheme) })
  }

  async function signOut(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = ownPage(request, publicOrigin)
    await end(request, sessionSecretIn(request.headers.cookie, scheme))
    send(response, 204, { 'set-cookie': noSessionCookie(scheme) })
  }

  async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signedIn = await known(request, anySessionSecretIn(request.headers.cookie)) !== null
    send(response, 200, { 'content-type': 'application/json; charset=utf-8' }, JSON.stringify({ signedIn, oidc: oidc && { authorizePath } }))
  }

  const pay = (principal: Principal) => rates.charge(principal.id, 'writes', 1)

  return {
    admitSecret, begin,
    isFor: (path) => path === sessionPath || (oidc !== null && [authorizePath, callbackPath].includes(path)),
    answer: async (request, response, path) => {
      if (path !== sessionPath && oidc !== null) return signInElsewhere({ ...options, oidc }, request, response, path, begin)
      if (request.method === 'POST') return signIn(request, response)
      if (request.method === 'DELETE') return signOut(request, response)
      if (request.method === 'GET') return tell(request, response)
      throw invalid('method', 'A session is begun, ended and asked for.', 'Send POST, DELETE or GET.')
    },
    admit: async (request) => {
      if (bearerOf(request.headers) !== null || anySessionSecretIn(request.headers.cookie) === null) return null
      const secret = sessionSecretIn(request.headers.cookie, ownPage(request, publicOrigin))
      if (secret === null) throw isOver()
      return admitSecret(secret, addressOf(request))
    },
    secretOf: (request) => {
      const scheme = ownPageOf(request, publicOrigin)
      return scheme === null ? null : sessionSecretIn(request.headers.cookie, scheme)
    },
  }
}

/** Which page of ours it was; nobody else changes anything with a cookie. @throws CatalogError FORBIDDEN */
function ownPage(request: RequestHead, publicOrigin: string | null): Scheme {
  if (request.headers[csrfHeader] !== '1') throw forbidden(csrfHeader, 'A request with the cookie of a session has a header that no foreign page can send.', `Send ${csrfHeader}: 1.`)
  const isSameOrigin = (request.headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
  const scheme = isSameOrigin ? ownPageOf(request, publicOrigin) : null
  if (scheme === null) throw forbidden('origin', 'A session is for pages of this server, over https or on this machine.', 'Open the console at its published https address; an operator sets it with PILOTHOUSE_PUBLIC_URL.')
  return scheme
}

/** To the issuer, or back from it. Whatever comes of it, whoever comes back finds themselves at a page of ours. */
async function signInElsewhere(options: SessionOptions & { oidc: OidcSignIn }, request: IncomingMessage, response: ServerResponse, path: string, begin: Sessions['begin']): Promise<void> {
  const { oidc, publicOrigin, rates } = options
  if (request.method !== 'GET') throw invalid('method', 'A browser goes there and comes back.', 'Send GET.')
  if (path === authorizePath) {
    await rates.page(addressOf(request))
    const { location, cookie } = await oidc.begin(request)
    return send(response, 302, { location, 'set-cookie': cookie })
  }
  const came = await comeBack(options, request, begin)
  if ('problem' in came) return send(response, 302, { location: `${publicOrigin}/sign-in?problem=${came.problem}`, 'set-cookie': oidc.noCookie })
  send(response, 302, { location: `${publicOrigin}${came.path}`, 'set-cookie': [came.cookie, oidc.noCookie] })
}

async function comeBack(
  { oidc, publicOrigin, rates, services }: SessionOptions & { oidc: OidcSignIn }, request: IncomingMessage, begin: Sessions['begin'],
): Promise<{ path: string; cookie: string } | { problem: SignInProblem }> {
  try {
    await rates.page(addressOf(request))
    const came = await oidc.finish(request)
    return 'problem' in came ? came : { path: came.path, cookie: await begin(request, came.credential, publicOrigin?.startsWith('https:') ? 'https' : 'http') }
  } catch (error) {
    if (hasCode(error, 'UNAUTHENTICATED') || hasCode(error, 'FORBIDDEN')) return { problem: 'denied' }
    if (!(error instanceof CatalogError)) services.warn(error, 'somebody came back from the identity provider and could not be signed in')
    return { problem: 'unavailable' }
  }
}

const hasCode = (error: unknown, code: ErrorCode) => error instanceof CatalogError && error.code === code
const addressOf = ({ socket }: RequestHead) => socket.remoteAddress ?? ''
const isOver = () => new CatalogError('UNAUTHENTICATED', 'The session is over.', { field: 'cookie', mend: 'Sign in again.' })
const badToken = () => new CatalogError('UNAUTHENTICATED', 'The access token is unknown, expired or revoked.', { field: 'token', mend: 'Paste a whole token; `pilothouse token create` makes one.' })

/** @throws CatalogError INVALID_INPUT, LIMIT_EXCEEDED */
async function tokenIn(request: IncomingMessage): Promise<string> {
  if (!isReadableType(request.headers['content-type'])) throw invalid('content-type', 'The body has a media type that is not read here.', 'Send application/json.')
  const length = Number(request.headers['content-length'] ?? Infinity)
  if (!(length <= maxBodyBytes)) {
    throw new CatalogError('LIMIT_EXCEEDED', `A sign-in has at most ${maxBodyBytes} bytes, and says how many.`, { field: 'body', mend: 'Send {"token": "…"} alone.', limit: 'bytes', most: maxBodyBytes })
  }
  const token = tokenOf(await readBody(request))
  if (token === null) throw invalid('token', 'There is no token in it.', 'Send {"token": "…"}.')
  return token
}

/** People paste line ends along. */
function tokenOf(body: string): string | null {
  try {
    const { token } = JSON.parse(body) as { token?: unknown }
    const text = typeof token === 'string' ? token.trim() : ''
    return /^[\x21-\x7e]+$/.test(text) ? text : null
  } catch {
    return null
  }
}

function send(response: ServerResponse, status: number, headers: Record<string, string | string[]>, body?: string): void {
  response.writeHead(status, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }, ...headers })
  response.end(body)
}
