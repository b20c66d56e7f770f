/** What may have changed: pages say what they show, and read it again when that is named. */
export const topics = ['entries', 'approvals', 'workers', 'revocations', 'secrets', 'policy', 'people', 'tokens', 'signIns', 'tools', 'audit', 'probes'] as const
export type Topic = (typeof topics)[number]

/** Changes come in bursts: the first is told at once, and what follows within this time together. */
const foldMs = 150

/** Who changed what is known to the server alone; here is only counted how often something was told of a topic. */
export interface Live {
  /** Another number whenever something of a topic changed. */
  version: (of: readonly Topic[]) => number
  /** @returns ends it */
  watch: (listener: () => void) => () => void
  touch: (changed: readonly Topic[]) => void
}

export function createLive(): Live {
  const versions = new Map<Topic, number>()
  const listeners = new Set<() => void>()
  const waiting = new Set<Topic>()
  let isFolding = false
  const tell = (changed: Iterable<Topic>) => {
    for (const topic of changed) versions.set(topic, (versions.get(topic) ?? 0) + 1)
    for (const listener of [...listeners]) listener()
  }
  const endFold = () => {
    isFolding = false
    if (waiting.size === 0) return
    const changed = [...waiting]
    waiting.clear()
    fold()
    tell(changed)
  }
  const fold = () => {
    isFolding = true
    setTimeout(endFold, foldMs)
  }
  return {
    version: (of) => of.reduce((sum, topic) => sum + (versions.get(topic) ?? 0), 0),
    watch: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    touch: (changed) => {
      if (isFolding) return changed.forEach((topic) => waiting.add(topic))
      fold()
      tell(changed)
    },
  }
}
