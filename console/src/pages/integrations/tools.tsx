import { type Topic } from '../../data/live.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { IntegrationToolsDocument } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Pane, PaneLink } from '../../parts/workspace.js'
import { HeldTools, HeldTitle, instructions, newestOf } from './held-tools.js'
import { type Integration } from './integration-detail.js'
import classes from './integrations.module.css'

const topics: readonly Topic[] = ['tools', 'entries']
const heldPane = 'held-tools'

/** What its tools are held to, and what its server says otherwise by now: kept from sessions until somebody has looked at it, in the workspace. */
export function Tools({ server }: { server: Integration }) {
  const { data, problem, isLoading } = useLiveQuery(IntegrationToolsDocument, { variables: { id: server.id }, topics })
  if (isLoading) return <p role="status">Loading…</p>
  if (data === undefined) return <InlineError problem={problem} />
  const inventory = data.toolInventory ?? null
  if (inventory === null) return <p>No worker has told yet which tools it has. The first session that connects tells, and later changes are held until you accept them.</p>
  const { pins, held, seenAt, seenBy } = inventory
  const names = pins.tools.map(({ name }) => name ?? instructions)
  const newest = newestOf(held)
  return (
    <>
      <p>Accepted <RelativeTime at={seenAt} />, from <OutsideText>{seenBy.displayName}</OutsideText>: {names.length === 0 ? 'nothing' : <OutsideText>{names.join(', ')}</OutsideText>}.</p>
      {newest.length === 0 ? <p>Nothing is held.</p> : (
        <>
          <p><strong>{newest.length === 1 ? 'One is' : `${newest.length} are`} held: sessions do without until somebody has looked and accepted.</strong></p>
          <ul className={classes.names} aria-label="Held">{newest.map((tool) => <li key={tool.name}><HeldTitle tool={tool} /></li>)}</ul>
          <p><PaneLink name={heldPane}>{newest.length === 1 ? 'How it differs' : 'How they differ'}</PaneLink></p>
        </>
      )}
      <Pane name={heldPane} title="Held tools" of={server.name}><HeldTools server={server} inventory={inventory} /></Pane>
    </>
  )
}
