import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Provider } from 'oidc-provider'

/** A real OIDC issuer on loopback at which a browser signs in: a real one by the page that it shows, and others as whom the test says. */
export interface OidcLogin {
  url: string
  /** Follows the issuer's own pages from its authorization endpoint on; resolves with the address to which it sends the browser back. */
  browse: (authorize: string, subject: string) => Promise<string>
  /** What an ID token of this subject says besides. */
  claims: Map<string, Record<string, unknown>>
  close: () => Promise<void>
}

export const loginClient = { id: 'console', secret: 'a secret with : and +' }

const loginPage = `<!doctype html><html lang="en"><title>The organisation</title>
<form method="post"><label>Who are you? <input name="who"></label><button>Log in</button></form><form method="post"><button>Cancel</button></form>`

export async function startOidcLogin(redirectUri: string): Promise<OidcLogin> {
  const claims = new Map<string, Record<string, unknown>>()
  let subject = ''
  const server: Server = createServer((request, response) => {
    if (!request.url!.startsWith('/interaction/')) return void provider.callback()(request, response)
    const finish = (who: string) => provider.interactionFinished(request, response, who === '' ? { error: 'access_denied' } : { login: { accountId: who } })
    // A browser shows a page; `browse` has said who it is.
    if (request.method === 'POST') return void text(request).then((body) => finish(new URLSearchParams(body).get('who') ?? ''))
    if (!(request.headers.accept ?? '').includes('text/html')) return void finish(subject)
    response.writeHead(200, { 'content-type': 'text/html' }).end(loginPage)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = createProvider(url, redirectUri, claims)
  return {
    url, claims,
    browse: async (authorize, who) => {
      subject = who
      const cookies = new Map<string, string>()
      for (let address = authorize; ;) {
        const answer = await fetch(address, { redirect: 'manual', headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } })
        for (const line of answer.headers.getSetCookie()) cookies.set(line.split('=')[0]!, line.split(';')[0]!.slice(line.indexOf('=') + 1))
        const location = answer.headers.get('location')
        if (location === null) throw new Error(`the issuer sent the browser nowhere: ${answer.status} ${await answer.text()}`)
        address = new URL(location, url).href
        if (!address.startsWith(url)) return address
      }
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function createProvider(url: string, redirectUri: string, claims: ReadonlyMap<string, Record<string, unknown>>): Provider {
  return new Provider(url, {
    clients: [{ client_id: loginClient.id, client_secret: loginClient.secret, redirect_uris: [redirectUri], grant_types: ['authorization_code'], response_types: ['code'] }],
    claims: { openid: ['sub'], profile: ['name', 'groups', 'role'] },
    conformIdTokenClaims: false,
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
    pkce: { required: () => true },
    cookies: { keys: ['only for this test'] },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    features: { devInteractions: { enabled: false } },
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...claims.get(id) }) }),
    // Nobody is asked whether they agree: it is their own catalog.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client!.clientId, accountId: oidc.session!.accountId! })
      grant.addOIDCScope('openid profile')
      await grant.save()
      return grant
    },
  })
}
