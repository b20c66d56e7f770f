import { Button } from '@mantine/core'
import { useLiveQuery } from '../data/use-live-query.js'
import { useLivePages } from '../data/use-live-pages.js'
import { type Topic } from '../data/live.js'
import { EntryConvergenceDocument, EntrySessionsDocument, type EntrySessionsQuery } from '../generated/graphql.js'
import { AppliedBadge, Badge, ScopeBadge } from '../parts/badge.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { RelativeTime } from '../parts/relative-time.js'
import { useViewer } from '../data/viewer.js'
import classes from './entries.module.css'

type Session = EntrySessionsQuery['revocationImpact']['nodes'][number]
const topics: readonly Topic[] = ['workers', 'entries', 'tools']

/** The sessions that run it, as their workers last told, of those that the viewer may see. */
export function Sessions({ id, revision }: { id: string; revision: number }) {
  const { items, hasMore, isLoading, problem, more } = useLivePages(EntrySessionsDocument, { variables: { id }, topics, pageOf: ({ revocationImpact }) => revocationImpact })
  return (
    <>
      <Convergence id={id} />
      <InlineError problem={problem} />
      {isLoading && <p role="status">Loading…</p>}
      {!isLoading && items.length === 0 && problem === null && <p>No session that you may see has it.</p>}
      <ul className={classes.rows} aria-label="Sessions that run it">
        {items.map((session) => <li key={`${session.worker.id} ${session.id}`}><SessionRow session={session} entryId={id} revision={revision} /></li>)}
      </ul>
      {hasMore && <Button variant="default" onClick={more}>More sessions</Button>}
    </>
  )
}

function SessionRow({ session, entryId, revision }: { session: Session; entryId: string; revision: number }) {
  const viewer = useViewer()
  const entry = session.entries.find((each) => each.entryId === entryId)
  if (entry === undefined) return null
  return (
    <div className={classes.session}>
      <span className={classes.where}><OutsideText>{session.worker.name}</OutsideText> <code><OutsideText>{session.id}</OutsideText></code></span>
      <span className={classes.badges}>
        <AppliedBadge state={entry.state} />
        {entry.revision !== null && entry.revision !== undefined && entry.revision !== revision && <Badge tone="warn">revision {entry.revision} of {revision}</Badge>}
        {!session.worker.connected && <Badge tone="warn">worker silent</Badge>}
        <ScopeBadge owner={session.owner} viewerId={viewer.id} />
      </span>
      <span className={classes.note}>
        {entry.reason != null && <><OutsideText>{entry.reason}</OutsideText>{' '}</>}
        {entry.toolsHeld.length > 0 && <>Without the held tools <OutsideText>{entry.toolsHeld.join(', ')}</OutsideText>. </>}
        {session.agent != null && <>Agent <OutsideText>{session.agent}</OutsideText>. </>}
        Since <RelativeTime at={entry.at} />.
      </span>
    </div>
  )
}

/** Workers, and not sessions: how many have its last change. */
function Convergence({ id }: { id: string }) {
  const { data } = useLiveQuery(EntryConvergenceDocument, { variables: { id }, topics })
  if (data === undefined || data.convergence.workers === 0) return null
  const { workers, current, failed } = data.convergence
  return (
    <p role="status">
      {current} of {workers} {workers === 1 ? 'worker is' : 'workers are'} current.
      {failed > 0 && ` On ${failed} a session could not load it or refused it.`}
    </p>
  )
}
