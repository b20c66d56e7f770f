import { NativeSelect } from '@mantine/core'
import { Link, useParams, useSearchParams } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { RevocationListDocument, type RevocationListQuery, type RevocationState } from '../../generated/graphql.js'
import { RevocationBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { VirtualList } from '../../parts/virtual-list.js'
import classes from './revocations.module.css'

type Row = RevocationListQuery['revocations']['nodes'][number]

const states: Record<RevocationState, string> = { PENDING: 'Pending', COMPLETE: 'Complete', OVERDUE: 'Overdue' }

const isState = (text: string): text is RevocationState => text in states

export function RevocationList() {
  const { id: openId = '' } = useParams()
  const [params, setParams] = useSearchParams()
  const asked = params.get('state') ?? ''
  const state = isState(asked) ? asked : null
  const pages = useLivePages(RevocationListDocument, { variables: { state }, topics: ['revocations', 'workers'], pageOf: ({ revocations }) => revocations })
  const list = (
    <>
      <PageHeader title="Receipts" />
      <div className={classes.filters} role="search">
        <NativeSelect
          aria-label="State" value={state ?? ''} onChange={({ currentTarget }) => setParams(currentTarget.value === '' ? {} : { state: currentTarget.value }, { replace: true })}
          data={[{ value: '', label: 'Any state' }, ...Object.entries(states).map(([value, label]) => ({ value, label }))]}
        />
      </div>
      <InlineError problem={pages.problem} retry={pages.refresh} />
      {pages.isLoading && <p role="status">Loading…</p>}
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label="Receipts" keyOf={({ id }) => id} rowHeight={64} onSee={pages.see}>
          {(row) => <ReceiptRow row={row} isOpen={row.id === openId} search={params.toString()} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && (
        <EmptyState title={state === null ? 'Nothing was taken from a session yet' : 'None in this state'}>Disabling, revoking or deleting leaves a receipt here that fills as sessions let go.</EmptyState>
      )}
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a receipt">It opens here.</EmptyState>} />
}

function ReceiptRow({ row: { id, entryName, reason, state, stoppedCount, targetCount, requestedAt }, isOpen, search }: { row: Row; isOpen: boolean; search: string }) {
  return (
    <Link to={{ pathname: `/revocations/${id}`, search }} className={classes.row} aria-current={isOpen ? 'page' : undefined}>
      <span className={classes.name}><OutsideText>{entryName}</OutsideText></span>
      <RevocationBadge state={state} />
      <span className={classes.below}>{targetCount === 0 ? 'no session had it' : `${stoppedCount} of ${targetCount} stopped`}, <RelativeTime at={requestedAt} />: <OutsideText>{reason}</OutsideText></span>
    </Link>
  )
}
