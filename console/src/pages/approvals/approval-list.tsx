import { NativeSelect } from '@mantine/core'
import { useParams, useSearchParams } from 'react-router'
import { type ApprovalState } from '../../../../src/core/approval.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { useViewer, type Viewer } from '../../data/viewer.js'
import { ApprovalListDocument, type ApprovalListQuery } from '../../generated/graphql.js'
import { ApprovalBadge, Badge, ScopeBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import classes from './approvals.module.css'

type Row = ApprovalListQuery['approvals']['nodes'][number]

/** As the CLI's `--state`. */
const states: Record<ApprovalState | 'ALL', string> = {
  PENDING: 'Pending', APPROVED: 'Approved', REJECTED: 'Rejected', EXPIRED: 'Expired', VOID: 'Void', ALL: 'History: all',
}

export function ApprovalList() {
  const viewer = useViewer()
  const { id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const asked = params.get('state') ?? ''
  const state = asked in states ? asked as keyof typeof states : 'PENDING'
  const pages = useLivePages(ApprovalListDocument, {
    variables: { state: state === 'ALL' ? null : state }, topics: ['approvals', 'entries', 'policy'], pageOf: ({ approvals }) => approvals,
  })
  const list = (
    <>
      <PageHeader title="Approvals" />
      <NativeSelect
        aria-label="Which requests" value={state} className={classes.filter} data={Object.entries(states).map(([value, label]) => ({ value, label }))}
        onChange={({ currentTarget }) => setParams(currentTarget.value === 'PENDING' ? {} : { state: currentTarget.value }, { replace: true })}
      />
      <InlineError problem={pages.problem} retry={pages.refresh} />
      <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : `${pages.items.length}${pages.hasMore ? '+' : ''} ${pages.items.length === 1 ? 'request' : 'requests'}, newest first`}</p>
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label="Requests for approval" keyOf={({ id }) => id} rowHeight={64} narrowRowHeight={88} onSee={pages.see}>
          {(row) => <ApprovalRow row={row} isOpen={row.id === openId} viewer={viewer} query={params.toString()} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && <NothingListed isWaiting={state === 'PENDING'} isAdmin={viewer.isAdmin} />}
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a request">What it would run, what it changes and who gets it stand here.</EmptyState>} />
}

interface RowProps {
  row: Row
  isOpen: boolean
  viewer: Viewer
  query: string
}

function ApprovalRow({ row: { id, entryName, state, requestedBy, requestedAt, entry }, isOpen, viewer, query }: RowProps) {
  return (
    <RowLink
      to={{ pathname: `/approvals/${id}`, search: query }} isOpen={isOpen} name={entry?.name ?? entryName}
      badges={<>{entry != null && <ScopeBadge owner={entry.owner} viewerId={viewer.id} />}{entry?.kind === 'AGENT' && <Badge>agent</Badge>}<ApprovalBadge state={state} /></>}
    >
      {requestedBy.id === viewer.id ? 'you' : <OutsideText>{requestedBy.displayName}</OutsideText>} asked <RelativeTime at={requestedAt} />
    </RowLink>
  )
}

function NothingListed({ isWaiting, isAdmin }: { isWaiting: boolean; isAdmin: boolean }) {
  if (!isWaiting) return <EmptyState title="None of that kind">Choose another kind above.</EmptyState>
  return (
    <EmptyState title="Nothing waits">
      <p>{isAdmin ? 'What the policy lets nobody run without a second look comes here, such as a stdio server.' : 'What you or your teams add, and the policy lets nobody run without a second look, waits here.'}</p>
    </EmptyState>
  )
}
