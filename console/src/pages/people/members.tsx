import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useViewer } from '../../data/viewer.js'
import { EndMemberDocument, PutMemberDocument, type TeamRole } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { removeMemberLine } from './people-lines.js'
import { type Team } from './team-detail.js'
import classes from './people.module.css'

export const memberChanged: readonly Topic[] = ['people', 'entries', 'workers']
export const teamRoles: Record<TeamRole, string> = { MEMBER: 'Member', MAINTAINER: 'Maintainer' }

/** Members use what the team has; maintainers change it, and its members. */
export function Members({ team: { id, slug, displayName, members }, isManaged }: { team: Team; isManaged: boolean }) {
  const [leaving, setLeaving] = useState<Team['members'][number] | null>(null)
  const remove = useAction(EndMemberDocument, memberChanged)
  if (members.length === 0) return <p>Nobody yet.</p>
  const confirm = async (userId: string) => {
    if (await remove.run({ team: id, userId }) !== null) setLeaving(null)
  }
  return (
    <>
      <ul className={classes.rows} aria-label="Members">{members.map((member) => <li key={member.user.id}><Member teamId={id} member={member} isManaged={isManaged} onRemove={() => { remove.reset(); setLeaving(member) }} /></li>)}</ul>
      {leaving !== null && (
        <ConfirmDialog
          isOpen title={`Remove ${leaving.user.displayName} from ${displayName}?`} label="Remove" progress="Removing…" isRunning={remove.isRunning} problem={remove.problem} isDangerous
          onConfirm={() => void confirm(leaving.user.id)} onClose={() => setLeaving(null)}
        >
          <p>What the team has leaves their sessions now. They can be added again.</p>
          <CliLine line={removeMemberLine(slug, leaving.user.id)} />
        </ConfirmDialog>
      )}
    </>
  )
}

interface MemberProps {
  teamId: string
  member: Team['members'][number]
  isManaged: boolean
  onRemove: () => void
}

function Member({ teamId, member: { role, user }, isManaged, onRemove }: MemberProps) {
  const { isAdmin, id: viewerId } = useViewer()
  const { run, isRunning, problem } = useAction(PutMemberDocument, memberChanged)
  const name = <OutsideText>{user.displayName}</OutsideText>
  return (
    <>
      <span className={classes.what}>
        {isAdmin ? <Link to={`/people/users/${user.id}`}>{name}</Link> : name}
        <span className={classes.note}><OutsideText>{`${user.provider}/${user.subject}`}</OutsideText></span>
      </span>
      {user.id === viewerId && <Badge>you</Badge>}
      {user.deactivatedAt != null && <Badge tone="bad">deactivated</Badge>}
      {!isManaged && <Badge>{role.toLowerCase()}</Badge>}
      {isManaged && (
        <>
          <NativeSelect
            aria-label={`Role of ${user.displayName}`} value={role} disabled={isRunning} size="xs" data={Object.entries(teamRoles).map(([value, label]) => ({ value, label }))}
            onChange={({ currentTarget }) => void run({ team: teamId, userId: user.id, role: currentTarget.value as TeamRole })}
          />
          <ProgressButton variant="default" size="xs" label="Remove" progress="Removing…" isRunning={false} onClick={onRemove} aria-label={`Remove ${user.displayName}`} />
        </>
      )}
      <InlineError problem={problem} />
    </>
  )
}
