import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useDeferredValue, useState } from 'react'
import { Link } from 'react-router'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { PeopleToAddDocument, PutMemberDocument, type TeamRole } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { memberChanged, teamRoles } from './members.js'
import { addMemberLine } from './people-lines.js'
import classes from './people.module.css'

const most = 5

/** Finds people by name or subject; `known` are members already. */
export function AddMember({ team, known }: { team: { id: string; slug: string }; known: readonly string[] }) {
  const [search, setSearch] = useState('')
  const [role, setRole] = useState<TeamRole>('MEMBER')
  const asked = useDeferredValue(search.trim())
  const { data, problem } = useLiveQuery(PeopleToAddDocument, { variables: { search: asked }, topics: ['people'], pause: asked === '' })
  const add = useAction(PutMemberDocument, memberChanged)
  const [adding, setAdding] = useState('')
  const found = asked === '' ? [] : (data?.users.nodes ?? []).filter(({ id, deactivatedAt }) => deactivatedAt == null && !known.includes(id))
  const run = async (userId: string) => {
    setAdding(userId)
    if (await add.run({ team: team.id, userId, role }) !== null) setSearch('')
  }
  return (
    <div className={classes.add}>
      <TextInput type="search" label="Person" placeholder="A part of the name or subject" value={search} autoComplete="off" autoFocus onChange={({ currentTarget }) => setSearch(currentTarget.value)} />
      <NativeSelect
        label="As" value={role} data={Object.entries(teamRoles).map(([value, label]) => ({ value, label }))}
        description="Members use what the team has. Maintainers also change it, and its members." onChange={({ currentTarget }) => setRole(currentTarget.value as TeamRole)}
      />
      <InlineError problem={problem} />
      <InlineError problem={add.problem} />
      {asked !== '' && data !== undefined && found.length === 0 && <p role="status">Nobody else matches.</p>}
      {found.length > 0 && <ul className={classes.rows}>
        {found.slice(0, most).map(({ id, displayName, provider, subject }) => (
          <li key={id}>
            <span className={classes.what}><OutsideText>{displayName}</OutsideText><span className={classes.note}><OutsideText>{`${provider}/${subject}`}</OutsideText></span></span>
            <ProgressButton size="xs" label="Add" progress="Adding…" isRunning={add.isRunning && adding === id} onClick={() => void run(id)} aria-label={`Add ${displayName}`} />
          </li>
        ))}
      </ul>}
      {found.length > most && <p>More match. Type more of the name.</p>}
      <div><Button component={Link} to={`/people/teams/${team.id}`} variant="default">Done</Button></div>
      <CliLine line={addMemberLine(team.slug, found.length === 1 ? `${found[0]!.provider}/${found[0]!.subject}` : '', role)} />
    </div>
  )
}
