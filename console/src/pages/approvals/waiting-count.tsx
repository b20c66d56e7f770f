import { useLiveQuery } from '../../data/use-live-query.js'
import { ApprovalCountDocument } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'

/** How many requests wait: for admins all, for others those of their own entries and teams. None shows nothing. */
export function WaitingCount() {
  const { data } = useLiveQuery(ApprovalCountDocument, { variables: {}, topics: ['approvals', 'policy'] })
  const count = data?.approvals.nodes.length ?? 0
  if (count === 0) return null
  return <Badge tone="warn" title="Requests that wait">{count}{data?.approvals.pageInfo.hasNextPage && '+'}<span className="visually-hidden"> waiting</span></Badge>
}
