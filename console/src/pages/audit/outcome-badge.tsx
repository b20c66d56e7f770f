import { Badge } from '../../parts/badge.js'

/** Nothing for what simply was done. */
export function OutcomeBadge({ outcome }: { outcome: string }) {
  if (outcome === 'OK') return null
  return outcome === 'BREAK_GLASS' ? <Badge tone="warn">broke glass</Badge> : <Badge tone="bad">{outcome === 'DENIED' ? 'refused' : outcome.toLowerCase()}</Badge>
}
