import { hostOf, isSameHost, type RequestHead } from './hosts.js'

/** How the browser's page came to it; a cookie of one is not taken from the other. */
export type Scheme = 'https' | 'http'

/** With `__Host-` a browser takes it over TLS alone, from nobody but this very host, and for no other. */
const names: Record<Scheme, string> = { https: '__Host-pilothouse', http: 'pilothouse' }
const secretPattern = /^phc_[A-Za-z0-9_-]{43}$/

/** The header that no page of another origin can send without being asked for by a preflight, which is never granted. */
export const csrfHeader = 'x-pilothouse-csrf'

/**
 * The page of ours that made a request, by its Origin, which browsers send with everything but plain GETs. Pages of other allowed origins are none of ours:
 * they bring a token of their own, and never use the cookie.
 * @param publicOrigin where people reach the server, besides the request's own Host; null: nowhere else
 * @returns null when no page of ours is known to have made it, or over plain HTTP from another machine, where everybody on the way would read the cookie
 */
export function ownPageOf(request: Pick<RequestHead, 'url' | 'headers' | 'rawHeaders'>, publicOrigin: string | null): Scheme | null {
  const [origin, host] = [request.headers.origin?.toLowerCase(), hostOf(request)]
  if (origin === undefined || host === null || !URL.canParse(origin) || !/^https?:$/.test(new URL(origin).protocol)) return null
  const { protocol, hostname } = new URL(origin)
  if (origin !== publicOrigin && !isSameHost(new URL(origin), host)) return null
  if (protocol === 'https:') return 'https'
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname) ? 'http' : null
}

/**
 * The value of one cookie of a request; null: none, or two that differ, of which somebody else may have set one.
 * Spaces and tabs alone are left out around a name (RFC 6265bis 5.6): with any other blank in front of it a browser takes it for another name, which a
 * neighbouring host may set, `__Host-` or not.
 */
export function cookieIn(cookies: string | undefined, name: string): string | null {
  const values = new Set((cookies ?? '').split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, '')).filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1)))
  const [value] = values
  return values.size === 1 && value !== undefined ? value : null
}

/** The session's secret in the cookies of a request; null: there is none that counts. */
export function sessionSecretIn(cookies: string | undefined, scheme: Scheme): string | null {
  const value = cookieIn(cookies, names[scheme])
  return value !== null && secretPattern.test(value) ? value : null
}

/** Scripts cannot read it, and no other site's page makes a browser send it. */
export function sessionCookie(secret: string, scheme: Scheme): string {
  return `${names[scheme]}=${secret}; ${attributesOf(scheme)}`
}

export function noSessionCookie(scheme: Scheme): string {
  return `${names[scheme]}=; Max-Age=0; ${attributesOf(scheme)}`
}

const attributesOf = (scheme: Scheme) => `HttpOnly; SameSite=Strict; Path=/${scheme === 'https' ? '; Secure' : ''}`

/** Whatever cookie of a session a request has, whoever made it: only for telling whether somebody is signed in, and for not passing one over in silence. */
export function anySessionSecretIn(cookies: string | undefined): string | null {
  return sessionSecretIn(cookies, 'https') ?? sessionSecretIn(cookies, 'http')
}
