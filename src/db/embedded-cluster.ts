/**
 * The data folder of the embedded Postgres: made once, checked at every start, never half-made.
 *
 *   <dataDir>/postgres            the cluster; complete or absent, because it appears by a rename
 *   <dataDir>/postgres-password   of its superuser `pilothouse`, made before the cluster that uses it
 *   <dataDir>/postgres.log        the server's own log
 *   <dataDir>/postgres.tmp-*      a cluster being made; of a dead process it is removed
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chown, constants, link, mkdir, open, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Account, type Binaries, canReach, draftPath, EmbeddedPostgresError, errorCode, findAccount, findBinaries, launch } from './embedded-binaries.js'
import { isAlive, POLL_MS } from './embedded-postmaster.js'

/** A draft older than this is abandoned even if some process now has its maker's pid (pids repeat in containers). */
const DRAFT_LIFETIME_MS = 600_000
/** How long an orphaned initdb may go on writing into a draft while it is removed. Without its folders it soon fails. */
const DRAFT_REMOVAL_MS = 10_000

export interface Cluster {
  /** The Pilothouse data folder, as a real path. */
  dataDir: string
  /** `<dataDir>/postgres`. */
  folder: string
  log: string
  account: Account | undefined
  binaries: Binaries
  password: string
  durable: boolean
}

/**
 * What to pass as `-D` to a program whose working directory is `folder`. Where the account cannot pass
 * through a parent (a folder in the home of root), Postgres cannot use the path, nor `.`, which it
 * makes absolute. `/proc/self/cwd` leads there without passing any parent: the kernel opened that
 * folder for us while we were still root.
 */
export async function dataArgument(folder: string, account: Account | undefined): Promise<string> {
  if (await canReach(folder, account)) return folder
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new EmbeddedPostgresError(
    'unreachable_folder',
    `Postgres refuses to run as root, and the account it would run as cannot enter ${folder}.`,
    'Set PILOTHOUSE_DATA_DIR to a folder that every account can enter, or start Pilothouse as an ordinary user.',
  )
}

async function prepareFolder(dataDir: string): Promise<string> {
  try {
    // 0711 lets root's database account pass through to its own folder, and see nothing else.
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await access(dataDir, constants.W_OK | constants.X_OK)
    return await realpath(dataDir)
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'not_writable',
      `The data folder ${dataDir} cannot be written: ${String(cause)}`,
      'Set PILOTHOUSE_DATA_DIR to a folder that this user can write.',
      { cause },
    )
  }
}

/**
 * Reads the password, making it first where there is neither password nor cluster. `link` publishes
 * the finished file under a name that must be free, so that of two first starts both use the same one.
 */
async function keepPassword(dataDir: string, folder: string): Promise<string> {
  const file = join(dataDir, 'postgres-password')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept) return kept
  if (await hasCluster(folder)) {
    throw new EmbeddedPostgresError(
      'password_missing',
      `The database in ${folder} exists, but its password in ${file} cannot be read.`,
      `Restore ${file} from a backup of the data folder, or make it readable for this user.`,
    )
  }
  const draft = draftPath(file)
  await writeFile(draft, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  await link(draft, file).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
  await rm(draft)
  return readFile(file, 'utf8')
}

async function hasCluster(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).length > 0
}

/** Refuses a cluster that the binaries cannot open, before Postgres does so with a worse message. */
async function checkCluster(folder: string, major: string): Promise<void> {
  const { uid } = await stat(folder)
  const self = process.getuid?.() ?? 0
  if (self !== 0 && uid !== self) {
    throw new EmbeddedPostgresError(
      'not_writable',
      `The database in ${folder} belongs to user ${uid}, and Pilothouse runs as user ${self}.`,
      `Start Pilothouse as the same user as before, or give it the folder: chown -R ${self} ${folder}`,
    )
  }
  const made = (await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (!made || !(await access(join(folder, 'global', 'pg_control')).then(() => true, () => false))) {
    throw new EmbeddedPostgresError(
      'incomplete_cluster',
      `${folder} is not a complete database: ${made ? 'global/pg_control' : 'PG_VERSION'} is missing.`,
      'Restore it from a backup, or move it away to begin with an empty database.',
    )
  }
  if (made === major) return
  throw new EmbeddedPostgresError(
    'version_mismatch',
    `The database in ${folder} was made by PostgreSQL ${made}; this Pilothouse brings PostgreSQL ${major}.`,
    'Export it with the Pilothouse version that made it (pilothouse export), move the folder away and import into this one.',
  )
}

/**
 * Removes a draft although something may still write into it: initdb outlives a killed supervisor, for an
 * instant where it is interrupted along with it, else for as long as it takes; and the server that initdb runs
 * outlives initdb. A file that appears in a folder while that is being removed fails the removal (ENOTEMPTY).
 */
async function removeDraft(draft: string): Promise<void> {
  const deadline = performance.now() + DRAFT_REMOVAL_MS
  for (;;) {
    try {
      return await rm(draft, { recursive: true, force: true })
    } catch (error) {
      // EBUSY and EPERM are how Windows refuses to remove what is open.
      const passing = ['ENOTEMPTY', ...(process.platform === 'win32' ? ['EBUSY', 'EPERM'] : [])]
      if (!passing.includes(errorCode(error) ?? '') || performance.now() > deadline) throw error
    }
    await delay(POLL_MS)
  }
}

async function removeAbandonedDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = Number(/^postgres.*\.tmp-(\d+)-/.exec(name)?.[1])
    if (!pid) continue
    const path = join(dataDir, name)
    const made = await stat(path).then((found) => found.mtimeMs, () => 0)
    // In a container our pid is often that of the process that was killed before us.
    const age = Date.now() - made
    const abandoned = !isAlive(pid) || (pid === process.pid && age > process.uptime() * 1000) || age > DRAFT_LIFETIME_MS
    // What cannot be removed is in nobody's way.
    if (abandoned) await removeDraft(path).catch(() => undefined)
  }
}

/** Runs initdb. Its own fsync pass (about 0.1 s) makes the files durable; the rename after it is synced here. */
async function makeCluster(cluster: Cluster): Promise<void> {
  const { account, dataDir, folder } = cluster
  const draft = draftPath(folder)
  const data = join(draft, 'data')
  const password = join(draft, 'password')
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
    await writeFile(password, cluster.password, { mode: 0o600 })
    if (account) for (const path of [draft, data, password]) await chown(path, account.uid, account.gid)
    // The password file is named from the working directory: see dataArgument.
    const args = ['-D', await dataArgument(data, account), '-U', 'pilothouse', '--pwfile=../password', '-A', 'scram-sha-256']
    args.push('-E', 'UTF8', '--no-locale', '--no-instructions', ...(cluster.durable ? [] : ['--no-sync']))
    const output = await open(cluster.log, 'a', 0o600)
    const child = launch(cluster.binaries, 'initdb', args, { cwd: data, account, output: output.fd })
    const [code] = (await once(child, 'exit').finally(() => output.close())) as [number | null]
    if (code !== 0) throw await notReady(cluster, 'initdb could not make the database')
    await rename(data, folder).catch(async (error: unknown) => {
      // Another supervisor was first; its cluster has the same password.
      if (!(await hasCluster(folder))) throw error
    })
    if (cluster.durable && process.platform !== 'win32') {
      const parent = await open(dataDir)
      await parent.sync().finally(() => parent.close())
    }
  } finally {
    await removeDraft(draft)
  }
}

/** The error for a server that does not come up, with the end of its log, where the reason is. */
export async function notReady(cluster: Cluster, what: string, cause?: unknown): Promise<EmbeddedPostgresError> {
  const lines = (await readFile(cluster.log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-12)
  return new EmbeddedPostgresError(
    'not_ready',
    `${what}${cause instanceof Error ? `: ${cause.message}` : ''}. The end of ${cluster.log}:\n${lines.join('\n')}`,
    'Mend what the log names, or set DATABASE_URL to use a PostgreSQL server of your own.',
    { cause },
  )
}

/** Opens the cluster of a data folder, and makes it first where there is none. Starts no server. */
export async function openCluster(options: {
  dataDir: string
  durable: boolean
  endsWithProcess: boolean
  onNotice: (line: string) => void
}): Promise<Cluster> {
  const dataDir = await prepareFolder(options.dataDir)
  const folder = join(dataDir, 'postgres')
  const account = await findAccount(folder)
  const binaries = await findBinaries(dataDir, account, options.endsWithProcess)
  const password = await keepPassword(dataDir, folder)
  const log = join(dataDir, 'postgres.log')
  const cluster = { dataDir, folder, log, account, binaries, password, durable: options.durable }
  await removeAbandonedDrafts(dataDir)
  if (!(await hasCluster(folder))) {
    options.onNotice(`making the local database in ${folder}`)
    await makeCluster(cluster)
  }
  await checkCluster(folder, binaries.major)
  return cluster
}
