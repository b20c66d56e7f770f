export type Side = 'server' | 'worker'

/** Watches the steps of all processes, and strikes once at the one that it was told. */
export interface Director {
  at: (side: Side, step: string) => Promise<void>
  /** From now on: remembers what passes, and strikes at the first passing of that step. */
  plan: (side: Side, step: string, strike: () => Promise<void>) => void
  watch: () => void
  /** What passed since, each step once, in the order of its first passing. */
  seen: () => Array<{ side: Side; step: string }>
  hasStruck: () => boolean
  /** Nothing is struck any more. */
  rest: () => void
}

export function createDirector(): Director {
  let seen = new Map<string, { side: Side; step: string }>()
  let planned: { key: string; strike: () => Promise<void> } | null = null
  let hasStruck = false
  const watch = () => {
    seen = new Map()
    planned = null
    hasStruck = false
  }
  return {
    watch,
    at: async (side, step) => {
      const key = `${side} ${step}`
      if (!seen.has(key)) seen.set(key, { side, step })
      if (planned?.key !== key) return
      const { strike } = planned
      planned = null
      await strike()
      hasStruck = true
    },
    plan: (side, step, strike) => {
      watch()
      planned = { key: `${side} ${step}`, strike }
    },
    seen: () => [...seen.values()],
    hasStruck: () => hasStruck,
    rest: () => { planned = null },
  }
}
