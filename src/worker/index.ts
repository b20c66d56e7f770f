import {
  type CatalogClient, CatalogRequestError, createCatalogClient, LeaseSecretsDocument, type OwnerInput, ReportProbeDocument, ReportToolInventoryDocument, ReportWorkerStatusDocument, TakeProbeDocument,
} from '../client/index.js'
import { createKnownValues } from '../core/known-values.js'
import { type CatalogAdapter } from './adapter.js'
import { type Clock, systemClock } from './clock.js'
import { createConnector } from './connector.js'
import { firstView } from './first-view.js'
import { messageOf } from './errors.js'
import { createInventoryDesk, type InventoryDesk } from './inventory-desk.js'
import { createLeaser, type Leaser } from './leaser.js'
import { createLaunchers, type Launchers, usualPath } from './launchers.js'
import { createProbeRunner, type ProbeRunner } from './probe-runner.js'
import { runProbe } from './probe-session.js'
import { createRelay, type Relay } from './relay.js'
import { createSession, type HeldSession, type WorkerSession } from './session.js'
import { createSharedFeeds, type SharedFeeds } from './shared-feeds.js'
import { createStartLimit, type StartLimit } from './start-limit.js'
import { loadStaticLayer, type StaticLayer, type StaticOptions } from './static-layer.js'
import { type SessionStatus } from './status.js'
import { createStatusReporter, type StatusReporter } from './status-reporter.js'
import { tellEach } from './tell-each.js'
import { createFeedTransport, type FeedTransport } from './transport.js'

export { CatalogRequestError } from '../client/index.js'
export type { AdapterContext, CatalogAdapter, ListedItem, SessionAgent, SessionItem, SessionRelay, SessionServer, SessionUpstream } from './adapter.js'
export type { Clock } from './clock.js'
export { ToolCallError, type ToolCallErrorCode } from './errors.js'
export type { WorkerSession } from './session.js'
export type { AppliedState, EffectiveEntry } from './slot.js'
export type { StaticProblem } from './static-files.js'
export type { StaticLayer, StaticOptions } from './static-layer.js'

export interface CatalogWorkerOptions {
  /** The catalog's HTTP endpoint, e.g. `http://127.0.0.1:4000/graphql`; the WebSocket is derived from it. */
  url: string
  /** An access token, for a worker one that serves the owners of its sessions. */
  token: string
  /** This worker's name, the same over restarts; 1 to 200 characters. */
  workerId: string
  /** The base layer: plugin folders, an `.mcp.json`, inline entries. Default: none. `${WORD}` expands from `env`. */
  static?: StaticOptions
  /**
   * The environment of the worker's process: `${WORD}` in static files expands from it, and static stdio servers
   * inherit it, as they do today. Catalog entries never see it. Default: empty, so pass it if static servers need PATH.
   */
  env?: Readonly<Record<string, string | undefined>>
  /**
   * Folders, joined by `:`, in which commands of catalog entries are looked for, and the PATH of their processes. Those that are not
   * absolute, or that others than root and this user may write to, are left out. Default: PATH of `env`, else the folder of this Node and
   * `/usr/local/bin:/usr/bin:/bin`.
   */
  launcherPath?: string
  /** A folder of this user alone, in which npx, uvx and deno keep downloads over starts, of all entries together. Default: each start fetches anew. */
  packageCache?: string
  /** Told what happens, one line each, without secrets. What it throws changes nothing. Default: silence. */
  log?: (message: string) => void
  /** Milliseconds that `openSession` waits for the owner's first snapshot. Default 30,000. */
  readyTimeoutMs?: number
  /** Milliseconds until a server that does not come up is given up for now. Default 30,000. */
  connectTimeoutMs?: number
  /** Milliseconds for a tool call whose server has no `timeoutMs` of its own. Default 60,000. */
  callTimeoutMs?: number
  /** Milliseconds a stdio server has between SIGTERM and SIGKILL. Default 2,000. */
  graceMs?: number
  /**
   * How many servers start at once, over all sessions. One session has at most ten of them, and starts that failed before at most a quarter, of
   * what no first start waits for. The others wait, and their turn goes from session to session; what is withdrawn waits for none. A process
   * counts until it has answered or is gone, a connection for its first second at the longest. What is not counted: a connection
   * that stood once and is made again after it was lost. Default 32.
   */
  maxConcurrentStarts?: number
  /**
   * Whether this worker takes probes: sessions of a moment, for one entry of an owner that the token serves, by which people see whether it connects. It
   * waits for them as soon as it is made, over the connection that its sessions use too. Default true.
   */
  probes?: boolean
  /** Milliseconds of silence after which the catalog is asked whether it is still there. Default 10,000. */
  keepAliveMs?: number
  /** Milliseconds that the catalog has to answer that, to take a connection, and to take a report; then it counts as not reached. Default 5,000. */
  deadPeerMs?: number
  /** Time and chance; tests give their own. Default: the system's, monotonic. */
  clock?: Clock
}

export interface OpenSessionOptions {
  /** Unique among the open sessions of this worker. */
  id: string
  /** Whom the session acts for: its set, its rights. */
  owner: OwnerInput
  /** Name of the agent that the session runs. Default: none, and the session gets every server of the set. */
  agent?: string | null
  /** `AGENT`: what the agent names. `SET`: everything, static servers included. Default: AGENT with an agent, else SET of the catalog. */
  grants?: 'SET' | 'AGENT'
  adapter: CatalogAdapter
  /**
   * False: do not wait for the catalog; the session starts with the static servers, and gets the rest when the catalog
   * answers, which may be before the catalog was told of the session. A number: so many
   * milliseconds, for the catalog's answer and its servers' starts together; what is late comes while the session lives. Default true.
   */
  waitForCatalog?: boolean | number
}

export interface CatalogWorker {
  readonly id: string
  /** What was loaded from files and options, with every problem that was found. */
  readonly static: StaticLayer
  /**
   * Resolves when the owner's first snapshot is applied: every entry runs, is refused or has failed to start. The catalog is
   * told of the session before anything is loaded, so that every revocation finds it; that, and the report of what it began with, are waited for at most 3 s each.
   * @throws CatalogRequestError UNAUTHENTICATED, FORBIDDEN or NOT_FOUND when the owner cannot be read with this token,
   *   UNAVAILABLE when the catalog did not answer in time, INVALID_INPUT for an id in use; nothing is left open then
   */
  openSession: (options: OpenSessionOptions) => Promise<WorkerSession>
  /**
   * Closes every session and the connection; resolves when no process of theirs is left.
   * @throws what the first adapter threw that could not close; everything else is closed all the same
   */
  close: () => Promise<void>
}

/** What a worker holds of a session from the moment on in which it is asked for. */
interface Place {
  close: () => Promise<void>
  status: () => SessionStatus
}

/** A worker's memory. */
interface Shop {
  options: CatalogWorkerOptions
  clock: Clock
  log: (message: string) => void
  env: Record<string, string>
  layer: StaticLayer
  launchers: Launchers
  transport: FeedTransport
  relay: Relay
  startLimit: StartLimit
  leaser: Leaser
  desk: InventoryDesk
  feeds: SharedFeeds
  sessions: Map<string, Place>
  reporter: StatusReporter
  isClosed: boolean
}

/**
 * Starts nothing yet but the static layer's reading. The connection opens at once, to wait for probes, and keeps the process alive until `close`; with
 * `probes: false` it opens with the first session.
 * @throws TypeError for a `url` that is not http or https, or an impossible `maxConcurrentStarts`
 */
export async function createCatalogWorker(options: CatalogWorkerOptions): Promise<CatalogWorker> {
  const { url, token, clock = systemClock, keepAliveMs, deadPeerMs = 5000, maxConcurrentStarts = 32 } = options
  if (!Number.isInteger(maxConcurrentStarts) || maxConcurrentStarts < 1) throw new TypeError('maxConcurrentStarts has to be a whole number, 1 or more')
  const log = (message: string) => tellEach(options.log === undefined ? [] : [options.log], message)
  const env = Object.fromEntries(Object.entries(options.env ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined))
  const client = createCatalogClient({ url, token, timeoutMs: deadPeerMs })
  const sessions: Shop['sessions'] = new Map()
  const reporter = createStatusReporter({
    workerId: options.workerId, sessions, clock, log,
    send: async (input) => (await client.execute(ReportWorkerStatusDocument, { input })).reportWorkerStatus.accepted,
  })
  const transport = createFeedTransport({ url, token, keepAliveMs, deadPeerMs, onReconnected: reporter.reconnected })
  const shop: Shop = {
    options, clock, log, env, sessions, reporter, layer: loadStaticLayer({ env, ...options.static }),
    launchers: createLaunchers(options.launcherPath ?? env.PATH ?? usualPath, options.packageCache),
    transport, relay: createRelay(), startLimit: createStartLimit(maxConcurrentStarts, clock),
    leaser: createLeaser({ clock, send: async (input) => (await client.execute(LeaseSecretsDocument, { input })).leaseSecrets.values }),
    desk: createInventoryDesk(async (input) => (await client.execute(ReportToolInventoryDocument, { input })).reportToolInventory.pins),
    feeds: createSharedFeeds(transport, clock, log), isClosed: false,
  }
  const probes = options.probes === false ? null : startProbes(shop, client)
  for (const { code, message, origin } of shop.layer.problems) log(`static: ${origin}: ${code}: ${message}`)
  return {
    id: options.workerId,
    static: shop.layer,
    openSession: (request) => openSession(shop, request),
    close: async () => {
      shop.isClosed = true
      probes?.stop()
      const closed = await Promise.allSettled([...shop.sessions.values()].map((session) => session.close()))
      await probes?.close()
      shop.feeds.close()
      shop.transport.close()
      await reporter.close()
      for (const result of closed) if (result.status === 'rejected') throw result.reason
    },
  }
}

async function openSession(shop: Shop, request: OpenSessionOptions & { onlyEntryId?: string }): Promise<WorkerSession> {
  const { id, owner, agent = null, grants = null, adapter, waitForCatalog = true, onlyEntryId } = request
  const { sessions, layer, launchers, relay, clock, env, log, reporter, startLimit, leaser, desk, options: { connectTimeoutMs, callTimeoutMs, graceMs } } = shop
  if (shop.isClosed) throw closedError()
  if (sessions.has(id)) throw new CatalogRequestError(`A session ${id} is open already.`, 'INVALID_INPUT', { field: 'id' })
  const { feed, release } = shop.feeds.acquire(owner)
  let session: HeldSession | null = null
  let closing: Promise<void> | null = null
  const close = () => closing ??= (session?.close() ?? Promise.resolve()).finally(async () => {
    // While the session is there still, since what a closed one had counts as stopped; twice, since a report on its way may be older.
    const survives = session?.report().entries.some(({ state }) => state === 'SURVIVED') === true
    for (let told = 0; survives && told < 2; told++) await reporter.opening(id)
    sessions.delete(id)
    release()
    reporter.touch()
  })
  const place: Place = { close, status: () => ({ id, owner, agent, ...session?.report() ?? { entries: [], cursor: null } }) }
  sessions.set(id, place)
  try {
    if (waitForCatalog) await reporter.opening(id)
    else reporter.touch(id)
    // Closed before it began.
    if (shop.isClosed || sessions.get(id) !== place) throw closedError()
    const known = createKnownValues()
    const { settled, turn, started } = session = createSession({
      id, owner, agent, grants, onlyEntryId, adapter, feed, layer, leaser, desk, launchers, relay, clock, env, log, onChange: () => reporter.touch(id),
      connector: createConnector({ clock, connectTimeoutMs, callTimeoutMs, graceMs, startLimit, known }), known,
    })
    const [opened, beganMs] = [session, clock.nowMs()]
    const waitMs = waitForCatalog === true ? shop.options.readyTimeoutMs ?? 30_000 : waitForCatalog
    if (waitMs) await firstView(feed, clock, waitMs, owner).catch((error: unknown) => { if (waitForCatalog === true || feed.ended() !== null) throw error })
    await started(typeof waitForCatalog === 'number' ? Math.max(0, waitForCatalog - (clock.nowMs() - beganMs)) : undefined)
    // What it has by now is known as well, so that a revocation which follows at once finds it.
    if (waitForCatalog) await reporter.opening(id)
    return { id, get effective() { return opened.effective }, settled, turn, close }
  } catch (error) {
    await close().catch((failure: unknown) => log(`session: ${messageOf(failure)}`))
    throw error
  }
}

function closedError(): CatalogRequestError {
  return new CatalogRequestError('The worker was closed.', 'CLOSED')
}

function startProbes(shop: Shop, client: CatalogClient): ProbeRunner {
  const { options: { workerId }, transport, reporter: { processId }, sessions, clock, log } = shop
  return createProbeRunner({
    workerId, clock, log, subscribe: transport.subscribeProbes,
    take: async (id) => (await client.execute(TakeProbeDocument, { input: { id, workerId, processId } })).takeProbe.task,
    run: (task) => runProbe(task, { openSession: (request) => openSession(shop, request), sessions, clock }),
    report: async (id, result) => { await client.execute(ReportProbeDocument, { input: { id, workerId, processId, ...result } }) },
  })
}
