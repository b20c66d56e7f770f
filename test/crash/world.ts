import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex } from 'node:stream'
import {
  type CatalogClient, createCatalogClient, CreateAccessTokenDocument, CreateUserDocument, type OwnerInput, type Role, SetPolicyDocument,
} from '../../src/client/index.js'
import { type Chains, newChains } from '../chaos/checks.js'
import { type ApiNode, createNode } from '../chaos/node.js'
import { type ChaosPostgres, createPostgres } from '../chaos/postgres.js'
import { usualPath } from '../../src/worker/launchers.js'
import { pilothouse } from '../support/process.js'
import { createDirector, type Director } from './director.js'
import { type Reader, startReader } from './reader.js'
import { meet, meeting } from './rendezvous.js'
import { createUpstreams, type Upstreams } from './upstreams.js'
import { type CrashWorker, createWorker } from './worker.js'

/** One of everything, each in a process of its own: Postgres, a server, a worker with a session of one person, MCP servers; and somebody who subscribed. */
export interface World {
  postgres: ChaosPostgres
  node: ApiNode
  worker: CrashWorker
  upstreams: Upstreams
  director: Director
  reader: Reader
  /** Whose entries and session they are; who revokes and approves; and who else may approve. */
  ann: CatalogClient
  boss: CatalogClient
  admin: CatalogClient
  owner: OwnerInput
  auditKey: Buffer
  /** With it another server joins on the same database. */
  environment: Record<string, string>
  adminToken: string
  chains: Chains
  /** Of processes that ended although nobody killed them. */
  deaths: string[]
  newMark: () => string
  auditVerify: () => Promise<{ code: number | string; said: string }>
  close: () => Promise<void>
}

/** Longer than anything may take; who waits longer hears of it. */
const requestTimeoutMs = 15_000

const policyOf = (folder: string) => ({
  transports: { stdio: 'approve', http: 'allow', sse: 'deny' }, stdio: { directories: [folder] },
  urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] },
})

export async function createWorld(): Promise<World> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pilothouse-crash-')))
  await chmod(folder, 0o755)
  const closers: Array<() => Promise<unknown>> = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => { for (const closer of closers.splice(0).reverse()) await closer() }
  try {
    return await build(folder, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function build(folder: string, closers: Array<() => Promise<unknown>>, close: () => Promise<void>): Promise<World> {
  const deaths: string[] = []
  const director = createDirector()
  const attach = (side: 'server' | 'worker') => (end: Duplex) => meet(end, (step) => director.at(side, step))
  const postgres = await createPostgres(join(folder, 'data'))
  closers.push(() => postgres.stop())
  const auditKey = randomBytes(32).toString('hex')
  const environment = {
    DATABASE_URL: postgres.urlOf('pilothouse'), PILOTHOUSE_AUDIT_KEY: auditKey, PILOTHOUSE_SECRET_KEY: randomBytes(32).toString('hex'),
    PILOTHOUSE_WRITES_PER_MINUTE: '1000000', PILOTHOUSE_READS_PER_MINUTE: '1000000',
  }
  const node = await createNode({
    name: 'server', dataDir: folder, env: environment, execArgv: meeting, attach: attach('server'), onDeath: (how) => void deaths.push(`the server died by itself (${how})`),
  })
  closers.push(() => node.kill())
  await node.start()
  const adminToken = (await readFile(join(folder, 'server', 'admin-token'), 'utf8')).trim()
  const clientOf = (token: string) => createCatalogClient({ url: node.url, token, timeoutMs: requestTimeoutMs })
  const admin = clientOf(adminToken)
  const userOf = async (name: string, role: Role) => {
    const { createUser: { id } } = await admin.execute(CreateUserDocument, { provider: 'test', subject: name, displayName: name, role })
    const { createAccessToken: { secret } } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name, userId: id } })
    return { id, token: secret }
  }
  await admin.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: policyOf(folder) } })
  const [ann, boss] = [await userOf('ann', 'USER'), await userOf('boss', 'ADMIN')]
  const owner: OwnerInput = { kind: 'USER', id: ann.id }
  const { createAccessToken } = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: 'worker', serves: null } })
  const upstreams = await createUpstreams(folder)
  closers.push(() => upstreams.kill())
  await upstreams.start()
  const worker = createWorker(
    { url: node.url, token: createAccessToken.secret, owner, path: usualPath }, join(folder, 'worker.log'), attach('worker'), (how) => void deaths.push(`the worker died by itself (${how})`))
  closers.push(() => worker.close())
  await worker.start()
  const reader = startReader(node.webSocketUrl, ann.token, owner)
  closers.push(() => reader.close())
  let marks = 0
  return {
    postgres, node, worker, upstreams, director, reader, ann: clientOf(ann.token), boss: clientOf(boss.token), admin, owner, auditKey: Buffer.from(auditKey), environment, adminToken,
    chains: newChains(), deaths, newMark: () => `e${++marks}`, close,
    auditVerify: async () => {
      const child = pilothouse(['audit', 'verify'], { ...environment, PILOTHOUSE_DATA_DIR: join(folder, 'operator') }, '')
      return { code: await child.ended, said: child.stdout() + child.stderr() }
    },
  }
}
