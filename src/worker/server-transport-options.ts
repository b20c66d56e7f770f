import { type McpTransport, type NameValue } from '../core/mcp-server.js'
import { type RedactingStream } from '../core/redacting-stream.js'
import { type LaunchGuard } from './launch-guard.js'

/** Apart from `server-transport.ts`: published types lead here, and the SDK's transports there need types of a browser. */
export interface ServerTransportOptions {
  /** Where the server is, as the entry or the static file has it. */
  transport: McpTransport
  /** What a stdio child's environment starts from; the transport's own `env` is laid over it. */
  baseEnv: Record<string, string>
  /** Milliseconds between SIGTERM and SIGKILL of a stdio server. */
  graceMs: number
  /** What a catalog entry is held to. Left out: a static one, which runs as its file says. */
  guard?: LaunchGuard | undefined
  /** Headers or variables in place of those that hold references, asked at each request and each start. Left out: none does. */
  injected?: (() => NameValue[]) | undefined
  /** What a process writes to stderr goes through one of these before anybody keeps it. Default: as it is. */
  createStream?: (() => RedactingStream) | undefined
}
