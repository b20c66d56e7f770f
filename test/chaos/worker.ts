import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { type OwnerQuery } from '../../src/index/catalog-index.js'
import { type EffectiveEntry } from '../../src/worker/slot.js'
import { type ListedItem } from '../../src/worker/adapter.js'
import { root } from '../support/process.js'
import { type createRandom } from '../support/random.js'
import { type ApiNode } from './node.js'

export interface WorkerSetup {
  url: string
  token: string
  owners: OwnerQuery[]
}

export interface WorkerQuestion {
  id: number
  cursor: string
}

export interface WorkerAnswer {
  id: number
  sessions: Array<{ trouble: string | null; rows: EffectiveEntry[]; items: ListedItem[] }>
}

export interface ChaosWorker {
  readonly owners: readonly OwnerQuery[]
  pid: () => number | null
  start: () => void
  kill: () => Promise<void>
  freeze: () => void
  thaw: () => void
  /** What each session has, in the order of `owners`; null when the process ended meanwhile. */
  ask: (cursor: string) => Promise<WorkerAnswer['sessions'] | null>
}

/** Of what it wrote: enough for an error with its stack, and the lines that led to it. */
const toldCharacters = 4_000

/** @param onDeath the process ended although nobody asked it to; told with the last that it wrote */
export function createWorker(setup: WorkerSetup, onDeath: (how: string) => void): ChaosWorker {
  let child: ChildProcess | null = null
  let asked = 0
  return {
    owners: setup.owners,
    pid: () => child?.pid ?? null,
    start: () => {
      const { PATH = '', HOME = '' } = process.env
      const started = fork('test/chaos/worker-process.ts', [JSON.stringify(setup)], {
        cwd: root, execArgv: ['--import', 'tsx'], env: { PATH, HOME }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      child = started
      let wrote = ''
      started.stderr!.setEncoding('utf8').on('data', (text: string) => { wrote = (wrote + text).slice(-toldCharacters) })
      // Not 'exit': what it wrote last may still be on its way then.
      started.once('close', (code, signal) => {
        if (child !== started) return
        child = null
        onDeath(`${signal ?? `exit ${code}`}; it wrote: ${wrote.trim().replaceAll(/\s*\n\s*/g, ' | ') || 'nothing'}`)
      })
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill: async () => {
      const killed = child
      child = null
      if (killed === null || killed.exitCode !== null || killed.signalCode !== null) return
      killed.kill('SIGKILL')
      await once(killed, 'exit')
    },
    ask: async (cursor) => {
      const asking = child
      if (asking === null) return null
      const id = ++asked
      return new Promise((resolve) => {
        const onMessage = (answer: WorkerAnswer) => { if (answer.id === id) done(answer.sessions) }
        const onExit = () => done(null)
        const done = (sessions: WorkerAnswer['sessions'] | null) => {
          asking.off('message', onMessage)
          asking.off('exit', onExit)
          resolve(sessions)
        }
        asking.on('message', onMessage)
        asking.once('exit', onExit)
        asking.send({ id, cursor } satisfies WorkerQuestion, (error) => { if (error !== null) done(null) })
      })
    },
  }
}

export interface Balancer {
  url: string
  close: () => Promise<void>
}

/** One address in front of all nodes, as workers have it: each connection goes to some node that takes it. */
export async function startBalancer(nodes: readonly ApiNode[], random: ReturnType<typeof createRandom>): Promise<Balancer> {
  const server: Server = createServer((inbound) => {
    const first = random.below(nodes.length)
    const order = nodes.map((_, at) => nodes[(first + at) % nodes.length]!).sort((a, b) => Number(b.isUp()) - Number(a.isUp()))
    const outbound = connect(order[0]!.port, '127.0.0.1')
    inbound.pipe(outbound)
    outbound.pipe(inbound)
    // Half of a connection is worth nothing.
    inbound.on('error', () => outbound.destroy()).on('close', () => outbound.destroy())
    outbound.on('error', () => inbound.destroy()).on('close', () => inbound.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    close: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
