import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type Principal } from '../core/access.js'
import { CatalogError, invalid } from '../core/errors.js'
import { type CatalogServices } from '../catalog/context.js'
import { type RequestHead } from './hosts.js'
import { callbackPath, type OidcSignIn, type SignInProblem } from './oidc-sign-in.js'
import { type Failures } from './rates.js'
import { type Sessions } from './session.js'

/** Where a sign-in at the identity provider begins. */
export const authorizePath = '/session/oidc'

export interface OidcAnswerOptions {
  oidc: OidcSignIn
  services: CatalogServices
  /** Where people reach the server. */
  publicOrigin: string
  failures: Failures
  begin: Sessions['begin']
  /** Whose cookie a request has. */
  sessionOf: (request: RequestHead) => { id: string; principal: Principal } | null
}

/**
 * To the issuer, or back from it. Whatever comes of it, whoever comes back finds themselves at a page of ours. Neither has a budget of an address, behind which
 * many people may be: going there costs no more than a file of the console, and coming back counts, like a token, only when the issuer refuses.
 */
export async function answerOidc(options: OidcAnswerOptions, request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const { oidc, publicOrigin, sessionOf } = options
  if (request.method !== 'GET') throw invalid('method', 'A browser goes there and comes back.', 'Send GET.')
  if (path !== callbackPath) {
    const { location, cookie } = await oidc.begin(request, sessionOf(request)?.id ?? null)
    return redirect(response, location, [cookie])
  }
  const came = await comeBack(options, request)
  if (!('problem' in came)) return redirect(response, `${publicOrigin}${came.path}`, [came.cookie, oidc.noCookie])
  const where = new URLSearchParams({ problem: came.problem, ...came.path !== null && { return: came.path } })
  redirect(response, `${publicOrigin}/sign-in?${where}`, [oidc.noCookie])
}

async function comeBack({ oidc, publicOrigin, failures, services, begin }: OidcAnswerOptions, request: IncomingMessage): Promise<{ path: string; cookie: string } | { problem: SignInProblem; path: string | null }> {
  let path: string | null = null
  try {
    const address = request.socket.remoteAddress ?? ''
    const came = await oidc.finish(request, await failures.isSpent(address))
    path = came.path
    if ('problem' in came) {
      // It is refused all the same, however often.
      if (came.problem === 'denied') await failures.count(address).catch(() => {})
      return came
    }
    return { path: came.path, cookie: await begin(request, came.credential, publicOrigin.startsWith('https:') ? 'https' : 'http', came.replaces) }
  } catch (error) {
    if (error instanceof CatalogError && ['UNAUTHENTICATED', 'FORBIDDEN'].includes(error.code)) return { problem: 'denied', path }
    if (!(error instanceof CatalogError)) services.warn(error, 'somebody came back from the identity provider and could not be signed in')
    return { problem: 'unavailable', path }
  }
}

function redirect(response: ServerResponse, location: string, cookies: string[]): void {
  response.writeHead(302, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', location, 'set-cookie': cookies })
  response.end()
}
