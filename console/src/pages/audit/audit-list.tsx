import { Button, TextInput } from '@mantine/core'
import { memo, useDeferredValue } from 'react'
import { useParams, useSearchParams } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { AuditListDocument, type AuditListQuery } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { cliLineOf, filterNames, filterOf, type FilterName } from './audit-filter.js'
import { ChainState } from './chain-state.js'
import classes from './audit.module.css'

type Row = AuditListQuery['auditEvents']['nodes'][number]

const labels: Record<FilterName, [label: string, example: string]> = {
  action: ['Action', 'mcpServer.register'], target: ['Target id', 'srv_…'], actor: ['Actor id', 'usr_…'],
}

export function AuditList() {
  const { id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const filter = filterOf(params)
  const asked = useDeferredValue(params.toString())
  const { action, target, actor } = filterOf(new URLSearchParams(asked))
  const pages = useLivePages(AuditListDocument, {
    variables: { action: action || null, target: target || null, actor: actor || null }, topics: ['audit'], pageOf: ({ auditEvents }) => auditEvents,
  })
  const set = (name: FilterName, value: string) => setParams((before) => {
    if (value === '') before.delete(name)
    else before.set(name, value)
    return before
  }, { replace: true })
  const isFiltered = filterNames.some((name) => filter[name] !== '')
  const list = (
    <>
      <PageHeader title="Audit" actions={isFiltered ? <Button variant="default" size="compact-sm" onClick={() => setParams({}, { replace: true })}>Clear filters</Button> : null} />
      <ChainState />
      <div className={classes.filters} role="search">
        {filterNames.map((name) => (
          <TextInput
            key={name} label={labels[name][0]} placeholder={labels[name][1]} value={params.get(name) ?? ''} list={name === 'action' ? 'audit-actions' : undefined}
            onChange={({ currentTarget }) => set(name, currentTarget.value)} autoComplete="off" spellCheck={false} size="xs"
          />
        ))}
        <datalist id="audit-actions">{[...new Set(pages.items.map((event) => event.action))].sort().map((one) => <option key={one} value={one} />)}</datalist>
      </div>
      <InlineError problem={pages.problem} retry={pages.refresh} />
      <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : `${pages.items.length}${pages.hasMore ? '+' : ''} ${pages.items.length === 1 ? 'change' : 'changes'}, newest first`}</p>
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label="Changes" keyOf={({ id }) => id} rowHeight={64} onSee={pages.see}>
          {(row) => <AuditRow row={row} isOpen={row.id === openId} query={params.toString()} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && (
        <EmptyState title="Nothing matches">Each filter is compared as a whole. Open a change to filter by what stands in it.</EmptyState>
      )}
      <div className={classes.cli}><CliLine line={cliLineOf(filter)} /></div>
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a change">Who made it, and what was before and after, stands here.</EmptyState>} />
}

const AuditRow = memo(function AuditRow({ row: { id, action, outcome, target, actor, at }, isOpen, query }: { row: Row; isOpen: boolean; query: string }) {
  return (
    <RowLink to={{ pathname: `/audit/${id}`, search: query }} isOpen={isOpen} name={action} badges={outcome === 'OK' ? null : <Badge tone="bad">{outcome.toLowerCase()}</Badge>}>
      <OutsideText>{actor.displayName}</OutsideText>, <RelativeTime at={at} />, <OutsideText>{target}</OutsideText>
    </RowLink>
  )
})
