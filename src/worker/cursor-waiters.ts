import { hasReached } from './follower.js'

/** Who waits for a session to hear of everything up to a cursor. */
export interface CursorWaiters {
  /** Rejects only through `rejectAll`. */
  wait: (cursor: string) => Promise<void>
  /** Everything up to `cursor` was heard. */
  reached: (cursor: string) => void
  rejectAll: (error: Error) => void
}

interface Waiter {
  cursor: string
  resolve: () => void
  reject: (error: Error) => void
}

export function createCursorWaiters(): CursorWaiters {
  const waiters = new Set<Waiter>()
  return {
    wait: (cursor) => new Promise((resolve, reject) => waiters.add({ cursor, resolve, reject })),
    reached: (cursor) => {
      for (const waiter of [...waiters]) {
        if (!hasReached(cursor, waiter.cursor)) continue
        waiters.delete(waiter)
        waiter.resolve()
      }
    },
    rejectAll: (error) => {
      for (const { reject } of waiters) reject(error)
      waiters.clear()
    },
  }
}
