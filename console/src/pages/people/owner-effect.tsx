import { useLiveQuery } from '../../data/use-live-query.js'
import { OwnerEffectDocument, type OwnerInput } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { counted } from './counted.js'

/** What is lost with an owner, in numbers of the moment. */
export function OwnerEffect({ owner, what }: { owner: OwnerInput; what: (entries: string) => string }) {
  const { data, problem } = useLiveQuery(OwnerEffectDocument, { variables: { owner }, topics: ['workers', 'entries'] })
  if (data === undefined) return problem === null ? <p role="status">Looking what is theirs…</p> : <InlineError problem={problem} />
  const { mcpServers, agents, workers } = data
  const pages = workers.map(({ sessions }) => sessions)
  const live = pages.reduce((sum, { nodes }) => sum + nodes.length, 0)
  const entries = `${counted(mcpServers.nodes.length, 'MCP server', mcpServers.pageInfo.hasNextPage)} and ${counted(agents.nodes.length, 'agent', agents.pageInfo.hasNextPage)}`
  const sessions = `${counted(live, 'session', pages.some(({ pageInfo }) => pageInfo.hasNextPage))} on ${counted(pages.filter(({ nodes }) => nodes.length > 0).length, 'worker')}`
  return <p>{what(entries)} {live === 0 ? 'No session acts for them.' : `${sessions} ${live === 1 ? 'acts' : 'act'} for them, and ${live === 1 ? 'loses' : 'lose'} all that the catalog gave them.`}</p>
}
