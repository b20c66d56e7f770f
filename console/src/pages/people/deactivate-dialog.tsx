import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { EndUserDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { OwnerEffect } from './owner-effect.js'
import { deactivateLine } from './people-lines.js'
import { type User } from './user-detail.js'

const changed: readonly Topic[] = ['people', 'tokens', 'entries', 'workers']

export function DeactivateDialog({ user: { id, displayName }, onClose }: { user: User; onClose: () => void }) {
  const { run, isRunning, problem } = useAction(EndUserDocument, changed)
  const end = async () => {
    if (await run({ userId: id }) !== null) onClose()
  }
  return (
    <ConfirmDialog
      isOpen title={`Deactivate ${displayName}?`} label="Deactivate" progress="Deactivating…" isRunning={isRunning} problem={problem} isDangerous
      onConfirm={() => void end()} onClose={onClose}
    >
      <OwnerEffect owner={{ kind: 'USER', id }} what={(entries) => `Their tokens and sign-ins end at once. ${entries} of theirs leave every set, and stay readable for admins.`} />
      <p>This cannot be undone.</p>
      <CliLine line={deactivateLine(id)} />
    </ConfirmDialog>
  )
}
