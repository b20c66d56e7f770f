import { Group } from '@mantine/core'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useViewer } from '../../data/viewer.js'
import { AcceptIntegrationToolsDocument, type IntegrationToolsQuery } from '../../generated/graphql.js'
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

const accepted: readonly Topic[] = ['tools', 'workers', 'entries']
export const instructions = 'the server’s instructions'

/** Of several under one name the last one is what the server was last seen to have. */
export const newestOf = (held: readonly Held[]): readonly Held[] => [...new Map(held.map((tool) => [tool.name, tool])).values()]

export function HeldTitle({ tool }: { tool: Held }) {
  return <><OutsideText>{tool.name ?? instructions}</OutsideText> <Badge tone="warn">{tool.isNew ? 'new' : 'changed'}</Badge></>
}

/** How each differs, and the acceptance beside what it is of. */
export function HeldTools({ server, inventory: { digest, held } }: { server: Integration; inventory: Inventory }) {
  const viewer = useViewer()
  const { run, isRunning, problem } = useAction(AcceptIntegrationToolsDocument, accepted)
  // Where an approval is needed it is the approvers who accept; exactly who, the server knows.
  const mayAccept = server.verdict.kind === 'NEEDS_APPROVAL' ? viewer.isAdmin || viewer.can('WRITE_POLICY', server.owner) : viewer.can('WRITE_ENTRIES', server.owner)
  // By hash, of what stands here: what came since it was looked at is not let in.
  const accept = (chosen: readonly Held[]) => void run({ input: { entryId: server.id, digest, tools: chosen.map(({ name, hash }) => ({ name, hash })) } })
  const newest = newestOf(held)
  if (held.length === 0) return <p role="status">None is held any more: sessions have all of them.</p>
  return (
    <>
      <ul className={classes.held} aria-label="Held tools">
        {held.map((tool) => (
          <li key={`${tool.name} ${tool.hash}`}>
            <h3><HeldTitle tool={tool} /></h3>
            <p>Seen <RelativeTime at={tool.seenAt} /> by <OutsideText>{tool.seenBy.displayName}</OutsideText>.{!newest.includes(tool) && ' Another one was seen since.'}</p>
            <DiffView diff={tool.diff} label={`How ${tool.name ?? instructions} differs`} />
            {mayAccept && held.length > 1 && <ProgressButton variant="default" label="Accept" aria-label={`Accept ${tool.name ?? 'the instructions'}`} progress="Accepting…" isRunning={isRunning} onClick={() => accept([tool])} />}
          </li>
        ))}
      </ul>
      <InlineError problem={problem} />
      {mayAccept && <Group><ProgressButton label={newest.length === 1 ? 'Accept it' : `Accept all ${newest.length}`} progress="Accepting…" isRunning={isRunning} onClick={() => accept(newest)} /></Group>}
      {mayAccept ? <CliLine line={acceptToolsLine(server, viewer.id)} /> : <p>Ask whoever looks after it: you cannot accept them yourself.</p>}
    </>
  )
}
