import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type Principal } from '../core/access.js'
import { CatalogError, type ErrorCode, invalid } from '../core/errors.js'
import { beginConsoleSession, recordEndedSession, signOut, type SourceCredential } from '../catalog/console-session.js'
import { type CatalogServices } from '../catalog/context.js'
import { answerOidc, authorizePath } from './answer-oidc.js'
import { type Authenticated, authenticate, type AuthProvider, bearerOf, type Entrance } from './auth.js'
import { isReadableType, type RequestHead } from './hosts.js'
import { readBody } from './json-request.js'
import { callbackPath, type OidcSignIn } from './oidc-sign-in.js'
import { createPageGuard } from './own-page.js'
import { type Rates } from './rates.js'
import { anySessionSecretIn, noSessionCookie, ownPageOf, type Scheme, sessionCookie, sessionSecretIn } from './session-cookie.js'

const sessionPath = '/session'

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
  /**
   * Signs somebody in, in the place of whom the browser was before.
   * @param replaces the session that the browser had when it went to sign in elsewhere: coming back from there it brings no strict cookie along
   * @returns the cookie to be set
   */
  begin: (request: RequestHead, credential: SourceCredential, scheme: Scheme, replaces?: string | null) => Promise<string>
}

/** The longest token, quoted, and some. */
const maxBodyBytes = 20_480

export function createSessions(options: SessionOptions): Sessions {
  const { services, entrance, provider, rates, publicOrigin, oidc } = options
  const { ownPage, sessionOf } = createPageGuard(options)
  const { admitSecret, known } = createCookieEntrance(services, { providers: [provider], failures: entrance.failures })

  async function begin(request: RequestHead, credential: SourceCredential, scheme: Scheme, replaces: string | null = null): Promise<string> {
    const { secret } = await beginConsoleSession(services, credential)
    const before = services.index.state.consoleSessions.get(replaces ?? '')
    if (before !== undefined) await signOut(services, before)
    // Whoever came with something good is never refused for what others of their address tried: an old cookie that is not looked at then ends by itself.
    await end(request, sessionSecretIn(request.headers.cookie, scheme)).catch((error: unknown) => {
      if (!hasCode(error, 'RATE_LIMITED')) throw error
    })
    return sessionCookie(secret, scheme)
  }

  async function end(request: RequestHead, secret: string | null): Promise<void> {
    const found = await known(request, secret)
    if (found?.credential.kind === 'CONSOLE') await signOut(services, { id: found.credential.sessionId, userId: found.principal.id })
  }

  async function signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = await ownPage(request)
    const token = await tokenIn(request)
    const { principal, credential } = await authenticate(entrance, token, addressOf(request)).catch((error: unknown) => {
      throw hasCode(error, 'UNAUTHENTICATED') ? badToken() : error
    })
    // A token alone reaches it.
    if (credential.kind === 'CONSOLE') throw badToken()
    await pay(principal)
    send(response, 204, { 'set-cookie': await begin(request, credential, scheme) })
  }

  async function leave(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = await ownPage(request)
    await end(request, sessionSecretIn(request.headers.cookie, scheme))
    send(response, 204, { 'set-cookie': noSessionCookie(scheme) })
  }

  async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whoever cannot be told to be signed in is asked to sign in: what others of their address tried never keeps them from that.
    const signedIn = await known(request, anySessionSecretIn(request.headers.cookie)).catch((error: unknown) => {
      if (hasCode(error, 'RATE_LIMITED')) return null
      throw error
    }) !== null
    send(response, 200, { 'content-type': 'application/json; charset=utf-8' }, JSON.stringify({ signedIn, oidc: oidc && { authorizePath } }))
  }

  const elsewhere = oidc && publicOrigin !== null ? { oidc, publicOrigin, services, failures: entrance.failures, begin, sessionOf } : null
  const pay = (principal: Principal) => rates.charge(principal.id, 'writes', 1)

  return {
    admitSecret, begin,
    isFor: (path) => path === sessionPath || (elsewhere !== null && [authorizePath, callbackPath].includes(path)),
    answer: async (request, response, path) => {
      if (elsewhere !== null && path !== sessionPath) return answerOidc(elsewhere, request, response, path)
      if (request.method === 'POST') return signIn(request, response)
      if (request.method === 'DELETE') return leave(request, response)
      if (request.method === 'GET') return tell(request, response)
      throw invalid('method', 'A session is begun, ended and asked for.', 'Send POST, DELETE or GET.')
    },
    admit: async (request) => {
      if (bearerOf(request.headers) !== null || anySessionSecretIn(request.headers.cookie) === null) return null
      const secret = sessionSecretIn(request.headers.cookie, await ownPage(request))
      if (secret === null) throw isOver()
      return admitSecret(secret, addressOf(request))
    },
    secretOf: (request) => {
      const scheme = ownPageOf(request, publicOrigin)
      return scheme === null ? null : sessionSecretIn(request.headers.cookie, scheme)
    },
  }
}

/** Lets in by the secret of a cookie, or tells who it would be. */
function createCookieEntrance(services: CatalogServices, entrance: Entrance) {
  async function admitSecret(secret: string, address: string): Promise<Authenticated> {
    try {
      return await authenticate(entrance, secret, address)
    } catch (error) {
      if (!hasCode(error, 'UNAUTHENTICATED')) throw error
      await recordEndedSession(services, secret)
      throw isOver()
    }
  }

  /** null: nobody's, or it is over. */
  async function known(request: RequestHead, secret: string | null): Promise<Authenticated | null> {
    return secret === null ? null : authenticate(entrance, secret, addressOf(request)).catch((error: unknown) => {
      if (hasCode(error, 'UNAUTHENTICATED')) return null
      throw error
    })
  }

  return { admitSecret, known }
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
