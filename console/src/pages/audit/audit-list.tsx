import { Button } from '@mantine/core'
import { memo, useDeferredValue } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { AuditListDocument, type AuditListQuery } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { AuditFilters } from './audit-filters.js'
import { cliLineOf, filterNames, filterOf, type FilterName, variablesOf } from './audit-filter.js'
import { ChainState } from './chain-state.js'
import { OutcomeBadge } from './outcome-badge.js'
import classes from './audit.module.css'

type Row = AuditListQuery['auditEvents']['nodes'][number]

export function AuditList() {
  const { id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const filter = filterOf(params)
  const isAccess = filter.chain === 'ACCESS'
  const asked = useDeferredValue(params.toString())
  const pages = useLivePages(AuditListDocument, { variables: variablesOf(filterOf(new URLSearchParams(asked))), topics: ['audit'], pageOf: ({ auditEvents }) => auditEvents })
  const set = (name: FilterName, value: string) => setParams((before) => {
    if (value === '') before.delete(name)
    else before.set(name, value)
    return before
  }, { replace: true })
  const isFiltered = filterNames.some((name) => filter[name] !== '')
  const chain = isAccess ? { chain: 'access' } : undefined
  const nouns = isAccess ? ['event', 'events'] : ['change', 'changes']
  const actions = (
    <>
      {/* Nothing tells of what changed nothing. */}
      {isAccess && <Button variant="default" size="compact-sm" onClick={pages.refresh}>Read again</Button>}
      {isFiltered && <Button variant="default" size="compact-sm" onClick={() => setParams(chain ?? {}, { replace: true })}>Clear filters</Button>}
    </>
  )
  const list = (
    <>
      <PageHeader title="Audit" actions={actions} />
      <nav aria-label="Audit">
        <ul className={classes.tabs}>
          <li><Link to="/audit" className={classes.tab} aria-current={isAccess ? undefined : 'page'}>Changes</Link></li>
          <li><Link to="/audit?chain=access" className={classes.tab} aria-current={isAccess ? 'page' : undefined}>Denials and looks</Link></li>
        </ul>
      </nav>
      <ChainState />
      <AuditFilters filter={filter} onChange={set} />
      <InlineError problem={pages.problem} retry={pages.refresh} />
      <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : `${pages.items.length}${pages.hasMore ? '+' : ''} ${nouns[pages.items.length === 1 ? 0 : 1]}, newest first`}</p>
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label={isAccess ? 'Denials and looks' : 'Changes'} keyOf={({ id }) => id} rowHeight={84} onSee={pages.see}>
          {(row) => <AuditRow row={row} isOpen={row.id === openId} query={params.toString()} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && (
        <EmptyState title="Nothing matches">{isFiltered ? 'Every filter has to fit. Take one away.' : 'Nothing was refused or looked at yet.'}</EmptyState>
      )}
      <div className={classes.cli}><CliLine line={cliLineOf(filter)} /></div>
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title={isAccess ? 'Choose an event' : 'Choose a change'}>Who it was, and what was before and after, stands here.</EmptyState>} />
}

const AuditRow = memo(function AuditRow({ row: { id, summary, action, outcome, target, at }, isOpen, query }: { row: Row; isOpen: boolean; query: string }) {
  return (
    <Link to={{ pathname: `/audit/${id}`, search: query }} className={classes.row} aria-current={isOpen ? 'page' : undefined} title={target}>
      <span className={classes.summary}><OutsideText>{summary}</OutsideText></span>
      <span className={classes.below}><RelativeTime at={at} /> · <code>{action}</code> <OutcomeBadge outcome={outcome} /></span>
    </Link>
  )
})
