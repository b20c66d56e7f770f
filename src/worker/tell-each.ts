/**
 * Tells each of them. What a listener throws, at once or in a promise, is its own affair: it keeps nothing from the others, nor
 * from whoever tells. Every function of the host that is only told something is called through here.
 */
export function tellEach<Args extends unknown[]>(listeners: Iterable<(...args: Args) => unknown>, ...args: Args): void {
  for (const listener of [...listeners]) {
    try {
      const answer = listener(...args)
      if (answer instanceof Promise) answer.catch(() => {})
    } catch {
      // Nothing.
    }
  }
}
