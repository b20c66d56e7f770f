import { Button } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import { useParams } from 'react-router'
import { definitionText } from '../../../src/core/definition-text.js'
import { useLivePages } from '../data/use-live-pages.js'
import { EntryHistoryPagesDocument, type EntryHistoryPagesQuery } from '../generated/graphql.js'
import { DiffView, unifiedDiff } from '../parts/diff-view.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { RelativeTime } from '../parts/relative-time.js'
import { Pane, PaneLink, useCloseWorkspace } from '../parts/workspace.js'
import { type Done } from './done-notice.js'
import { type ActedOn } from './acted-on.js'
import { RollbackButton } from './rollback-button.js'
import classes from './entries.module.css'

type Revision = EntryHistoryPagesQuery['entryHistory']['nodes'][number]

const textOf = ({ name, definition }: Revision) => definitionText({ name, ...(definition as object) })

interface HistoryProps {
  entry: ActedOn
  /** Left out for whom it is only to be looked at. */
  onDone?: (done: Done) => void
}

/** Every revision, newest first; in the workspace what it changed, and the way back to it. */
export function History({ entry, onDone }: HistoryProps) {
  const { id } = entry
  const { items, hasMore, isLoading, problem, more } = useLivePages(EntryHistoryPagesDocument, { variables: { id }, topics: ['entries'], pageOf: ({ entryHistory }) => entryHistory })
  useOlder(items, hasMore, more)
  const close = useCloseWorkspace()
  const done = (what: Done) => {
    // Where the workspace is alone on the screen, nobody would see it.
    close()
    onDone?.(what)
  }
  return (
    <>
      <InlineError problem={problem} />
      {isLoading && <p role="status">Loading…</p>}
      <ol className={classes.history}>
        {items.map((item, at) => (
          <li key={item.revision}>
            <HistoryItem item={item} before={items[at + 1] ?? null} isOldest={!hasMore && at === items.length - 1}>
              {onDone !== undefined && at > 0 && item.digest !== items[0]!.digest && <div><RollbackButton entry={entry} to={item.revision} diff={unifiedDiff(textOf(items[0]!), textOf(item))} onDone={done} /></div>}
            </HistoryItem>
          </li>
        ))}
      </ol>
      {hasMore && <div><Button variant="default" onClick={more}>Older revisions</Button></div>}
    </>
  )
}

/** An address may ask for a revision that is not read yet; and its difference needs the one before. */
function useOlder(items: readonly Revision[], hasMore: boolean, more: () => void) {
  const asked = Number(/^revision-(\d+)$/.exec(useParams().pane ?? '')?.[1])
  const oldest = items.at(-1)?.revision
  useEffect(() => {
    if (hasMore && oldest !== undefined && asked <= oldest) more()
  }, [asked, oldest, hasMore, more])
}

function HistoryItem({ item, before, isOldest, children }: { item: Revision; before: Revision | null; isOldest: boolean; children: ReactNode }) {
  const isSame = before !== null && before.digest === item.digest && before.name === item.name
  const name = `revision-${item.revision}`
  const by = <>by <OutsideText>{item.changedBy.displayName}</OutsideText>, <RelativeTime at={item.at} />{isSame && ', same definition'}</>
  return (
    <>
      <PaneLink name={name}>Revision {item.revision}, {by}</PaneLink>
      <Pane name={name} title={`Revision ${item.revision}`} of={item.name}>
        <p>Saved {by}.</p>
        {before === null && !isOldest
          ? <p role="status">Loading…</p>
          : <DiffView diff={unifiedDiff(before === null ? '' : textOf(before), textOf(item))} label={`What revision ${item.revision} changed`} />}
        {children}
      </Pane>
    </>
  )
}
