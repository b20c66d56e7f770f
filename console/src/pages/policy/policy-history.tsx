import { Button } from '@mantine/core'
import { printableJson } from '../../../../src/core/printable-json.js'
import { type Topic } from '../../data/live.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { PolicyHistoryDocument, type PolicyHistoryQuery } from '../../generated/graphql.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import classes from './policy.module.css'

type Event = PolicyHistoryQuery['auditEvents']['nodes'][number]

const topics: readonly Topic[] = ['policy', 'audit']

/** Every document that was saved, newest first, as the audit has it. `onUse`: puts one of them into the editor. */
export function PolicyHistory({ target, onUse }: { target: string; onUse: (text: string) => void }) {
  const { items, hasMore, problem, more, isLoading } = useLivePages(PolicyHistoryDocument, { variables: { target }, topics, pageOf: ({ auditEvents }) => auditEvents })
  return (
    <Section title="History">
      <InlineError problem={problem} />
      {!isLoading && problem === null && items.length === 0 && <p>Nothing was saved yet.</p>}
      <ol className={classes.history}>{items.map((event) => <li key={event.id}><Saved event={event} onUse={onUse} /></li>)}</ol>
      {hasMore && <div><Button variant="default" onClick={more}>Older ones</Button></div>}
    </Section>
  )
}

function Saved({ event: { at, actor, before, after }, onUse }: { event: Event; onUse: (text: string) => void }) {
  const { revision, document } = recordOf(after)
  const text = textOf(document)
  return (
    <details>
      <summary>Revision {revision ?? '?'}, by <OutsideText>{actor.displayName}</OutsideText>, <RelativeTime at={at} /></summary>
      <DiffView diff={unifiedDiff(textOf(recordOf(before).document), text)} label={`What revision ${revision ?? '?'} changed`} />
      <Button variant="default" size="compact-sm" onClick={() => onUse(text)}>Put it into the editor</Button>
    </details>
  )
}

const textOf = (document: unknown) => (document === undefined ? '' : printableJson(document))

function recordOf(value: unknown): { revision?: number; document?: unknown } {
  return typeof value === 'object' && value !== null ? value : {}
}
