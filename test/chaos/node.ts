import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../src/db/free-port.js'
import { root } from '../support/process.js'

const startTimeoutMs = 60_000

export interface NodeOptions {
  name: string
  dataDir: string
  env: Record<string, string>
  /** The process ended although nobody asked it to. */
  onDeath: (how: string) => void
  /** Arguments of Node's own before the command. Default: none. */
  execArgv?: string[]
  /** Gets the other end of the process' descriptor 3 at each start. Default: there is none. */
  attach?: (end: Duplex) => void
}

/** One API node: a process of the built command, on a port that stays, started again by whoever supervises it. */
export interface ApiNode {
  readonly name: string
  readonly url: string
  readonly webSocketUrl: string
  readonly port: number
  /** null while no process runs. */
  pid: () => number | null
  /** Whether it answered since its last start, and was not stopped since. */
  isUp: () => boolean
  /** Starts the process, again if it gives up because the database is away, and resolves when it answers. */
  start: (options?: { listens: boolean }) => Promise<void>
  kill: () => Promise<void>
  /** Asks it to stop; resolves with the exit code. */
  terminate: () => Promise<number | string>
  freeze: () => void
  thaw: () => void
  /** What it wrote to stderr since the last call. */
  takeLog: () => Promise<string>
  /** Kilobytes. */
  rss: () => Promise<number | null>
}

export async function createNode({ name, dataDir, env, onDeath, execArgv = [], attach }: NodeOptions): Promise<ApiNode> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/graphql`
  const logPath = join(dataDir, `${name}.log`)
  let child: ChildProcess | null = null
  let isUp = false
  let taken = 0

  function launch(listens: boolean): ChildProcess {
    // NODE_OPTIONS is for whoever wants to look into the nodes.
    const { PATH = '', HOME = '', NODE_OPTIONS = '' } = process.env
    const log = openSync(logPath, 'a')
    const args = listens ? [...execArgv, 'dist/cli/bin.js', 'serve'] : ['--import', 'tsx', 'test/chaos/deaf-node.ts']
    const launched = spawn(process.execPath, args, {
      cwd: root, stdio: ['ignore', 'ignore', log, ...(attach === undefined ? [] : ['pipe' as const])],
      env: { PATH, HOME, NODE_OPTIONS, PORT: String(port), PILOTHOUSE_DATA_DIR: join(dataDir, name), ...env },
    })
    closeSync(log)
    attach?.(launched.stdio[3] as Duplex)
    launched.once('exit', (code, signal) => {
      if (child !== launched) return
      child = null
      const died = isUp
      isUp = false
      if (died) onDeath(`${signal ?? `exit ${code}`}`)
    })
    return launched
  }

  /** From now on its end is what we want. */
  function release(): ChildProcess | null {
    const released = child
    child = null
    isUp = false
    return released
  }

  const ended = (released: ChildProcess) => (
    released.exitCode === null && released.signalCode === null ? once(released, 'exit') : Promise.resolve([released.exitCode, released.signalCode])
  ) as Promise<[number | null, string | null]>

  return {
    name, url, port, webSocketUrl: url.replace('http', 'ws'),
    pid: () => child?.pid ?? null,
    isUp: () => isUp,
    start: async ({ listens } = { listens: true }) => {
      const deadline = performance.now() + startTimeoutMs
      while (performance.now() < deadline) {
        child ??= launch(listens)
        const answer = await fetch(url.replace('/graphql', '/health'), { signal: AbortSignal.timeout(1_000) }).catch(() => null)
        if (answer?.ok && child !== null) return void (isUp = true)
        await delay(50)
      }
      throw new Error(`${name} did not answer within ${startTimeoutMs / 1000} s:\n${(await readFile(logPath, 'utf8')).slice(-2_000)}`)
    },
    kill: async () => {
      const released = release()
      released?.kill('SIGKILL')
      if (released !== null) await ended(released)
    },
    terminate: async () => {
      const released = release()
      if (released === null) return 'no process'
      released.kill('SIGTERM')
      const [code, signal] = await ended(released)
      return code ?? signal ?? 'unknown'
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    takeLog: async () => {
      const text = await readFile(logPath, 'utf8').catch(() => '')
      const fresh = text.slice(taken)
      taken = text.length
      return fresh
    },
    rss: async () => rssOf(child?.pid ?? null),
  }
}

export async function rssOf(pid: number | null): Promise<number | null> {
  if (pid === null) return null
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])
  return Number.isFinite(kilobytes) ? kilobytes : null
}
