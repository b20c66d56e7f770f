import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { TeamDetailDocument, type TeamDetailQuery } from '../../generated/graphql.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { PageHeader } from '../../parts/page-header.js'
import { Section } from '../../parts/section.js'
import { AddMember } from './add-member.js'
import { DeleteTeamDialog } from './delete-team-dialog.js'
import { Members } from './members.js'

export type Team = Extract<TeamDetailQuery['node'], { __typename: 'Team' }>

const back = { to: '/people/teams', label: 'Teams' }

/** `isAdding`: with the form for a new member open. */
export function TeamDetail({ isAdding = false }: { isAdding?: boolean }) {
  const { id = '' } = useParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(TeamDetailDocument, { variables: { id }, topics: ['people'] })
  if (isLoading) return <p role="status">Loading…</p>
  const team = data?.node?.__typename === 'Team' ? data.node : null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {team !== null && <Found key={team.id} team={team} isAdding={isAdding} />}
      {team === null && problem === null && <><PageHeader title="Not there" back={back} /><EmptyState title="There is no team of that id for you.">It may have been deleted, or you left it.</EmptyState></>}
    </>
  )
}

function Found({ team, isAdding }: { team: Team; isAdding: boolean }) {
  const viewer = useViewer()
  const [isDeleting, setDeleting] = useState(false)
  const { id, slug, displayName, members } = team
  const isManaged = viewer.can('MANAGE_MEMBERS', { kind: 'TEAM', id })
  return (
    <>
      <PageHeader
        title={displayName} back={back}
        actions={(
          <>
            {isManaged && !isAdding && <Button component={Link} to={`/people/teams/${id}/members/new`}>Add a member</Button>}
            {viewer.isAdmin && <Button variant="default" onClick={() => setDeleting(true)}>Delete</Button>}
          </>
        )}
      />
      <KeyValues rows={[['Slug', <code key="slug">{slug}</code>], ['Id', <code key="id">{id}</code>]]} />
      {isManaged && isAdding && <Section title="Add a member"><AddMember team={{ id, slug }} known={members.map(({ user }) => user.id)} /></Section>}
      <Section title="Members"><Members team={team} isManaged={isManaged} /></Section>
      {isDeleting && <DeleteTeamDialog team={team} onClose={() => setDeleting(false)} />}
    </>
  )
}
