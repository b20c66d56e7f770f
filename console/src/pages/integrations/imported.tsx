import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { ImportedIntegrationDocument, type ImportedIntegrationQuery } from '../../generated/graphql.js'
import { AppliedBadge, Badge, StatusBadge } from '../../parts/badge.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { Section } from '../../parts/section.js'
import { type ImportedItem } from './pasted-list.js'
import classes from './add.module.css'

/** Each is followed by itself, so not all of a long list at once. */
const shownAtOnce = 20

/** What became of each of several servers, and how it goes on as admins approve and workers apply it. */
export function Imported({ items, onAgain }: { items: readonly ImportedItem[]; onAgain: () => void }) {
  const [shown, setShown] = useState(shownAtOnce)
  return (
    <Section title="Registered">
      <ul className={classes.pasted}>
        {items.slice(0, shown).map(({ name, outcome, entry, findings }, at) => (
          <li key={at}>
            {entry === null
              ? <p className={classes.actions}><OutsideText>{name}</OutsideText> <Badge tone="bad">{outcome.toLowerCase()}</Badge></p>
              : <Live entry={entry} outcome={outcome} />}
            <Findings findings={findings} />
          </li>
        ))}
      </ul>
      <div className={classes.actions}>
        {items.length > shown && <Button variant="default" onClick={() => setShown(shown + shownAtOnce)}>Show more ({items.length - shown})</Button>}
        <Button variant="default" onClick={onAgain}>Add more</Button>
      </div>
    </Section>
  )
}

function Live({ entry, outcome }: { entry: NonNullable<ImportedItem['entry']>; outcome: string }) {
  const { data, problem, refresh } = useLiveQuery(ImportedIntegrationDocument, { variables: { id: entry.id }, topics: ['entries', 'approvals', 'workers', 'policy'] })
  const isGone = problem?.code === 'NOT_FOUND' || data?.mcpServer === null
  const { name, status, statusReason } = data?.mcpServer ?? { ...entry, statusReason: null }
  return (
    <>
      <p className={classes.actions}>
        <Link to={`/integrations/all/${entry.id}`}><OutsideText>{name}</OutsideText></Link>
        <Badge>{outcome.toLowerCase()}</Badge>{isGone ? <Badge tone="bad">not there any more</Badge> : <StatusBadge status={status} />}
      </p>
      {statusReason != null && <p><OutsideText>{statusReason}</OutsideText></p>}
      {!isGone && <InlineError problem={problem} retry={refresh} />}
      {data !== undefined && !isGone && <States id={entry.id} sessions={data.entrySessions} />}
    </>
  )
}

/** In how many sessions it has which state. */
function States({ id, sessions: { nodes, pageInfo } }: { id: string; sessions: ImportedIntegrationQuery['entrySessions'] }) {
  const states = nodes.flatMap(({ entries }) => entries.filter(({ entryId }) => entryId === id)).filter(({ state }) => state !== 'STOPPED')
  const counts = new Map(states.map(({ state }) => [state, states.filter((one) => one.state === state).length]))
  if (counts.size === 0) return <p className={classes.hint}>In no session that you may see yet.</p>
  return (
    <p className={classes.actions}>
      {[...counts].map(([state, count]) => <span key={state}><AppliedBadge state={state} /> in {pageInfo.hasNextPage ? `more than ${count}` : count} {count === 1 ? 'session' : 'sessions'}</span>)}
    </p>
  )
}
