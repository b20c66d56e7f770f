import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useDeferredValue } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { allTitle, ownerOfScope, scopeOf, scopeTitle } from '../../data/scope.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { mayAddTo, useViewer, type Viewer } from '../../data/viewer.js'
import { AgentListDocument, type AgentListQuery, type EntryStatus } from '../../generated/graphql.js'
import { ScopeBadge, StatusBadge, VisibilityBadge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { cliImportFile, exampleFile } from './cli-agent.js'
import classes from './agents.module.css'

type Row = AgentListQuery['agents']['nodes'][number]

const statuses: Record<EntryStatus, string> = {
  ACTIVE: 'Active', DISABLED: 'Disabled', PENDING_APPROVAL: 'Waits for approval', REJECTED: 'Rejected', POLICY_DENIED: 'Denied by policy', REVOKED: 'Revoked',
}

export function AgentList() {
  const viewer = useViewer()
  const { scope = 'all', id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const search = params.get('search') ?? ''
  const status = params.get('status') ?? ''
  const pages = useLivePages(AgentListDocument, {
    variables: { owner: ownerOfScope(scope), status: status in statuses ? status as EntryStatus : null, search: useDeferredValue(search) || null },
    topics: ['entries', 'approvals', 'policy'],
    pageOf: ({ agents }) => agents,
  })
  const filter = (name: string, value: string) => setParams((before) => {
    if (value === '') before.delete(name)
    else before.set(name, value)
    return before
  }, { replace: true })
  const list = (
    <>
      <PageHeader title={`Agents: ${titleOf(scope, viewer)}`} actions={mayAddTo(viewer, scope) && <AddLinks scope={scope} />} />
      <div className={classes.filters} role="search">
        <TextInput type="search" aria-label="Search by name or description" placeholder="Search" value={search} onChange={({ currentTarget }) => filter('search', currentTarget.value)} />
        <NativeSelect
          aria-label="Status" value={status} onChange={({ currentTarget }) => filter('status', currentTarget.value)}
          data={[{ value: '', label: 'Any status' }, ...Object.entries(statuses).map(([value, label]) => ({ value, label }))]}
        />
      </div>
      <InlineError problem={pages.problem} retry={pages.refresh} />
      <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : `${pages.items.length}${pages.hasMore ? '+' : ''} ${pages.items.length === 1 ? 'agent' : 'agents'}`}</p>
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label="Agents" keyOf={({ id }) => id} rowHeight={64} narrowRowHeight={88} onSee={pages.see}>
          {(row) => <AgentRow row={row} isOpen={row.id === openId} viewer={viewer} to={{ pathname: `/agents/${scope}/${row.id}`, search: params.toString() }} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && <NothingListed scope={scope} mayAdd={mayAddTo(viewer, scope)} isFiltered={search !== '' || status !== ''} />}
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose an agent">It opens here.</EmptyState>} />
}

function AddLinks({ scope }: { scope: string }) {
  return (
    <>
      <Button component={Link} to={`/agents/${scope}/add`}>Add an agent</Button>
      <Button component={Link} to={`/agents/${scope}/import`} variant="default">Import an agent</Button>
    </>
  )
}

function titleOf(scope: string, viewer: Viewer): string {
  const owner = viewer.owners.find((one) => scopeOf(one, viewer.id) === scope)
  return owner === undefined ? allTitle(viewer) : scopeTitle(owner, viewer.id)
}

function AgentRow({ row, isOpen, viewer, to }: { row: Row; isOpen: boolean; viewer: Viewer; to: { pathname: string; search: string } }) {
  return (
    <RowLink
      to={to} isOpen={isOpen} name={row.name}
      badges={<><ScopeBadge owner={row.owner} viewerId={viewer.id} /><VisibilityBadge visibility={row.visibility} /><StatusBadge status={row.status} /></>}
    >
      <OutsideText>{row.description}</OutsideText>
    </RowLink>
  )
}

function NothingListed({ scope, mayAdd, isFiltered }: { scope: string; mayAdd: boolean; isFiltered: boolean }) {
  if (isFiltered) return <EmptyState title="Nothing matches">Take a part of the search or the status away.</EmptyState>
  if (!mayAdd) return <EmptyState title="No agent yet">Its maintainers and admins add them here; yours go under Mine.</EmptyState>
  return (
    <EmptyState title="No agent yet">
      <p>Import an <code>.agent.md</code> that you have, or write one.</p>
      <CliLine line={cliImportFile(exampleFile, scope === 'all' ? 'me' : scope)} label="An import with the CLI" />
    </EmptyState>
  )
}
