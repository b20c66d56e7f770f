import { Button } from '@mantine/core'
import { memo, useDeferredValue, useMemo } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { allTitle, ownerOfScope, scopeOf, scopeTitle } from '../../data/scope.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { mayAddTo, useViewer, type Viewer } from '../../data/viewer.js'
import { IntegrationListDocument, type IntegrationListQuery, IntegrationsHeldDocument } from '../../generated/graphql.js'
import { Badge, ScopeBadge, StatusBadge, VisibilityBadge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { importFileLine } from './cli-import.js'
import { filtersOf, ListFilters } from './list-filters.js'
import { StaticList } from './static-list.js'
import classes from './integrations.module.css'

type Row = IntegrationListQuery['mcpServers']['nodes'][number]

export function IntegrationList() {
  const viewer = useViewer()
  const { scope = 'all', id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const filters = filtersOf(params)
  const { search, status, transport, isStatic, isAny } = filters
  const pages = useLivePages(IntegrationListDocument, {
    variables: { owner: ownerOfScope(scope), status, transport, search: useDeferredValue(search) || null },
    topics: ['entries', 'approvals', 'policy'],
    pageOf: ({ mcpServers }) => mcpServers,
  })
  const query = params.toString()
  const heldIn = useHeldCounts()
  const filter = (name: string, value: string) => setParams((before) => {
    if (value === '') before.delete(name)
    else before.set(name, value)
    return before
  }, { replace: true })
  const list = (
    <>
      <PageHeader title={`Integrations: ${titleOf(scope, viewer)}`} actions={mayAddTo(viewer, scope) && <AddLink scope={scope} />} />
      <ListFilters filters={filters} onFilter={filter} />
      {isStatic ? <StaticList search={search} /> : (
        <>
          <InlineError problem={pages.problem} retry={pages.refresh} />
          <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : countOf(pages.items.length, pages.hasMore)}</p>
          {pages.items.length > 0 && (
            <VirtualList items={pages.items} label="MCP servers" keyOf={({ id }) => id} rowHeight={64} narrowRowHeight={88} onSee={pages.see}>
              {(row) => <IntegrationRow row={row} held={heldIn.get(row.id) ?? 0} isOpen={row.id === openId} viewer={viewer} query={query} />}
            </VirtualList>
          )}
          {!pages.isLoading && pages.items.length === 0 && pages.problem === null && <NothingListed scope={scope} mayAdd={mayAddTo(viewer, scope)} isFiltered={isAny} />}
        </>
      )}
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose an MCP server">It opens here.</EmptyState>} />
}

const countOf = (count: number, hasMore: boolean) => `${count}${hasMore ? '+' : ''} MCP ${count === 1 ? 'server' : 'servers'}`

function titleOf(scope: string, viewer: Viewer): string {
  const owner = viewer.owners.find((one) => scopeOf(one, viewer.id) === scope)
  return owner === undefined ? allTitle(viewer) : scopeTitle(owner, viewer.id)
}

/** Tools that wait for somebody's look, by entry; of those that the viewer looks after. */
function useHeldCounts(): ReadonlyMap<string, number> {
  const { data } = useLiveQuery(IntegrationsHeldDocument, { variables: {}, topics: ['tools', 'entries'] })
  return useMemo(() => new Map((data?.heldTools.nodes ?? []).map(({ entry, held }) => [entry.id, held.length])), [data])
}

/** Drawn again when something of it changed, and not with every row that comes into sight. */
const IntegrationRow = memo(function IntegrationRow({ row, held, isOpen, viewer, query }: { row: Row; held: number; isOpen: boolean; viewer: Viewer; query: string }) {
  return (
    <RowLink
      to={{ pathname: row.id, search: query }} isOpen={isOpen} name={row.name}
      badges={<><ScopeBadge owner={row.owner} viewerId={viewer.id} /><VisibilityBadge visibility={row.visibility} /><StatusBadge status={row.status} />{held > 0 && <Badge tone="warn" title="Tools that are not as they were accepted">{held} held</Badge>}</>}
    >
      <OutsideText>{row.description}</OutsideText>
    </RowLink>
  )
})

/** Into the scope that is open. */
function AddLink({ scope }: { scope: string }) {
  return <Button component={Link} to={`/integrations/add${scope === 'all' ? '' : `?owner=${encodeURIComponent(scope)}`}`}>Add an MCP server</Button>
}

function NothingListed({ scope, mayAdd, isFiltered }: { scope: string; mayAdd: boolean; isFiltered: boolean }) {
  if (isFiltered) return <EmptyState title="Nothing matches">Take a part of the search or the status away.</EmptyState>
  if (!mayAdd) return <EmptyState title="No MCP server yet">Its maintainers and admins add them here; yours go under Mine.</EmptyState>
  return (
    <EmptyState title="No MCP server yet">
      <p>Paste the JSON that you have, or fill in a form.</p>
      <AddLink scope={scope} />
      <CliLine line={importFileLine} label="An import with the CLI" />
    </EmptyState>
  )
}
