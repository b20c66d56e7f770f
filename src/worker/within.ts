/**
 * What `work` resolves with, if that takes no more than `timeoutMs`. The work itself goes on.
 * @throws Error with `message` after that time
 */
export async function within<Result>(timeoutMs: number, work: Promise<Result>, message: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
