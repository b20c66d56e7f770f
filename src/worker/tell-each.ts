/** Tells each of them. What a listener throws is its own affair: it keeps nothing from the others, nor from whoever tells. */
export function tellEach<Args extends unknown[]>(listeners: Iterable<(...args: Args) => void>, ...args: Args): void {
  for (const listener of [...listeners]) {
    try {
      listener(...args)
    } catch {
      // Nothing.
    }
  }
}
