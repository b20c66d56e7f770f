import { createKnownValues, type KnownValues } from '../core/known-values.js'
import { type SessionUpstream } from './adapter.js'
import { LeaseError, messageOf, ToolCallError } from './errors.js'
import { createInjection, type Injection, type Renewal, renewal } from './injection.js'
import { mostTools } from './launch-guard.js'
import { createLine, type Line, type LineEnd } from './line.js'
import { isUndelivered, type Link, openLink, orAborted } from './link.js'
import { createOfferBook, type OfferBook } from './offer-book.js'
import { type Requests } from './offers.js'
import { createRedactor, type Redact } from './redact.js'
import { redactedLink } from './redacted-link.js'
import { passed } from './step.js'
import { tellEach } from './tell-each.js'
import { createToolBook, type ToolBook } from './tool-book.js'
import { createToolPinning, type ToolPinning } from './tool-pinning.js'
import { type CallOptions, type ConnectOptions, type UpstreamTarget } from './upstream-options.js'

/**
 * One MCP server for one session, over as many connections as it takes: a connection that is lost is made again on the
 * next call, and for remote servers also in the background, so that their changes of tools arrive. It calls what `tools()`
 * lists, the selected tools in the server's order, and nothing else (S28).
 */
export interface Upstream extends Omit<SessionUpstream, 'offeredSince'> {
  /** What is to be said of it though it runs; null: nothing. */
  note: () => string | null
  /** The policy, or what the tools are held to, is another one now. */
  policyChanged: () => void
  /** Told when `heldTools` answers something else. */
  onHeldChanged?: (listener: () => void) => void
  /**
   * Leases anew. IN_USE: what came is sent with every request from now on, or is what the process has. NEEDS_START: a process has something else, and
   * keeps it. Left out: there is nothing to lease.
   * @throws LeaseError; Error when what came cannot be sent. What was used so far goes on then
   */
  renewSecrets?: () => Promise<Renewal>
  /** No request carries values any more, the farewell of `close` neither, and no connection is made. */
  forgetSecrets?: () => void
  /** Told when the catalog says, at a connection that is made again, that the values may not be had. */
  onDenied?: (listener: (error: LeaseError) => void) => void
  /**
   * Ends the connection; a stdio server's processes are gone when it resolves.
   * @throws SurvivorError when they could not be ended
   */
  close: () => Promise<void>
}

/** Lists of several servers go together into one answer, which must not hang on one of them. */
const offersTimeoutMs = 5000

/** An upstream's memory, over all its connections. */
interface Holding {
  target: UpstreamTarget
  options: ConnectOptions
  known: KnownValues
  redact: Redact
  /** Null: it has no references. */
  injection: Injection | null
  deniedListeners: Set<(error: LeaseError) => void>
  line: Line
  tools: ToolBook
  /** Null: its tools are not pinned. */
  pinning: ToolPinning | null
  book: OfferBook
  /** Whether there was a connection before. */
  isAgain: boolean
  /** Whether the server said that its tools are others since they were listed last. */
  isOutdated: boolean
}

/**
 * Connects, and lists the tools.
 * @throws Error with a redacted reason when the server does not come up; nothing is left then. SurvivorError when something is
 */
export async function connectUpstream(target: UpstreamTarget, options: ConnectOptions, signal?: AbortSignal): Promise<Upstream> {
  const { clock, known = createKnownValues() } = options
  const { transport, secrets } = target
  const redactOwn = createRedactor(transport)
  const listed = createToolBook(target.tools, () => mostTools(target.guard), target.pins)
  const holding: Holding = {
    // The values first, since the other cuts.
    target, options, known, redact: (text) => redactOwn(known.redact(text)), tools: listed, book: createOfferBook(),
    pinning: target.pins === undefined ? null : createToolPinning(target.pins, listed, clock),
    injection: secrets === undefined ? null : createInjection({ transport, source: secrets, known, clock }),
    deniedListeners: new Set(), isAgain: false, isOutdated: false,
    line: createLine({
      isRemote: transport.kind !== 'STDIO', clock, open: (end) => open(holding, end),
      prepare: (fresh) => list(holding, fresh), onStanding: (fresh) => stands(holding, fresh),
    }),
  }
  const { line, tools, book, redact, injection, pinning } = holding
  const close = () => {
    pinning?.close()
    return line.close().finally(() => injection?.close())
  }
  const onAbort = () => {
    // The catalog's answer is waited for by nobody any more.
    pinning?.close()
    line.close().catch(() => {})
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    await line.link()
  } catch (error) {
    // Before the values are let go, which it may quote.
    const failure = spoken(error, redact)
    await close()
    throw failure
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  return {
    tools: tools.offered,
    note: () => [tools.note(), pinning?.trouble() ?? null].filter((note) => note !== null).join(' ') || null,
    heldTools: () => tools.held().flatMap(({ name }) => name ?? []),
    onHeldChanged: tools.listenHeld,
    policyChanged: () => {
      tools.review()
      void pinning?.tell()
    },
    // Checked after connecting, because a new connection may list other tools.
    callTool: (name, args, options = {}) => deliver(holding, 'tools/call', { name, arguments: args }, options, () => tools.check(name)),
    onToolsChanged: tools.listen,
    instructions: tools.instructions,
    offers: (kind) => orAborted(linkForCall(holding).then((link) => book.list(kind, link)), AbortSignal.timeout(offersTimeoutMs))
      .catch((error: unknown) => { throw error instanceof ToolCallError ? error : new ToolCallError('UNAVAILABLE', redact(messageOf(error))) }),
    ask: (method, params, options = {}) => deliver(holding, method, params, options),
    watch: (uri, listener, options = {}) => watch(holding, uri, listener, options),
    onOffersChanged: (listener) => book.listen(listener),
    ...(injection !== null && { renewSecrets: () => renewal(injection, transport.kind).catch((error: unknown) => { throw spoken(error, redact) }), forgetSecrets: injection.forget }),
    onDenied: (listener) => { holding.deniedListeners.add(listener) },
    close,
  }
}

async function open(holding: Holding, end: LineEnd): Promise<Link> {
  const { target: { transport, guard }, options: { baseEnv = {}, connectTimeoutMs = 30_000, graceMs = 2000 }, book, injection, known, deniedListeners } = holding
  // What may not run is not to have a secret either.
  guard?.check()
  await injection?.renewToStart(end.signal).catch((error: unknown) => {
    if (error instanceof LeaseError && error.failure === 'DENIED') tellEach(deniedListeners, error)
    throw error
  })
  const link = await openLink({
    ...end, transport, guard, baseEnv, connectTimeoutMs, graceMs, injected: injection?.injected, createStream: known.stream, onResourceUpdated: (uri) => book.updated(known.redact(uri)),
    // The book stands for all connections, so there is nothing to compare.
    onListChanged: (kind) => (kind === 'TOOLS' ? void refresh(holding) : book.changed(kind)),
  })
  passed('server.connected')
  return redactedLink(link, known)
}

/** Before anybody is offered anything of a server, the catalog knows what there is of it. */
async function list(holding: Holding, fresh: Link): Promise<void> {
  const { tools, pinning } = holding
  holding.isOutdated = false
  tools.list(await fresh.list('TOOLS'), fresh.instructions)
  passed('tools.listed')
  await pinning?.tellFirst()
  passed('tools.told')
}

function spoken(error: unknown, redact: Redact): Error {
  return error instanceof LeaseError ? error : new Error(redact(messageOf(error)))
}

function stands(holding: Holding, fresh: Link): void {
  if (holding.isAgain) again(holding, fresh)
  holding.isAgain = true
  if (holding.isOutdated) void refresh(holding)
}

/** What happened between two connections nobody told, so everything may have. */
function again(holding: Holding, fresh: Link): void {
  const { book } = holding
  book.changed('PROMPTS')
  book.changed('RESOURCES')
  for (const uri of book.watched()) {
    fresh.request('resources/subscribe', { uri }, limitsOf(holding, {})).then(() => book.updated(uri), () => {})
  }
}

/** A connection that does not stand yet has listed them maybe, and lists them again as soon as it does. */
async function refresh(holding: Holding): Promise<void> {
  const { line } = holding
  const current = line.current()
  holding.isOutdated = current === null
  if (current === null) return
  try {
    const all = await current.list('TOOLS')
    if (line.current() !== current) return
    holding.tools.list(all, current.instructions)
    void holding.pinning?.tell()
  } catch {
    await line.probe(current)
  }
}

async function linkForCall(holding: Holding): Promise<Link> {
  try {
    return await holding.line.link()
  } catch (error) {
    throw new ToolCallError('UNAVAILABLE', holding.redact(messageOf(error)))
  }
}

function limitsOf({ target, options }: Holding, { signal = new AbortController().signal, onProgress }: CallOptions) {
  return { timeoutMs: target.timeoutMs ?? options.callTimeoutMs ?? 60_000, signal, onProgress }
}

async function deliver<Method extends keyof Requests>(
  holding: Holding, method: Method, params: Requests[Method]['params'], options: CallOptions, check = () => {}, isRepeated = false,
): Promise<Requests[Method]['result']> {
  const current = await linkForCall(holding)
  check()
  options.signal?.throwIfAborted()
  try {
    return await current.request(method, params, limitsOf(holding, options))
  } catch (error) {
    if (error instanceof ToolCallError) throw new ToolCallError(error.code, holding.redact(error.message), error.rpcCode)
    holding.line.drop(current)
    if (isRepeated || !isUndelivered(error)) throw new ToolCallError('UNAVAILABLE', holding.redact(messageOf(error)))
    return deliver(holding, method, params, options, check, true)
  }
}

/** One subscription for all watchers of a URI; a new connection gets it anew. */
async function watch(holding: Holding, uri: string, listener: (updated: string) => void, options: CallOptions): Promise<() => void> {
  const end = holding.book.watch(uri, listener)
  try {
    await deliver(holding, 'resources/subscribe', { uri }, options)
  } catch (error) {
    end()
    throw error
  }
  return () => {
    if (end()) holding.line.current()?.request('resources/unsubscribe', { uri }, limitsOf(holding, {})).catch(() => {})
  }
}
