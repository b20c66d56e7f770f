/** Time and chance, as parameters: tests turn the clock by hand and never wait. */
export interface Clock {
  /** Milliseconds of a monotonic clock; the wall clock never decides about trust. */
  nowMs: () => number
  /** In [0, 1). */
  random: () => number
  /**
   * Runs `task` once, `delayMs` from now; returns what cancels it. Keeps the process alive, or a worker that waits to
   * reconnect would end in silence.
   */
  after: (delayMs: number, task: () => void) => () => void
}

/** Node's timers hold 31 bits; a longer delay would fire at once. */
const longestDelayMs = 2 ** 31 - 1

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  random: () => Math.random(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), longestDelayMs))
    return () => clearTimeout(timer)
  },
}
