import { type Clock } from './clock.js'
import { SurvivorError } from './errors.js'
import { type Link, type LinkOptions } from './link.js'

/** What the line is told of each of its connections; `signal` aborts when it closes. */
export type LineEnd = Pick<LinkOptions, 'signal' | 'onDropped' | 'onTrouble'>

export interface LineOptions {
  /** Opens a connection; nothing is left of it when that fails, except with a SurvivorError. */
  open: (end: LineEnd) => Promise<Link>
  /** Runs on each connection before anybody gets it; what it throws ends the connection. */
  prepare: (fresh: Link) => Promise<void>
  /** Told when that connection is the line's. */
  onStanding: (fresh: Link) => void
  /**
   * Whether the server is elsewhere: then a lost connection is made again in the background too, and one in trouble is asked
   * whether it lives. A process tells by itself when it ends, and its stray output is no trouble.
   */
  isRemote: boolean
  clock: Clock
}

/** One server's connection, made again as often as it is lost, never two at once. */
export interface Line {
  /**
   * The connection of the moment; opened when there is none.
   * @throws what `open` or `prepare` threw, or that the line was closed
   */
  link: () => Promise<Link>
  current: () => Link | null
  /** Lets go of it when it gives no answer. */
  probe: (link: Link) => Promise<void>
  /** Calls in flight on it fail now instead of waiting for their timeout. */
  drop: (link: Link) => void
  /** Resolves when nothing is left of any connection, those that were dropped or never stood included; rejects when something survives. */
  close: () => Promise<void>
}

const probeTimeoutMs = 5000
const firstRetryMs = 1000
const longestRetryMs = 30_000

export function createLine({ open, prepare, onStanding, isRemote, clock }: LineOptions): Line {
  const closing = new AbortController()
  /** The endings of earlier links, and of those that never stood, that are not over yet or left something behind. */
  const dropped = new Set<Promise<void>>()
  let held: Link | null = null
  let connecting: Promise<Link> | null = null
  let retries = 0
  let cancelRetry = () => {}

  const connect = async (): Promise<Link> => {
    closing.signal.throwIfAborted()
    let fresh: Link | null = null
    // What happens before the link stands is seen by the listing that follows the handshake.
    const ifCurrent = (react: (link: Link) => void) => () => { if (fresh !== null && held === fresh) react(fresh) }
    fresh = await open({ signal: closing.signal, onDropped: ifCurrent(drop), onTrouble: ifCurrent((link) => void probe(link)) })
    try {
      await prepare(fresh)
      closing.signal.throwIfAborted()
    } catch (error) {
      await fresh.close()
      throw error
    }
    held = fresh
    retries = 0
    onStanding(fresh)
    return fresh
  }
  const link = async () => held ?? (connecting ??= connect().catch(keepSurvivor).finally(() => { connecting = null }))
  /** Whoever asked may have given up, and a start in the background is asked for by nobody. */
  const keepSurvivor = (error: unknown): never => {
    if (error instanceof SurvivorError) letGo(Promise.reject(error))
    throw error
  }
  const letGo = (ending: Promise<void>) => {
    dropped.add(ending)
    ending.then(() => dropped.delete(ending), () => {})
  }
  const probe = async (asked: Link) => {
    if (isRemote && held === asked) await asked.ping(probeTimeoutMs).catch(() => drop(asked))
  }
  const drop = (lost: Link) => {
    if (held !== lost) return
    held = null
    letGo(lost.close())
    if (isRemote) retryLater()
  }
  const retryLater = () => {
    if (closing.signal.aborted) return
    const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(retries, 10))
    retries += 1
    cancelRetry()
    cancelRetry = clock.after(firstRetryMs / 2 + clock.random() * ceilingMs, () => { link().catch(retryLater) })
  }
  return {
    link, probe, drop,
    current: () => held,
    close: async () => {
      closing.abort(new Error('the connection was closed'))
      cancelRetry()
      if (held !== null) letGo(held.close())
      held = null
      await Promise.allSettled([...dropped, connecting])
      await Promise.all(dropped)
    },
  }
}
