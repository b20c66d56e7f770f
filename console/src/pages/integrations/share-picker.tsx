import { Button, TextInput } from '@mantine/core'
import { useDeferredValue, useState } from 'react'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { SharePeopleDocument, ShareTeamsDocument } from '../../generated/graphql.js'
import { OutsideText } from '../../parts/outside-text.js'
import { type Integration } from './integration-detail.js'
import classes from '../../entries/entries.module.css'

type Owner = Integration['audience'][number]

/** The owners that it is shared with, each to be taken away, and those who can be added: teams that the viewer maintains; for admins every team and person. */
export function SharePicker({ owners, onChange }: { owners: readonly Owner[]; onChange: (owners: readonly Owner[]) => void }) {
  const [search, setSearch] = useState('')
  const { isAdmin } = useViewer()
  const found = useCandidates(search).filter(({ id }) => !owners.some((owner) => owner.id === id))
  const add = (owner: Owner) => {
    setSearch('')
    onChange([...owners, owner])
  }
  return (
    <fieldset className={classes.picker}>
      <legend>Shared with</legend>
      {owners.length === 0 && <p>Nobody yet. Add a team or a person.</p>}
      <ul>
        {owners.map((owner) => (
          <li key={owner.id}>
            <OutsideText>{titleOf(owner)}</OutsideText>{' '}
            <Button size="compact-xs" variant="default" aria-label={`Take ${owner.displayName} away`} onClick={() => onChange(owners.filter(({ id }) => id !== owner.id))}>Take away</Button>
          </li>
        ))}
      </ul>
      <TextInput label={isAdmin ? 'Team or person' : 'Team'} description={isAdmin ? 'A part of the name.' : 'Teams that you maintain; an admin can share with others.'} value={search} autoComplete="off" onChange={({ currentTarget }) => setSearch(currentTarget.value)} />
      <ul aria-label="To add">
        {found.map((owner) => <li key={owner.id}><Button size="compact-sm" variant="default" onClick={() => add(owner)}>Add <OutsideText>{titleOf(owner)}</OutsideText></Button></li>)}
      </ul>
    </fieldset>
  )
}

const titleOf = ({ kind, displayName }: Owner) => (kind === 'TEAM' ? `team ${displayName}` : displayName)
const shownAtOnce = 8

function useCandidates(search: string): Owner[] {
  const { isAdmin, can } = useViewer()
  const wanted = useDeferredValue(search).trim()
  const isWanted = (text: string) => text.toLowerCase().includes(wanted.toLowerCase())
  const { data: ofTeams } = useLiveQuery(ShareTeamsDocument, { variables: {}, topics: ['people'] })
  const { data: ofPeople } = useLiveQuery(SharePeopleDocument, { variables: { search: wanted }, topics: ['people'], pause: !isAdmin || wanted === '' })
  const teams = (ofTeams?.teams ?? []).filter(({ id, slug, displayName }) => can('MANAGE_MEMBERS', { kind: 'TEAM', id }) && isWanted(`${slug} ${displayName}`))
  const people = isAdmin && wanted !== '' ? ofPeople?.users.nodes ?? [] : []
  return [
    ...teams.map(({ id, displayName }): Owner => ({ kind: 'TEAM', id, displayName })),
    ...people.map(({ id, displayName, provider, subject }): Owner => ({ kind: 'USER', id, displayName: `${displayName} (${provider}/${subject})` })),
  ].slice(0, shownAtOnce)
}
