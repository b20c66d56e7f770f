import { type Clock } from './clock.js'
import { messageOf } from './errors.js'
import { type PinSource } from './pin-source.js'
import { retryDelayMs } from './retry-delay.js'
import { type ToolBook } from './tool-book.js'

/** Has the catalog know what one server offers, as often as that is another. */
export interface ToolPinning {
  /**
   * The list, or what it is held to, may be another one. Never rejects. One report at a time; what failed is tried again after a while, and after each that
   * told of something else there is a pause twice as long as the one before: a server that says something new every time must not fill the catalog's log.
   */
  tell: () => Promise<void>
  /** The same before the server is offered: waits for the answer, and no longer than three seconds, while nothing is pinned yet. */
  tellFirst: () => Promise<void>
  /** Why the catalog does not know what it should; null: it does. */
  trouble: () => string | null
  close: () => void
}

/** As long as for the report of a session that opens. Whoever cannot be asked in that time holds up no start: the tools come when the answer does. */
const firstWaitMs = 3_000
const firstPauseMs = 1_000
const longestPauseMs = 300_000

export function createToolPinning(source: PinSource, book: ToolBook, clock: Clock): ToolPinning {
  let isClosed = false
  let failures = 0
  let reports = 0
  let trouble: string | null = null
  let telling: Promise<void> | null = null
  /** Whether there may be something to tell that no round has looked at. */
  let isOpen = false
  let isPausing = false
  let endPause = () => {}
  let release = () => {}

  const pause = (delayMs: number) => {
    if (isClosed) return
    isPausing = true
    endPause = clock.after(delayMs, () => {
      isPausing = false
      if (isOpen) void tell()
    })
  }
  const report = async (): Promise<void> => {
    try {
      if (await source.tell(book.seen())) {
        pause(Math.min(longestPauseMs, firstPauseMs * 2 ** reports))
        reports += 1
      }
      failures = 0
      trouble = null
    } catch (error) {
      failures += 1
      trouble = `The catalog did not take the inventory of its tools: ${messageOf(error)}`
      isOpen = true
      pause(retryDelayMs(failures, clock))
    }
  }
  const rounds = async (): Promise<void> => {
    while (isOpen && !isClosed) {
      const isDue = source.isDue(book.seen())
      if (isDue && isPausing) break
      isOpen = false
      if (isDue) await report()
      else trouble = null
      book.review()
    }
  }
  const tell = (): Promise<void> => {
    isOpen = true
    return telling ??= rounds().finally(() => {
      telling = null
      // Asked for between the last look and here.
      if (isOpen && !isPausing && !isClosed) void tell()
    })
  }
  return {
    tell,
    tellFirst: async () => {
      const told = tell()
      if (!source.holds() || source.pins() !== null) return
      let cancelWait = () => {}
      await Promise.race([told, new Promise<void>((resolve) => {
        release = resolve
        cancelWait = clock.after(firstWaitMs, resolve)
      })])
      cancelWait()
    },
    trouble: () => trouble,
    close: () => {
      isClosed = true
      endPause()
      release()
    },
  }
}
