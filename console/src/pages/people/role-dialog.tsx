import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { ChangeUserRoleDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { roleLine } from './people-lines.js'
import { type User } from './user-detail.js'

const changed: readonly Topic[] = ['people']

/** An admin becomes a user, or the other way round; what that means stands there first. */
export function RoleDialog({ user: { id, displayName, role }, onClose }: { user: User; onClose: () => void }) {
  const { run, isRunning, problem } = useAction(ChangeUserRoleDocument, changed)
  const next = role === 'ADMIN' ? 'USER' : 'ADMIN'
  const change = async () => {
    if (await run({ userId: id, role: next }) !== null) onClose()
  }
  return (
    <ConfirmDialog
      isOpen title={next === 'ADMIN' ? `Make ${displayName} an admin?` : `Make ${displayName} a user?`} label={next === 'ADMIN' ? 'Make an admin' : 'Make a user'} progress="Changing…"
      isRunning={isRunning} problem={problem} isDangerous={next === 'ADMIN'} onConfirm={() => void change()} onClose={onClose}
    >
      <p>
        {next === 'ADMIN'
          ? 'They will see and change everything: the deployment\'s entries, all teams and users, approvals, policies, tokens and the audit.'
          : 'They keep what is their own and their teams\', and lose the rest at once, also where they are signed in now.'} It can be changed back.
      </p>
      <CliLine line={roleLine(id, next)} />
    </ConfirmDialog>
  )
}
