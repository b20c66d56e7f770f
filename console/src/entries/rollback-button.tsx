import { Button, Stack } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '../data/use-action.js'
import { useViewer } from '../data/viewer.js'
import { RollbackEntryDocument } from '../generated/graphql.js'
import { CliLine } from '../parts/code-block.js'
import { ConfirmDialog } from '../parts/confirm-dialog.js'
import { DiffView } from '../parts/diff-view.js'
import { rollbackLine } from './cli-args.js'
import { actTopics, type Done, undoBy } from './done-notice.js'
import { Impact } from './impact.js'
import { type ActedOn } from './acted-on.js'

/** Makes an old definition the newest. `diff`: from how it is now to that one. */
export function RollbackButton({ entry, to, diff, onDone }: { entry: ActedOn; to: number; diff: string; onDone: (done: Done) => void }) {
  const viewer = useViewer()
  const [isAsking, setAsking] = useState(false)
  const { run, isRunning, problem, reset } = useAction(RollbackEntryDocument, actTopics)
  const rollBack = async () => {
    const answer = await run({ input: { id: entry.id, expectedRevision: entry.revision, toRevision: to } })
    if (answer === null) return
    const { entry: rolledBack, revocation } = answer.rollbackEntry
    setAsking(false)
    onDone({
      text: `Revision ${rolledBack.revision} is as revision ${to} was.`, receiptId: revocation?.id ?? null,
      undo: undoBy(RollbackEntryDocument, { input: { id: entry.id, expectedRevision: rolledBack.revision, toRevision: entry.revision } }, `Undo: back to revision ${entry.revision}`, 'Rolling back…'),
    })
  }
  return (
    <>
      <Button variant="default" size="compact-sm" onClick={() => { reset(); setAsking(true) }}>Roll back to revision {to}</Button>
      <ConfirmDialog
        isOpen={isAsking} title={`Roll ${entry.name} back to revision ${to}?`} label="Roll back" progress="Rolling back…" isRunning={isRunning} problem={problem}
        onConfirm={() => void rollBack()} onClose={() => setAsking(false)}
      >
        <Stack gap="sm">
          <p>Sessions get it as it was then, and what they run now ends. It goes through the policy of today, and may have to be approved again. Of those that have it now:</p>
          <Impact id={entry.id} />
          <DiffView diff={diff} label="What the rollback changes" />
          <CliLine line={rollbackLine(entry, viewer.id, to)} />
        </Stack>
      </ConfirmDialog>
    </>
  )
}
