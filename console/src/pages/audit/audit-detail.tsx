import { Link, useParams, useSearchParams } from 'react-router'
import { definitionText } from '../../../../src/core/definition-text.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { AuditDetailDocument, type AuditDetailQuery } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { type FilterName } from './audit-filter.js'
import classes from './audit.module.css'

type Event = Extract<AuditDetailQuery['node'], { __typename: 'AuditEvent' }>

export function AuditDetail() {
  const { id = '' } = useParams()
  const [params] = useSearchParams()
  // What was written stays as it is; only whether one may read it can change.
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
          <EmptyState title="There is no change of that id.">Choose one in the list.</EmptyState>
        </>
      )}
    </>
  )
}

function Found({ event: { id, sequence, at, actor, action, outcome, target, before, after, hash }, back }: { event: Event; back: { to: { pathname: string; search: string }; label: string } }) {
  return (
    <>
      <PageHeader title={action} back={back} badges={outcome === 'OK' ? null : <Badge tone="bad">{outcome.toLowerCase()}</Badge>} />
      <KeyValues
        rows={[
          ['When', <RelativeTime key="at" at={at} />],
          ['By', <><OutsideText>{actor.displayName}</OutsideText> (<OutsideText>{actor.id}</OutsideText>) <Only id={id} name="actor" value={actor.id} label="only theirs" /></>],
          ['Target', <><OutsideText>{target}</OutsideText> <Only id={id} name="target" value={target} label="all of it" /></>],
          ['Action', <><code>{action}</code> <Only id={id} name="action" value={action} label="only these" /></>],
          ['Row', <>{sequence} <code className={classes.hash}>{hash}</code></>],
        ]}
      />
      <Section title="What changed">
        <DiffView diff={textOf(before) === textOf(after) ? '' : unifiedDiff(textOf(before), textOf(after))} label="Before and after, as a difference" />
      </Section>
    </>
  )
}

/** Filters the list by something of the change that is open, in place of what it was filtered by. */
function Only({ id, name, value, label }: { id: string; name: FilterName; value: string; label: string }) {
  return <Link to={{ pathname: `/audit/${id}`, search: new URLSearchParams({ [name]: value }).toString() }} className={classes.only}>{label}</Link>
}

function textOf(value: unknown): string {
  return value == null ? '' : definitionText(value)
}
