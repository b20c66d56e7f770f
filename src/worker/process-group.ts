import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProcessOptions {
  command: string
  args: string[]
  /** The child's whole environment. */
  env: Record<string, string>
  /** Default: the worker's own. */
  cwd?: string
}

/** A child and everything it starts, as one group that ends together. */
export interface ProcessGroup {
  child: ChildProcessWithoutNullStreams
  /** How the child ended, e.g. `exited with code 1`; null while it runs. */
  ended: () => string | null
  /** The last of what was written to stderr, at most 2,000 characters; it may hold anything. */
  stderrTail: () => string
  /**
   * Ends the whole group: its input closes and it gets SIGTERM, and SIGKILL after the grace period. Resolves when no
   * process of the group is left.
   */
  stop: (graceMs: number) => Promise<void>
}

/** A detached group survives its parent, so the parent's exit has to take the groups along. */
const liveGroups = new Set<number>()

function killAll(): void {
  for (const pid of liveGroups) signalGroup(pid, 'SIGKILL')
}

/**
 * Starts a process as the leader of its own group.
 * @throws what spawn reports, e.g. ENOENT for a command that does not exist
 */
export async function startProcessGroup({ command, args, env, cwd }: ProcessOptions): Promise<ProcessGroup> {
  const child = spawn(command, args, { env, cwd, stdio: 'pipe', detached: process.platform !== 'win32', windowsHide: true })
  let ended: string | null = null
  let stderr = ''
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = signal === null ? `exited with code ${code}` : `was ended by ${signal}`
      resolve()
    })
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr = (stderr + text).slice(-2000) })
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
  child.stdin.end()
  signalGroup(pid, 'SIGTERM')
  if (!await isGroupGone(pid, graceMs)) {
    signalGroup(pid, 'SIGKILL')
    // Bounded: a process in an uninterruptible call of the kernel takes its time even then.
    await isGroupGone(pid, 2000)
  }
  await Promise.race([exited, delay(2000, undefined, { ref: false })])
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  liveGroups.delete(pid)
  if (liveGroups.size === 0) process.off('exit', killAll)
}

/** @returns false when the group has no process to signal */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    // Windows has no groups; there the child alone is ended.
    return process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    return false
  }
}

async function isGroupGone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  for (let pauseMs = 5; signalGroup(pid, 0) && hasLiveMember(pid); pauseMs = Math.min(100, pauseMs * 2)) {
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
  if (process.platform !== 'linux') return true
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      // "pid (command) state parent group …"; the command may hold anything, parentheses too.
      const [state, , pgrp] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      return Number(pgrp) === group && state !== 'Z' && state !== 'X'
    } catch {
      return false
    }
  })
}
