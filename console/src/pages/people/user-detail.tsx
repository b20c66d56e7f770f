import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { UserDetailDocument, type UserDetailQuery } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { DeactivateDialog } from './deactivate-dialog.js'
import { RoleDialog } from './role-dialog.js'
import { Tokens } from './tokens.js'
import classes from './people.module.css'

export type User = Extract<UserDetailQuery['node'], { __typename: 'User' }>

export function UserDetail() {
  const { id = '' } = useParams()
  const [params] = useSearchParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(UserDetailDocument, { variables: { id }, topics: ['people'] })
  const back = { to: { pathname: '/people/users', search: params.toString() }, label: 'Users' }
  if (isLoading) return <p role="status">Loading…</p>
  const user = data?.node?.__typename === 'User' ? data.node : null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {user !== null && <Found key={user.id} user={user} back={back} />}
      {user === null && problem === null && <><PageHeader title="Not there" back={back} /><EmptyState title="There is no user of that id.">Choose one in the list.</EmptyState></>}
    </>
  )
}

function Found({ user, back }: { user: User; back: { to: { pathname: string; search: string }; label: string } }) {
  const viewer = useViewer()
  const [asked, setAsked] = useState<'ROLE' | 'DEACTIVATE' | null>(null)
  const { id, displayName, provider, subject, role, deactivatedAt, teams } = user
  const isActive = deactivatedAt == null
  return (
    <>
      <PageHeader
        title={displayName} back={back}
        badges={<>{role === 'ADMIN' && <Badge tone="info">admin</Badge>}{!isActive && <Badge tone="bad">deactivated</Badge>}{id === viewer.id && <Badge>you</Badge>}</>}
        actions={isActive && (
          <>
            <Button variant="default" onClick={() => setAsked('ROLE')}>{role === 'ADMIN' ? 'Make a user' : 'Make an admin'}</Button>
            <Button variant="default" onClick={() => setAsked('DEACTIVATE')}>Deactivate</Button>
          </>
        )}
      />
      <KeyValues
        rows={[
          ['Signs in as', <OutsideText key="subject">{`${provider}/${subject}`}</OutsideText>], ['Id', <code key="id">{id}</code>],
          ['Deactivated', isActive ? null : <RelativeTime key="deactivated" at={deactivatedAt} />],
        ]}
      />
      <Section title="Teams">
        {teams.length === 0 ? <p>In no team. Add them on the page of a <Link to="/people/teams">team</Link>.</p> : (
          <ul className={classes.rows}>
            {teams.map(({ role: inTeam, team }) => <li key={team.id}><Link to={`/people/teams/${team.id}`}><OutsideText>{team.displayName}</OutsideText></Link><Badge>{inTeam.toLowerCase()}</Badge></li>)}
          </ul>
        )}
      </Section>
      <Section title="Access tokens"><Tokens userId={id} kind="PERSONAL" addTo={isActive ? `/people/users/${id}/tokens/new` : null} /></Section>
      {asked === 'ROLE' && <RoleDialog user={user} onClose={() => setAsked(null)} />}
      {asked === 'DEACTIVATE' && <DeactivateDialog user={user} onClose={() => setAsked(null)} />}
    </>
  )
}
