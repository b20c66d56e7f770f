import { useState } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { RevocationDetailDocument, type RevocationDetailQuery, RevocationEntryDocument } from '../../generated/graphql.js'
import { RevocationBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { RestoreButton } from '../../entries/restore-button.js'
import { Targets } from './targets.js'
import classes from './revocations.module.css'

type Receipt = NonNullable<RevocationDetailQuery['revocation']>

export function RevocationDetail() {
  const { id = '' } = useParams()
  const [params] = useSearchParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(RevocationDetailDocument, { variables: { id }, topics: ['revocations', 'workers'] })
  const receipt = data?.revocation ?? null
  const back = { to: { pathname: '/revocations', search: params.toString() }, label: 'Receipts' }
  if (isLoading) return <p role="status">Loading…</p>
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {receipt !== null && <Found receipt={receipt} back={back} />}
      {receipt === null && problem === null && (
        <><PageHeader title="Not there" back={back} /><EmptyState title="There is no receipt of that id for you.">Receipts are for those who see what runs for the entry’s owner.</EmptyState></>
      )}
    </>
  )
}

function Found({ receipt, back }: { receipt: Receipt; back: { to: { pathname: string; search: string }; label: string } }) {
  const { id, entryName, mode, reason, state, stoppedCount, targetCount, deadline, requestedAt, requestedBy } = receipt
  return (
    <>
      <PageHeader title={`Receipt: ${entryName}`} heading={<>Receipt: <OutsideText>{entryName}</OutsideText></>} back={back} badges={<RevocationBadge state={state} />} />
      <div className={classes.progress}>
        <p role="status">{sumOf(receipt)}</p>
        {targetCount > 0 && <progress value={stoppedCount} max={targetCount} aria-label="Sessions in which it stopped" />}
      </div>
      <EntryNow key={receipt.entryId} receipt={receipt} />
      <KeyValues
        rows={[
          ['Reason', <OutsideText key="reason">{reason}</OutsideText>],
          ['By', <><OutsideText>{requestedBy.displayName}</OutsideText>, <RelativeTime at={requestedAt} /></>],
          ['Calls in flight', mode === 'DRAIN' ? 'may finish until the deadline' : 'fail at once'],
          ['Deadline', <RelativeTime key="deadline" at={deadline} />],
        ]}
      />
      <Section title="Sessions"><Targets id={id} count={targetCount} /></Section>
    </>
  )
}

function sumOf({ state, stoppedCount, targetCount }: Receipt): string {
  if (targetCount === 0) return 'No session had it: there is nothing to wait for.'
  const told = `${stoppedCount} of ${targetCount} ${targetCount === 1 ? 'session' : 'sessions'} stopped.`
  return { PENDING: `${told} This fills by itself.`, COMPLETE: `${told} It runs nowhere any more.`, OVERDUE: `${told} The others should have by now.` }[state]
}

/** The entry as it now is, and the way back from a revocation. */
function EntryNow({ receipt: { entryId, entryName } }: { receipt: Receipt }) {
  const viewer = useViewer()
  const [isAsked, setAsked] = useState(false)
  const { data, problem } = useLiveQuery(RevocationEntryDocument, { variables: { id: entryId }, topics: ['entries', 'approvals'] })
  const node = data?.node ?? null
  if (data === undefined) return <InlineError problem={problem} />
  if (node === null || !('status' in node)) return <p className={classes.entry}><OutsideText>{entryName}</OutsideText> is gone, or no longer for you to see.</p>
  const isRestorable = node.status === 'REVOKED' && viewer.can('WRITE_ENTRIES', node.owner)
  return (
    <div className={classes.entry}>
      <Link to={`/${node.kind === 'AGENT' ? 'agents' : 'integrations'}/all/${node.id}`}>Open <OutsideText>{node.name}</OutsideText></Link>
      {isRestorable && <RestoreButton entry={node} onRestored={() => setAsked(true)} />}
      {isAsked && <p role="status">Asked for: it waits for the approval of somebody else.</p>}
    </div>
  )
}
