import { useParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { WorkerListDocument, type WorkerListQuery } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { ConvergenceLine } from './convergence-line.js'
import { ConnectedBadge, LagBadge } from './worker-badges.js'
import { workersLine } from './worker-lines.js'
import classes from './workers.module.css'

export function WorkerList() {
  const viewer = useViewer()
  const { id: openId } = useParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(WorkerListDocument, { variables: {}, topics: ['workers', 'entries', 'policy', 'people'] })
  const list = (
    <>
      <PageHeader title="Workers" />
      <InlineError problem={problem} retry={refresh} />
      {isLoading && <p role="status">Loading…</p>}
      {data !== undefined && <ConvergenceLine convergence={data.convergence} />}
      {data !== undefined && data.workers.length > 0 && (
        <VirtualList items={data.workers} label="Workers" keyOf={({ id }) => id} rowHeight={64} narrowRowHeight={88}>
          {(row) => <WorkerRow row={row} isOpen={row.id === openId} />}
        </VirtualList>
      )}
      {data?.workers.length === 0 && <NoWorker isAdmin={viewer.isAdmin} />}
      <div className={classes.cli}><CliLine line={workersLine} label="The list with the CLI" /></div>
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a worker">Its sessions, and what each of them has, stand here.</EmptyState>} />
}

function WorkerRow({ row: { id, name, lastSeenAt, lagSeconds, cursor }, isOpen }: { row: WorkerListQuery['workers'][number]; isOpen: boolean }) {
  return (
    <RowLink
      to={`/workers/${encodeURIComponent(id)}`} isOpen={isOpen} name={name}
      badges={<><ConnectedBadge lastSeenAt={lastSeenAt} /><LagBadge lagSeconds={lagSeconds ?? null} cursor={cursor ?? null} /></>}
    >
      heard of <RelativeTime at={lastSeenAt} />
    </RowLink>
  )
}

function NoWorker({ isAdmin }: { isAdmin: boolean }) {
  return (
    <EmptyState title="No worker with a session that you may see">
      <p>{isAdmin
        ? <>Make a token for one (<code>pilothouse token create --worker --name desk</code>) and start it; it appears here by itself.</>
        : 'When a session acts for you or one of your teams, its worker appears here by itself.'}
      </p>
    </EmptyState>
  )
}
