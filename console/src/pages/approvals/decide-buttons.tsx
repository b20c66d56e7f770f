import { Button, Textarea } from '@mantine/core'
import { useState } from 'react'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { type ApprovalDecision, DecideAsSeenDocument } from '../../generated/graphql.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { type Request } from './approval-detail.js'
import { WhoGetsIt } from './who-gets-it.js'
import classes from './approvals.module.css'

const changed: readonly Topic[] = ['approvals', 'entries', 'workers']

const words = {
  APPROVE: { label: 'Approve', progress: 'Approving…' },
  REJECT: { label: 'Reject', progress: 'Rejecting…' },
} as const satisfies Record<ApprovalDecision, object>

/**
 * Approve and reject, for who may. Both take the digest of what is on the page, so a definition that changed meanwhile is not decided: the
 * refusal stays in the dialog, with the note, and the page behind it shows what became of the request.
 */
export function DecideButtons({ request, onRefused }: { request: Request; onRefused: () => void }) {
  const { id, digest, entryName, entry, mayDecide } = request
  const [decision, setDecision] = useState<ApprovalDecision | null>(null)
  const [note, setNote] = useState('')
  const { run, isRunning, problem, reset } = useAction(DecideAsSeenDocument, changed)
  const ask = (next: ApprovalDecision) => {
    reset()
    setDecision(next)
  }
  const decide = async () => {
    if (decision === null) return
    if (await run({ input: { id, digest, decision, note: note.trim() === '' ? null : note } }) === null) onRefused()
    else setDecision(null)
  }
  const open = decision !== null && (mayDecide || problem !== null) ? decision : null
  return (
    <>
      {mayDecide && <Button onClick={() => ask('APPROVE')}>Approve…</Button>}
      {mayDecide && <Button variant="default" onClick={() => ask('REJECT')}>Reject…</Button>}
      <ConfirmDialog
        {...words[open ?? 'APPROVE']} isOpen={open !== null} title={`${words[open ?? 'APPROVE'].label} ${entry?.name ?? entryName}?`} isRunning={isRunning} problem={problem}
        isDangerous={open === 'REJECT'} onConfirm={() => void decide()} onClose={() => setDecision(null)}
      >
        <div className={classes.fields}>
          {entry != null && (open === 'REJECT' ? <p>Nobody has it now, so nobody loses it. It can be changed and asked for again.</p> : <WhoGetsIt entry={entry} />)}
          <Textarea
            label={open === 'REJECT' ? 'Why, and what to change' : 'Note'} description="Whoever sees the entry can read it." rows={3} maxLength={1000} value={note}
            onChange={({ currentTarget }) => setNote(currentTarget.value)}
          />
        </div>
      </ConfirmDialog>
    </>
  )
}
