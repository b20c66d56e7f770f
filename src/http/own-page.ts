import { type Principal } from '../core/access.js'
import { CatalogError, forbidden } from '../core/errors.js'
import { recordForeignPage } from '../catalog/console-session.js'
import { type CatalogServices } from '../catalog/context.js'
import { hashToken } from '../catalog/token.js'
import { type RequestHead } from './hosts.js'
import { type Rates } from './rates.js'
import { anySessionSecretIn, csrfHeader, ownPageOf, type Scheme } from './session-cookie.js'

export interface PageGuardOptions {
  services: CatalogServices
  rates: Rates
  /** Where people reach the server, besides the request's own Host; null: nowhere else. */
  publicOrigin: string | null
}

export interface PageGuard {
  /** Which page of ours asks; nobody else changes anything with a cookie. Who is refused with that of somebody signed in pays for it and is written down. @throws CatalogError FORBIDDEN, RATE_LIMITED */
  ownPage: (request: RequestHead) => Promise<Scheme>
  /** Whose cookie a request has, whoever made it, as far as this node knows. */
  sessionOf: (request: RequestHead) => { id: string; principal: Principal } | null
}

export function createPageGuard({ services, rates, publicOrigin }: PageGuardOptions): PageGuard {
  const sessionOf: PageGuard['sessionOf'] = ({ headers }) => {
    const id = services.index.state.consoleSessionsByHash.get(hashToken(anySessionSecretIn(headers.cookie) ?? ''))?.id
    const principal = id === undefined ? null : services.index.principalNow({ kind: 'CONSOLE', sessionId: id }, services.now())
    return id === undefined || principal === null ? null : { id, principal }
  }
  return {
    sessionOf,
    ownPage: async (request) => {
      const page = pageOf(request, publicOrigin)
      if (!(page instanceof CatalogError)) return page
      const session = sessionOf(request)
      if (session !== null) {
        await rates.charge(session.principal.id, 'reads', 1)
        await recordForeignPage(services, session.id, session.principal.id, String(page.details.field))
      }
      throw page
    },
  }
}

/** Which page of ours it was, or why it was none. */
function pageOf(request: RequestHead, publicOrigin: string | null): Scheme | CatalogError {
  if (request.headers[csrfHeader] !== '1') return forbidden(csrfHeader, 'A request with the cookie of a session has a header that no foreign page can send.', `Send ${csrfHeader}: 1.`)
  const isSameOrigin = (request.headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
  const scheme = isSameOrigin ? ownPageOf(request, publicOrigin) : null
  return scheme ?? forbidden('origin', 'A session is for pages of this server, over https or on this machine.', 'Open the console at its published https address; an operator sets it with PILOTHOUSE_PUBLIC_URL.')
}
