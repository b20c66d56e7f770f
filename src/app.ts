import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createAccessLog } from './catalog/access-log.js'
import { createAdminToken } from './catalog/bootstrap.js'
import { type CatalogServices, hmac } from './catalog/context.js'
import { startMembershipSweep } from './catalog/membership.js'
import { type Config } from './config.js'
import { type Database, type Db, migrateDatabase, openDatabase, withoutValues, withStartLock } from './db/client.js'
import { startEmbeddedPostgres } from './db/embedded.js'
import { ensureHeads, findHead } from './db/head.js'
import { touchTokens } from './db/token.js'
import { createHub, type Hub } from './feed/hub.js'
import { startTail, type Tail } from './feed/tail.js'
import { createTokenProvider } from './http/auth.js'
import { createOidcProvider, type OidcOptions } from './http/oidc.js'
import { createHttpServer } from './http/server.js'
import { graphqlPath } from './http/yoga.js'
import { createCatalogIndex } from './index/catalog-index.js'
import { loadCatalog } from './index/load.js'
import { type Touched } from './index/state.js'

/** Knobs that only tests turn; operators have `Config`. */
export interface AppTuning {
  now?: () => Date
  bookmarkMs?: number
  pollMs?: number
  /** Whether NOTIFY is listened to; everything works without, a little later. */
  listens?: boolean
  maxWaitingBytes?: number
  /** Between two looks for memberships that are over; default 10,000. */
  sweepMs?: number
  oidc?: Pick<OidcOptions, 'keysMaxAgeMs' | 'keysCooldownMs'>
}

/** The catalog without its API: database, index and tail. The CLI opens it for what needs the database. */
export interface OpenCatalog {
  services: CatalogServices
  database: Database
  tail: Tail
  databaseUrl: string
  /** Called after each batch of changes, from the first one on. */
  onBatch: (listener: (touched: Touched | 'RELOADED') => void) => void
  close: () => Promise<void>
}

export interface App {
  /** Takes connections; resolves with the address of the API. */
  listen: () => Promise<{ url: string; webSocketUrl: string }>
  /** Stops in reverse order: no new work, sockets closed with 1012, requests finished, then the database. */
  close: () => Promise<void>
  /** Path of the admin token if this start made it. */
  newAdminToken: string | null
  services: CatalogServices
  hub: Hub
}

const logTo = (level: Config['logLevel']) => pino(
  { level, name: 'pilothouse', redact: ['*.authorization', '*.token', '*.secret'], serializers: { err: withoutValues } }, pino.destination(2),
)

export async function openCatalog(config: Config, tuning: AppTuning = {}): Promise<OpenCatalog> {
  const log = logTo(config.logLevel)
  const now = tuning.now ?? (() => new Date())
  // The embedded server makes the data folder itself: as root, another account has to reach into it.
  const embedded = config.databaseUrl === null
    ? await startEmbeddedPostgres({ dataDir: config.dataDir, onNotice: (line) => log.info(line) }) : null
  const databaseUrl = config.databaseUrl ?? embedded!.url
  const database = openDatabase({ url: databaseUrl, poolSize: config.poolSize })
  try {
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    const auditKey = await withStartLock(databaseUrl, (db) => prepare(config, db))
    const { loaded, recent } = await loadCatalog(database.side)
    const index = createCatalogIndex(loaded, recent)
    const listeners: Array<(touched: Touched | 'RELOADED') => void> = []
    const tail = await startTail({
      database, index, onBatch: (touched) => listeners.forEach((listener) => listener(touched)),
      onError: (error) => log.warn({ err: error }, 'the change log could not be read'), pollMs: tuning.pollMs, listens: tuning.listens,
    })
    const services: CatalogServices = {
      db: database.db, index, auditKey, now, committed: () => void tail.poll().catch(() => {}), refresh: () => tail.poll(),
      accessLog: createAccessLog(database.side, auditKey, now),
    }
    const close = async () => {
      await tail.close()
      await database.close()
      await embedded?.stop()
    }
    return { services, database, tail, databaseUrl, onBatch: (listener) => void listeners.push(listener), close }
  } catch (error) {
    await database.close()
    await embedded?.stop()
    throw error
  }
}

/** Migrations, heads and the audit key, which must be the one that the database was audited with. */
async function prepare(config: Config, db: Db): Promise<Buffer> {
  await migrateDatabase(db)
  const known = await findHead(db)
  const auditKey = await readAuditKey(config, known === null)
  const keyId = auditKey === null ? null : hmac(auditKey, 'pilothouse audit key').slice(0, 16)
  if (auditKey === null || keyId === null || (known !== null && known.auditKeyId !== keyId)) {
    throw new Error('This database was audited with another key. Set PILOTHOUSE_AUDIT_KEY to it, or bring back the file audit.key.')
  }
  await ensureHeads(db, randomBytes(4).toString('hex'), keyId)
  return auditKey
}

/** Builds every part in the order in which they need each other. */
export async function createApp(config: Config, tuning: AppTuning = {}): Promise<App> {
  const log = logTo(config.logLevel)
  const catalog = await openCatalog(config, tuning)
  try {
    return await buildApp(config, tuning, catalog, log)
  } catch (error) {
    await catalog.close()
    throw error
  }
}

async function buildApp(config: Config, tuning: AppTuning, catalog: OpenCatalog, log: Logger): Promise<App> {
  const { services, tail } = catalog
  const newAdminToken = await ensureAdmin(config, catalog)
  const hub = createHub({ index: services.index, isFresh: tail.isFresh, bookmarkMs: tuning.bookmarkMs })
  const used = new Set<string>()
  const flushUsed = async () => {
    const ids = [...used]
    used.clear()
    await touchTokens(services.db, ids, services.now()).catch((error: unknown) => log.warn({ err: error }, 'lastUsedAt could not be written'))
  }
  const usedTimer = setInterval(() => void flushUsed(), 60_000)
  const tokens = createTokenProvider({
    index: services.index, accessLog: services.accessLog, refresh: services.refresh, now: services.now, used: (id) => void used.add(id),
  })
  const oidc = config.oidc === null ? [] : [createOidcProvider({
    settings: config.oidc, services, report: (error) => log.warn({ err: error }, 'the OIDC issuer cannot be reached'), ...tuning.oidc,
  })]
  const sweep = startMembershipSweep(services, (error) => log.warn({ err: error }, 'memberships could not be ended'), tuning.sweepMs)
  const http = createHttpServer({
    services, hub, providers: [tokens, ...oidc], report: (error) => log.error({ err: error }, 'masked error'),
    maxSocketsPerPrincipal: config.maxSocketsPerPrincipal, maxOperationsPerSocket: config.maxOperationsPerSocket,
    maxWaitingBytes: tuning.maxWaitingBytes,
  })
  // Consumers of changes are wired here and nowhere else: rights first, so that nobody gets what they just lost.
  catalog.onBatch((touched) => {
    if (touched === 'RELOADED' || touched.rights) http.webSockets.closeEnded()
    hub.dispatch(touched)
  })
  return {
    listen: async () => {
      const { port } = await http.listen(config.port, config.host)
      const host = config.host.includes(':') ? `[${config.host}]` : config.host
      return { url: `http://${host}:${port}${graphqlPath}`, webSocketUrl: `ws://${host}:${port}${graphqlPath}` }
    },
    close: async () => {
      await http.close()
      hub.close()
      clearInterval(usedTimer)
      await sweep.close()
      await flushUsed()
      await catalog.close()
    },
    newAdminToken, services, hub,
  }
}

/**
 * The key lies outside the database: from the configuration, or in a file that is made once, for a new database.
 * @returns null when the database is not new and there is no key
 */
async function readAuditKey(config: Config, isNew: boolean): Promise<Buffer | null> {
  if (config.auditKey !== null) return Buffer.from(config.auditKey)
  const path = join(config.dataDir, 'audit.key')
  if (!existsSync(path)) {
    if (!isNew) return null
    const draft = `${path}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
    // A link to a name that exists fails: of several first starts at once, one makes the key and all read the same.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    }).finally(() => rm(draft, { force: true }))
  }
  return Buffer.from((await readFile(path, 'utf8')).trim())
}

/** An empty deployment gets an admin, and the token lies in `admin-token` before the first request is answered. */
async function ensureAdmin(config: Config, { services, databaseUrl, tail }: OpenCatalog): Promise<string | null> {
  if (services.index.state.users.size > 0) return null
  const path = join(config.dataDir, 'admin-token')
  return withStartLock(databaseUrl, async () => {
    await tail.poll()
    if (services.index.state.users.size > 0) return null
    await createAdminToken(services, 'admin-token', (secret) => writePrivately(path, secret))
    return path
  })
}

/** Replaces a file in one step; nobody but us can read it at any moment. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
    await chmod(draft, 0o600)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
