import { Button } from '@mantine/core'
import { useLiveQuery } from '../data/use-live-query.js'
import { useLivePages } from '../data/use-live-pages.js'
import { type Topic } from '../data/live.js'
import { type AppliedState, EntryConvergenceDocument, EntrySessionsDocument, type EntrySessionsQuery } from '../generated/graphql.js'
import { AppliedBadge, Badge, ScopeBadge } from '../parts/badge.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { RelativeTime } from '../parts/relative-time.js'
import { useViewer } from '../data/viewer.js'
import classes from './entries.module.css'

type Session = EntrySessionsQuery['entrySessions']['nodes'][number]
const topics: readonly Topic[] = ['workers', 'entries', 'tools']
/** Where it is missing although it should be there. */
const missing: AppliedState[] = ['REFUSED', 'FAILED']
/** Where it runs, will run or still runs. What has stopped it is over. */
const running: AppliedState[] = ['STARTING', 'APPLIED', 'DEFERRED', 'STOPPING', 'SURVIVED', 'UNREACHABLE']

export interface SessionsProps {
  id: string
  revision: number
  /** Of an agent: sessions that run as it are said to. */
  agentName?: string
}

/** The sessions that run it, and those that could not load it or refused it with the reason, as their workers last told, of those that the viewer may see. */
export function Sessions(props: SessionsProps) {
  const { id } = props
  const without = usePages(id, missing)
  const having = usePages(id, running)
  const isNone = [without, having].every(({ items, isLoading, problem }) => items.length === 0 && !isLoading && problem === null)
  return (
    <>
      <Convergence id={id} />
      <InlineError problem={without.problem ?? having.problem} />
      {(without.isLoading || having.isLoading) && <p role="status">Loading…</p>}
      {isNone && <p>No session that you may see has it.</p>}
      {without.items.length > 0 && (
        <>
          <h3 className={classes.subtitle}>Could not load it, or refused it</h3>
          <Rows {...props} pages={without} states={missing} label="Sessions that could not load it or refused it" />
          <h3 className={classes.subtitle}>Run it</h3>
          {having.items.length === 0 && <p>None that you may see.</p>}
        </>
      )}
      <Rows {...props} pages={having} states={running} label="Sessions that run it" />
    </>
  )
}

function usePages(id: string, states: AppliedState[]) {
  return useLivePages(EntrySessionsDocument, { variables: { id, states }, topics, pageOf: ({ entrySessions }) => entrySessions })
}

function Rows({ pages: { items, hasMore, more }, label, ...props }: SessionsProps & { pages: ReturnType<typeof usePages>; states: readonly AppliedState[]; label: string }) {
  if (items.length === 0) return null
  return (
    <>
      <ul className={classes.rows} aria-label={label}>
        {items.map((session) => <li key={`${session.worker.id} ${session.id}`}><SessionRow session={session} {...props} /></li>)}
      </ul>
      {hasMore && <Button variant="default" onClick={more}>More sessions</Button>}
    </>
  )
}

function SessionRow({ session, id, states, revision, agentName }: SessionsProps & { session: Session; states: readonly AppliedState[] }) {
  const viewer = useViewer()
  const entry = session.entries.find((each) => each.entryId === id && states.includes(each.state))
  if (entry === undefined) return null
  const isItsAgent = agentName !== undefined && session.agent === agentName
  return (
    <div className={classes.session}>
      <span className={classes.where}><OutsideText>{session.worker.name}</OutsideText> <code><OutsideText>{session.id}</OutsideText></code></span>
      <span className={classes.badges}>
        {isItsAgent && <Badge tone="info">runs as it</Badge>}
        <AppliedBadge state={entry.state} />
        {entry.revision !== null && entry.revision !== undefined && entry.revision !== revision && <Badge tone="warn">revision {entry.revision} of {revision}</Badge>}
        {!session.worker.connected && <Badge tone="warn">worker silent</Badge>}
        <ScopeBadge owner={session.owner} viewerId={viewer.id} />
      </span>
      <span className={classes.note}>
        {entry.reason != null && <><OutsideText>{entry.reason}</OutsideText>{' '}</>}
        {entry.toolsHeld.length > 0 && <>Without the held tools <OutsideText>{entry.toolsHeld.join(', ')}</OutsideText>. </>}
        {session.agent != null && !isItsAgent && <>Agent <OutsideText>{session.agent}</OutsideText>. </>}
        <RelativeTime at={entry.at} />
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
