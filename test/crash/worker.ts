import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { type Duplex } from 'node:stream'
import { type OwnerInput } from '../../src/client/index.js'
import { type EffectiveEntry } from '../../src/worker/slot.js'
import { root } from '../support/process.js'
import { meeting } from './rendezvous.js'

export interface WorkerSetup {
  url: string
  token: string
  owner: OwnerInput
  /** Where launchers are looked for. */
  path: string
}

export interface WorkerQuestion {
  id: number
  /** What the session has once it settled there. */
  cursor?: string
  /** The answer of a tool. */
  tool?: string
  closes?: boolean
}

export interface WorkerAnswer {
  id: number
  rows?: EffectiveEntry[]
  tools?: string[]
  text?: string
  trouble?: string
}

export interface CrashWorker {
  start: () => Promise<void>
  kill: () => Promise<void>
  /** null when the process ended meanwhile, or did not answer within `patienceMs`. */
  ask: (question: Omit<WorkerQuestion, 'id'>, patienceMs?: number) => Promise<WorkerAnswer | null>
  close: () => Promise<void>
}

export function createWorker(setup: WorkerSetup, logPath: string, attach: (end: Duplex) => void, onDeath: (how: string) => void): CrashWorker {
  let child: ChildProcess | null = null
  let asked = 0
  const log = createWriteStream(logPath, { flags: 'a' })

  function answerOf(asking: ChildProcess, id: number, patienceMs: number): Promise<WorkerAnswer | null> {
    return new Promise((resolve) => {
      const patience = AbortSignal.timeout(patienceMs)
      const done = (answer: WorkerAnswer | null) => {
        asking.off('message', onMessage).off('exit', onEnd)
        patience.removeEventListener('abort', onEnd)
        resolve(answer)
      }
      const onMessage = (answer: WorkerAnswer) => { if (answer.id === id) done(answer) }
      const onEnd = () => done(null)
      asking.on('message', onMessage).once('exit', onEnd)
      patience.addEventListener('abort', onEnd)
    })
  }

  const kill = async () => {
    const killed = child
    child = null
    if (killed === null) return
    killed.kill('SIGKILL')
    if (killed.exitCode === null && killed.signalCode === null) await once(killed, 'exit')
  }
  const ask: CrashWorker['ask'] = (question, patienceMs = 5_000) => {
    const asking = child
    if (asking === null || !asking.connected) return Promise.resolve(null)
    const id = ++asked
    const answer = answerOf(asking, id, patienceMs)
    asking.send({ ...question, id } satisfies WorkerQuestion, () => {})
    return answer
  }
  return {
    kill, ask,
    start: async () => {
      const { PATH = '', HOME = '' } = process.env
      const started = fork('test/crash/worker-process.ts', [JSON.stringify(setup)], {
        cwd: root, execArgv: [...meeting, '--import', 'tsx'], env: { PATH, HOME }, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'],
      })
      child = started
      started.stderr!.pipe(log, { end: false })
      attach(started.stdio[3] as Duplex)
      started.once('exit', (code, signal) => {
        if (child !== started) return
        child = null
        onDeath(String(signal ?? `exit ${code}`))
      })
      await answerOf(started, 0, 30_000)
    },
    close: async () => {
      await ask({ closes: true }, 10_000)
      await kill()
    },
  }
}
