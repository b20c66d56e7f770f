import { isToolSelected, type McpTransport, type ToolSelection } from '../core/mcp-server.js'
import { type SessionUpstream } from './adapter.js'
import { type Clock } from './clock.js'
import { messageOf, ToolCallError } from './errors.js'
import { isUndelivered, type Link, openLink, orAborted, type Progress, type UpstreamTool } from './link.js'
import { createOfferBook, type OfferBook } from './offer-book.js'
import { type Requests } from './offers.js'
import { createRedactor, type Redact } from './redact.js'
import { tellEach } from './tell-each.js'

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
  /** Told how far the server says it is, as often as it says so. */
  onProgress?: (progress: Progress) => void
}

/**
 * One MCP server for one session, over as many connections as it takes: a connection that is lost is made again on the
 * next call, and for remote servers also in the background, so that their changes of tools arrive. It calls what `tools()`
 * lists, the selected tools in the server's order, and nothing else (S28).
 */
export interface Upstream extends SessionUpstream {
  /**
   * Ends the connection; a stdio server's processes are gone when it resolves.
   * @throws SurvivorError when they could not be ended
   */
  close: () => Promise<void>
}

const probeTimeoutMs = 5000
const firstRetryMs = 1000
const longestRetryMs = 30_000
/** Lists of several servers go together into one answer, which must not hang on one of them. */
const offersTimeoutMs = 5000

/** An upstream's memory. */
interface Line {
  target: UpstreamTarget
  options: ConnectOptions
  redact: Redact
  listeners: Set<() => void>
  closing: AbortController
  tools: UpstreamTool[]
  book: OfferBook
  /** As the last connection had it. */
  instructions: string | null
  link: Link | null
  /** The endings of earlier links that are not over yet, or left something behind. */
  dropped: Set<Promise<void>>
  connecting: Promise<Link> | null
  retries: number
  /** Whether there was a connection before. */
  isAgain: boolean
  cancelRetry: () => void
}

/**
 * Connects, and lists the tools.
 * @throws Error with a redacted reason when the server does not come up; nothing is left then
 */
export async function connectUpstream(target: UpstreamTarget, options: ConnectOptions, signal?: AbortSignal): Promise<Upstream> {
  const line: Line = {
    target, options, redact: createRedactor(target.transport), listeners: new Set(), closing: new AbortController(),
    tools: [], book: createOfferBook(), instructions: null, link: null, dropped: new Set(), connecting: null, retries: 0, isAgain: false, cancelRetry: () => {},
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
    callTool: (name, args, options = {}) => deliver(line, 'tools/call', { name, arguments: args }, options, () => {
      // After connecting, because a new connection may list other tools.
      if (!line.tools.some((tool) => tool.name === name)) throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name}.`)
    }),
    onToolsChanged: (listener) => {
      line.listeners.add(listener)
      return () => { line.listeners.delete(listener) }
    },
    instructions: () => line.instructions,
    offers: (kind) => orAborted(linkForCall(line).then((link) => line.book.list(kind, link)), AbortSignal.timeout(offersTimeoutMs)),
    ask: (method, params, options = {}) => deliver(line, method, params, options),
    watch: (uri, listener, options = {}) => watch(line, uri, listener, options),
    onOffersChanged: (listener) => line.book.listen(listener),
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
    // The book stands for all connections, so there is nothing to compare.
    onListChanged: (kind) => (kind === 'TOOLS' ? ifCurrent((current) => void refresh(line, current))() : line.book.changed(kind)),
    onResourceUpdated: line.book.updated,
    onDropped: ifCurrent((current) => drop(line, current)),
    onTrouble: ifCurrent((current) => void probe(line, current)),
  })
  try {
    setTools(line, await fresh.list('TOOLS'))
    closing.signal.throwIfAborted()
  } catch (error) {
    await fresh.close()
    throw error
  }
  line.link = fresh
  line.retries = 0
  line.instructions = fresh.instructions
  if (line.isAgain) again(line, fresh)
  line.isAgain = true
  return fresh
}

/** What happened between two connections nobody told, so everything may have. */
function again(line: Line, fresh: Link): void {
  line.book.changed('PROMPTS')
  line.book.changed('RESOURCES')
  for (const uri of line.book.watched()) {
    fresh.request('resources/subscribe', { uri }, limitsOf(line, {})).then(() => line.book.updated(uri), () => {})
  }
}

function setTools(line: Line, all: UpstreamTool[]): void {
  const selected = all.filter(({ name }) => isToolSelected(line.target.tools, name))
  const isSame = JSON.stringify(selected) === JSON.stringify(line.tools)
  line.tools = selected
  if (!isSame) tellEach(line.listeners)
}

async function refresh(line: Line, current: Link): Promise<void> {
  try {
    const all = await current.list('TOOLS')
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
  const ending = current.close()
  line.dropped.add(ending)
  ending.then(() => line.dropped.delete(ending), () => {})
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

function limitsOf({ target, options }: Line, { signal = new AbortController().signal, onProgress }: CallOptions) {
  return { timeoutMs: target.timeoutMs ?? options.callTimeoutMs ?? 60_000, signal, onProgress }
}

async function deliver<Method extends keyof Requests>(
  line: Line, method: Method, params: Requests[Method]['params'], options: CallOptions, check = () => {}, isRepeated = false,
): Promise<Requests[Method]['result']> {
  const current = await linkForCall(line)
  check()
  options.signal?.throwIfAborted()
  try {
    return await current.request(method, params, limitsOf(line, options))
  } catch (error) {
    if (error instanceof ToolCallError) throw new ToolCallError(error.code, line.redact(error.message), error.rpcCode)
    drop(line, current)
    if (isRepeated || !isUndelivered(error)) throw new ToolCallError('UNAVAILABLE', line.redact(messageOf(error)))
    return deliver(line, method, params, options, check, true)
  }
}

/** One subscription for all watchers of a URI; a new connection gets it anew. */
async function watch(line: Line, uri: string, listener: (updated: string) => void, options: CallOptions): Promise<() => void> {
  const end = line.book.watch(uri, listener)
  try {
    await deliver(line, 'resources/subscribe', { uri }, options)
  } catch (error) {
    end()
    throw error
  }
  return () => {
    if (end()) line.link?.request('resources/unsubscribe', { uri }, limitsOf(line, {})).catch(() => {})
  }
}

async function close(line: Line): Promise<void> {
  line.closing.abort(new Error('the connection was closed'))
  line.cancelRetry()
  const endings = [line.link?.close() ?? Promise.resolve(), ...line.dropped]
  line.link = null
  await Promise.allSettled([...endings, line.connecting ?? Promise.resolve()])
  await Promise.all(endings)
}
