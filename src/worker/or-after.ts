import { type Clock } from './clock.js'

/** Settles with the step, or resolves `limitMs` from now if that is sooner; the step goes on, and what it rejects with then is its own affair. */
export function orAfter(clock: Clock, limitMs: number, step: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, resolve)
    step.then(resolve, reject).finally(cancel)
  })
}
