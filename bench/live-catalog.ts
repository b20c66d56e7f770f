import { mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CatalogClient, createCatalogClient, CreateAccessTokenDocument, CreateUserDocument, type OwnerInput, RegisterMcpServerDocument, SetPolicyDocument,
} from '../src/client/index.js'
import { nextMessage, startProgram, stopChild } from './child.js'
import { type BenchPostgres } from './database.js'
import { type McpServerPorts } from './plan.js'
import { startServer } from './service.js'

/** The built server on a fresh database, somebody who has sessions, a worker's token for them, and an MCP server to register. */
export interface LiveCatalog {
  url: string
  /** The owner's. */
  client: CatalogClient
  owner: OwnerInput
  workerToken: string
  /** One MCP server, under each of them. */
  mcpServerUrls: string[]
  inspectorUrl: string | null
  stop: () => Promise<void>
}

/** What the policy denies by default, and everything of the bench is: plain http on loopback. */
const onLoopback = { urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } }

export interface LiveCatalogOptions {
  postgres: BenchPostgres
  /** Places at which the MCP server is reached. */
  places: number
  isInspected: boolean
}

export async function startLiveCatalog({ postgres, places, isInspected }: LiveCatalogOptions): Promise<LiveCatalog> {
  const database = await postgres.create()
  const dataDir = await mkdtemp(join(postgres.folder, 'data-'))
  const server = await startServer(database.url, dataDir, isInspected)
  const mcpServer = startProgram('./mcp-server.ts', [String(places)])
  const { ports } = await nextMessage(mcpServer, (message: McpServerPorts) => message.kind === 'PORTS' ? message : undefined)
  const admin = createCatalogClient({ url: server.url, token: (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim() })
  await admin.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: onLoopback } })
  const { createUser: { id } } = await admin.execute(CreateUserDocument, { provider: 'bench', subject: 'alice', displayName: 'Alice', role: 'USER' })
  const owner: OwnerInput = { kind: 'USER', id }
  const token = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'bench', userId: id } })
  const workerToken = await admin.execute(CreateAccessTokenDocument, { input: { kind: 'WORKER', name: 'bench', serves: [owner] } })
  return {
    url: server.url, client: createCatalogClient({ url: server.url, token: token.createAccessToken.secret }), owner,
    workerToken: workerToken.createAccessToken.secret, mcpServerUrls: ports.map((port) => `http://127.0.0.1:${port}/mcp`), inspectorUrl: server.inspectorUrl,
    stop: async () => {
      await stopChild(mcpServer)
      await server.stop()
      await database.drop()
    },
  }
}

export async function registerServer({ client, owner }: LiveCatalog, name: string, url: string): Promise<{ id: string; cursor: string }> {
  const { registerMcpServer: { mcpServer, cursor } } = await client.execute(RegisterMcpServerDocument, {
    input: { owner, name, definition: { transport: { http: { url } } } },
  })
  return { id: mcpServer.id, cursor }
}
