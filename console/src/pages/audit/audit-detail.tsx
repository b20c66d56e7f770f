import { Link, useParams, useSearchParams } from 'react-router'
import { definitionText } from '../../../../src/core/definition-text.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { AuditDetailDocument, type AuditDetailQuery, AuditThingsDocument } from '../../generated/graphql.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { type FilterName } from './audit-filter.js'
import { OutcomeBadge } from './outcome-badge.js'
import { ThingLink } from './thing-link.js'
import { idsIn } from './things.js'
import classes from './audit.module.css'

type Event = Extract<AuditDetailQuery['node'], { __typename: 'AuditEvent' }>

export function AuditDetail() {
  const { id = '' } = useParams()
  const [params] = useSearchParams()
  // What was written stays as it is; what of it is still there, and whether one may read it, can change.
  const { data, problem, isLoading, refresh } = useLiveQuery(AuditDetailDocument, { variables: { id }, topics: ['people'] })
  const back = { to: { pathname: '/audit', search: params.toString() }, label: 'Audit' }
  if (isLoading) return <p role="status">Loading…</p>
  const event = data?.node?.__typename === 'AuditEvent' ? data.node : null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {event !== null && <Found event={event} back={back} />}
      {event === null && problem === null && (
        <>
          <PageHeader title="Not there" back={back} />
          <EmptyState title="There is no event of that id.">Choose one in the list.</EmptyState>
        </>
      )}
    </>
  )
}

function Found({ event, back }: { event: Event; back: { to: { pathname: string; search: string }; label: string } }) {
  const { chain, sequence, at, actor, action, outcome, target, about, summary, before, after, hash } = event
  const [was, is] = [textOf(before), textOf(after)]
  const isChange = chain === 'CHANGES'
  return (
    <>
      <PageHeader title={summary} heading={<OutsideText>{`${summary}.`}</OutsideText>} back={back} badges={<OutcomeBadge outcome={outcome} />} />
      <KeyValues
        rows={[
          ['When', <><RelativeTime key="at" at={at} /> <span className={classes.note}>{at}</span></>],
          ['By', <><Actor actor={actor} /> <Only event={event} name="actor" value={actor.id} label="only theirs" /></>],
          ['About', <><ThingLink thing={about} /> <Only event={event} name="about" value={about.kind === 'OWNER' || about.kind === 'MEMBERSHIP' ? about.owner?.id ?? target : target} label="all of it" /></>],
          ['Action', <><code>{action}</code> <Only event={event} name="action" value={action} label="only these" /></>],
          ['Row', <>
            {sequence} of the chain of {isChange ? 'changes' : 'denials and looks'}, with the hash <code className={classes.hash}>{hash}</code>
            {sequence > 1 && <Link to={{ pathname: `/audit/${isChange ? 'aud' : 'acc'}_${sequence - 1}`, search: back.to.search }} className={classes.only}>the row before</Link>}
          </>],
        ]}
      />
      {(isChange || is !== '') && (
        <Section title={isChange ? 'What changed' : 'More of it'}>
          <DiffView diff={was === is ? '' : unifiedDiff(was, is)} label={isChange ? 'Before and after, as a difference' : 'What was written down with it'} />
        </Section>
      )}
      <Mentioned text={`${was}\n${is}`} />
    </>
  )
}

function Actor({ actor: { kind, id, displayName } }: { actor: Event['actor'] }) {
  const name = <OutsideText>{displayName}</OutsideText>
  if (kind === 'SYSTEM') return name
  return <><Link to={kind === 'USER' ? `/people/users/${id}` : '/people/worker-tokens'}>{name}</Link> <span className={classes.note}><OutsideText>{kind === 'WORKER' ? `worker token ${id}` : id}</OutsideText></span></>
}

/** The ids that stand in what was before and after, with the names that they have. */
function Mentioned({ text }: { text: string }) {
  const ids = idsIn(text)
  const { data } = useLiveQuery(AuditThingsDocument, { variables: { ids }, topics: [], pause: ids.length === 0 })
  const known = ids.length === 0 ? [] : data?.auditTargets ?? []
  if (known.length === 0) return null
  return <Section title="Who and what the ids are"><ul className={classes.mentioned}>{known.map((thing) => <li key={thing.id}><ThingLink thing={thing} /></li>)}</ul></Section>
}

/** Filters the list by something of the event that is open, in place of what it was filtered by. */
function Only({ event: { id, chain }, name, value, label }: { event: Event; name: FilterName; value: string; label: string }) {
  return <Link to={{ pathname: `/audit/${id}`, search: new URLSearchParams({ ...(chain === 'ACCESS' && { chain: 'access' }), [name]: value }).toString() }} className={classes.only}>{label}</Link>
}

function textOf(value: unknown): string {
  return value == null ? '' : definitionText(value)
}
