import { type KnownValues } from '../core/known-values.js'
import { type Clock } from './clock.js'
import { createStartLimit, type StartLimit } from './start-limit.js'
import { connectUpstream, type Upstream } from './upstream.js'
import { type UpstreamTarget } from './upstream-options.js'

export type { CallToolResult, Progress, UpstreamTool } from './link.js'
export type { Upstream } from './upstream.js'
export type { CallOptions, UpstreamTarget } from './upstream-options.js'

export interface ConnectorOptions {
  clock: Clock
  /** Milliseconds until a server that does not come up is given up. Default 30,000. */
  connectTimeoutMs?: number
  /** Milliseconds for a call where the definition names none. Default 60,000. */
  callTimeoutMs?: number
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. Default 2,000. */
  graceMs?: number
  /** Shared by the connectors of a worker. Default: none but that of ten starts at once for one session. */
  startLimit?: StartLimit
  /** Values of secrets that its connections use are among them for as long. One for all of a session, since what one server is given another may show. Default: one for each server. */
  known?: KnownValues
}

/**
 * The one place that opens connections and starts processes, for every adapter: a runtime never gets a server's real
 * configuration, nor a secret. Nothing is shared: each session has a connector, connections and processes of its own.
 */
export interface Connector {
  /**
   * Connects; values for its references are leased when its turn has come, and again at each connection.
   * @param baseEnv what a stdio child's environment starts from
   * @param signal gives the start up; whatever was started is ended
   * @param isRetry whether the start failed before; then it comes after those that did not. Default: no
   * @throws Error with a redacted reason; SurvivorError when something of the start could not be ended
   */
  connect: (target: UpstreamTarget, baseEnv: Record<string, string>, signal: AbortSignal, isRetry?: boolean) => Promise<Upstream>
}

export function createConnector({ startLimit, ...options }: ConnectorOptions): Connector {
  const starts = (startLimit ?? createStartLimit(Infinity, options.clock)).forSession()
  return {
    connect: (target, baseEnv, signal, isRetry = false) => starts(
      () => connectUpstream(target, { ...options, baseEnv }, signal), { isRetry, isRemote: target.transport.kind !== 'STDIO' }, signal),
  }
}
