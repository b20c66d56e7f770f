/**
 * The local Postgres: a real server, supervised by this process, in `<dataDir>/postgres`.
 *
 * Postgres itself is the lock. Two supervisors may both start a server on one folder; `postmaster.pid`
 * lets one live, and the other supervisor adopts it. So no lock file of ours can be left behind, and a
 * crash at any point leaves nothing to clean up by hand: a server that outlived its supervisor is
 * adopted by the next one, which then also stops it. `postgres.owner` names the supervisor of the
 * running server, and decides one thing only: who stops it.
 */
import { type ChildProcess } from 'node:child_process'
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { errorCode, launch } from './embedded-binaries.js'
import { type Cluster, dataArgument, notReady, openCluster } from './embedded-cluster.js'
import { claimOrphan, dropOwner, findPostmaster, freeStaleLock, isOwner, isPostmaster, POLL_MS, type Postmaster, writeOwner } from './embedded-postmaster.js'
import { freePort } from './free-port.js'

export { EmbeddedPostgresError } from './embedded-binaries.js'

/** Long, because recovery after a crash counts. A server that gives up is noticed at once. */
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
/** After that the server is asked to quit without a checkpoint, which loses nothing and makes the next start recover. */
const QUIT_TIMEOUT_MS = 5_000
const LOG_LIMIT_BYTES = 10 * 1024 * 1024

export interface EmbeddedOptions {
  /** The Pilothouse data folder, made if missing. The database goes in its subfolder `postgres`. */
  dataDir: string
  /** Hears what is worth a log line: a database made, a server adopted, a server that stopped by itself. */
  onNotice?: (line: string) => void
  /** Default true. False gives up surviving a power cut (fsync off) for speed; for tests. */
  durable?: boolean
  /**
   * Default true: where the system can (Linux with `setpriv`), a killed process takes its server along.
   * The kernel watches the *thread* that started the server, so pass false in a worker thread. False, or
   * a system that cannot, leaves the server running after `kill -9`, and the next start adopts it.
   */
  endsWithProcess?: boolean
}

export interface EmbeddedPostgres {
  /** `postgres://…` of the database "pilothouse", with its password. */
  url: string
  /** True when the server already ran. If its supervisor still lives, the server ends when that one stops it. */
  adopted: boolean
  port: number
  /**
   * Stops the server (0.1 s) if this supervisor started it, or adopted it from a dead one. A supervisor
   * that adopted the server of a living one leaves it running.
   */
  stop(): Promise<void>
}

/** Why a server may end that would start a moment later: a quicker rival, on the folder or the port, or survivors of a killed server. */
const passing = /lock file "postmaster.pid"|pre-existing shared memory block|Address already in use|could not create any TCP\/IP sockets/

/** Answers undefined when the server ended for a passing reason: look again, then try again. */
async function tryStart(cluster: Cluster, deadline: number): Promise<{ child: ChildProcess; server: Postmaster } | undefined> {
  const { account, folder, log } = cluster
  await freeStaleLock(folder)
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', 'cluster_name=pilothouse']
  if (!cluster.durable) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off')
  const args = ['-D', await dataArgument(folder, account), '-p', String(await freePort())]
  const logged = await stat(log).then((found) => found.size, () => 0)
  if (logged > LOG_LIMIT_BYTES) await truncate(log)
  const output = await open(log, 'a', 0o600)
  const before = (await output.stat()).size
  const child = launch(cluster.binaries, 'postgres', [...args, ...settings.flatMap((each) => ['-c', each])], { cwd: folder, account, output: output.fd })
  await output.close()
  let failure: unknown
  child.once('error', (error) => (failure = error))
  while (child.exitCode === null && child.signalCode === null && !failure) {
    const server = await findPostmaster(folder)
    if (server?.ready && server.pid === child.pid) return { child, server }
    if (performance.now() > deadline) {
      child.kill('SIGQUIT')
      throw await notReady(cluster, `the server was not ready within ${START_TIMEOUT_MS / 1000} s`)
    }
    await delay(POLL_MS)
  }
  const said = (await readFile(log)).subarray(before).toString()
  if (passing.test(said)) return undefined
  throw await notReady(cluster, 'the server stopped while starting', failure)
}

function address(cluster: Cluster, server: Postmaster, database: string): string {
  return `postgres://pilothouse:${cluster.password}@127.0.0.1:${server.port}/${database}`
}

/** Makes the database where it is missing. Adopters do so too: the starter may have died just before. */
async function ensureDatabase(cluster: Cluster, server: Postmaster): Promise<void> {
  const execute = async (database: string, statement: 'create database pilothouse' | 'select 1') => {
    const url = address(cluster, server, database)
    const sql = postgres(url, { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => undefined })
    await sql.unsafe(statement).finally(() => sql.end())
  }
  try {
    await execute('pilothouse', 'select 1')
  } catch (error) {
    if (errorCode(error) !== '3D000') throw error
    await execute('postgres', 'create database pilothouse').catch((race: unknown) => {
      if (!['42P04', '23505'].includes(errorCode(race) ?? '')) throw race
    })
  }
}

/** Ends the server as `pg_ctl stop -m fast` does, and less gently when it does not listen. */
async function endServer(cluster: Cluster, pid: number): Promise<void> {
  const deadline = performance.now() + STOP_TIMEOUT_MS
  let urged = false
  const signal = (name: NodeJS.Signals) => {
    if (process.platform !== 'win32') return process.kill(pid, name)
    // A signal on Windows is a murder; pg_ctl has a pipe to ask.
    return launch(cluster.binaries, 'pg_ctl', ['kill', name.slice(3), String(pid)], { cwd: cluster.dataDir, account: undefined, output: 2 })
  }
  if (await isPostmaster(pid, cluster.folder)) signal('SIGINT')
  while ((await isPostmaster(pid, cluster.folder)) && performance.now() < deadline + QUIT_TIMEOUT_MS) {
    if (!urged && performance.now() > deadline) {
      urged = true
      signal('SIGQUIT')
    }
    await delay(POLL_MS)
  }
}

/** A server with its database in place. `child` is there when we started it, `owner` when we are to stop it. */
interface Running {
  server: Postmaster
  child?: ChildProcess
  owner: string | undefined
}

/** Answers undefined for a server that is going away, as one does whose supervisor was killed a moment ago. */
async function adopt(cluster: Cluster, server: Postmaster): Promise<Running | undefined> {
  const owner = await claimOrphan(cluster.dataDir, server.pid)
  const refusal: unknown = await ensureDatabase(cluster, server).catch((error: unknown) => error)
  const now = await findPostmaster(cluster.folder)
  if (!now?.ready || now.pid !== server.pid) return undefined
  if (refusal) throw await notReady(cluster, 'the server that runs already refused us', refusal)
  return { server, owner }
}

async function startOrAdopt(cluster: Cluster): Promise<Running> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    const found = await findPostmaster(cluster.folder)
    if (found?.ready) {
      const adopted = await adopt(cluster, found)
      if (adopted) return adopted
    } else if (!found) {
      const started = await tryStart(cluster, deadline)
      if (started) {
        const owner = await writeOwner(cluster.dataDir, started.server.pid)
        await ensureDatabase(cluster, started.server).catch(async (refusal: unknown) => {
          await endServer(cluster, started.server.pid)
          throw await notReady(cluster, 'the server started but refused us', refusal)
        })
        return { ...started, owner }
      }
    }
    await delay(POLL_MS)
  }
  throw await notReady(cluster, `another server on this folder was neither ready nor gone within ${START_TIMEOUT_MS / 1000} s`)
}

/**
 * Starts the local Postgres, or adopts the one that runs already on this folder. The first start takes
 * about 1.2 s, later ones 0.1 s. Throws `EmbeddedPostgresError`.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { dataDir, onNotice = () => undefined, durable = true, endsWithProcess = true } = options
  const cluster = await openCluster({ dataDir, durable, endsWithProcess, onNotice })
  const { server, child, owner } = await startOrAdopt(cluster)
  let stopping: Promise<void> | undefined
  const stop = async () => {
    // Two may have claimed one orphan at the same moment; the file names the one that counts.
    if (!owner || (!child && !(await isOwner(cluster.dataDir, owner)))) return
    await endServer(cluster, server.pid)
    await dropOwner(cluster.dataDir, owner)
  }
  // Not a reason for Node to stay alive.
  child?.unref()
  child?.once('exit', (code, signal) => {
    if (!stopping) onNotice(`the local database stopped by itself (${signal ?? code}); see ${cluster.log}`)
  })
  if (!child) onNotice(`adopted the local database that already runs as process ${server.pid}`)
  const url = address(cluster, server, 'pilothouse')
  return { url, adopted: !child, port: server.port, stop: () => (stopping ??= stop()) }
}
