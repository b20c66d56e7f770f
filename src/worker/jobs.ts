import { messageOf } from './errors.js'

/** What goes on in one session: the one queue through which its adapter hears of things, and work that may be waited for. */
export interface Jobs {
  /** Runs it after everything that was enqueued before it, one at a time; a step that fails does not hold up the next. */
  enqueue: <Result>(step: () => Promise<Result>) => Promise<Result>
  /** Failures are logged. `position`: place of the view that the work was decided on; null: none, as of static entries. */
  track: (position: number | null, work: Promise<void>) => void
  /** Resolves when the work that was tracked by now and was decided up to that place is over. Null: all of it. */
  settled: (position: number | null) => Promise<void>
}

/** @param ready what the first step waits for; the steps fail if it does */
export function createJobs(ready: Promise<void>, log: (message: string) => void): Jobs {
  const jobs = new Set<{ position: number | null; done: Promise<void> }>()
  let queue: Promise<unknown> = Promise.resolve()
  return {
    enqueue: (step) => {
      const result = queue.then(() => ready).then(step)
      queue = result.catch(() => {})
      return result
    },
    track: (position, work) => {
      const job = { position, done: work.catch((error: unknown) => log(`session: ${messageOf(error)}`)) }
      jobs.add(job)
      void job.done.then(() => jobs.delete(job))
    },
    settled: async (position) => {
      const awaited = [...jobs].filter((job) => position === null || (job.position !== null && job.position <= position))
      await Promise.all(awaited.map(({ done }) => done))
    },
  }
}
