import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type RedactingStream } from '../core/redacting-stream.js'
import { SurvivorError } from './errors.js'
import { liveProcesses, type ProcessRow, stillThere, straysOf } from './process-table.js'

export interface ProcessOptions {
  command: string
  /** What the child is told its own name is. Default: the command. */
  argv0?: string
  args: string[]
  /** The child's whole environment. */
  env: Record<string, string>
  /** Default: the worker's own. */
  cwd?: string
  /** What is written to stderr goes through it before anything of it is cut or kept. Default: as it is. */
  stderr?: RedactingStream | undefined
}

/** A child and everything it starts, as one group that ends together, with what left the group while its parent lives. */
export interface ProcessGroup {
  child: ChildProcessWithoutNullStreams
  /** How the child ended, e.g. `exited with code 1`; null while it runs. */
  ended: () => string | null
  /** The last of what was written to stderr, at most 2,000 characters; it may hold anything that `stderr` left in. */
  stderrTail: () => string
  /**
   * Ends the whole group: its input closes and it gets SIGTERM, and SIGKILL after the grace period. Resolves when no
   * process of the group is left.
   * @throws SurvivorError when SIGKILL did not end it within two seconds
   */
  stop: (graceMs: number) => Promise<void>
}

const killedWithinMs = 2000

/** A detached group survives its parent, so the parent's exit has to take the groups along. */
const liveGroups = new Set<number>()

function killAll(): void {
  for (const pid of liveGroups) signalAll(pid, straysOf(pid), 'SIGKILL')
}

/**
 * Starts a process as the leader of its own group.
 * @throws what spawn reports, e.g. ENOENT for a command that does not exist
 */
export async function startProcessGroup({ command, argv0, args, env, cwd, stderr: stream }: ProcessOptions): Promise<ProcessGroup> {
  const child = spawn(command, args, { argv0, env, cwd, stdio: 'pipe', detached: process.platform !== 'win32', windowsHide: true })
  let ended: string | null = null
  let stderr = ''
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = signal === null ? `exited with code ${code}` : `was ended by ${signal}`
      resolve()
    })
  })
  const keep = (text: string) => { stderr = (stderr + text).slice(-2000) }
  child.stderr.setEncoding('utf8').on('data', (text: string) => keep(stream?.push(text) ?? text))
  child.stderr.once('end', () => keep(stream?.flush() ?? ''))
  // Writing to a process that just ended is no reason to end the worker.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
  await once(child, 'spawn')
  child.on('error', () => {})
  const pid = child.pid!
  if (liveGroups.size === 0) process.once('exit', killAll)
  liveGroups.add(pid)
  let stopping: Promise<void> | null = null
  return {
    child,
    ended: () => ended,
    stderrTail: () => stderr,
    stop: (graceMs) => stopping ??= stopGroup(child, pid, exited, graceMs),
  }
}

async function stopGroup(child: ChildProcessWithoutNullStreams, pid: number, exited: Promise<void>, graceMs: number): Promise<void> {
  // Before anything ends: whose parent is gone cannot be told from a stranger any more.
  let strays = straysOf(pid)
  child.stdin.end()
  signalAll(pid, strays, 'SIGTERM')
  let isGone = await areGone(pid, strays, graceMs)
  if (!isGone) {
    strays = straysOf(pid, strays)
    signalAll(pid, strays, 'SIGKILL')
    // Bounded: a process in an uninterruptible call of the kernel takes its time even then.
    isGone = await areGone(pid, strays, killedWithinMs)
  }
  await Promise.race([exited, delay(killedWithinMs, undefined, { ref: false })])
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  // It stays among those that the worker's exit takes along.
  if (!isGone) throw new SurvivorError(`process group ${pid} is still there ${killedWithinMs} ms after SIGKILL`)
  liveGroups.delete(pid)
  if (liveGroups.size === 0) process.off('exit', killAll)
}

function signalAll(group: number, strays: readonly ProcessRow[], signal: NodeJS.Signals): void {
  signalGroup(group, signal)
  for (const { pid } of strays.length === 0 ? [] : stillThere(strays)) send(pid, signal)
}

/** @returns false when the group has no process to signal */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  // Windows has no groups; there the child alone is ended.
  return send(process.platform === 'win32' ? pid : -pid, signal)
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

async function areGone(pid: number, strays: readonly ProcessRow[], withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  const isThere = () => (signalGroup(pid, 0) && hasLiveMember(pid)) || (strays.length > 0 && stillThere(strays).length > 0)
  for (let pauseMs = 5; isThere(); pauseMs = Math.min(100, pauseMs * 2)) {
    if (performance.now() > deadline) return false
    await delay(pauseMs)
  }
  return true
}

/**
 * A grandchild that ended stays in the table until process 1 reaps it, which in many containers is never; signals still
 * find it, though nothing runs. Where /proc does not tell, it counts as alive.
 */
function hasLiveMember(group: number): boolean {
  return process.platform !== 'linux' || liveProcesses().some((row) => row.group === group)
}
