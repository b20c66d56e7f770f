import { Button } from '@mantine/core'
import { printableJson } from '../../../../src/core/printable-json.js'
import { type Topic } from '../../data/live.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { type OwnerInput, PolicyPastDocument, type PolicyPastQuery } from '../../generated/graphql.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import classes from './policy.module.css'

type Past = PolicyPastQuery['policyHistory']['nodes'][number]

const topics: readonly Topic[] = ['policy']

/** Every document that was saved, newest first, for whoever may set it. `onUse`: puts one of them into the editor. */
export function PolicyHistory({ owner, onUse }: { owner: OwnerInput; onUse: (text: string) => void }) {
  const { items, hasMore, problem, more, isLoading } = useLivePages(PolicyPastDocument, { variables: { owner }, topics, pageOf: ({ policyHistory }) => policyHistory })
  return (
    <Section title="History">
      <InlineError problem={problem} />
      {!isLoading && problem === null && items.length === 0 && <p>Nothing was saved yet.</p>}
      <ol className={classes.history}>{items.map((past) => <li key={past.revision}><Saved past={past} onUse={onUse} /></li>)}</ol>
      {hasMore && <div><Button variant="default" onClick={more}>Older ones</Button></div>}
    </Section>
  )
}

function Saved({ past: { revision, document, before, setBy, at }, onUse }: { past: Past; onUse: (text: string) => void }) {
  const text = printableJson(document)
  return (
    <details>
      <summary>Revision {revision}, by <OutsideText>{setBy.displayName}</OutsideText>, <RelativeTime at={at} /></summary>
      <DiffView diff={unifiedDiff(before == null ? '' : printableJson(before), text)} label={`What revision ${revision} changed`} />
      <Button variant="default" size="compact-sm" onClick={() => onUse(text)}>Put it into the editor</Button>
    </details>
  )
}
