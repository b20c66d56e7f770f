import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { type PinSource } from './pin-source.js'
import { retryDelayMs } from './retry-delay.js'
import { type ToolBook } from './tool-book.js'

/** Has the catalog know what one server offers, as often as that is another. */
export interface ToolPinning {
  /** The list, or what it is held to, may be another one. Never rejects; what failed is tried again. */
  tell: () => Promise<void>
  /** The same before the server is offered: waits for the answer, and no longer than three seconds, while nothing is pinned yet. */
  tellFirst: () => Promise<void>
  /** Why the catalog does not know what it should; null: it does. */
  trouble: () => string | null
  close: () => void
}

/** As long as for the report of a session that opens. Whoever cannot be asked in that time holds up no start: the tools come when the answer does. */
const firstWaitMs = 3_000

export function createToolPinning(source: PinSource, book: ToolBook, clock: Clock): ToolPinning {
  let isClosed = false
  let failures = 0
  let trouble: string | null = null
  let cancelRetry = () => {}
  const tell = async (): Promise<void> => {
    cancelRetry()
    if (isClosed) return
    try {
      await source.tell(book.seen())
      failures = 0
      trouble = null
    } catch (error) {
      failures += 1
      trouble = `The catalog did not take the inventory of its tools: ${messageOf(error)}`
      cancelRetry()
      if (!isClosed) cancelRetry = clock.after(retryDelayMs(failures, clock), () => void tell())
    }
    book.review()
  }
  return {
    tell,
    tellFirst: async () => {
      const told = tell()
      if (!source.holds() || source.pins() !== null) return
      let cancelWait = () => {}
      await Promise.race([told, new Promise<void>((resolve) => { cancelWait = clock.after(firstWaitMs, resolve) })])
      cancelWait()
    },
    trouble: () => trouble,
    close: () => {
      isClosed = true
      cancelRetry()
    },
  }
}
