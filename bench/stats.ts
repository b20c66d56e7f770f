/** The value that `share` of all stay at or below (0.5: the median of many); null of nothing. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

/** Of an even number the mean of the middle two, so that two rounds count alike. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

export interface Spread {
  count: number
  p50: number | null
  p95: number | null
}

export function spread(values: readonly number[]): Spread {
  return { count: values.length, p50: percentile(values, 0.5), p95: percentile(values, 0.95) }
}

export interface Summary {
  count: number
  p50: number | null
  p99: number | null
  max: number | null
}

export function summarize(values: readonly number[]): Summary {
  return { count: values.length, p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) }
}
