import { useLiveQuery } from '../../data/use-live-query.js'
import { ApprovalReachDocument } from '../../generated/graphql.js'
import { OutsideText } from '../../parts/outside-text.js'
import { type ReachOfEntry, reachText, workersText } from './approval-text.js'

/** Who may use an entry once it is approved, and how many workers have sessions for them now. */
export function WhoGetsIt({ entry }: { entry: ReachOfEntry & { id: string } }) {
  const { data } = useLiveQuery(ApprovalReachDocument, { variables: { entryId: entry.id }, topics: ['workers', 'entries'] })
  return <p>It is for <OutsideText>{reachText(entry)}</OutsideText>. {data === undefined ? 'Looking which sessions will get it…' : workersText(data.convergence.workers)}</p>
}
