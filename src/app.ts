import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type DestinationStream, type Logger } from 'pino'
import { startCredentialKeeper } from './app/credential-keeper.js'
import { writePrivately } from './app/data-folder.js'
import { prepareDatabase, requireSecretKeys } from './app/prepare.js'
import { createAccessLog } from './catalog/access-log.js'
import { createAdminToken } from './catalog/bootstrap.js'
import { type CatalogServices } from './catalog/context.js'
import { createEntryLane } from './catalog/entry-lane.js'
import { writeAlone, type WriterOptions } from './catalog/writer.js'
import { noObserver, type Observer } from './catalog/observer.js'
import { startMembershipSweep } from './catalog/membership.js'
import { startSecretWatch } from './catalog/secret-watch.js'
import { countConnected } from './catalog/worker.js'
import { type Config } from './config.js'
import { CatalogError } from './core/errors.js'
import { type Database, openDatabase, withStartLock } from './db/client.js'
import { startEmbeddedPostgres } from './db/embedded.js'
import { readReported } from './db/reported.js'
import { createDesk, type DeskOptions } from './feed/desk.js'
import { createHub, type Hub } from './feed/hub.js'
import { createProbeDesk } from './feed/probe-desk.js'
import { createSubscriptionBook } from './feed/subscription-book.js'
import { startTail, type Tail } from './feed/tail.js'
import { isUnreachable } from './graphql/errors.js'
import { type DocumentLimits } from './graphql/limits.js'
import { createAdmission } from './http/admission.js'
import { createSessionProvider, createTokenProvider } from './http/auth.js'
import { consoleFolder, createConsolePage } from './http/console-page.js'
import { createMetrics, type Metrics } from './http/metrics.js'
import { createOidcProvider, type OidcOptions } from './http/oidc.js'
import { createOidcSignIn } from './http/oidc-sign-in.js'
import { createHttpServer } from './http/server.js'
import { createTracer, traceAccess } from './http/trace.js'
import { graphqlPath } from './http/yoga.js'
import { createCatalogIndex } from './index/catalog-index.js'
import { loadCatalog } from './index/load.js'
import { type Touched } from './index/state.js'
import { createLogger } from './log.js'
import { createSecretStore } from './secrets/index.js'

/** Knobs that only tests turn; operators have `Config`. */
export interface AppTuning {
  now?: () => Date
  bookmarkMs?: number
  pollMs?: number
  /** Whether NOTIFY is listened to; everything works without, a little later. */
  listens?: boolean
  maxWaitingBytes?: number
  /** Milliseconds between pings of a socket. */
  keepAliveMs?: number
  maxSilentSockets?: number
  documentLimits?: Partial<DocumentLimits>
  /** Milliseconds for which a read of the log counts as recent. */
  freshForMs?: number
  /** Milliseconds that requests in flight get at the end. */
  finishMs?: number
  /** Milliseconds between two looks at values of secrets outside; each provider has its default. */
  secretLooksMs?: number
  /** Where log lines go instead of stderr. */
  logTo?: DestinationStream
  /** Between two looks for memberships that are over; default 10,000. */
  sweepMs?: number
  credentialsMs?: number
  desk?: Pick<DeskOptions, 'changesMs' | 'reportedMs'>
  consoleFolder?: string
  oidc?: Pick<OidcOptions, 'keysMaxAgeMs' | 'keysCooldownMs'>
}

/** The catalog without its API: database, index and tail. The CLI opens it for what needs the database. */
export interface OpenCatalog {
  services: CatalogServices
  database: Database
  tail: Tail
  databaseUrl: string
  /** Key-encryption keys of secrets: the first one seals, and all of them open. */
  secretKeys: readonly Buffer[]
  /** Called after each batch of changes, from the first one on. */
  onBatch: (listener: (touched: Touched | 'RELOADED') => void) => void
  close: () => Promise<void>
}

export interface App {
  /** Takes connections; resolves with the addresses of the API and of the console. */
  listen: () => Promise<{ url: string; webSocketUrl: string; consoleUrl: string }>
  /**
   * Stops in reverse order: not ready for `drainSeconds` (the setting, unless given), then no new work, sockets closed with
   * 1012, requests finished, then the database. A second call gets the same end.
   */
  close: (drainSeconds?: number) => Promise<void>
  /** Path of the admin token if this start made it. */
  newAdminToken: string | null
  services: CatalogServices
  hub: Hub
  log: Logger
}

export async function openCatalog(
  config: Config, tuning: AppTuning = {}, observer: Observer = noObserver, log: Logger = createLogger(config.logLevel, tuning.logTo),
): Promise<OpenCatalog> {
  const now = tuning.now ?? (() => new Date())
  // The embedded server makes the data folder itself: as root, another account has to reach into it.
  const embedded = config.databaseUrl === null
    ? await startEmbeddedPostgres({ dataDir: config.dataDir, onNotice: (line) => log.info(line) }) : null
  const databaseUrl = config.databaseUrl ?? embedded!.url
  const database = openDatabase({ url: databaseUrl, poolSize: config.poolSize })
  try {
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    const { auditKey, secretKeys } = await withStartLock(databaseUrl, (db) => prepareDatabase(config, db))
    const { loaded, recent } = await loadCatalog(database.side)
    const index = createCatalogIndex(loaded, recent)
    const listeners: Array<(touched: Touched | 'RELOADED') => void> = []
    const tail = await startTail({
      database, index, onBatch: (touched) => listeners.forEach((listener) => listener(touched)),
      onError: (error) => log.warn({ err: error }, 'the change log could not be read'), pollMs: tuning.pollMs,
      freshForMs: tuning.freshForMs, listens: tuning.listens,
    })
    const refresh: CatalogServices['refresh'] = (options) => inTime(tail.poll(options?.isAnotherPast))
    const writing: WriterOptions = { db: database.db, once: database.once, auditKey, now, state: () => index.state, refresh, committed: tail.took }
    const warn: CatalogServices['warn'] = (error, message) => log.warn({ err: error }, message)
    const { env, file, vault } = config.secrets
    const everyMs = tuning.secretLooksMs
    const secrets = createSecretStore({ keys: secretKeys, env, file: file && { ...file, everyMs }, vault: vault && { ...vault, everyMs } }, warn)
    const services: CatalogServices = {
      db: database.db, index, auditKey, now, refresh, observer, warn, secrets, lentOthers: new Map(),
      accessLog: createAccessLog(database.side, auditKey, now, traceAccess(log, observer)),
      writer: { write: (job) => writeAlone(writing, job), writeEntry: createEntryLane(writing) },
    }
    const close = async () => {
      await secrets.close()
      await inTime(tail.close()).catch(() => {})
      await database.close()
      await embedded?.stop()
    }
    return { services, database, tail, databaseUrl, secretKeys, onBatch: (listener) => void listeners.push(listener), close }
  } catch (error) {
    await database.close()
    await embedded?.stop()
    throw isUnreachable(error) ? databaseAway(databaseUrl, error as Error) : error
  }
}

/** Where it should have been, without the account and the password. */
function databaseAway(url: string, cause: Error): Error {
  return Object.assign(new Error(`The database at ${new URL(url).host} does not answer.`, { cause }), {
    mend: 'Start it, or set DATABASE_URL to one that runs, and start again.',
  })
}

/** How long a request, or the end of the process, waits for the database; and a scrape, which has more to tell. */
const patienceMs = 5_000
const scrapePatienceMs = 1_000

/** A database that does not answer must not hold requests for ever, nor the end. */
async function inTime<Result>(work: Promise<Result>, waitMs = patienceMs): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CatalogError('UNAVAILABLE', 'The database does not answer.', { field: 'request', mend: 'Try again in a moment.' })), waitMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Builds every part in the order in which they need each other. */
export async function createApp(config: Config, tuning: AppTuning = {}): Promise<App> {
  const log = createLogger(config.logLevel, tuning.logTo)
  const metrics = createMetrics()
  const catalog = await openCatalog(config, tuning, metrics.observer, log)
  try {
    return await buildApp(config, tuning, catalog, { log, metrics })
  } catch (error) {
    await catalog.close()
    throw error
  }
}

async function buildApp(config: Config, tuning: AppTuning, catalog: OpenCatalog, { log, metrics }: { log: Logger; metrics: Metrics }): Promise<App> {
  const { services, tail } = catalog
  await requireSecretKeys(config, services.db, catalog.secretKeys)
  const newAdminToken = await ensureAdmin(config, catalog)
  const hub = createHub({ index: services.index, isFresh: tail.isFresh, bookmarkMs: tuning.bookmarkMs })
  const desk = createDesk({ ...services, readReported: () => readReported(services.db, services.now()), ...tuning.desk })
  const book = createSubscriptionBook({ services, onError: (error) => log.warn({ err: error }, 'subscriptions could not be written down') })
  const keeper = startCredentialKeeper(services, (error, message) => log.warn({ err: error }, message), tuning.credentialsMs)
  const probes = createProbeDesk({ services, onError: (error) => log.warn({ err: error }, 'probes could not be offered'), lookMs: tuning.pollMs })
  catalog.database.onProbe(probes.wake)
  const tokens = createTokenProvider({
    index: services.index, accessLog: services.accessLog, refresh: services.refresh, now: services.now, used: keeper.usedToken,
  })
  const issuerAway = (error: unknown) => log.warn({ err: error }, 'the OIDC issuer cannot be reached')
  const { oidc: settings, oidcClient: client, publicOrigin } = config
  const oidc = settings === null ? [] : [createOidcProvider({ settings, services, report: issuerAway, ...tuning.oidc })]
  const oidcSignIn = settings && client && publicOrigin !== null ? createOidcSignIn({ settings, client, services, publicOrigin, report: issuerAway }) : null
  const sweep = startMembershipSweep(services, (error) => log.warn({ err: error }, 'memberships could not be ended'), tuning.sweepMs)
  const secretWatch = startSecretWatch({ services, onError: (error) => log.warn({ err: error }, 'a secret could not be looked at') })
  const http = createHttpServer({
    services, hub, desk, probes, book, providers: [tokens, ...oidc], sessionProvider: createSessionProvider({ ...services, used: keeper.usedSession }), publicOrigin, oidcSignIn, answerConsole: createConsolePage({ folder: tuning.consoleFolder ?? consoleFolder, isHttps: publicOrigin?.startsWith('https:') ?? false }), tracer: createTracer(log, metrics.observer), metrics, metricsToken: config.metricsToken, isFresh: tail.isFresh,
    maxSocketsPerPrincipal: config.maxSocketsPerPrincipal, maxOperationsPerSocket: config.maxOperationsPerSocket, maxSubscriptionsPerUser: config.maxSubscriptionsPerUser,
    maxWaitingBytes: tuning.maxWaitingBytes, keepAliveMs: tuning.keepAliveMs, maxSilentSockets: tuning.maxSilentSockets, finishMs: tuning.finishMs,
    hosts: config, admission: createAdmission(config, tuning.documentLimits, metrics.observer),
  })
  metrics.read({
    lagSeconds: tail.lagSeconds, sequence: () => services.index.state.sequence, subscriptions: hub.size, groups: hub.groups,
    waitingBytes: http.webSockets.waitingBytes, requestsInFlight: http.requestsInFlight,
    connectedWorkers: () => inTime(countConnected(services, 'WORKERS'), scrapePatienceMs).catch(() => NaN),
    connectedSessions: () => inTime(countConnected(services, 'SESSIONS'), scrapePatienceMs).catch(() => NaN),
  })
  // Consumers of changes are wired here and nowhere else: rights first, so that nobody gets what they just lost.
  catalog.onBatch((touched) => {
    if (touched === 'RELOADED' || touched.rights) http.webSockets.closeEnded()
    hub.dispatch(touched)
    desk.dispatch(touched === 'RELOADED')
    secretWatch.follow(touched === 'RELOADED' ? null : touched.secrets)
  })
  let isListening = false
  const close = async (drainSeconds: number) => {
    http.drain()
    if (isListening) await delay(drainSeconds * 1_000)
    await http.close()
    for (const each of [hub, desk]) each.close()
    await inTime(Promise.all([book.close(), probes.close()])).catch(() => {})
    await inTime(Promise.all([sweep.close(), secretWatch.close()])).catch(() => {})
    await inTime(keeper.close()).catch(() => {})
    await catalog.close()
  }
  let closed: Promise<void> | null = null
  return {
    listen: async () => {
      const { port } = await http.listen(config.port, config.host)
      isListening = true
      const origin = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
      return { url: `${origin}${graphqlPath}`, webSocketUrl: `${origin.replace('http', 'ws')}${graphqlPath}`, consoleUrl: `${config.publicOrigin ?? origin}/` }
    },
    close: (drainSeconds = config.drainSeconds) => closed ??= close(drainSeconds),
    newAdminToken, services, hub, log,
  }
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
