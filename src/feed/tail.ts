import { readChangesAfter, pruneChanges } from '../db/change-log.js'
import { type Database } from '../db/client.js'
import { readHead } from '../db/head.js'
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
  /** Whether to LISTEN; default true. Everything works without, later by up to `pollMs`. */
  listens?: boolean
}

export interface Tail {
  /** Reads now; resolves when everything committed before the call is in the index. */
  poll: () => Promise<void>
  /** Whether the log was read to its end within the last ten seconds; without that no bookmark may vouch for anything. */
  isFresh: () => boolean
  close: () => Promise<void>
}

const freshForMs = 10_000
/** Once in so many slow reads the log is pruned. */
const pruneEvery = 3_600

/**
 * The one reader of the change log in a process; it alone moves the index. It reads after the last sequence on every
 * wake-up, on every (re)listen and on a slow timer, one statement at a time. NOTIFY is a hint and carries nothing.
 */
export async function startTail(options: TailOptions): Promise<Tail> {
  const { database, index, onBatch, onError, pollMs = 1_000, listens = true } = options
  let lastReadAt = -Infinity
  let running: Promise<void> | null = null
  let next: Promise<void> | null = null
  let ticks = 0
  let isCheckDue = false

  async function read(): Promise<void> {
    if (isCheckDue) await checkHead()
    const changes = await readChangesAfter(database.db, index.state.sequence)
    const [first] = changes
    if (first !== undefined && first.sequence !== index.state.sequence + 1) return reload()
    lastReadAt = performance.now()
    if (changes.length > 0) onBatch(index.apply(changes))
  }

  async function reload(): Promise<void> {
    const { loaded, recent } = await loadCatalog(database.db)
    index.reload(loaded, recent)
    lastReadAt = performance.now()
    onBatch('RELOADED')
  }

  /** A database that was restored may stand before us, or be another one: then what we hold is worth nothing. */
  async function checkHead(): Promise<void> {
    const head = await readHead(database.db)
    isCheckDue = false
    if (head.incarnation !== index.state.incarnation || head.sequence < index.state.sequence) await reload()
    if (++ticks % pruneEvery === 0) await pruneChanges(database.db, head.sequence, 2 * keptChanges)
  }

  /** One read at a time, and one that waits: whoever asks meanwhile shares the waiting one, which starts after the ask. */
  function poll(): Promise<void> {
    if (next !== null) return next
    if (running === null) return begin()
    next = running.then(() => {
      next = null
      return begin()
    })
    return next
  }

  function begin(): Promise<void> {
    running = read().catch(onError).finally(() => { running = null })
    return running
  }

  await poll()
  const listener = listens ? await database.listen(() => void poll()) : null
  const timer = setInterval(() => {
    isCheckDue = true
    void poll()
  }, pollMs)
  return {
    poll,
    isFresh: () => performance.now() - lastReadAt < freshForMs,
    close: async () => {
      clearInterval(timer)
      await listener?.unlisten().catch(() => {})
      await (next ?? running)
    },
  }
}
