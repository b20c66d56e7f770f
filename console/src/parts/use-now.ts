import { useSyncExternalStore } from 'react'

const everyMs = 15_000
const listeners = new Set<() => void>()
let now = Date.now()
let ticking: ReturnType<typeof setInterval> | undefined

function watch(listener: () => void): () => void {
  listeners.add(listener)
  now = Date.now()
  ticking ??= setInterval(() => {
    now = Date.now()
    for (const each of [...listeners]) each()
  }, everyMs)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(ticking)
    ticking = undefined
  }
}

/** Milliseconds since the epoch, moving on every 15 seconds: one timer for all that show an age. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now)
}
