import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo } from 'node:net'

/** How a request is answered instead; `SILENCE` never answers. */
export type VaultFault = { status: number; body: string; headers?: Record<string, string> } | 'SILENCE'

interface Version {
  data: Record<string, unknown>
  createdTime: string
  deletionTime: string
  isDestroyed: boolean
}

/** The part of Vault's HTTP API that we use, as https://developer.hashicorp.com/vault/api-docs has it: KV version 2 at `secret/`, and one token. */
export interface VaultServer {
  url: string
  token: string
  /** Seconds that a lookup or a renewal tells from now on; 0: without end. */
  life: { ttl: number; isRenewable: boolean }
  /** Of every request, in order: `GET secret/data/a`. */
  requests: string[]
  /** Resolves with the next request of that form. */
  requested: (pattern: RegExp) => Promise<string>
  put: (path: string, data: Record<string, unknown>, deletionTime?: string) => void
  /** Deletes the newest version softly, destroys it, or takes all of them with their metadata. */
  remove: (path: string, how: 'DELETE' | 'DESTROY' | 'METADATA') => void
  /** For every request whose method and path match; null: none. */
  fail: (pattern: RegExp, fault: VaultFault | null) => void
  close: () => Promise<void>
}

export async function startVaultServer(token = 'hvs.canary-token'): Promise<VaultServer> {
  const secrets = new Map<string, Version[]>()
  const requests: string[] = []
  const waiting = new Set<{ pattern: RegExp; resolve: (request: string) => void }>()
  const life = { ttl: 0, isRenewable: false }
  let failing: { pattern: RegExp; fault: VaultFault } | null = null
  let seconds = 0

  const answer = (method: string, path: string, headers: IncomingMessage['headers']): [status: number, body: object] => {
    if (headers['x-vault-token'] !== token || headers['x-vault-request'] !== 'true') return [403, { errors: ['permission denied'] }]
    if (path === 'auth/token/lookup-self' && method === 'GET') return [200, { data: { ttl: life.ttl, renewable: life.isRenewable, id: token } }]
    if (path === 'auth/token/renew-self' && method === 'POST') return [200, { auth: { client_token: token, lease_duration: life.ttl, renewable: life.isRenewable } }]
    const [, part, name] = /^secret\/(data|metadata)\/(.+)$/.exec(path) ?? []
    if (part === undefined || method !== 'GET') return [404, { errors: [`no handler for route "${path}". route entry not found.`] }]
    const versions = secrets.get(decodeURIComponent(name!))
    return versions === undefined ? [404, { errors: [] }] : part === 'data' ? dataOf(versions) : [200, { data: metadataOf(versions) }]
  }

  const server = createServer((request, response) => {
    const path = request.url!.replace(/^\/v1\//, '')
    const asked = `${request.method} ${path}`
    const fault = failing?.pattern.test(asked) === true ? failing.fault : null
    if (fault === null) {
      const [status, body] = answer(request.method!, path, request.headers)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } else if (fault !== 'SILENCE') response.writeHead(fault.status, fault.headers).end(fault.body)
    requests.push(asked)
    for (const one of waiting) {
      if (!one.pattern.test(asked)) continue
      waiting.delete(one)
      one.resolve(asked)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token, life, requests,
    requested: (pattern) => new Promise((resolve) => { waiting.add({ pattern, resolve }) }),
    put: (path, data, deletionTime = '') => {
      const version = { data, createdTime: new Date(Date.UTC(2026, 0, 1) + 1_000 * ++seconds).toISOString(), deletionTime, isDestroyed: false }
      secrets.set(path, [...secrets.get(path) ?? [], version])
    },
    remove: (path, how) => {
      const newest = secrets.get(path)!.at(-1)!
      if (how === 'METADATA') secrets.delete(path)
      else if (how === 'DESTROY') newest.isDestroyed = true
      else newest.deletionTime = '2026-01-01T00:00:00Z'
    },
    fail: (pattern, fault) => { failing = fault === null ? null : { pattern, fault } },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const isGone = ({ deletionTime, isDestroyed }: Version) => isDestroyed || (deletionTime !== '' && Date.parse(deletionTime) < Date.now())

/** What was deleted is a 404 that still has its metadata. */
function dataOf(versions: Version[]): [number, object] {
  const newest = versions.at(-1)!
  const metadata = { created_time: newest.createdTime, deletion_time: newest.deletionTime, destroyed: newest.isDestroyed, version: versions.length, custom_metadata: null }
  return isGone(newest) ? [404, { data: { data: null, metadata } }] : [200, { data: { data: newest.data, metadata } }]
}

function metadataOf(versions: Version[]): object {
  return {
    current_version: versions.length, oldest_version: 1, max_versions: 0,
    versions: Object.fromEntries(versions.map(({ createdTime, deletionTime, isDestroyed }, at) => [at + 1, { created_time: createdTime, deletion_time: deletionTime, destroyed: isDestroyed }])),
  }
}
