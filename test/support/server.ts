import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { inject } from 'vitest'
import { type App, type AppTuning, createApp } from '../../src/app.js'
import {
  type CatalogClient, createCatalogClient, CreateAccessTokenDocument, CreateTeamDocument, CreateUserDocument, type OwnerInput,
  RegisterMcpServerDocument, type RegisterMcpServerInput, SetPolicyDocument, SetTeamMemberDocument, type TeamRole, ViewerDocument,
} from '../../src/client/index.js'
import { type Config, readConfig } from '../../src/config.js'
import { databaseUrl, templateDatabase } from './global-setup.js'
import { type Subscriber, subscribe } from './subscriber.js'

/** An empty, migrated database of its own for a test file. */
export async function createTestDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = inject('postgresUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name} template ${templateDatabase}`)
  return {
    url: databaseUrl(server, name),
    drop: async () => {
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}

export interface Person {
  id: string
  token: string
  client: CatalogClient
  /** Sends any document; answers `{ data, errors }` as they come. */
  raw: (query: string, variables?: object) => Promise<RawAnswer>
  watch: (owner?: OwnerInput, after?: string | null) => Promise<Subscriber>
}

export interface RawAnswer {
  data?: Record<string, unknown> | null
  errors?: Array<{ message: string; extensions: Record<string, unknown> }>
}

export interface TestNode {
  app: App
  url: string
  /** The same person, talking to this node. */
  as: (who: Person) => Person
}

export interface TestServer {
  app: App
  url: string
  webSocketUrl: string
  databaseUrl: string
  dataDir: string
  admin: Person
  user: (subject: string) => Promise<Person>
  worker: (serves?: OwnerInput[]) => Promise<Person>
  team: (slug: string, members: Array<[Person, TeamRole]>) => Promise<string>
  register: (who: Person, name: string, more?: Partial<RegisterMcpServerInput> & { url?: string }) => Promise<{ id: string; revision: number; cursor: string }>
  /** One more API node on the same database; it closes with the server. */
  node: (tuning?: AppTuning) => Promise<TestNode>
  /** Ends the server and no node of it. @returns starts it again on the same database and port */
  stop: () => Promise<() => Promise<void>>
  /** Lets entries use servers on loopback, as tests and examples do. */
  allowLoopback: () => Promise<void>
  close: () => Promise<void>
}

export async function startTestServer(tuning: AppTuning = {}, more: Partial<Config> = {}): Promise<TestServer> {
  const database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'pilothouse-data-'))
  const start = (own: AppTuning, port = 0) => createApp({
    ...readConfig({ PILOTHOUSE_SECRET_KEY: 'ab'.repeat(32) }), databaseUrl: database.url, port, dataDir, readsPerMinute: 1_000_000, writesPerMinute: 1_000_000,
    maxSocketsPerPrincipal: 1_000, maxOperationsPerSocket: 1_000, logLevel: 'silent', ...more,
  }, own)
  let app = await start(tuning)
  const { url, webSocketUrl } = await app.listen()
  const nodes: App[] = []
  const subscribers: Subscriber[] = []
  const personAt = (at: { url: string; webSocketUrl: string }, id: string, token: string): Person => ({
    id, token, client: createCatalogClient({ url: at.url, token }),
    raw: (query, variables) => post(at.url, token, { query, variables }),
    watch: async (owner = { kind: 'USER' }, after = null) => {
      const subscriber = subscribe(at.webSocketUrl, token, owner, after)
      subscribers.push(subscriber)
      return subscriber
    },
  })
  const person = (id: string, token: string) => personAt({ url, webSocketUrl }, id, token)
  const admin = person('', await readFile(join(dataDir, 'admin-token'), 'utf8'))
  const { viewer } = await admin.client.execute(ViewerDocument)
  admin.id = viewer.principal.id
  return {
    get app() { return app },
    url, webSocketUrl, databaseUrl: database.url, dataDir, admin,
    user: async (subject) => {
      const { createUser } = await admin.client.execute(CreateUserDocument, { provider: 'test', subject, displayName: subject, role: 'USER' })
      const { createAccessToken } = await admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: subject, userId: createUser.id } })
      return person(createUser.id, createAccessToken.secret)
    },
    worker: async (serves) => {
      const { createAccessToken } = await admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: 'worker', serves } })
      return person(createAccessToken.accessToken.id, createAccessToken.secret)
    },
    team: async (slug, members) => {
      const { createTeam } = await admin.client.execute(CreateTeamDocument, { slug, displayName: slug })
      for (const [{ id }, role] of members) await admin.client.execute(SetTeamMemberDocument, { team: slug, userId: id, role })
      return createTeam.id
    },
    register: async (who, name, { url: target = `https://${name}.example.com/mcp`, ...rest } = {}) => {
      const { registerMcpServer: { mcpServer, cursor } } = await who.client.execute(RegisterMcpServerDocument, {
        input: { owner: { kind: 'USER' }, name, definition: { transport: { http: { url: target } } }, ...rest },
      })
      return { id: mcpServer.id, revision: mcpServer.revision, cursor }
    },
    node: async (own = {}) => {
      const node = await start(own)
      nodes.push(node)
      const address = await node.listen()
      return { app: node, url: address.url, as: ({ id, token }) => personAt(address, id, token) }
    },
    stop: async () => {
      await app.close()
      return async () => {
        app = await start(tuning, Number(new URL(url).port))
        await app.listen()
      }
    },
    allowLoopback: async () => {
      await admin.client.execute(SetPolicyDocument, {
        input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } } },
      })
    },
    close: async () => {
      await Promise.all(subscribers.map((subscriber) => subscriber.close()))
      await Promise.all([app, ...nodes].map((each) => each.close()))
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** One whose entries may use servers on loopback. */
export async function startLoopbackServer(tuning: AppTuning = {}): Promise<TestServer> {
  const server = await startTestServer(tuning)
  await server.allowLoopback()
  return server
}

export async function post(url: string, token: string | null, body: unknown): Promise<RawAnswer> {
  const response = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) }, body: JSON.stringify(body),
  })
  return await response.json() as RawAnswer
}
