/**
 * Who runs on a data folder: the server, as `postgres/postmaster.pid` tells it, and its supervisor, as
 * `postgres.owner` does. Both name a process by its pid, and both outlive it after a crash; most of
 * this file is about not believing a pid.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { draftPath, errorCode } from './embedded-binaries.js'

export const POLL_MS = 10
/** How long a ready server may lack an owner file before it counts as an orphan. Its starter writes one within 10 ms. */
const OWNER_GRACE_MS = 1_000
/** A server writes its lock file at once; one that is empty for longer is what a power cut left. */
const EMPTY_LOCK_GRACE_MS = 5_000

export interface Postmaster {
  pid: number
  port: number
  ready: boolean
}

/** Whether a process with this pid lives. EPERM means that it does, and is somebody else's. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/**
 * Whether this process is a server on this folder. A server never leaves its data folder, so on Linux
 * its working directory proves it. A living pid alone proves little: after a crash in a container, some
 * other process often gets the same one.
 */
export async function isPostmaster(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    const [here, there] = await Promise.all([folder, `/proc/${pid}/cwd`].map((path) => stat(path, { bigint: true })))
    return here?.ino === there?.ino && here?.dev === there?.dev
  } catch (error) {
    // Root without CAP_SYS_PTRACE (the default in Docker) may not look at another account's process.
    if (errorCode(error) !== 'EACCES') return false
    // Its name and state are public; Z is a dead process that its parent has yet to notice.
    return /^\d+ \(postgres\) [^ZX]/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
  }
}

export async function findPostmaster(folder: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(lockFile(folder), 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!(pid > 0) || !(await isPostmaster(pid, folder))) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

function lockFile(folder: string): string {
  return join(folder, 'postmaster.pid')
}

/**
 * Frees the lock file of a dead server where Postgres would not: its pid now belongs to some other process,
 * or the file is empty. Our own pid in its place makes Postgres see a leftover of its parent's, and keep its check
 * for surviving backends, which removing the file would defeat.
 */
export async function freeStaleLock(folder: string): Promise<void> {
  const file = lockFile(folder)
  const judged = await readFile(file, 'utf8').catch(() => undefined)
  if (judged === undefined) return
  if (judged === '') {
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > EMPTY_LOCK_GRACE_MS) await rm(file, { force: true })
    return
  }
  const pid = Number(judged.split('\n')[0])
  if (!isAlive(pid) || (await isPostmaster(pid, folder))) return
  try {
    // Read again, without a pause before writing: by now a rival may have put a good one there.
    if (readFileSync(file, 'utf8') === judged) writeFileSync(file, judged.replace(/^\d+/, String(process.pid)))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

/** Names a process unmistakably: the start time tells it from a later one with the same pid. Linux only; elsewhere the pid alone. */
async function describeProcess(pid: number): Promise<string> {
  const fields = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Field 22; counted from behind the command name, which may hold spaces.
  return `${pid} ${fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`.trim()
}

function ownerFile(dataDir: string): string {
  return join(dataDir, 'postgres.owner')
}

/** Makes this process the one that stops the server. Answers the line written, to recognise it by. */
export async function writeOwner(dataDir: string, server: number): Promise<string> {
  const owner = `${server} ${await describeProcess(process.pid)}`
  const draft = draftPath(ownerFile(dataDir))
  await writeFile(draft, owner, { mode: 0o600 })
  await rename(draft, ownerFile(dataDir))
  return owner
}

function readOwner(dataDir: string): Promise<string> {
  return readFile(ownerFile(dataDir), 'utf8').catch(() => '')
}

export async function isOwner(dataDir: string, owner: string): Promise<boolean> {
  return (await readOwner(dataDir)) === owner
}

export async function dropOwner(dataDir: string, owner: string): Promise<void> {
  if (await isOwner(dataDir, owner)) await rm(ownerFile(dataDir), { force: true })
}

/** Takes over a running server if its supervisor is dead. Answers the owner line written, or undefined. */
export async function claimOrphan(dataDir: string, server: number): Promise<string | undefined> {
  const deadline = performance.now() + OWNER_GRACE_MS
  for (;;) {
    const [named, pid, ...rest] = (await readOwner(dataDir)).split(' ')
    const known = Number(named) === server
    const same = known && isAlive(Number(pid)) && (await describeProcess(Number(pid))) === [pid, ...rest].join(' ')
    if (same) return undefined
    if (known || performance.now() > deadline) return writeOwner(dataDir, server)
    await delay(POLL_MS)
  }
}
