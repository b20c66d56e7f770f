/**
 * Lets a few through in each second, whoever they are: for work that an address that sent too many bad tokens may still cause, since good ones may come
 * from it too.
 * @param now in milliseconds
 */
export function createTrickle(perSecond: number, now: () => number): () => boolean {
  let second = -Infinity
  let passed = 0
  return () => {
    const at = now()
    // A clock that was set back begins a second, too.
    if (at >= second + 1_000 || at < second) {
      second = at
      passed = 0
    }
    passed += 1
    return passed <= perSecond
  }
}
