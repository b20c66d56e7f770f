import { Button } from '@mantine/core'
import { Link, useParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { AddedIntegrationDocument, type AddedIntegrationQuery } from '../../generated/graphql.js'
import { AppliedBadge, Badge, ScopeBadge, StatusBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { Section } from '../../parts/section.js'
import { Availability } from '../../entries/availability.js'
import { ConnectionTest } from './connection-test.js'
import { SecretsNeeded } from './secrets-needed.js'
import classes from './add.module.css'

const back = { to: { pathname: '/integrations/all' }, label: 'Integrations' }

/** What has become of a server that was saved, and what it still needs: the page fills by itself as an admin approves and workers apply it. */
export function AddedIntegration() {
  const { id = '' } = useParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(AddedIntegrationDocument, { variables: { id }, topics: ['entries', 'approvals', 'workers', 'secrets', 'policy'] })
  if (isLoading) return <p role="status" className={classes.page}>Loading…</p>
  const server = data?.mcpServer ?? null
  return (
    <div className={classes.page}>
      <InlineError problem={problem} retry={refresh} />
      {server !== null && <Saved server={server} sessions={data?.entrySessions ?? null} />}
      {server === null && problem === null && <><PageHeader title="Not there" back={back} /><EmptyState title="There is no MCP server of that id for you.">It may have been deleted.</EmptyState></>}
    </div>
  )
}

interface SavedProps {
  server: NonNullable<AddedIntegrationQuery['mcpServer']>
  sessions: AddedIntegrationQuery['entrySessions'] | null
}

function Saved({ server, sessions }: SavedProps) {
  const { id, name, owner, status, statusReason } = server
  const viewer = useViewer()
  return (
    <>
      <PageHeader
        title={`${name} is saved`} heading={<><OutsideText>{name}</OutsideText> is saved</>} back={back} badges={<><ScopeBadge owner={owner} viewerId={viewer.id} /><StatusBadge status={status} /></>}
        actions={<><Button component={Link} to={`/integrations/all/${id}`} variant="default">Open it</Button><Button component={Link} to="/integrations/add" variant="default">Add another MCP server</Button></>}
      />
      {statusReason != null && <p><OutsideText>{statusReason}</OutsideText></p>}
      <Section title="Can I use it?"><Availability name={name} entryId={id} /></Section>
      <SecretsNeeded server={server} />
      <Section title="Where it is live"><Sessions id={id} sessions={sessions} /></Section>
      {status === 'ACTIVE' && <ConnectionTest server={{ id, name, owner }} />}
    </>
  )
}

function Sessions({ id, sessions }: { id: string; sessions: SavedProps['sessions'] }) {
  const nodes = sessions?.nodes ?? []
  if (nodes.length === 0) return <p>In no session that you may see yet. It appears here as soon as a worker tells of one. Is there a worker at all? <Link to="/workers">Workers</Link> says so, and how to start one.</p>
  return (
    <ul className={classes.pasted}>
      {nodes.map((session) => {
        const entry = session.entries.find(({ entryId, state }) => entryId === id && state !== 'STOPPED')
        return (
          <li key={`${session.worker.id} ${session.id}`}>
            <p className={classes.actions}>
              <OutsideText>{session.id}</OutsideText> on <OutsideText>{session.worker.name}</OutsideText>
              {entry === undefined ? <Badge>unknown</Badge> : <AppliedBadge state={entry.state} />}
            </p>
            {entry?.reason != null && <p><OutsideText>{entry.reason}</OutsideText></p>}
          </li>
        )
      })}
      {sessions?.pageInfo.hasNextPage && <li>And more.</li>}
    </ul>
  )
}
