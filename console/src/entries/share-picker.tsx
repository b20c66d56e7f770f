import { type ReactNode, useDeferredValue, useState } from 'react'
import { isSameOwner } from '../../../src/core/owner.js'
import { useLiveQuery } from '../data/use-live-query.js'
import { type NamedOwner, useViewer } from '../data/viewer.js'
import { ShareTeamsDocument, SharePeopleDocument } from '../generated/graphql.js'
import { Picker } from '../parts/picker.js'

export interface SharePickerProps {
  /** Whose the entry is: nothing is shared with its own owner. */
  owner: Pick<NamedOwner, 'kind' | 'id'>
  audience: readonly NamedOwner[]
  onChange: (audience: NamedOwner[]) => void
  /** Findings. */
  children?: ReactNode
}

/**
 * The owners that an entry is shared with, and those who can be added, as `resolveReach` of the catalog takes them: teams that the viewer maintains; for
 * admins every team and person. Nobody else is asked for people, so no stranger's name comes here.
 */
export function SharePicker({ owner, audience, onChange, children }: SharePickerProps) {
  const [search, setSearch] = useState('')
  const { isAdmin } = useViewer()
  const isIn = (one: Pick<NamedOwner, 'kind' | 'id'>) => [owner, ...audience].some((each) => isSameOwner(each, one))
  const found = useCandidates(search).filter(({ named }) => !isIn(named)).slice(0, shownAtOnce)
  return (
    <Picker
      legend="Shared with" nothing="Nobody yet." chosen={audience.map(choiceOf)} found={found} search={search} onSearch={setSearch}
      label={isAdmin ? 'Add a team or a person' : 'Add a team'} description={isAdmin ? 'A part of the name.' : 'Teams that you maintain; an admin can share with others.'}
      onAdd={({ named }) => { setSearch(''); onChange([...audience, named]) }}
      onRemove={({ named }) => onChange(audience.filter((each) => !isSameOwner(each, named)))}
    >
      {children}
    </Picker>
  )
}

const shownAtOnce = 8

const choiceOf = (named: NamedOwner) => ({ id: `${named.kind} ${named.id}`, title: named.kind === 'TEAM' ? `team ${named.displayName}` : named.displayName, named })

function useCandidates(search: string): Array<ReturnType<typeof choiceOf>> {
  const { isAdmin, can } = useViewer()
  const wanted = useDeferredValue(search).trim()
  const isWanted = (text: string) => text.toLowerCase().includes(wanted.toLowerCase())
  const { data: ofTeams } = useLiveQuery(ShareTeamsDocument, { variables: {}, topics: ['people'] })
  const { data: ofPeople } = useLiveQuery(SharePeopleDocument, { variables: { search: wanted }, topics: ['people'], pause: !isAdmin || wanted === '' })
  const teams = (ofTeams?.teams ?? []).filter(({ id, slug, displayName }) => can('MANAGE_MEMBERS', { kind: 'TEAM', id }) && isWanted(`${slug} ${displayName}`))
  const people = isAdmin && wanted !== '' ? (ofPeople?.users.nodes ?? []).filter(({ deactivatedAt }) => deactivatedAt === null) : []
  return [
    ...teams.map(({ id, displayName }): NamedOwner => ({ kind: 'TEAM', id, displayName })),
    ...people.map(({ id, displayName, provider, subject }): NamedOwner => ({ kind: 'USER', id, displayName: `${displayName} (${provider}/${subject})` })),
  ].map(choiceOf)
}
