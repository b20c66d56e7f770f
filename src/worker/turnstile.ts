/** Runs `work` when there is a place for it. @throws the signal's reason when that aborts before */
export type Turnstile = <Result>(work: () => Promise<Result>, signal: AbortSignal) => Promise<Result>

/** At most `most` at once; the others wait, first come first served. Whoever gives up waits no longer. */
export function createTurnstile(most: number): Turnstile {
  let running = 0
  const waiting = new Set<() => void>()
  const enter = (signal: AbortSignal) => new Promise<void>((resolve, reject) => {
    const admit = () => {
      signal.removeEventListener('abort', giveUp)
      running += 1
      resolve()
    }
    const giveUp = () => {
      waiting.delete(admit)
      reject(signal.reason as Error)
    }
    if (running < most) return admit()
    waiting.add(admit)
    signal.addEventListener('abort', giveUp, { once: true })
  })
  return async (work, signal) => {
    signal.throwIfAborted()
    await enter(signal)
    try {
      return await work()
    } finally {
      running -= 1
      const [next] = waiting
      if (next !== undefined) {
        waiting.delete(next)
        next()
      }
    }
  }
}
