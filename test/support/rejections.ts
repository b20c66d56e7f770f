/**
 * What `work` lets be rejected without anybody to take it, which ends a process of Node's. Whoever started it hears of it
 * when the turn of the loop is over, so one more is waited for.
 */
export async function unhandledIn(work: () => Promise<unknown>): Promise<unknown[]> {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  try {
    await work()
    await new Promise((resolve) => setImmediate(resolve))
    return unhandled
  } finally {
    process.off('unhandledRejection', note)
  }
}
