import { type Clock } from './clock.js'

const firstRetryMs = 1000
const longestRetryMs = 60_000

/** Milliseconds until something is tried again that has failed so often in a row: a jittered back-off of up to a minute. */
export function retryDelayMs(failures: number, clock: Clock): number {
  const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 10))
  return firstRetryMs / 2 + clock.random() * ceilingMs
}
