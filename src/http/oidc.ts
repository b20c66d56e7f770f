import { createHash } from 'node:crypto'
import { decodeJwt, type JWTPayload, jwtVerify } from 'jose'
import { type Credential } from '../core/access.js'
import { type ClaimMapping, type Identity, mapClaims } from '../core/claims.js'
import { CatalogError } from '../core/errors.js'
import { type CatalogServices } from '../catalog/context.js'
import { signIn } from '../catalog/sign-in.js'
import { type AuthProvider } from './auth.js'
import { algorithms, comeAgain, createKeySource } from './oidc-issuer.js'
import { createTrickle } from './trickle.js'

export interface OidcSettings {
  /** Exactly as in the `iss` claim. */
  issuer: string
  /** What `aud` must be or hold. */
  audience: string
  /** null: the address that the issuer's discovery document gives. */
  jwksUrl: string | null
  mapping: ClaimMapping
  /** By how much clocks may differ. */
  clockSkewSeconds: number
}

export interface OidcOptions {
  settings: OidcSettings
  services: CatalogServices
  /** Told when the issuer stops to be reachable, once until it is again; callers only hear that they shall come again. */
  report: (error: unknown) => void
  /** How long a key that was withdrawn may open something: half for remembering keys, half for what they verified. Default 600,000 ms. */
  keysMaxAgeMs?: number
  /** How long after a fetch an unknown key does not cause another. Default 30,000 ms. */
  keysCooldownMs?: number
}

const jwtPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** What HTTP takes in a header; the same over WebSocket. */
const mostCharacters = 16_384
const mostVerified = 10_000
/** Signatures that are checked in a second for addresses that sent too many bad tokens, together. */
const sparingChecks = 10

interface Verified {
  identity: Identity
  /** The claim with the clock skew. */
  expiresAt: string
  /** Until when the signature is not looked at again. */
  goodUntilMs: number
}

/**
 * JWTs of one OIDC issuer. A token is verified once and then known by its hash for a while, so that a request costs no signature;
 * that while is also how long a token outlives its key. An issuer that cannot be reached is no answer about a token: nobody
 * comes in, and the caller is told to try again.
 */
export function createOidcProvider({ settings, services, report, keysMaxAgeMs = 600_000, keysCooldownMs = 30_000 }: OidcOptions): AuthProvider {
  const { issuer, audience, mapping, clockSkewSeconds } = settings
  const verified = new Map<string, Verified>()
  const keyOf = createKeySource(settings, report, { cacheMaxAge: keysMaxAgeMs / 2, cooldownDuration: keysCooldownMs })

  const mayCheck = createTrickle(sparingChecks, () => services.now().getTime())

  /** null: a token that opens nothing. */
  async function verify(bearer: string): Promise<Verified | null> {
    const now = services.now()
    const payload = await jwtVerify(bearer, keyOf, {
      issuer, audience, algorithms, requiredClaims: ['exp', 'sub'], clockTolerance: clockSkewSeconds, currentDate: now,
    }).then((result) => result.payload, (error: unknown) => {
      if (error instanceof CatalogError) throw error
      return null
    })
    const identity = payload === null || isFromTheFuture(payload, now, clockSkewSeconds) ? null : mapClaims(payload, mapping)
    if (payload === null || identity === null) return null
    const expiresAtMs = Math.min((payload.exp! + clockSkewSeconds) * 1_000, lastMomentMs)
    return { identity, expiresAt: new Date(expiresAtMs).toISOString(), goodUntilMs: Math.min(expiresAtMs, now.getTime() + keysMaxAgeMs / 2) }
  }

  async function recall(bearer: string, isSparing: boolean): Promise<Verified | null> {
    const hash = createHash('sha256').update(bearer).digest('base64')
    const known = verified.get(hash)
    if (known !== undefined && services.now().getTime() < known.goodUntilMs) return known
    verified.delete(hash)
    // Its address is told to come again.
    if (isSparing && !mayCheck()) return null
    const fresh = await verify(bearer)
    if (fresh === null) return null
    // The oldest goes first; who still needs it is verified again.
    if (verified.size >= mostVerified) verified.delete(verified.keys().next().value!)
    verified.set(hash, fresh)
    return fresh
  }

  return {
    authenticate: async (bearer, isSparing) => {
      if (bearer.length > mostCharacters || !jwtPattern.test(bearer) || issuerOf(bearer) !== issuer) return null
      const token = await recall(bearer, isSparing)
      const userId = token === null ? null : await signIn(services, token.identity)
      if (token === null || userId === null) return null
      // A commit is done before this node has read it, if its reader lags.
      if (!services.index.state.users.has(userId)) throw comeAgain()
      const credential: Credential = { kind: 'SIGN_IN', userId, expiresAt: token.expiresAt }
      const principal = services.index.principalNow(credential, services.now())
      return principal && { principal, credential }
    },
  }
}

/** The last moment that a Date can hold. */
const lastMomentMs = 8_640_000_000_000_000

/** Who the token says it is from: what is not of our issuer must not make us ask it for keys. */
function issuerOf(bearer: string): string | null {
  try {
    return decodeJwt(bearer).iss ?? null
  } catch {
    return null
  }
}

/** Claims are ordered by when they were issued, so none may pretend to be newer than all that will come. */
export function isFromTheFuture({ iat }: JWTPayload, now: Date, clockSkewSeconds: number): boolean {
  return iat !== undefined && iat * 1_000 > now.getTime() + clockSkewSeconds * 1_000
}
