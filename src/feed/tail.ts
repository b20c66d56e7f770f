import { type LoggedChange } from '../core/change.js'
import { readChangesAfter, pruneChanges } from '../db/change-log.js'
import { type Database } from '../db/client.js'
import { settleHead } from '../db/head.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { keptChanges, loadCatalog } from '../index/load.js'
import { type Touched } from '../index/state.js'

export interface TailOptions {
  database: Database
  index: CatalogIndex
  /** After each batch; 'RELOADED' when the index was replaced and every view must be sent anew. */
  onBatch: (touched: Touched | 'RELOADED') => void
  onError: (error: unknown) => void
  /** Milliseconds between reads that nobody asked for; default 1,000. With NOTIFY working it only catches what was lost. */
  pollMs?: number
  /** Milliseconds after a read for which the index counts as fresh; default 10,000. */
  freshForMs?: number
  /** Whether to LISTEN; default true. Everything works without, later by up to `pollMs`. */
  listens?: boolean
}

export interface Tail {
  /**
   * Reads now; resolves when everything committed before the call is in the index, rejects when the database cannot be read.
   * @param checksHead looks at the head as well, as slow reads do: the database may have been restored
   */
  poll: (checksHead?: boolean) => Promise<void>
  /** What this process itself committed; taken as it is when nothing lies in between, else read. */
  took: (changes: LoggedChange[]) => void
  /** Whether the log was read to its end within `freshForMs`; without that no bookmark may vouch for anything. */
  isFresh: () => boolean
  /** Seconds since the log was last read to its end. */
  lagSeconds: () => number
  close: () => Promise<void>
}

/** At the start, and once in so many slow reads, the log is pruned. */
const pruneEvery = 3_600

/**
 * The one reader of the change log in a process; it alone moves the index. It reads after the last sequence on every
 * wake-up, on every (re)listen and on a slow timer, one statement at a time. NOTIFY is a hint and carries nothing.
 */
export async function startTail(options: TailOptions): Promise<Tail> {
  const { database, index, onBatch, onError, pollMs = 1_000, freshForMs = 10_000, listens = true } = options
  let lastReadAt = -Infinity
  let running: Promise<void> | null = null
  let next: Promise<void> | null = null
  let ticks = 0
  let isCheckDue = false

  async function read(): Promise<void> {
    if (isCheckDue) await checkHead()
    const rows = await readChangesAfter(database.side, index.state.sequence, keptChanges + 1)
    // What this process committed meanwhile may be in the index already.
    const changes = rows.filter(({ sequence }) => sequence > index.state.sequence)
    const [first] = changes
    // Pruned meanwhile, or more than is worth following one by one.
    if ((first !== undefined && first.sequence !== index.state.sequence + 1) || changes.length > keptChanges) return reload()
    lastReadAt = performance.now()
    if (changes.length > 0) tell(index.apply(changes))
  }

  async function reload(): Promise<void> {
    const { loaded, recent } = await loadCatalog(database.side)
    // Overtaken by commits of this process: the index has all of it, and must not go back.
    if (loaded.incarnation === index.state.incarnation && loaded.sequence < index.state.sequence) return
    index.reload(loaded, recent)
    lastReadAt = performance.now()
    tell('RELOADED')
  }

  /** A database that was restored may stand before us, or be another one: then what we hold is worth nothing. */
  async function checkHead(): Promise<void> {
    // As it is before the head is read: what is committed meanwhile must not look like a loss.
    const { incarnation, sequence } = index.state
    const head = await settleHead(database.side, { incarnation, sequence })
    isCheckDue = false
    if (head.incarnation !== index.state.incarnation) await reload()
    if (ticks++ % pruneEvery === 0) await pruneChanges(database.side, head.sequence, 2 * keptChanges)
  }

  /** The index has moved by now: what a listener makes of it is no failure of the read. */
  function tell(touched: Touched | 'RELOADED'): void {
    try {
      onBatch(touched)
    } catch (error) {
      onError(error)
    }
  }

  /** One read at a time, and one that waits: whoever asks meanwhile shares the waiting one, which starts after the ask. */
  function poll(checksHead = false): Promise<void> {
    isCheckDue ||= checksHead
    if (next !== null) return next
    if (running === null) return begin()
    const after = () => {
      next = null
      return begin()
    }
    next = running.then(after, after)
    return next
  }

  function begin(): Promise<void> {
    running = read().finally(() => { running = null })
    return running
  }

  function took(changes: LoggedChange[]): void {
    if (changes[0]?.sequence !== index.state.sequence + 1) return void poll().catch(onError)
    tell(index.apply(changes))
  }

  await poll()
  if (listens) await database.listen((sequence) => { if (sequence === null || sequence > index.state.sequence) poll().catch(onError) })
  const timer = setInterval(() => void poll(true).catch(onError), pollMs)
  return {
    poll, took,
    isFresh: () => performance.now() - lastReadAt < freshForMs,
    lagSeconds: () => (performance.now() - lastReadAt) / 1_000,
    close: async () => {
      clearInterval(timer)
      await (next ?? running)?.catch(() => {})
    },
  }
}
