import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { launch } from '../../src/db/embedded-binaries.js'
import { type Cluster, dataArgument, openCluster } from '../../src/db/embedded-cluster.js'
import { findPostmaster, freeStaleLock } from '../../src/db/embedded-postmaster.js'
import { freePort } from '../../src/db/free-port.js'

const run = promisify(execFile)
const startTimeoutMs = 60_000
/** The name that nodes see of our own connections; faults that kill connections spare it. */
export const ownName = 'chaos'

/**
 * One durable Postgres with the embedded binaries, on a port that stays over as many starts as it takes: what an
 * operator runs for several nodes. (`startEmbeddedPostgres` takes a new port at each start.)
 */
export interface ChaosPostgres {
  urlOf: (database: string) => string
  /** Starts the server again and again until it is ready, as a supervisor would. */
  start: () => Promise<void>
  /** In order, as `pg_ctl stop -m fast` does. */
  stop: () => Promise<void>
  /** SIGKILL for the postmaster and everything below it. */
  kill: () => Promise<void>
  /** SIGKILL for one backend: the postmaster then ends all others and recovers by itself. */
  killOneBackend: () => Promise<void>
  freeze: () => Promise<void>
  thaw: () => Promise<void>
  /** Runs statements as the superuser, on a connection that no fault touches. */
  ask: <Result>(work: (sql: postgres.Sql) => Promise<Result>, database?: string) => Promise<Result>
  /** Copies the folder, stopped for that moment. */
  copyFolder: (name: string) => Promise<void>
  /** Puts a copied folder in the place of the current one, which is kept under another name. The server is stopped. */
  swapFolder: (copy: string, kept: string) => Promise<void>
  /** Another server on another folder of the same cluster, for a look into what was swapped away. */
  sibling: (name: string) => Promise<ChaosPostgres>
  removeFolder: (name: string) => Promise<void>
}

export async function createPostgres(dataDir: string): Promise<ChaosPostgres> {
  const cluster = await openCluster({ dataDir, durable: true, endsWithProcess: true, onNotice: () => {} })
  const server = serverOn(cluster, await freePort())
  await server.start()
  await server.ask((sql) => sql`create database pilothouse`, 'postgres')
  return server
}

function serverOn(cluster: Cluster, port: number): ChaosPostgres {
  const { dataDir, folder, password } = cluster
  let child: ChildProcess | null = null
  const urlOf = (database: string) => `postgres://pilothouse:${password}@127.0.0.1:${port}/${database}`
  const everyPid = async () => (child === null ? [] : [child.pid!, ...await childrenOf(child.pid!)])
  const gone = async () => {
    const leaving = child
    child = null
    if (leaving !== null && leaving.exitCode === null && leaving.signalCode === null) await once(leaving, 'exit')
  }
  const stop = async () => {
    child?.kill('SIGINT')
    await gone()
  }
  const start = async () => { child = await startServer(cluster, port) }
  return {
    urlOf, start, stop,
    kill: async () => {
      const pids = await everyPid()
      for (const pid of pids) signal(pid, 'SIGKILL')
      await gone()
    },
    killOneBackend: async () => {
      const [backend] = await serverOn(cluster, port).ask((sql) => sql<{ pid: number }[]>`
        select pid from pg_stat_activity where application_name like 'pilothouse%' order by random() limit 1`, 'postgres')
      if (backend !== undefined) signal(backend.pid, 'SIGKILL')
    },
    freeze: async () => { for (const pid of await everyPid()) signal(pid, 'SIGSTOP') },
    thaw: async () => { for (const pid of await everyPid()) signal(pid, 'SIGCONT') },
    ask: async (work, database = 'postgres') => {
      // Without asking for types: nobody would handle the failure of that query, and any backend may be killed.
      const sql = postgres(urlOf(database), { max: 1, fetch_types: false, onnotice: () => {}, connection: { application_name: ownName } })
      return work(sql).finally(() => sql.end({ timeout: 5 }))
    },
    copyFolder: async (name) => {
      await stop()
      await run('cp', ['-a', folder, join(dataDir, name)])
      await start()
    },
    swapFolder: async (copy, kept) => {
      await rename(folder, join(dataDir, kept))
      await rename(join(dataDir, copy), folder)
    },
    sibling: async (name) => serverOn({ ...cluster, folder: join(dataDir, name) }, await freePort()),
    removeFolder: (name) => rm(join(dataDir, name), { recursive: true, force: true }),
  }
}

async function startServer(cluster: Cluster, port: number): Promise<ChildProcess> {
  const deadline = performance.now() + startTimeoutMs
  while (performance.now() < deadline) {
    await freeStaleLock(cluster.folder)
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', 'cluster_name=chaos']
    const args = ['-D', await dataArgument(cluster.folder, cluster.account), '-p', String(port), ...settings.flatMap((each) => ['-c', each])]
    const output = await open(cluster.log, 'a', 0o600)
    const child = launch(cluster.binaries, 'postgres', args, { cwd: cluster.folder, account: cluster.account, output: output.fd })
    await output.close()
    while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
      const found = await findPostmaster(cluster.folder)
      if (found?.ready && found.pid === child.pid) return child
      await delay(10)
    }
    // Survivors of a killed server hold the folder for a moment.
    child.kill('SIGQUIT')
    await delay(50)
  }
  throw new Error(`Postgres was not ready within ${startTimeoutMs / 1000} s. The end of its log:\n${(await readFile(cluster.log, 'utf8')).slice(-2_000)}`)
}

/** Processes whose parent this is. */
async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // Counted from behind the command name, which may hold spaces.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  }))
  return pids.filter((_, at) => parents[at] === parent)
}

/** A process that ended meanwhile is what was wanted. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}
