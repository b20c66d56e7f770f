export type Side = 'server' | 'worker'

export interface Passed {
  side: Side
  step: string
}

/** Watches the steps of all processes, from the moment on in which a change is decided, and strikes once at the one that it was told. */
export interface Director {
  at: (side: Side, step: string) => Promise<void>
  /** From now on: remembers what passes once a change is decided, and strikes at the first passing of that step. */
  watch: (planned?: Passed & { strike: () => Promise<void> }) => void
  /** What passed since, each step once, in the order of its first passing. */
  seen: () => Passed[]
  hasStruck: () => boolean
  /** Nothing is struck any more; resolves when nothing is being struck. */
  rest: () => Promise<void>
}

/** Before it, whatever passes belongs to what was before: a report that was late, say. */
const first = 'server change.decided'

export function createDirector(): Director {
  let seen = new Map<string, Passed>()
  let planned: { key: string; strike: () => Promise<void> } | null = null
  let striking: Promise<void> | null = null
  let hasStruck = false
  return {
    watch: (next) => {
      seen = new Map()
      planned = next === undefined ? null : { key: `${next.side} ${next.step}`, strike: next.strike }
      striking = null
      hasStruck = false
    },
    at: async (side, step) => {
      const key = `${side} ${step}`
      if (key !== first && !seen.has(first)) return
      if (!seen.has(key)) seen.set(key, { side, step })
      if (planned?.key !== key) return
      striking = planned.strike()
      planned = null
      await striking
      hasStruck = true
    },
    seen: () => [...seen.values()],
    hasStruck: () => hasStruck,
    rest: async () => {
      planned = null
      await striking
    },
  }
}
