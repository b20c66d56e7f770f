import { useLiveQuery } from '../../data/use-live-query.js'
import { IntegrationsStaticDocument, type IntegrationsStaticQuery } from '../../generated/graphql.js'
import { AppliedBadge, ProvenanceBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { VirtualList } from '../../parts/virtual-list.js'
import rows from '../../parts/row-link.module.css'
import classes from './integrations.module.css'

type Session = IntegrationsStaticQuery['workers'][number]['sessions']['nodes'][number]
type Applied = Session['entries'][number]

interface StaticServer {
  key: string
  entry: Applied
  sessions: number
}

/** MCP servers that workers bring along themselves, of the sessions that the viewer may see: they are not managed here. */
export function StaticList({ search }: { search: string }) {
  const { data, problem, isLoading, refresh } = useLiveQuery(IntegrationsStaticDocument, { variables: {}, topics: ['workers'] })
  const found = staticServers(data?.workers ?? []).filter(({ entry: { name, origin } }) => `${name} ${origin}`.toLowerCase().includes(search.toLowerCase()))
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      <p role="status" className={classes.count}>{isLoading ? 'Loading…' : `${found.length} from workers themselves`}</p>
      {found.length > 0 && (
        <VirtualList items={found} label="MCP servers of workers" keyOf={({ key }) => key} rowHeight={64}>
          {({ entry: { name, origin, state, reason }, sessions }) => (
            <div className={rows.row}>
              <span className={rows.name}><OutsideText>{name}</OutsideText></span>
              <span className={rows.badges}><AppliedBadge state={state} /><ProvenanceBadge origin="static" /></span>
              <span className={rows.below}>In {sessions} {sessions === 1 ? 'session' : 'sessions'}, from <OutsideText>{origin}</OutsideText>{reason != null && <>: <OutsideText>{reason}</OutsideText></>}</span>
            </div>
          )}
        </VirtualList>
      )}
      {!isLoading && found.length === 0 && problem === null && <EmptyState title="None">Sessions that you may see have nothing but what is managed here.</EmptyState>}
    </>
  )
}

/** One for each name, place and state. */
function staticServers(workers: IntegrationsStaticQuery['workers']): StaticServer[] {
  const found = new Map<string, StaticServer>()
  for (const { sessions } of workers) {
    for (const entry of sessions.nodes.flatMap(({ entries }) => entries)) {
      if (entry.kind !== 'MCP_SERVER' || entry.origin === 'catalog') continue
      const key = JSON.stringify([entry.name, entry.origin, entry.state])
      found.set(key, { key, entry, sessions: (found.get(key)?.sessions ?? 0) + 1 })
    }
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
