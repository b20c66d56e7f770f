import { useLiveQuery } from '../data/use-live-query.js'
import { type EntryKind, EntryAvailabilityDocument, type EntryAvailabilityQuery } from '../generated/graphql.js'
import { CliLine } from '../parts/code-block.js'
import { InlineError } from '../parts/inline-error.js'
import { OutsideText } from '../parts/outside-text.js'
import { explainLine } from './cli-args.js'
import classes from './entries.module.css'

/** What each question of the chain asks. */
const questions: Record<string, string> = {
  entry: 'Is it there?', scope: 'Does it reach me?', revocation: 'Is it revoked?', enabled: 'Is it enabled?', policy: 'May it run?', approval: 'Is it approved?',
  shadowing: 'Does it come first?', tools: 'Are its tools accepted?', secrets: 'Has it its secret?', mcpServers: 'Has it its MCP server?', other: 'Others of the name', workers: 'Does it run?',
}

/** Why an entry of that name is, or is not, in the viewer's set: every question that was asked, in its order. */
export function Availability({ name, entryId, kind = 'MCP_SERVER' }: { name: string; entryId: string; kind?: EntryKind }) {
  const { data, problem, isLoading } = useLiveQuery(EntryAvailabilityDocument, {
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
        {steps.map((step, at) => <li key={at}><Step step={step} /></li>)}
      </ol>
      <CliLine line={explainLine(name, kind)} label="The same question with the CLI" />
    </>
  )
}

type AskedStep = EntryAvailabilityQuery['explainAvailability']['steps'][number]

function Step({ step: { check, passed, reason } }: { step: AskedStep }) {
  // That there are others of the name is to be known, and stands in nobody's way by itself.
  const [mark, word, tone] = check === 'other' ? ['–', 'Besides: ', undefined] : passed ? ['✓', 'Passed: ', classes.passed] : ['✗', 'Failed: ', classes.failed]
  return (
    <>
      <span className={tone}><span aria-hidden="true">{mark}</span><span className="visually-hidden">{word}</span></span>
      <span>{questions[check] ?? check}</span>
      <OutsideText>{reason}</OutsideText>
    </>
  )
}
