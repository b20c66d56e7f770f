export interface PathWatch {
  /** What was just seen at a path, by a look or by a read: another text than before, another value. */
  saw: (path: string, what: string) => void
  /** Only these are looked at from now on. */
  watch: (paths: ReadonlySet<string>) => void
  /** Something may have happened: looks before the next round is due. */
  hint: () => void
  /** Resolves when no look runs any more, nor ever will. */
  close: () => Promise<void>
}

export interface PathWatchOptions {
  /** Looks at each path and tells what it saw. What it cannot look at it leaves out; it never rejects. */
  look: (paths: ReadonlySet<string>) => Promise<void>
  /** Between the end of a round and the next one; up to a fifth more by chance, so that nodes do not ask all at once. */
  everyMs: number
  changed: (path: string) => void
}

/** From a hint to the look that it causes. Further ones in between are answered by the same look, and never put it off. */
const hintMs = 20

/** Remembers what was seen at paths, and looks again: in rounds, one at a time, and on hints, none of which is lost. */
export function createPathWatch({ look, everyMs, changed }: PathWatchOptions): PathWatch {
  const seen = new Map<string, string>()
  let watched: ReadonlySet<string> = new Set()
  let round: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let isHinted = false
  let isClosed = false

  function plan(waitMs: number): void {
    clearTimeout(timer)
    if (isClosed || watched.size === 0) isHinted = false
    else timer = setTimeout(() => { round = lookOnce() }, waitMs).unref()
  }

  async function lookOnce(): Promise<void> {
    isHinted = false
    await look(watched)
    round = null
    plan(isHinted ? hintMs : everyMs * (1 + Math.random() / 5))
  }

  const hint = () => {
    if (isHinted || watched.size === 0) return
    isHinted = true
    if (round === null) plan(hintMs)
  }

  return {
    saw: (path, what) => {
      const before = seen.get(path)
      seen.set(path, what)
      if (!isClosed && before !== undefined && before !== what) changed(path)
    },
    watch: (paths) => {
      const isLarger = [...paths].some((path) => !watched.has(path))
      watched = new Set(paths)
      for (const path of seen.keys()) if (!watched.has(path)) seen.delete(path)
      if (isLarger) hint()
    },
    hint,
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await round
    },
  }
}
