import { Button } from '@mantine/core'
import { Link } from 'react-router'
import { useLivePages } from '../data/use-live-pages.js'
import { EntryReceiptsDocument } from '../generated/graphql.js'
import { RevocationBadge } from '../parts/badge.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { RelativeTime } from '../parts/relative-time.js'
import classes from './entries.module.css'

/** Whenever it was taken from sessions, newest first. */
export function Receipts({ id }: { id: string }) {
  const { items, hasMore, isLoading, problem, more } = useLivePages(EntryReceiptsDocument, { variables: { id }, topics: ['revocations', 'workers'], pageOf: ({ revocations }) => revocations })
  return (
    <>
      <InlineError problem={problem} />
      {!isLoading && items.length === 0 && problem === null && <p>It was never taken from a session.</p>}
      <ul className={classes.rows} aria-label="Receipts">
        {items.map(({ id: receiptId, state, reason, stoppedCount, targetCount, requestedAt, requestedBy }) => (
          <li key={receiptId} className={classes.receipt}>
            <Link to={`/revocations/${receiptId}`}><OutsideText>{reason}</OutsideText></Link>
            <RevocationBadge state={state} />
            <span className={classes.note}>{stoppedCount} of {targetCount} stopped, by <OutsideText>{requestedBy.displayName}</OutsideText>, <RelativeTime at={requestedAt} /></span>
          </li>
        ))}
      </ul>
      {hasMore && <Button variant="default" onClick={more}>Older receipts</Button>}
    </>
  )
}
