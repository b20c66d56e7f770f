import { type IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { CatalogError } from '../core/errors.js'

/** What of a request tells for whom it was meant, and which page made it. */
export type RequestHead = Pick<IncomingMessage, 'url' | 'method' | 'headers' | 'rawHeaders'> & { socket: { localAddress?: string | undefined; remoteAddress?: string | undefined } }

export interface HostOptions {
  /** Address to listen on. */
  host: string
  /** Besides it and the names of loopback: `name` for any port, or `name:port`. Lower case. */
  allowedHosts: readonly string[]
  /** Besides the request's own Host: whole origins, e.g. `https://catalog.example.com`. Lower case. */
  allowedOrigins: readonly string[]
}

/** Why a request is none of ours. */
export type Stranger = 'host' | 'origin'

const hostPattern = /^(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/
const originPattern = /^https?:\/\/(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/

/**
 * Whether a request was meant for this server, and no page from elsewhere made it (S8). A page that had its name pointed at our address sends that
 * name as Host; every page sends its Origin with what changes something, and with every upgrade. Programs send no Origin at all.
 * @returns null for what may come in
 */
export function createHostCheck({ host, allowedHosts, allowedOrigins }: HostOptions): (request: RequestHead) => Stranger | null {
  const hosts = new Set(['localhost', '127.0.0.1', '[::1]', host.toLowerCase(), `[${host.toLowerCase()}]`, ...allowedHosts])
  const origins = new Set(allowedOrigins)
  return (request) => {
    const named = hostOf(request)
    const match = named === null ? null : hostPattern.exec(named)
    if (named === null || match === null || !URL.canParse(`http://${named}/`)) return 'host'
    const isKnown = hosts.has(match[1]!) || hosts.has(named) || isArrivalAddress(match[1]!, request.socket.localAddress)
    if (!isKnown) return 'host'
    return isFromElsewhere(request, named, origins) ? 'origin' : null
  }
}

/** The one Host of a request, in lower case. What Node folds together can hide a second one, and a target with a host of its own would count before it. */
export function hostOf({ url = '', rawHeaders }: Pick<RequestHead, 'url' | 'rawHeaders'>): string | null {
  const given = rawHeaders.filter((_, place) => place % 2 === 1 && rawHeaders[place - 1]!.toLowerCase() === 'host')
  return given.length === 1 && url.startsWith('/') ? given[0]!.toLowerCase() : null
}

/**
 * The very address at which the connection came in, as scrapers use it: nobody can point an address elsewhere, so a page that was loaded from it was
 * loaded from us.
 */
function isArrivalAddress(host: string, localAddress: string | undefined): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (localAddress === undefined || isIP(bare) === 0 || isIP(localAddress) === 0) return false
  return ipaddr.process(bare).toNormalizedString() === ipaddr.process(localAddress).toNormalizedString()
}

function isFromElsewhere({ method, headers }: RequestHead, host: string, origins: ReadonlySet<string>): boolean {
  if (headers.origin !== undefined) {
    const origin = headers.origin.toLowerCase()
    return !originPattern.test(origin) || !URL.canParse(origin) || !(origins.has(origin) || isSameHost(new URL(origin), host))
  }
  // An image or a script of another site comes without Origin; browsers say so here. A link to the page of GraphiQL is harmless: it carries no data.
  const site = headers['sec-fetch-site'] ?? 'none'
  const isLink = method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return !['none', 'same-origin'].includes(String(site)) && !isLink
}

/** TLS may end in front of us, so the scheme is the page's own; each has its own default port. */
export function isSameHost(origin: URL, host: string): boolean {
  return origin.host === new URL(`${origin.protocol}//${host}`).host
}

const refusals: Record<Stranger, { message: string; mend: string }> = {
  host: { message: 'This server is not called by that Host.', mend: 'Use its published address; an operator adds names with PILOTHOUSE_ALLOWED_HOSTS.' },
  origin: { message: 'Pages of that origin may not use this server.', mend: 'Use a page of this server; an operator adds origins with PILOTHOUSE_ALLOWED_ORIGINS.' },
}

export function strangerError(stranger: Stranger): CatalogError {
  const { message, mend } = refusals[stranger]
  return new CatalogError('FORBIDDEN', message, { field: stranger, mend })
}

/**
 * Whether a body has a media type that no page can send elsewhere without being asked for by a preflight, which is never granted here. Forms and
 * plain text can be sent by any page to anybody, with whatever cookies there are (CSRF), so nothing in them is executed.
 */
export function isReadableType(contentType: string | undefined): boolean {
  return /^application\/(json|graphql\+json|graphql) *(;|$)/i.test(contentType ?? '')
}
