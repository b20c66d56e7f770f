import { Button } from '@mantine/core'
import { definitionText } from '../../../../src/core/definition-text.js'
import { useLivePages } from '../../data/use-live-pages.js'
import { IntegrationHistoryDocument, type IntegrationHistoryQuery } from '../../generated/graphql.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import classes from './integrations.module.css'

type Revision = IntegrationHistoryQuery['entryHistory']['nodes'][number]

const textOf = ({ name, definition }: Revision) => definitionText({ name, ...(definition as object) })

/** Every revision, newest first, with what it changed. */
export function History({ id }: { id: string }) {
  const { items, hasMore, isLoading, problem, more } = useLivePages(IntegrationHistoryDocument, { variables: { id }, topics: ['entries'], pageOf: ({ entryHistory }) => entryHistory })
  return (
    <>
      <InlineError problem={problem} />
      {isLoading && <p role="status">Loading…</p>}
      <ol className={classes.history}>
        {items.map((item, at) => <li key={item.revision}><HistoryItem item={item} before={items[at + 1] ?? null} isOldest={!hasMore && at === items.length - 1} /></li>)}
      </ol>
      {hasMore && <Button variant="default" onClick={more}>Older revisions</Button>}
    </>
  )
}

function HistoryItem({ item, before, isOldest }: { item: Revision; before: Revision | null; isOldest: boolean }) {
  const isSame = before !== null && before.digest === item.digest && before.name === item.name
  return (
    <details>
      <summary>Revision {item.revision}, by <OutsideText>{item.changedBy.displayName}</OutsideText>, <RelativeTime at={item.at} />{isSame && ', same definition'}</summary>
      {before === null && !isOldest
        ? <p>Its difference needs the revision before, which is not loaded yet.</p>
        : <DiffView diff={unifiedDiff(before === null ? '' : textOf(before), textOf(item))} label={`What revision ${item.revision} changed`} />}
    </details>
  )
}
