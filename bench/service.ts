import { type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { print } from 'graphql'
import {
  type CatalogClient, CatalogChangedDocument, createCatalogClient, CreateAccessTokenDocument, CreateUserDocument, ImportCatalogDocument,
  UpdateMcpServerDocument,
} from '../src/client/index.js'
import { startNode, stopChild } from './child.js'
import { type BenchDatabase, type BenchPostgres } from './database.js'
import { type BenchEntry, type TargetPlan } from './plan.js'

/** A catalog made through the API once, and copied for every run. */
export interface PreparedService {
  template: BenchDatabase
  /** Holds the admin's token and the audit key, which belong to the template. */
  dataDir: string
  adminToken: string
  userTokens: string[]
  entries: BenchEntry[]
  /** After the last of it. */
  cursor: string
}

export interface RunningService {
  url: string
  process: ChildProcess
  /** Of the inspector, when it was asked for. */
  inspectorUrl: string | null
  stop: () => Promise<void>
}

/** The server as it is built, with its default settings; but one admin may send as many mutations as are measured. */
export async function startServer(databaseUrl: string, dataDir: string, isInspected = false): Promise<RunningService> {
  const child = startNode([...(isInspected ? ['--inspect=127.0.0.1:0'] : []), 'dist/cli/bin.js', 'serve'], {
    DATABASE_URL: databaseUrl, PILOTHOUSE_DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1',
    PILOTHOUSE_WRITES_PER_MINUTE: '1000000000', PILOTHOUSE_READS_PER_MINUTE: '1000000000', PILOTHOUSE_SECRET_KEY: '5e'.repeat(32),
  })
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (text: string) => {
      said += text
      const found = /answers at (http:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout!.setEncoding('utf8').on('data', hear)
    child.stderr!.setEncoding('utf8').on('data', hear)
    child.once('exit', () => reject(new Error(`the server did not start; npm run build makes it. It said:\n${said}`)))
  })
  const inspectorUrl = /Debugger listening on (ws:\S+)/.exec(said)?.[1] ?? null
  // What a server has to say while it is measured is worth knowing.
  child.stderr!.on('data', (text: string) => void (isInspected || process.stderr.write(text)))
  return { url, process: child, inspectorUrl, stop: () => stopChild(child) }
}

export const entriesInOneImport = 500

/** Makes users with a token each, and public entries of the deployment, of some 600 bytes. */
export async function prepareService(postgres: BenchPostgres, users: number, entries: number): Promise<PreparedService> {
  const template = await postgres.create()
  const dataDir = await mkdtemp(join(postgres.folder, 'data-'))
  const server = await startServer(template.url, dataDir)
  try {
    const adminToken = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
    const client = createCatalogClient({ url: server.url, token: adminToken, timeoutMs: 120_000 })
    const userTokens: string[] = []
    for (let number = 1; number <= users; number++) userTokens.push(await createUser(client, `user-${number}`))
    const made: BenchEntry[] = []
    let cursor = ''
    for (let first = 1; first <= entries; first += entriesInOneImport) {
      const part = await importEntries(client, first, Math.min(entriesInOneImport, entries - first + 1))
      made.push(...part.entries)
      cursor = part.cursor
    }
    return { template, dataDir, adminToken, userTokens, entries: made, cursor }
  } finally {
    await server.stop()
  }
}

async function createUser(client: CatalogClient, subject: string): Promise<string> {
  const { createUser: { id } } = await client.execute(CreateUserDocument, { provider: 'bench', subject, displayName: subject, role: 'USER' })
  const { createAccessToken } = await client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: subject, userId: id } })
  return createAccessToken.secret
}

async function importEntries(client: CatalogClient, first: number, count: number): Promise<{ entries: BenchEntry[]; cursor: string }> {
  const numbers = Array.from({ length: count }, (_, at) => String(first + at).padStart(5, '0'))
  const urlOf = (number: string) => `https://server-${number}.example.com/mcp`
  const text = JSON.stringify(Object.fromEntries(numbers.map((number) => [`server-${number}`, {
    type: 'http', url: urlOf(number), description: `Looks up tickets, incidents and plans of department ${number}, and says who owns them.`,
  }])))
  const { importCatalog: { items, cursor } } = await client.execute(ImportCatalogDocument, { input: { owner: { kind: 'DEPLOYMENT' }, format: 'MCP_JSON', text } })
  const entries = items.map(({ entry }, at) => {
    if (entry == null) throw new Error(`the service did not take the entries of the bench: ${JSON.stringify(items[at])}`)
    return { id: entry.id, url: urlOf(numbers[at]!), revision: entry.revision }
  })
  if (cursor == null) throw new Error('the import answered no cursor')
  return { entries, cursor }
}

/** Sockets spread over users of their own, each following its own set; the admin changes public entries, which reach them all. */
export function planOf(prepared: PreparedService, url: string, groups: number, padding: number): TargetPlan {
  const { userTokens, adminToken, entries, cursor } = prepared
  return {
    subscribers: {
      url: url.replace(/^http/, 'ws'), groups: userTokens.slice(0, groups).map((token) => ({ authorization: `Bearer ${token}` })),
      query: print(CatalogChangedDocument), variables: { owner: { kind: 'USER' } }, ids: 'UUID', cursorField: 'cursor', after: cursor, isGreeted: true,
    },
    mutations: { url, token: adminToken, query: print(UpdateMcpServerDocument), entries, padding },
  }
}
