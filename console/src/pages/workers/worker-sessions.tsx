import { Button } from '@mantine/core'
import { Link } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { useViewer } from '../../data/viewer.js'
import { WorkerSessionListDocument, type WorkerSessionListQuery } from '../../generated/graphql.js'
import { AppliedBadge, Badge, ProvenanceBadge, ScopeBadge } from '../../parts/badge.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import classes from './workers.module.css'

type Sessions = Extract<WorkerSessionListQuery['node'], { __typename: 'Worker' }>['sessions']
type Session = Sessions['nodes'][number]

const nothing: Sessions = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } }

/** What each session has, and why not; static entries with where they come from. */
export function WorkerSessions({ id }: { id: string }) {
  const { items, hasMore, isLoading, problem, more } = useLivePages(WorkerSessionListDocument, {
    variables: { id }, topics: ['workers', 'people'], pageOf: ({ node }) => (node?.__typename === 'Worker' ? node.sessions : nothing),
  })
  return (
    <>
      <InlineError problem={problem} />
      {isLoading && <p role="status">Loading…</p>}
      {!isLoading && items.length === 0 && problem === null && <p>It has no session that you may see.</p>}
      <ul className={classes.sessions} aria-label="Sessions">{items.map((session) => <li key={session.id}><OneSession session={session} /></li>)}</ul>
      {hasMore && <Button variant="default" onClick={more}>More sessions</Button>}
    </>
  )
}

function OneSession({ session: { id, owner, agent, entries } }: { session: Session }) {
  const viewer = useViewer()
  return (
    <>
      <h3 className={classes.session}>
        <OutsideText>{id}</OutsideText> <ScopeBadge owner={owner} viewerId={viewer.id} />
        {agent != null && <Badge title="The agent that it runs">agent <OutsideText>{agent}</OutsideText></Badge>}
      </h3>
      {entries.length === 0 ? <p>It has nothing.</p> : <ul className={classes.entries}>{entries.map((entry, at) => <li key={at}><OneEntry entry={entry} /></li>)}</ul>}
    </>
  )
}

function OneEntry({ entry: { entryId, name, kind, origin, revision, state, reason, refusedCalls, toolsHeld, at } }: { entry: Session['entries'][number] }) {
  const notes = [
    kind === 'AGENT' ? 'agent' : 'MCP server', revision == null ? '' : `revision ${revision}`,
    refusedCalls == null || refusedCalls === 0 ? '' : `${refusedCalls} ${refusedCalls === 1 ? 'call' : 'calls'} refused since`,
  ].filter((note) => note !== '').join(', ')
  return (
    <>
      <span className={classes.entry}>
        {entryId != null ? <Link to={`/${kind === 'AGENT' ? 'agents' : 'integrations'}/all/${entryId}`}><OutsideText>{name}</OutsideText></Link> : <strong><OutsideText>{name}</OutsideText></strong>}
        <AppliedBadge state={state} />
        {entryId == null ? <Badge title="From the worker itself; not managed here">static</Badge> : <ProvenanceBadge origin="catalog" />}
        <span className={classes.notes}>{notes}, <RelativeTime at={at} /></span>
      </span>
      {entryId == null && <span className={classes.notes}>from <code><OutsideText>{origin}</OutsideText></code></span>}
      {reason != null && <span><OutsideText>{reason}</OutsideText></span>}
      {toolsHeld.length > 0 && <span>Without <OutsideText>{toolsHeld.join(', ')}</OutsideText>: not the accepted definitions.</span>}
    </>
  )
}
