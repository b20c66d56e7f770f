/** Runs `work` when there is a place for it. @throws the signal's reason when that aborts before */
export type StartLimit = <Result>(work: () => Promise<Result>, signal: AbortSignal) => Promise<Result>

/**
 * At most so many at once; the others wait in their order. Whoever waits stops when its signal aborts, so what is withdrawn
 * waits for nobody; a place that gets free goes to the next one directly.
 */
export function createStartLimit(most: number): StartLimit {
  const waiting = new Set<() => void>()
  let running = 0
  const place = (signal: AbortSignal) => new Promise<void>((resolve, reject) => {
    const enter = () => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }
    const giveUp = () => {
      waiting.delete(enter)
      reject(signal.reason as Error)
    }
    waiting.add(enter)
    signal.addEventListener('abort', giveUp, { once: true })
  })
  return async (work, signal) => {
    signal.throwIfAborted()
    if (running < most) running += 1
    else await place(signal)
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next === undefined) running -= 1
      else {
        waiting.delete(next)
        next()
      }
    }
  }
}
