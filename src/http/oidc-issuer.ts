import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import { CatalogError } from '../core/errors.js'

export interface IssuerSettings {
  /** Exactly as in the `iss` claim. */
  issuer: string
  /** null: the address that the issuer's discovery document gives. */
  jwksUrl: string | null
}

/** Only keys whose public half may be known: with a shared secret whoever verifies could sign as well. */
export const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const mostDocumentBytes = 1_048_576
export const fetchTimeoutMs = 5_000

export function comeAgain(cause?: unknown): CatalogError {
  const error = new CatalogError('UNAVAILABLE', 'Sign-ins cannot be checked right now.', { field: 'authorization', mend: 'Try again in a moment.' })
  error.cause = cause
  return error
}

/** Looks keys up at the issuer, whose address is found once. Throws UNAVAILABLE unless it is known that there is no such key. */
export function createKeySource(settings: IssuerSettings, report: (error: unknown) => void, ages: { cacheMaxAge: number; cooldownDuration: number }): JWTVerifyGetKey {
  let source: Promise<JWTVerifyGetKey> | null = null
  let isDown = false
  const begin = () => {
    const found = jwksUrlOf(settings).then((url) => createRemoteJWKSet(url, { ...ages, timeoutDuration: fetchTimeoutMs, [customFetch]: fetchBounded }))
    found.catch(() => { source = null })
    return found
  }
  return async (header, token) => {
    try {
      source ??= begin()
      const key = await (await source)(header, token)
      isDown = false
      return key
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      if (!isDown) report(error)
      isDown = true
      throw comeAgain(error)
    }
  }
}

async function jwksUrlOf({ issuer, jwksUrl }: IssuerSettings): Promise<URL> {
  return jwksUrl === null ? endpointOf(await discover(issuer), 'jwks_uri') : new URL(jwksUrl)
}

/** What an issuer says of itself. */
export type Discovery = Readonly<Record<string, unknown>> & { issuer: string }

/** @throws when it cannot be reached, or is another issuer */
export async function discover(issuer: string): Promise<Discovery> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetchBounded(address, { redirect: 'manual', signal: AbortSignal.timeout(fetchTimeoutMs), headers: { accept: 'application/json' } })
  if (response.status !== 200) throw new Error(`the discovery document of the OIDC issuer was answered with ${response.status}`)
  const told = await response.json() as Record<string, unknown>
  if (told.issuer !== issuer) throw new Error('the discovery document is of another issuer than PILOTHOUSE_OIDC_ISSUER')
  return { ...told, issuer }
}

/** @throws when it names none that can be trusted */
export function endpointOf(discovery: Discovery, name: 'jwks_uri' | 'authorization_endpoint' | 'token_endpoint'): URL {
  const text = discovery[name]
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : null
  // An issuer without TLS is on loopback: see config.ts.
  const isTrusted = url?.protocol === 'https:' || (url?.protocol === 'http:' && new URL(discovery.issuer).protocol === 'http:')
  if (url === null || !isTrusted) throw new Error(`the discovery document names no https address as ${name}`)
  return url
}

/** A fetch that keeps at most so much of an answer. */
export async function fetchBounded(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > mostDocumentBytes) throw new Error(`the OIDC issuer answered more than ${mostDocumentBytes} bytes`)
    chunks.push(chunk)
  }
  return new Response(chunks.length === 0 ? null : Buffer.concat(chunks), { status: response.status })
}
