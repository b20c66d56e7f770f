import { isConnected } from '../../../../src/core/connected.js'
import { Badge } from '../../parts/badge.js'
import { useNow } from '../../parts/use-now.js'

/** By when it was last heard of, which every report brings; a silent worker loses it without any report. */
export function ConnectedBadge({ lastSeenAt }: { lastSeenAt: string }) {
  const now = useNow()
  return isConnected(new Date(lastSeenAt), new Date(now)) ? <Badge tone="good">connected</Badge> : <Badge tone="warn" title="Not heard of for 90 seconds">silent</Badge>
}

/** How far it is. `cursor` null and no lag: it has no session. */
export function LagBadge({ lagSeconds, cursor }: { lagSeconds: number | null; cursor: string | null }) {
  if (lagSeconds !== null) return <Badge tone="warn" title="There has been a change for so long that it does not have">{Math.ceil(lagSeconds)} s behind</Badge>
  return cursor === null ? <Badge>no sessions</Badge> : <Badge tone="good">current</Badge>
}
