import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { Provider } from 'oidc-provider'

export const audience = 'https://pilothouse.test/'

/** A real OIDC issuer on loopback. Every client may ask for a token of its own; its id is the token's subject. */
export interface OidcIssuer {
  url: string
  /** A JWT as the issuer's token endpoint answers it. */
  token: (subject: string, claims?: Record<string, unknown>) => Promise<string>
  /** Any claims under the issuer's newest key, for tokens that no issuer should make. `exp` is an hour ahead unless given; undefined leaves a claim out. */
  forge: (claims: Record<string, unknown>, header?: Partial<JWTHeaderParameters>, key?: CryptoKey | Uint8Array) => Promise<string>
  /** The public half of the newest key. */
  publicJwk: () => JWK
  /** A new key signs from now on; the old one is published as long as it is kept. */
  rotate: (options: { keepOld: boolean }) => Promise<void>
  /** Requests so far, by path. */
  requests: Map<string, number>
  /** Nothing listens at its address until it is up again. */
  down: () => Promise<void>
  up: () => Promise<void>
  close: () => Promise<void>
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...await exportJWK(privateKey), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' }
}

export async function startOidcIssuer(): Promise<OidcIssuer> {
  const claimsOf = new Map<string, Record<string, unknown>>()
  const requests = new Map<string, number>()
  let keys = [await newKey()]
  let answer: ReturnType<Provider['callback']>
  let server: Server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    requests.set(path, (requests.get(path) ?? 0) + 1)
    void answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const [listener] = server.listeners('request') as Array<Parameters<typeof createServer>[1] & object>
  const serve = () => { answer = createProvider(url, keys, claimsOf).callback() }
  const down = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  serve()
  return {
    url, requests, down,
    token: async (subject, claims = {}) => {
      claimsOf.set(subject, claims)
      const response = await fetch(`${url}/token`, {
        method: 'POST', headers: { authorization: `Basic ${btoa(`${subject}:secret`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
      })
      const { access_token: token, error_description: problem } = await response.json() as { access_token?: string; error_description?: string }
      if (token === undefined) throw new Error(`the issuer gave no token: ${problem}`)
      return token
    },
    forge: async ({ ...claims }, header = {}, key) => {
      const seconds = Math.floor(Date.now() / 1_000)
      return new SignJWT({ iss: url, aud: audience, sub: 'forged', iat: seconds, exp: seconds + 3_600, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: keys[0]!.kid, ...header }).sign(key ?? await importJWK(keys[0]!, 'RS256'), { crit: Object.fromEntries((header.crit ?? []).map((name) => [name, true])) })
    },
    publicJwk: () => {
      const { kty, n, e, kid } = keys[0]!
      return { kty, n, e, kid }
    },
    rotate: async ({ keepOld }) => {
      keys = [await newKey(), ...keepOld ? keys : []]
      serve()
    },
    up: async () => {
      server = createServer(listener)
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    close: async () => { if (server.listening) await down() },
  }
}

function createProvider(url: string, keys: JWK[], claimsOf: Map<string, Record<string, unknown>>): Provider {
  return new Provider(url, {
    jwks: { keys: keys },
    adapter: (model) => ({
      find: async (id: string) => model === 'Client'
        ? { client_id: id, client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] } : undefined,
      findByUid: async () => undefined, findByUserCode: async () => undefined, upsert: async () => {}, consume: async () => {},
      destroy: async () => {}, revokeByGrantId: async () => {},
    }),
    extraTokenClaims: async (_, token) => claimsOf.get(token.clientId ?? ''),
    ttl: { ClientCredentials: 3_600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async () => ({ scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 3_600, jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  })
}
