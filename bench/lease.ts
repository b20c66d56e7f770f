import { mkdtemp, readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { print } from 'graphql'
import { exportJWK, generateKeyPair } from 'jose'
import { createCatalogClient, CreateAccessTokenDocument, LeaseSecretsDocument, PutSecretDocument, RegisterMcpServerDocument, ViewerDocument } from '../src/client/index.js'
import { nowMs } from './machine.js'
import { startServer } from './service.js'
import { type SnapshotOptions } from './snapshot.js'
import { type Summary, summarize } from './stats.js'

/** Times until answered, in milliseconds. */
export interface LeaseResult {
  kind: 'LEASE'
  /** One after the other, in turn with a query that reads next to nothing. */
  one: Summary
  query: Summary
  /** All sent in one moment; and until the last of them was answered. */
  many: Summary
  allMs: number
  /** Answers that were no leases. */
  wrong: string[]
}

export interface LeaseOptions extends Pick<SnapshotOptions, 'postgres' | 'profile' | 'isInspected'> {
  warmUp: number
  leases: number
  atOnce: number
}

/** A worker leases the one secret of a deployment's server, as it does before each start. */
export async function measureLeases({ postgres, profile, isInspected, warmUp, leases, atOnce }: LeaseOptions): Promise<LeaseResult> {
  const database = await postgres.create()
  const dataDir = await mkdtemp(join(postgres.folder, 'data-'))
  const server = await startServer(database.url, dataDir, isInspected)
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce, noDelay: true })
  try {
    const { token, lease } = await prepare(server.url, (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim())
    const wrong: string[] = []
    const time = async (body: string, expected: string) => {
      const begin = nowMs()
      const text = await post(server.url, body, token, agent).catch((error: Error) => error.message)
      if (!text.includes(expected)) wrong.push(text.slice(0, 200))
      return nowMs() - begin
    }
    const query = JSON.stringify({ query: print(ViewerDocument) })
    const [leased, read]: [number[], number[]] = [[], []]
    const endProfile = await profile(server.inspectorUrl)
    for (let at = -warmUp; at < leases; at++) {
      const times = [await time(lease, '"values":"'), await time(query, '"principal"')] as const
      if (at < 0) continue
      leased.push(times[0])
      read.push(times[1])
    }
    const begin = nowMs()
    const many = await Promise.all(Array.from({ length: atOnce }, () => time(lease, '"values":"')))
    const allMs = nowMs() - begin
    await endProfile()
    return { kind: 'LEASE', one: summarize(leased), query: summarize(read), many: summarize(many), allMs, wrong: wrong.slice(0, 5) }
  } finally {
    agent.destroy()
    await server.stop()
    await database.drop()
  }
}

/** A secret, an entry that refers to it, and a worker; answers the body of a request for a lease. */
async function prepare(url: string, adminToken: string): Promise<{ token: string; lease: string }> {
  const client = createCatalogClient({ url, token: adminToken })
  const owner = { kind: 'DEPLOYMENT' as const }
  await client.execute(PutSecretDocument, { input: { owner, name: 'token', value: 'a-secret-of-forty-characters-of-the-bench' } })
  const definition = { transport: { http: { url: 'https://tickets.example.com/mcp', headers: [{ name: 'Authorization', value: 'Bearer ${secret:token}' }] } } }
  const { registerMcpServer: { mcpServer } } = await client.execute(RegisterMcpServerDocument, { input: { owner, name: 'tickets', visibility: 'PUBLIC', definition } })
  const { createAccessToken } = await client.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: 'bench' } })
  const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
  const input = { entryId: mcpServer.id, revision: mcpServer.revision, owner: { kind: 'USER', provider: 'bench', subject: 'user' }, sessionId: 's1', recipientKey: await exportJWK(publicKey) }
  return { token: createAccessToken.secret, lease: JSON.stringify({ query: print(LeaseSecretsDocument), variables: { input } }) }
}

function post(url: string, body: string, token: string, agent: Agent): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'authorization': `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => { text += piece })
      response.on('end', () => resolve(text)).on('error', reject)
    }).on('error', reject).end(body)
  })
}
