import { Button } from '@mantine/core'
import { useLivePages } from '../../data/use-live-pages.js'
import { type Page } from '../../data/page-segments.js'
import { RevocationTargetsDocument, type RevocationTargetsQuery } from '../../generated/graphql.js'
import { AppliedBadge, Badge } from '../../parts/badge.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import classes from './revocations.module.css'

type Target = NonNullable<RevocationTargetsQuery['revocation']>['targets']['nodes'][number]

const none: Page<Target> = { nodes: [], pageInfo: { hasNextPage: false } }

/** Each session that had it, of those that the viewer may see, with what it last said. */
export function Targets({ id, count }: { id: string; count: number }) {
  const { items, hasMore, isLoading, problem, more } = useLivePages(RevocationTargetsDocument, {
    variables: { id }, topics: ['revocations', 'workers'], pageOf: ({ revocation }): Page<Target> => revocation?.targets ?? none,
  })
  const hidden = count - items.length
  return (
    <>
      <InlineError problem={problem} />
      {isLoading && <p role="status">Loading…</p>}
      {!isLoading && count === 0 && <p>No session had it.</p>}
      <ul className={classes.targets} aria-label="Sessions that had it">
        {items.map((target) => <li key={`${target.worker?.id} ${target.sessionId}`}><TargetRow target={target} /></li>)}
      </ul>
      {hasMore && <Button variant="default" onClick={more}>More sessions</Button>}
      {!isLoading && !hasMore && hidden > 0 && <p>{hidden} more {hidden === 1 ? 'is' : 'are'} not yours to see; the count has them.</p>}
    </>
  )
}

function TargetRow({ target: { worker, sessionId, state, at, reason, refusedCalls, mustStopBy } }: { target: Target }) {
  return (
    <>
      <span className={classes.name}>{worker == null ? 'no known worker' : <OutsideText>{worker.name}</OutsideText>} <code><OutsideText>{sessionId}</OutsideText></code></span>
      {state === 'APPLIED' ? <Badge tone="warn">still has it</Badge> : <AppliedBadge state={state} />}
      <span className={classes.note}>
        {reason != null && <><OutsideText>{reason}</OutsideText>{' '}</>}
        {refusedCalls > 0 && `${refusedCalls} ${refusedCalls === 1 ? 'call' : 'calls'} refused since. `}
        {state === 'UNREACHABLE' && mustStopBy != null && <>Its worker does not answer; it stops by itself <RelativeTime at={mustStopBy} /> at the latest. </>}
        {at != null && <RelativeTime at={at} />}
      </span>
    </>
  )
}
