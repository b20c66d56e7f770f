import { type Clock } from './clock.js'
import { connectUpstream, type Upstream, type UpstreamTarget } from './upstream.js'

export type { CallToolResult, Progress, UpstreamTool } from './link.js'
export type { CallOptions, Upstream, UpstreamTarget } from './upstream.js'

export interface ConnectorOptions {
  clock: Clock
  /** Milliseconds until a server that does not come up is given up. Default 30,000. */
  connectTimeoutMs?: number
  /** Milliseconds for a call where the definition names none. Default 60,000. */
  callTimeoutMs?: number
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. Default 2,000. */
  graceMs?: number
}

/**
 * The one place that opens connections and starts processes, for every adapter: a runtime never gets a server's real
 * configuration. Nothing is shared: each session has a connector, connections and processes of its own.
 */
export interface Connector {
  /**
   * @param baseEnv what a stdio child's environment starts from
   * @param signal gives the start up; whatever was started is ended
   * @throws Error with a redacted reason
   */
  connect: (target: UpstreamTarget, baseEnv: Record<string, string>, signal: AbortSignal) => Promise<Upstream>
}

/** So that fifty servers of one session do not all start in the same moment. */
const concurrentStarts = 10

export function createConnector(options: ConnectorOptions): Connector {
  const limit = createLimiter(concurrentStarts)
  return {
    connect: (target, baseEnv, signal) => limit(() => connectUpstream(target, { ...options, baseEnv }, signal), signal),
  }
}

type Limit = <Result>(work: () => Promise<Result>, signal: AbortSignal) => Promise<Result>

/** Whoever waits for a place stops when its signal aborts; a place that gets free goes to the next one directly. */
function createLimiter(most: number): Limit {
  const waiting = new Set<() => void>()
  let running = 0
  const place = (signal: AbortSignal) => new Promise<void>((resolve, reject) => {
    const enter = () => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }
    const giveUp = () => {
      waiting.delete(enter)
      reject(signal.reason as Error)
    }
    waiting.add(enter)
    signal.addEventListener('abort', giveUp, { once: true })
  })
  return async (work, signal) => {
    signal.throwIfAborted()
    if (running < most) running += 1
    else await place(signal)
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next === undefined) running -= 1
      else {
        waiting.delete(next)
        next()
      }
    }
  }
}
