import { type KnownValues } from '../core/known-values.js'
import { type McpTransport, type ToolSelection } from '../core/mcp-server.js'
import { type Clock } from './clock.js'
import { type LaunchGuard } from './launch-guard.js'
import { type Progress } from './link.js'
import { type PinSource } from './pin-source.js'
import { type SecretSource } from './secret-source.js'

/** What to connect to, and how much of it to offer. */
export interface UpstreamTarget {
  transport: McpTransport
  tools: ToolSelection
  /** Milliseconds for one call; null: the worker's default. */
  timeoutMs: number | null
  /** What a catalog entry is held to. Left out: a static one, which runs as its file says. */
  guard?: LaunchGuard | undefined
  /** Where the values for its references come from. Left out: it has none, as every static one. */
  secrets?: SecretSource | undefined
  /** What the definitions of its tools are held to. Left out: nothing, as of every static one. */
  pins?: PinSource | undefined
}

export interface ConnectOptions {
  /** What a stdio child's environment starts from. Default: nothing. */
  baseEnv?: Record<string, string>
  /** Milliseconds until a server that does not come up is given up. Default 30,000. */
  connectTimeoutMs?: number
  /** Milliseconds for a call where the definition names none. Default 60,000. */
  callTimeoutMs?: number
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. Default 2,000. */
  graceMs?: number
  /** Values that nothing of the server may show; those that are leased for it are among them while it has connections. Default: those alone. */
  known?: KnownValues
  clock: Clock
}

export interface CallOptions {
  signal?: AbortSignal
  /** Told how far the server says it is, as often as it says so. */
  onProgress?: (progress: Progress) => void
}
