import { Link, useParams, useSearchParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer, type Viewer } from '../../data/viewer.js'
import { ApprovalDetailDocument, type ApprovalDetailQuery } from '../../generated/graphql.js'
import { ApprovalBadge, Badge, ScopeBadge } from '../../parts/badge.js'
import { CliLine, CodeBlock } from '../../parts/code-block.js'
import { DiffView } from '../../parts/diff-view.js'
import { EmptyState } from '../../parts/empty-state.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { partsOfDiff } from './approval-text.js'
import { DecideButtons } from './decide-buttons.js'
import { WhoGetsIt } from './who-gets-it.js'
import { approveLine, rejectLine } from './approval-lines.js'
import classes from './approvals.module.css'

export type Request = NonNullable<ApprovalDetailQuery['approval']>

export function ApprovalDetail() {
  const { id = '' } = useParams()
  const [params] = useSearchParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(ApprovalDetailDocument, { variables: { id }, topics: ['approvals', 'entries', 'policy', 'people'] })
  const back = { to: { pathname: '/approvals', search: params.toString() }, label: 'Approvals' }
  if (isLoading) return <p role="status">Loading…</p>
  const request = data?.approval ?? null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {request !== null && <Found key={request.id} request={request} back={back} refresh={refresh} />}
      {request === null && problem === null && (
        <>
          <PageHeader title="Not there" back={back} />
          <EmptyState title="There is no request of that id for you.">Requests are for the entry&apos;s own people, and for admins.</EmptyState>
        </>
      )}
    </>
  )
}

interface FoundProps {
  request: Request
  back: { to: { pathname: string; search: string }; label: string }
  refresh: () => void
}

function Found({ request, back, refresh }: FoundProps) {
  const viewer = useViewer()
  const { entry, entryName, state, diff, id } = request
  const name = entry?.name ?? entryName
  const { commandLines, patch } = partsOfDiff(diff)
  // What policy says is of the definition that the entry has now, which need not be the one that was asked for.
  const findings = entry?.digest === request.digest ? entry.verdict.findings : []
  return (
    <>
      <PageHeader
        title={name} back={back}
        badges={<>{entry != null && <ScopeBadge owner={entry.owner} viewerId={viewer.id} />}<Badge>{entry?.kind === 'AGENT' ? 'agent' : 'MCP server'}</Badge><ApprovalBadge state={state} /></>}
        actions={<DecideButtons request={request} onRefused={refresh} />}
      />
      <Standing request={request} viewer={viewer} />
      {commandLines.map(({ label, line }) => <Section key={label} title={label}><CodeBlock text={line} label={`Exact text: ${label}`} copy={line} /></Section>)}
      {state === 'PENDING' && entry != null && <Section title="Who gets it"><WhoGetsIt entry={entry} /></Section>}
      {findings.length > 0 && <Section title="What the policy says"><Findings findings={findings} /></Section>}
      <Section title="Difference to what was approved before"><DiffView diff={patch} label="What changes" /></Section>
      <Section title="The request"><About request={request} viewer={viewer} /></Section>
      {request.mayDecide && <CliLine line={[approveLine(id), rejectLine(id)].join('\n')} />}
    </>
  )
}

/** What became of it, and who has to do something now. */
function Standing({ request: { id, state, requestedBy, mayDecide, entry, note }, viewer }: { request: Request; viewer: Viewer }) {
  const isMine = requestedBy.id === viewer.id
  const current = entry?.approval ?? null
  return (
    <div role="status" className={classes.notice}>
      {state === 'PENDING' && (mayDecide
        ? <p>{isMine ? 'You asked for it, and the policy lets you decide on your own.' : 'You can decide. What you see here is what you decide on, and nothing else.'}</p>
        : <p>{isMine ? 'You asked for it; someone else has to decide.' : viewer.isAdmin ? 'You changed its definition; someone else has to decide.' : 'It waits for an approver. You can look at it.'}</p>)}
      {state === 'APPROVED' && <p>Approved. To take it from sessions, disable or revoke it.</p>}
      {state === 'REJECTED' && <p>Rejected{note != null && note !== '' && <>: <OutsideText>{note}</OutsideText></>}. It can be asked for again once its definition is changed.</p>}
      {state === 'EXPIRED' && <p>Nobody decided in time. Its owner can ask again by saving it as it is.</p>}
      {state === 'VOID' && <p>It counts no more: {entry == null ? 'what it was for is gone.' : 'it was changed since.'}</p>}
      {current !== null && current.id !== id && <p>There is a newer request: <Link to={`/approvals/${current.id}`}>look at what it is now</Link>.</p>}
    </div>
  )
}

function About({ request: { entry, entryName, requestedBy, requestedAt, expiresAt, decidedBy, decidedAt, note, state, digest }, viewer }: { request: Request; viewer: Viewer }) {
  const nameOf = ({ id, displayName }: { id: string; displayName: string }) => <>{id === viewer.id ? 'you' : <OutsideText>{displayName}</OutsideText>}</>
  return (
    <KeyValues
      rows={[
        ['Asked by', <>{nameOf(requestedBy)}, <RelativeTime at={requestedAt} /></>],
        ['To decide until', state === 'PENDING' ? <RelativeTime at={expiresAt} /> : null],
        ['Decided by', decidedBy == null || decidedAt == null ? null : <>{nameOf(decidedBy)}, <RelativeTime at={decidedAt} /></>],
        ['Note', note == null || note === '' ? null : <OutsideText>{note}</OutsideText>],
        ['Entry', entry == null
          ? <OutsideText>{entryName}</OutsideText>
          : <Link to={`/${entry.kind === 'AGENT' ? 'agents' : 'integrations'}/all/${entry.id}`}><OutsideText>{entry.name}</OutsideText></Link>],
        ['Of the definition', <code key="digest" title={digest}>{digest.replace(/^\w+:/, '').slice(0, 12)}</code>],
      ]}
    />
  )
}
