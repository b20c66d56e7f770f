import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { orAfter } from './or-after.js'
import { type ProbeResult, type ProbeTask } from './probe-session.js'
import { retryDelayMs } from './retry-delay.js'
import { type FeedTransport } from './transport.js'

export interface ProbeRunnerOptions {
  workerId: string
  subscribe: FeedTransport['subscribeProbes']
  /** null: another worker has it, or it is over. */
  take: (id: string) => Promise<ProbeTask | null>
  run: (task: ProbeTask) => Promise<ProbeResult>
  report: (id: string, result: ProbeResult) => Promise<void>
  clock: Clock
  log: (message: string) => void
}

/** Waits for probes, and runs a few at a time; what does not fit is left to other workers. */
export interface ProbeRunner {
  /** Takes no more. */
  stop: () => void
  /** Resolves when what was running has been answered for, or after two seconds. */
  close: () => Promise<void>
}

/** Sessions come first: a probe is somebody's look. */
const mostAtOnce = 2
const mostWaiting = 20
const reportAttempts = 4
const farewellMs = 2_000
/** A subscription that stood for so long is no sign of trouble when it ends. */
const steadyMs = 60_000

/** A runner's memory. */
interface Running extends ProbeRunnerOptions {
  waiting: string[]
  running: Map<string, Promise<void>>
  failures: number
  isStopped: boolean
  unsubscribe: () => void
  cancelRetry: () => void
}

export function createProbeRunner(options: ProbeRunnerOptions): ProbeRunner {
  const runner: Running = { ...options, waiting: [], running: new Map(), failures: 0, isStopped: false, unsubscribe: () => {}, cancelRetry: () => {} }
  const stop = () => {
    runner.isStopped = true
    runner.waiting = []
    runner.cancelRetry()
    runner.unsubscribe()
  }
  subscribe(runner)
  return {
    stop,
    close: async () => {
      stop()
      await orAfter(runner.clock, farewellMs, Promise.all(runner.running.values()).then(() => {}))
    },
  }
}

function subscribe(runner: Running): void {
  const { clock, workerId, log } = runner
  const beganMs = clock.nowMs()
  runner.unsubscribe = runner.subscribe(workerId, (message) => {
    if (message.type === 'EVENT') return offered(runner, message.event)
    runner.waiting = []
    if (runner.isStopped) return
    // A catalog that does not know of probes, or does not want them from this token.
    if (message.type === 'DENIED') return log(`probes: ${message.code}: ${message.reason}`)
    runner.failures = clock.nowMs() - beganMs > steadyMs ? 0 : runner.failures + 1
    runner.cancelRetry = clock.after(message.retryAfterMs ?? retryDelayMs(runner.failures, clock), () => subscribe(runner))
  })
}

function offered(runner: Running, id: string): void {
  if (runner.waiting.length >= mostWaiting || runner.waiting.includes(id) || runner.running.has(id)) return
  runner.waiting.push(id)
  next(runner)
}

function next(runner: Running): void {
  const { waiting, running, log } = runner
  if (runner.isStopped || running.size >= mostAtOnce) return
  const id = waiting.shift()
  if (id === undefined) return
  running.set(id, answer(runner, id).catch((error: unknown) => log(`probe ${id}: ${messageOf(error)}`)).finally(() => {
    running.delete(id)
    next(runner)
  }))
}

async function answer(runner: Running, id: string): Promise<void> {
  const task = await runner.take(id)
  if (task === null) return
  const result = await runner.run(task)
  for (let attempt = 1; ; attempt++) {
    try {
      return await runner.report(id, result)
    } catch (error) {
      if (attempt === reportAttempts || runner.isStopped) throw error
      await new Promise<void>((resolve) => { runner.clock.after(1_000 * attempt, resolve) })
    }
  }
}
