import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { AddTeamDocument } from '../../generated/graphql.js'
import { FormPage } from './form-page.js'
import { addTeamLine } from './people-lines.js'

const changed: readonly Topic[] = ['people']

export function NewTeam() {
  const [slug, setSlug] = useState('')
  const [displayName, setDisplayName] = useState('')
  const { run, isRunning, problem } = useAction(AddTeamDocument, changed)
  const go = useNavigate()
  const add = async () => {
    const answer = await run({ slug, displayName: displayName || slug })
    if (answer !== null) void go(`/people/teams/${answer.createTeam.id}`, { replace: true })
  }
  return (
    <FormPage
      title="Add a team" back={{ to: '/people/teams', label: 'Teams' }} isRunning={isRunning} problem={problem} cli={addTeamLine(slug, displayName)} onSubmit={() => void add()}
    >
      <TextInput
        label="Slug" description="1 to 40 of a-z, 0-9 and -. It names the team in commands and claims, and stays." required value={slug} autoFocus
        onChange={({ currentTarget }) => setSlug(currentTarget.value)} error={problem?.field === 'slug' ? problem.message : null}
      />
      <TextInput
        label="Name" description="As others see it. Left out: the slug." value={displayName}
        onChange={({ currentTarget }) => setDisplayName(currentTarget.value)} error={problem?.field === 'displayName' ? problem.message : null}
      />
    </FormPage>
  )
}
