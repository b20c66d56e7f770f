import { Group } from '@mantine/core'
import { useAction } from '../../data/use-action.js'
import { type Topic } from '../../data/live.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { AcceptIntegrationToolsDocument, IntegrationToolsDocument, type IntegrationToolsQuery } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { DiffView } from '../../parts/diff-view.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { acceptToolsLine } from '../../entries/cli-args.js'
import { type Integration } from './integration-detail.js'
import classes from './integrations.module.css'

type Inventory = NonNullable<IntegrationToolsQuery['toolInventory']>
type Held = Inventory['held'][number]

const topics: readonly Topic[] = ['tools', 'entries']
const accepted: readonly Topic[] = ['tools', 'workers', 'entries']
const instructions = 'the server’s instructions'

/** What its tools are held to, and what its server says otherwise by now: kept from sessions until somebody has looked at it. */
export function Tools({ server }: { server: Integration }) {
  const { data, problem, isLoading } = useLiveQuery(IntegrationToolsDocument, { variables: { id: server.id }, topics })
  if (isLoading) return <p role="status">Loading…</p>
  if (data === undefined) return <InlineError problem={problem} />
  const inventory = data.toolInventory ?? null
  if (inventory === null) return <p>No worker has told yet which tools it has. The first session that connects tells, and later changes are held until you accept them.</p>
  const { pins, held, seenAt, seenBy } = inventory
  const names = pins.tools.map(({ name }) => name ?? instructions)
  return (
    <>
      <p>Accepted since <RelativeTime at={seenAt} />, from <OutsideText>{seenBy.displayName}</OutsideText>: {names.length === 0 ? 'nothing' : <OutsideText>{names.join(', ')}</OutsideText>}.</p>
      {held.length === 0 ? <p>Nothing is held.</p> : <HeldTools server={server} inventory={inventory} />}
    </>
  )
}

function HeldTools({ server, inventory: { digest, held } }: { server: Integration; inventory: Inventory }) {
  const viewer = useViewer()
  const { run, isRunning, problem } = useAction(AcceptIntegrationToolsDocument, accepted)
  // Where an approval is needed it is the approvers who accept; exactly who, the server knows.
  const mayAccept = server.verdict.kind === 'NEEDS_APPROVAL' ? viewer.isAdmin || viewer.can('WRITE_POLICY', server.owner) : viewer.can('WRITE_ENTRIES', server.owner)
  // By hash, of what stands here: what came since it was looked at is not let in.
  const accept = (chosen: readonly Held[]) => void run({ input: { entryId: server.id, digest, tools: chosen.map(({ name, hash }) => ({ name, hash })) } })
  // Of several under one name the last one is what the server was last seen to have.
  const newest = [...new Map(held.map((tool) => [tool.name, tool])).values()]
  return (
    <>
      <p><strong>{newest.length === 1 ? 'One is' : `${newest.length} are`} held: sessions do without until somebody has looked and accepted.</strong></p>
      <ul className={classes.held} aria-label="Held tools">
        {held.map((tool) => (
          <li key={`${tool.name} ${tool.hash}`}>
            <h3><OutsideText>{tool.name ?? instructions}</OutsideText> <Badge tone="warn">{tool.isNew ? 'new' : 'changed'}</Badge></h3>
            <p>Seen <RelativeTime at={tool.seenAt} /> by <OutsideText>{tool.seenBy.displayName}</OutsideText>.{!newest.includes(tool) && ' Another one was seen since.'}</p>
            <DiffView diff={tool.diff} label={`How ${tool.name ?? instructions} differs`} />
            {mayAccept && held.length > 1 && <ProgressButton variant="default" label={`Accept ${tool.name ?? 'the instructions'}`} progress="Accepting…" isRunning={isRunning} onClick={() => accept([tool])} />}
          </li>
        ))}
      </ul>
      <InlineError problem={problem} />
      {mayAccept && <Group><ProgressButton label={newest.length === 1 ? 'Accept it' : `Accept all ${newest.length}`} progress="Accepting…" isRunning={isRunning} onClick={() => accept(newest)} /></Group>}
      {mayAccept ? <CliLine line={acceptToolsLine(server, viewer.id)} /> : <p>Ask whoever looks after it: you cannot accept them yourself.</p>}
    </>
  )
}
