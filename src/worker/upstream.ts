import { isToolSelected, type McpTransport, type ToolSelection } from '../core/mcp-server.js'
import { type Clock } from './clock.js'
import { messageOf, ToolCallError } from './errors.js'
import { type CallToolResult, isUndelivered, type Link, openLink, type UpstreamTool } from './link.js'
import { createRedactor, type Redact } from './redact.js'

/** What to connect to, and how much of it to offer. */
export interface UpstreamTarget {
  transport: McpTransport
  tools: ToolSelection
  /** Milliseconds for one call; null: the worker's default. */
  timeoutMs: number | null
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
  clock: Clock
}

export interface CallOptions {
  signal?: AbortSignal
}

/**
 * One MCP server for one session, over as many connections as it takes: a connection that is lost is made again on the
 * next call, and for remote servers also in the background, so that their changes of tools arrive.
 */
export interface Upstream {
  /** The selected tools, in the server's order, as last listed. */
  tools: () => readonly UpstreamTool[]
  /**
   * Calls what `tools()` lists and nothing else (S28).
   * @throws ToolCallError
   */
  callTool: (name: string, args: Record<string, unknown>, options?: CallOptions) => Promise<CallToolResult>
  /** Returns what ends it. */
  onToolsChanged: (listener: () => void) => () => void
  /**
   * Ends the connection; a stdio server's processes are gone when it resolves.
   * @throws SurvivorError when they could not be ended
   */
  close: () => Promise<void>
}

const probeTimeoutMs = 5000
const firstRetryMs = 1000
const longestRetryMs = 30_000

/** An upstream's memory. */
interface Line {
  target: UpstreamTarget
  options: ConnectOptions
  redact: Redact
  listeners: Set<() => void>
  closing: AbortController
  tools: UpstreamTool[]
  link: Link | null
  connecting: Promise<Link> | null
  retries: number
  cancelRetry: () => void
}

/**
 * Connects, and lists the tools.
 * @throws Error with a redacted reason when the server does not come up; nothing is left then
 */
export async function connectUpstream(target: UpstreamTarget, options: ConnectOptions, signal?: AbortSignal): Promise<Upstream> {
  const line: Line = {
    target, options, redact: createRedactor(target.transport), listeners: new Set(), closing: new AbortController(),
    tools: [], link: null, connecting: null, retries: 0, cancelRetry: () => {},
  }
  const onAbort = () => void close(line).catch(() => {})
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    await ensure(line)
  } catch (error) {
    await close(line)
    throw new Error(line.redact(messageOf(error)))
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  return {
    tools: () => line.tools,
    callTool: (name, args, { signal = new AbortController().signal } = {}) => call(line, name, args, signal, false),
    onToolsChanged: (listener) => {
      line.listeners.add(listener)
      return () => { line.listeners.delete(listener) }
    },
    close: () => close(line),
  }
}

async function ensure(line: Line): Promise<Link> {
  return line.link ?? (line.connecting ??= open(line).finally(() => { line.connecting = null }))
}

async function open(line: Line): Promise<Link> {
  const { target, options: { baseEnv = {}, connectTimeoutMs = 30_000, graceMs = 2000 }, closing } = line
  closing.signal.throwIfAborted()
  let fresh: Link | null = null
  // What happens before the link stands is seen by the listing that follows the handshake.
  const ifCurrent = (react: (current: Link) => void) => () => { if (fresh !== null && line.link === fresh) react(fresh) }
  fresh = await openLink({
    transport: target.transport, baseEnv, connectTimeoutMs, graceMs, signal: closing.signal,
    onToolsChanged: ifCurrent((current) => void refresh(line, current)),
    onDropped: ifCurrent((current) => drop(line, current)),
    onTrouble: ifCurrent((current) => void probe(line, current)),
  })
  try {
    setTools(line, await fresh.listTools())
    closing.signal.throwIfAborted()
  } catch (error) {
    await fresh.close()
    throw error
  }
  line.link = fresh
  line.retries = 0
  return fresh
}

function setTools(line: Line, all: UpstreamTool[]): void {
  const selected = all.filter(({ name }) => isToolSelected(line.target.tools, name))
  const isSame = JSON.stringify(selected) === JSON.stringify(line.tools)
  line.tools = selected
  if (!isSame) for (const listener of [...line.listeners]) listener()
}

async function refresh(line: Line, current: Link): Promise<void> {
  try {
    const all = await current.listTools()
    if (line.link === current) setTools(line, all)
  } catch {
    await probe(line, current)
  }
}

/** For remote servers only: a process tells by itself when it ends, and its stray output is no trouble. */
async function probe(line: Line, current: Link): Promise<void> {
  if (line.target.transport.kind === 'STDIO' || line.link !== current) return
  await current.ping(probeTimeoutMs).catch(() => drop(line, current))
}

/** Calls in flight on it fail now instead of waiting for their timeout. */
function drop(line: Line, current: Link): void {
  if (line.link !== current) return
  line.link = null
  void current.close().catch(() => {})
  if (line.target.transport.kind !== 'STDIO') retryLater(line)
}

function retryLater(line: Line): void {
  const { closing, options: { clock } } = line
  if (closing.signal.aborted) return
  const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(line.retries, 10))
  line.retries += 1
  line.cancelRetry()
  line.cancelRetry = clock.after(firstRetryMs / 2 + clock.random() * ceilingMs, () => { ensure(line).catch(() => retryLater(line)) })
}

async function linkForCall(line: Line): Promise<Link> {
  try {
    return await ensure(line)
  } catch (error) {
    throw new ToolCallError('UNAVAILABLE', line.redact(messageOf(error)))
  }
}

async function call(
  line: Line, name: string, args: Record<string, unknown>, signal: AbortSignal, isRepeated: boolean,
): Promise<CallToolResult> {
  const current = await linkForCall(line)
  // After connecting, because a new connection may list other tools.
  if (!line.tools.some((tool) => tool.name === name)) throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name}.`)
  signal.throwIfAborted()
  try {
    return await current.callTool(name, args, line.target.timeoutMs ?? line.options.callTimeoutMs ?? 60_000, signal)
  } catch (error) {
    if (error instanceof ToolCallError) throw new ToolCallError(error.code, line.redact(error.message))
    drop(line, current)
    if (isRepeated || !isUndelivered(error)) throw new ToolCallError('UNAVAILABLE', line.redact(messageOf(error)))
    return call(line, name, args, signal, true)
  }
}

async function close(line: Line): Promise<void> {
  line.closing.abort(new Error('the connection was closed'))
  line.cancelRetry()
  const { link } = line
  line.link = null
  await link?.close()
  await line.connecting?.catch(() => {})
}
