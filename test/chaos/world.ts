import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import {
  createCatalogClient, CreateAccessTokenDocument, CreateTeamDocument, CreateUserDocument, RegisterAgentDocument, SetPolicyDocument,
  SetTeamMemberDocument, ViewerDocument,
} from '../../src/client/index.js'
import { type Db } from '../../src/db/client.js'
import * as schema from '../../src/db/schema.js'
import { type OwnerQuery } from '../../src/index/catalog-index.js'
import { loadCatalog } from '../../src/index/load.js'
import { type LoadedCatalog } from '../../src/index/state.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { pilothouse } from '../support/process.js'
import { createRandom } from '../support/random.js'
import { type Pass, type Follower, startFollower } from './follower.js'
import { createLoad, type Load } from './load.js'
import { createModel, type Model } from './model.js'
import { type ApiNode, createNode } from './node.js'
import { type ChaosPostgres, createPostgres } from './postgres.js'
import { createRightsChanger, policies } from './rights.js'
import { createWorker, startBalancer, type ChaosWorker } from './worker.js'
import { createWriter, type Registry } from './writers.js'

/** Connections of each node: so few that a lost one shows. */
export const poolSize = 4

/** An entry of our own. A pulse is in everybody's set; its changes show that a node writes and that everyone hears it. */
export interface Pulse {
  id: string
  revision: number
}

/** What a restore did away with, until the next check has read it to its end. */
export interface Restored {
  /** The database as it was put back. */
  base: LoadedCatalog
  /** Reads from what was thrown away. */
  readLost: <Result>(work: (db: Db) => Promise<Result>) => Promise<Result>
  dropLost: () => Promise<void>
}

export interface World {
  postgres: ChaosPostgres
  nodes: ApiNode[]
  /** Supervises the nodes: those that end by themselves are started again. */
  supervise: (isOn: boolean) => void
  followers: Follower[]
  /** The one whose socket a fault stalls. */
  slowFollower: Follower
  worker: ChaosWorker
  auditKey: Buffer
  /** Runs the command line as an operator with the database at hand does; answers the exit code and what was said. */
  operate: (...args: string[]) => Promise<{ code: number | string; said: string }>
  mcpPort: number
  model: Model
  load: Load
  registry: Registry
  users: Array<{ id: string; name: string }>
  teams: string[]
  /** Whom the worker credential that comes and goes serves. */
  served: OwnerQuery[]
  /** Never revoked. */
  admin: Pass
  /** Never revoked; may read everything. */
  reader: Pass
  slow: Pass
  /** Revoked and made anew all the time. */
  credentials: Pass[]
  /** Tokens that were revoked, by id; those of the last while. */
  revoked: Map<string, string>
  pulses: Map<ApiNode, Pulse>
  /** The large entry of the slow reader's owner. */
  big: Pulse | null
  restored: Restored | null
  /** Lines of the nodes' logs, by what they say. */
  logged: Map<string, number>
  newMarker: () => string
  violate: (problem: string) => void
  close: () => Promise<void>
}

/** Reads a database of the cluster with the project's own queries, on a connection that no fault touches. */
export function readOn<Result>(postgres: ChaosPostgres, database: string, work: (db: Db) => Promise<Result>): Promise<Result> {
  return postgres.ask((sql) => work(drizzle(sql, { schema })), database)
}

export const loadFrom = (postgres: ChaosPostgres, database: string) => readOn(postgres, database, async (db) => (await loadCatalog(db)).loaded)

/** Everything that can be asked for over the API before the first fault: people, teams, tokens, the policy, one pulse a node. */
export async function createWorld(seed: number, nodeCount: number, violate: (problem: string) => void): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-chaos-'))
  await chmod(folder, 0o755)
  const closers: Array<() => Promise<void>> = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => { for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => violate(`while closing: ${String(error)}`)) }
  try {
    const postgres = await createPostgres(join(folder, 'data'))
    closers.push(() => postgres.stop())
    const auditKey = randomBytes(32).toString('hex')
    const nodes = await startNodes(folder, postgres, auditKey, nodeCount, violate)
    closers.push(async () => {
      nodes.supervise(false)
      await Promise.all(nodes.nodes.map((node) => node.kill()))
    })
    return await populate({ seed, folder, postgres, auditKey: Buffer.from(auditKey), ...nodes, violate, closers, close })
  } catch (error) {
    await close()
    throw error
  }
}

async function startNodes(folder: string, postgres: ChaosPostgres, auditKey: string, count: number, violate: World['violate']) {
  let isSupervised = true
  const nodes: ApiNode[] = []
  const env = { DATABASE_URL: postgres.urlOf('pilothouse'), PILOTHOUSE_AUDIT_KEY: auditKey, PILOTHOUSE_DB_POOL: String(poolSize), PILOTHOUSE_WRITES_PER_MINUTE: '1000000', PILOTHOUSE_READS_PER_MINUTE: '1000000', PILOTHOUSE_FAILED_TOKENS_PER_MINUTE: '1000000' }
  for (let at = 1; at <= count; at++) {
    const node = await createNode({
      name: `node-${at}`, dataDir: folder, env,
      onDeath: (how) => {
        violate(`${node.name} died by itself (${how})`)
        if (isSupervised) void node.start().catch((error: unknown) => violate(String(error)))
      },
    })
    nodes.push(node)
    await node.start()
  }
  const operate = async (...args: string[]) => {
    const child = pilothouse(args, { ...env, PILOTHOUSE_DATA_DIR: join(folder, 'operator') }, '')
    return { code: await child.ended, said: child.stdout() + child.stderr() }
  }
  return { nodes, operate, supervise: (isOn: boolean) => { isSupervised = isOn } }
}

interface Foundation extends Pick<World, 'postgres' | 'auditKey' | 'nodes' | 'operate' | 'supervise' | 'violate' | 'close'> {
  seed: number
  folder: string
  closers: Array<() => Promise<void>>
}

async function populate({ seed, folder, closers, ...base }: Foundation): Promise<World> {
  const { nodes, violate } = base
  const [first] = nodes
  const token = (await readFile(join(folder, first!.name, 'admin-token'), 'utf8')).trim()
  const { execute } = createCatalogClient({ url: first!.url, token })
  const { viewer: { principal } } = await execute(ViewerDocument)
  const mint = async (label: string, userId: string | null, serves?: OwnerQuery[]): Promise<Pass> => {
    const { createAccessToken: { accessToken, secret } } = await execute(CreateAccessTokenDocument, {
      input: userId === null ? { kind: 'WORKER', name: label, serves } : { kind: 'PERSONAL', name: label, userId },
    })
    return { label, userId, tokenId: accessToken.id, token: secret }
  }
  const admin: Pass = await mint('admin', principal.id)
  await execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: policies[0]! } })
  const users = []
  for (const name of ['ann', 'ben', 'cat', 'dan', 'eve', 'slow']) {
    const { createUser } = await execute(CreateUserDocument, { provider: 'test', subject: name, displayName: name, role: 'USER' })
    users.push({ id: createUser.id, name })
  }
  const slowUser = users.pop()!
  const teams: string[] = []
  for (const slug of ['red', 'blue']) {
    const { createTeam } = await execute(CreateTeamDocument, { slug, displayName: slug })
    teams.push(createTeam.id)
    for (const { id } of users.slice(0, 3)) await execute(SetTeamMemberDocument, { team: slug, userId: id, role: 'MAINTAINER' })
  }
  const owners = users.map(({ id }): OwnerQuery => ({ kind: 'USER', id }))
  const served = [owners[1]!, { kind: 'TEAM' as const, id: teams[1]! }]
  const credentials = [...await Promise.all(users.map(({ id, name }) => mint(name, id))), await mint('worker', null, served)]
  const pulses = new Map<ApiNode, Pulse>()
  for (const node of nodes) {
    const { registerAgent: { agent } } = await execute(RegisterAgentDocument, {
      input: { owner: { kind: 'DEPLOYMENT' }, name: `pulse-${node.name}`, definition: { description: '', prompt: 'Beat.' } },
    })
    pulses.set(node, { id: agent.id, revision: agent.revision })
  }
  const reader = await mint('reader', null)
  const slow = await mint('slow', slowUser.id)
  const mcp = await startTestMcpServer([{ name: 'echo' }])
  closers.push(() => mcp.close())
  const random = (at: number) => createRandom(seed + 7_919 * at)
  const balancer = await startBalancer(nodes, random(1))
  const workerToken = await mint('worker process', null)
  const worker: ChaosWorker = createWorker(
    { url: balancer.url, token: workerToken.token, owners: [owners[0]!, owners[1]!, { kind: 'TEAM', id: teams[0]! }] },
    (how) => {
      violate(`the worker died by itself (${how})`)
      worker.start()
    },
  )
  worker.start()
  closers.push(() => balancer.close(), () => worker.kill())
  const stranger: OwnerQuery = { kind: 'USER', provider: 'test', subject: 'stranger' }
  const team = (at: number): OwnerQuery => ({ kind: 'TEAM', id: teams[at]! })
  const watched: Array<[string, OwnerQuery, Pass]> = [
    ...users.map(({ name }, at): [string, OwnerQuery, Pass] => [name, owners[at]!, credentials[at]!]),
    ['ann for a worker', owners[0]!, reader], ['ben for a worker of few', owners[1]!, credentials[5]!], ['cat by eve', owners[2]!, credentials[4]!],
    ['red by ann', team(0), credentials[0]!], ['blue by cat', team(1), credentials[2]!], ['blue for a worker of few', team(1), credentials[5]!],
    ['the deployment by the admin', { kind: 'DEPLOYMENT' }, admin], ['the deployment by dan', { kind: 'DEPLOYMENT' }, credentials[3]!], ['a stranger', stranger, reader],
  ]
  const followers = watched.map(([name, owner, credential], at) => startFollower({ name, owner, credential, nodes, random: random(100 + at) }))
  const slowFollower = startFollower({ name: 'slow', owner: { kind: 'USER', id: slowUser.id }, credential: slow, nodes, random: random(99) })
  closers.push(async () => { await Promise.all([...followers, slowFollower].map((follower) => follower.close())) })
  let markers = 0
  const load = createLoad((error) => violate(`the load failed: ${error instanceof Error ? error.stack : String(error)}`))
  const world: World = {
    ...base, followers: [...followers, slowFollower], slowFollower, worker, mcpPort: mcp.port, model: createModel(() => performance.now()), load, registry: new Map(),
    users, teams, served, admin, reader, slow, credentials, revoked: new Map(), pulses, big: null, restored: null, logged: new Map(),
    newMarker: () => `change ${++markers}`,
  }
  const authors: Array<[Pass, boolean]> = [[admin, true], ...await Promise.all(users.slice(0, 4).map(async ({ id, name }): Promise<[Pass, boolean]> => [await mint(`${name} writes`, id), false]))]
  authors.forEach(([credential, isAdmin], at) => {
    const chance = random(200 + at)
    load.loop(createWriter(world, credential, isAdmin, chance), () => chance.below(80))
  })
  const chance = random(300)
  load.loop(createRightsChanger(world, chance), () => 50 + chance.below(200))
  closers.push(() => load.stop())
  return world
}
