import { type IncomingHttpHeaders } from 'node:http'
import { type Credential, type Principal } from '../core/access.js'
import { type ConsoleSession } from '../core/console-session.js'
import { CatalogError } from '../core/errors.js'
import { type AccessLog } from '../catalog/context.js'
import { hashToken } from '../catalog/token.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type Failures } from './rates.js'
import { createTrickle } from './trickle.js'

export interface Authenticated {
  principal: Principal
  credential: Credential
}

/**
 * One way in. Every way answers the same question for a bearer token; null means "not mine".
 * @param isSparing the address has sent too many tokens that open nothing: what costs a statement of the database or a signature is done a few times in a second, for all of them together
 */
export interface AuthProvider {
  authenticate: (bearer: string, isSparing: boolean) => Promise<Authenticated | 'ENDED' | null>
}

/** What is asked of every way in. */
export interface Entrance {
  providers: AuthProvider[]
  failures: Failures
}

const unauthenticated = (message: string) => new CatalogError('UNAUTHENTICATED', message, {
  field: 'authorization', mend: 'Send a valid access token as "Authorization: Bearer …"; `pilothouse token create` makes one.',
})

/** Who came in by the cookie of the console's session. */
export interface SessionProviderOptions extends Pick<TokenProviderOptions, 'index' | 'refresh' | 'now'> {
  /** Called with each session that was let in, and with the token that it was made of. */
  used: (session: ConsoleSession) => void
}

/** Sessions of the console, by the hash of their cookie. One that has ended is unknown, like any other. */
export function createSessionProvider({ index, refresh, now, used }: SessionProviderOptions): AuthProvider {
  const refreshSparingly = createSparingRefresh(refresh, now)
  return {
    authenticate: async (secret, isSparing) => {
      const hash = hashToken(secret)
      if (!index.state.consoleSessionsByHash.has(hash)) await (isSparing ? refreshSparingly() : refresh())
      const session = index.state.consoleSessionsByHash.get(hash)
      const credential: Credential | null = session === undefined ? null : { kind: 'CONSOLE', sessionId: session.id }
      const principal = credential && index.principalNow(credential, now())
      if (session === undefined || credential === null || principal === null) return null
      used(session)
      return { principal, credential }
    },
  }
}

/** One in a second, shared by whoever asks meanwhile. */
function createSparingRefresh(refresh: () => Promise<void>, now: () => Date): () => Promise<void> {
  const mayRefresh = createTrickle(1, () => now().getTime())
  /** The one of this second is everybody's. */
  let shared = Promise.resolve()
  return () => {
    if (mayRefresh()) shared = refresh()
    return shared
  }
}

/** `Bearer …` of a header, or of the same field in a `connection_init` payload. */
export function bearerOf(headers: IncomingHttpHeaders | Record<string, unknown>): string | null {
  const entry = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  const match = typeof entry === 'string' ? /^Bearer +([\x21-\x7e]+)$/i.exec(entry) : null
  return match?.[1] ?? null
}

export interface TokenProviderOptions {
  index: CatalogIndex
  accessLog: AccessLog
  /** Reads the change log now: a token made on another node a moment ago is not unknown. */
  refresh: () => Promise<void>
  now: () => Date
  /** Called with each token that was let in; for `lastUsedAt`. */
  used: (tokenId: string) => void
}

/** Access tokens of our own: looked up by hash in the index, so that a revoked one is refused at once on every node. */
export function createTokenProvider({ index, accessLog, refresh, now, used }: TokenProviderOptions): AuthProvider {
  const refreshSparingly = createSparingRefresh(refresh, now)
  return {
    authenticate: async (bearer, isSparing) => {
      if (!/^ph[tw]_[A-Za-z0-9_-]{43}$/.test(bearer)) return null
      const hash = hashToken(bearer)
      if (!index.state.tokensByHash.has(hash)) await (isSparing ? refreshSparingly() : refresh())
      const token = index.state.tokensByHash.get(hash)
      if (token === undefined) return null
      const credential: Credential = { kind: 'TOKEN', tokenId: token.id }
      const principal = index.principalNow(credential, now())
      if (principal === null) {
        const actor = { kind: token.kind === 'WORKER' ? 'WORKER' as const : 'USER' as const, id: token.userId ?? token.id }
        if (!isSparing) await accessLog.record({ actor, action: 'AUTHENTICATE', outcome: 'DENIED', target: token.id })
        return 'ENDED'
      }
      used(token.id)
      return { principal, credential }
    },
  }
}

/**
 * @param address of the other side, as the connection tells it
 * @throws CatalogError UNAUTHENTICATED, in the same words for every token that does not open anything; RATE_LIMITED when an address has sent too many
 */
export async function authenticate({ providers, failures }: Entrance, bearer: string | null, address: string): Promise<Authenticated> {
  if (bearer === null) throw unauthenticated('An access token is needed.')
  const isSparing = await failures.isSpent(address)
  for (const provider of providers) {
    const authenticated = await provider.authenticate(bearer, isSparing)
    if (authenticated === null) continue
    if (authenticated !== 'ENDED') return authenticated
    // That is certain, so whoever has it is told, however often: a worker stops for good.
    await failures.count(address).catch(() => {})
    throw unauthenticated(opensNothing)
  }
  await failures.count(address)
  throw unauthenticated(opensNothing)
}

const opensNothing = 'The access token is unknown, expired or revoked.'
