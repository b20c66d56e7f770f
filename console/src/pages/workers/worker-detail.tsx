import { useParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { WorkerDetailDocument, type WorkerDetailQuery } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { ConnectedBadge, LagBadge } from './worker-badges.js'
import { sessionsLine } from './worker-lines.js'
import { WorkerSessions } from './worker-sessions.js'

type Worker = Extract<WorkerDetailQuery['node'], { __typename: 'Worker' }>

const back = { to: '/workers', label: 'Workers' }

export function WorkerDetail() {
  const { id = '' } = useParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(WorkerDetailDocument, { variables: { id }, topics: ['workers', 'people'] })
  if (isLoading) return <p role="status">Loading…</p>
  const worker = data?.node?.__typename === 'Worker' ? data.node : null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {worker !== null && <Found key={worker.id} worker={worker} />}
      {worker === null && problem === null && (
        <>
          <PageHeader title="Not there" back={back} />
          <EmptyState title="There is no worker of that id for you.">One that says nothing for seven days is forgotten.</EmptyState>
        </>
      )}
    </>
  )
}

function Found({ worker: { id, name, lastSeenAt, lagSeconds, cursor } }: { worker: Worker }) {
  return (
    <>
      <PageHeader
        title={name} back={back}
        badges={<><ConnectedBadge lastSeenAt={lastSeenAt} /><LagBadge lagSeconds={lagSeconds ?? null} cursor={cursor ?? null} /></>}
      />
      <KeyValues rows={[['Heard of', <RelativeTime key="seen" at={lastSeenAt} />], ['Up to', cursor == null ? null : <code>{cursor}</code>]]} />
      <Section title="Sessions"><WorkerSessions id={id} /></Section>
      <CliLine line={sessionsLine} label="All sessions with the CLI" />
    </>
  )
}
