import { useNavigate } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { EndTeamDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { counted } from './counted.js'
import { OwnerEffect } from './owner-effect.js'
import { deleteTeamLine } from './people-lines.js'
import { type Team } from './team-detail.js'

const changed: readonly Topic[] = ['people', 'entries', 'secrets', 'workers']

export function DeleteTeamDialog({ team: { id, slug, displayName, members }, onClose }: { team: Team; onClose: () => void }) {
  const { run, isRunning, problem } = useAction(EndTeamDocument, changed)
  const go = useNavigate()
  const end = async () => {
    if (await run({ team: id }) === null) return
    onClose()
    void go('/people/teams', { replace: true })
  }
  return (
    <ConfirmDialog
      isOpen title={`Delete ${displayName}?`} label="Delete" progress="Deleting…" isRunning={isRunning} problem={problem} isDangerous onConfirm={() => void end()} onClose={onClose}
    >
      <OwnerEffect
        owner={{ kind: 'TEAM', id }}
        what={(entries) => `${entries} and all secrets of the team are deleted, and leave every session that has them now. ${counted(members.length, 'member')} lose what it had.`}
      />
      <p>This cannot be undone.</p>
      <CliLine line={deleteTeamLine(slug)} />
    </ConfirmDialog>
  )
}
