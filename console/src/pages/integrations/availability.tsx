import { useLiveQuery } from '../../data/use-live-query.js'
import { type EntryKind, IntegrationAvailabilityDocument } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import classes from './integrations.module.css'

/** Why an entry of that name is, or is not, in the viewer's set: every question that was asked, in its order. */
export function Availability({ name, entryId, kind = 'MCP_SERVER' }: { name: string; entryId: string; kind?: EntryKind }) {
  const { data, problem, isLoading } = useLiveQuery(IntegrationAvailabilityDocument, {
    variables: { kind, name }, topics: ['entries', 'approvals', 'policy', 'secrets', 'people', 'workers'],
  })
  if (isLoading) return <p role="status">Loading…</p>
  if (data === undefined) return <InlineError problem={problem} />
  const { available, entry, steps } = data.explainAvailability
  const isOther = available && entry?.id !== entryId
  return (
    <>
      <p><strong>{isOther ? 'You use another one of the same name.' : available ? 'Yes, in your sessions.' : 'No.'}</strong></p>
      <ol className={classes.steps}>
        {steps.map(({ check, passed, reason }, at) => (
          <li key={at}>
            <span className={passed ? classes.passed : classes.failed}><span aria-hidden="true">{passed ? '✓' : '✗'}</span><span className="visually-hidden">{passed ? 'Passed: ' : 'Failed: '}</span></span>
            <span>{check}</span>
            <OutsideText>{reason}</OutsideText>
          </li>
        ))}
      </ol>
    </>
  )
}
