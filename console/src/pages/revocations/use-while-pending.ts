import { useEffect, useEffectEvent, useRef } from 'react'
import { useNow } from '../../parts/use-now.js'

/**
 * Reads again every quarter of a minute while something waits: that a deadline has passed, or that a worker is silent, is a matter of time,
 * of which nobody tells.
 */
export function useWhilePending(isPending: boolean, refresh: () => void): void {
  const now = useNow()
  const seen = useRef(now)
  const tick = useEffectEvent(() => {
    if (isPending && seen.current !== now) refresh()
    seen.current = now
  })
  useEffect(() => tick(), [now])
}
