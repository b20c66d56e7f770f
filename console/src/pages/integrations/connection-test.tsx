import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { type OwnerRef } from '../../../../src/core/owner.js'
import { ownerOfScope, scopeOf, scopeTitle } from '../../data/scope.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { ConnectionTestsDocument, TestConnectionDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { Section } from '../../parts/section.js'
import { shownText } from '../../parts/shown-text.js'
import { probeLine } from './connect-lines.js'
import { ConnectionFound } from './connection-found.js'
import classes from './connection-test.module.css'

/** Has a worker connect to it for a moment, in a session of the viewer's or of the owner of the entry; for nobody else may one ask. */
export function ConnectionTest({ server: { id, name, owner } }: { server: { id: string; name: string; owner: NamedOwner } }) {
  const viewer = useViewer()
  const mine = { kind: 'USER' as const, id: viewer.id, displayName: viewer.displayName }
  // As the CLI has it: a team's or the deployment's entry as theirs, one that somebody else shares as one's own.
  const offered = [...owner.kind !== 'USER' && viewer.can('PROBE', owner) ? [owner] : [], mine]
  const [chosen, setChosen] = useState(scopeOf(offered[0]!, viewer.id))
  const session = offered.find((each) => scopeOf(each, viewer.id) === chosen) ?? mine
  return (
    <Section title="Does it connect?">
      {offered.length > 1 && (
        <NativeSelect
          label="In a session of" value={chosen} className={classes.whose} onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          data={offered.map((each) => ({ value: scopeOf(each, viewer.id), label: each === mine ? 'Yours' : shownText(scopeTitle(each, viewer.id)) }))}
        />
      )}
      <Test key={chosen} entryId={id} session={session} line={probeLine(name, owner, session, viewer.id)} />
    </Section>
  )
}

function Test({ entryId, session, line }: { entryId: string; session: OwnerRef; line: string }) {
  const viewer = useViewer()
  const owner = ownerOfScope(scopeOf(session, viewer.id))
  const { data, problem: unread } = useLiveQuery(ConnectionTestsDocument, { variables: { entryId, owner }, topics: ['probes'] })
  const { run, isRunning, problem } = useAction(TestConnectionDocument, ['probes'])
  const last = data?.probes[0] ?? null
  const isOpen = last?.state === 'PENDING' || last?.state === 'RUNNING'
  return (
    <>
      {last === null && <p>A worker connects as a session would, tells what it found, and ends it.</p>}
      <ProgressButton label="Test connection" progress="Testing…" isRunning={isRunning || isOpen} className={classes.button} variant="default" onClick={() => void run({ input: { entryId, owner } })} />
      <InlineError problem={problem ?? unread} />
      <div aria-live="polite" className={classes.found}>{last !== null && <ConnectionFound probe={last} />}</div>
      <CliLine line={line} label="The same test with the CLI" />
    </>
  )
}
