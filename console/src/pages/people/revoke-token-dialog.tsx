import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { EndTokenDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { revokeTokenLine } from './people-lines.js'
import { type Token } from './tokens.js'

const changed: readonly Topic[] = ['tokens', 'workers']

export function RevokeTokenDialog({ token: { id, name, kind }, isMine, onClose }: { token: Token; isMine: boolean; onClose: () => void }) {
  const { run, isRunning, problem } = useAction(EndTokenDocument, changed)
  const end = async () => {
    if (await run({ id }) !== null) onClose()
  }
  return (
    <ConfirmDialog isOpen title={`Revoke ${name}?`} label="Revoke" progress="Revoking…" isRunning={isRunning} problem={problem} isDangerous onConfirm={() => void end()} onClose={onClose}>
      <p>
        {kind === 'WORKER'
          ? 'Workers that use it are refused at once, and end what the catalog gave their sessions.'
          : `Whatever uses it is refused at once, and its connections close${isMine ? '; also this sign-in, if it was made from it' : ', also where somebody signed in with it'}.`} This cannot be undone.
      </p>
      <CliLine line={revokeTokenLine(id)} />
    </ConfirmDialog>
  )
}
