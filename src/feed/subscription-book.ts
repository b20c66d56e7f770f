import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type CatalogServices } from '../catalog/context.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { nodeBeatMs, rememberedSubscriptionMs } from '../core/subscription-target.js'
import { beatNode, closeSubscriptions, writeSubscriptions } from '../db/subscription.js'

/**
 * Which workers' tokens are subscribed for whom on this node, as receipts have to know it: also a program that reports nothing can
 * run what it was told of.
 */
export interface SubscriptionBook {
  /**
   * Resolves when a subscription is written down and this node knows of every receipt that was opened before; only then may it be told anything.
   * @returns to be called once it ends; calling it again does nothing
   * @throws what the database threw, or that the server stops; nothing is held then
   */
  open: (tokenId: string, owner: OwnerRef) => Promise<() => void>
  close: () => Promise<void>
}

export interface SubscriptionBookOptions {
  services: Pick<CatalogServices, 'db' | 'now' | 'refresh'>
  onError: (error: unknown) => void
  /** Milliseconds between two writes; what comes meanwhile shares the next one. Default 25. */
  gapMs?: number
  /** Milliseconds between two signs of life. Default 30,000. */
  beatMs?: number
}

interface Held {
  tokenId: string
  owner: OwnerRef
  /** Open ones of this token and owner. */
  count: number
  /** As it is written; null while that is being changed. */
  isWrittenOpen: boolean | null
}

interface Waiter {
  resolve: () => void
  reject: (error: unknown) => void
}

/** A book's memory. */
interface Book extends SubscriptionBookOptions {
  gapMs: number
  nodeId: string
  held: Map<string, Held>
  /** Keys of what is not written as it now is. */
  changed: Set<string>
  waiters: Waiter[]
  running: Promise<void> | null
  isClosed: boolean
}

/** A thousand returns in a second are some forty statements, and one subscription alone waits for one. */
export function createSubscriptionBook({ gapMs = 25, beatMs = nodeBeatMs, ...options }: SubscriptionBookOptions): SubscriptionBook {
  const { services: { db, now }, onError } = options
  const book: Book = { ...options, gapMs, nodeId: randomUUID(), held: new Map(), changed: new Set(), waiters: [], running: null, isClosed: false }
  const timer = setInterval(() => void beat(book).catch(onError), beatMs)
  return {
    open: (tokenId, owner) => open(book, tokenId, owner),
    close: async () => {
      book.isClosed = true
      clearInterval(timer)
      await book.running
      for (const { reject } of book.waiters) reject(stopping())
      await closeSubscriptions(db, book.nodeId, now())
    },
  }
}

const stopping = () => new Error('the server stops')

async function open(book: Book, tokenId: string, owner: OwnerRef): Promise<() => void> {
  if (book.isClosed) throw stopping()
  const key = `${tokenId} ${ownerKey(owner)}`
  const one = book.held.get(key) ?? { tokenId, owner, count: 0, isWrittenOpen: false }
  book.held.set(key, one)
  one.count += 1
  let isLeft = false
  const release = () => {
    if (!isLeft) leave(book, key, one)
    isLeft = true
  }
  if (one.isWrittenOpen === true) return release
  book.changed.add(key)
  const written = new Promise<void>((resolve, reject) => { book.waiters.push({ resolve, reject }) })
  run(book)
  await written.catch((error: unknown) => {
    release()
    throw error
  })
  return release
}

function leave(book: Book, key: string, one: Held): void {
  one.count -= 1
  if (one.count > 0) return
  book.changed.add(key)
  run(book)
}

/** One write after the other, while there is something to write. After an error what nobody waits for is left to the next beat. */
function run(book: Book): void {
  if (book.isClosed) return
  book.running ??= writeAll(book).catch(book.onError).finally(() => {
    book.running = null
    if (book.waiters.length > 0) run(book)
  })
}

async function writeAll(book: Book): Promise<void> {
  while (book.changed.size > 0 && !book.isClosed) {
    await write(book)
    await delay(book.gapMs)
  }
}

async function write(book: Book): Promise<void> {
  const { services: { db, now, refresh }, nodeId, held, changed, waiters } = book
  const keys = [...changed]
  const batch = keys.map((key) => held.get(key)!)
  const written = batch.map(({ tokenId, owner, count }) => ({ tokenId, owner, isOpen: count > 0 }))
  changed.clear()
  book.waiters = []
  for (const one of batch) one.isWrittenOpen = null
  try {
    await writeSubscriptions(db, nodeId, written, now())
    // Before it counts as written: whoever comes now must not be served what a receipt has taken away by then.
    if (waiters.length > 0) await refresh()
  } catch (error) {
    // Nobody knows what is written now.
    for (const key of keys) changed.add(key)
    for (const { reject } of waiters) reject(error)
    throw error
  }
  batch.forEach((one, at) => settle(book, keys[at]!, one, written[at]!.isOpen))
  for (const { resolve } of waiters) resolve()
}

function settle({ held, changed }: Book, key: string, one: Held, isOpen: boolean): void {
  one.isWrittenOpen = isOpen
  if ((one.count > 0) !== isOpen) changed.add(key)
  if (one.count > 0 || isOpen) return
  held.delete(key)
  changed.delete(key)
}

/** While nobody is subscribed nothing has to be said; a node that was forgotten meanwhile says everything anew. */
async function beat(book: Book): Promise<void> {
  const { services: { db, now }, nodeId, held, changed } = book
  if (held.size === 0) return
  const isForgotten = await beatNode(db, nodeId, now(), new Date(now().getTime() - rememberedSubscriptionMs))
  if (isForgotten) for (const key of held.keys()) changed.add(key)
  run(book)
}
