import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { AddTeamDocument } from '../../generated/graphql.js'
import { FormDialog } from './form-dialog.js'

const changed: readonly Topic[] = ['people']

export function NewTeam({ onClose }: { onClose: () => void }) {
  const [slug, setSlug] = useState('')
  const [displayName, setDisplayName] = useState('')
  const { run, isRunning, problem } = useAction(AddTeamDocument, changed)
  const go = useNavigate()
  const add = async () => {
    const answer = await run({ slug, displayName: displayName || slug })
    if (answer === null) return
    onClose()
    void go(`/people/teams/${answer.createTeam.id}`)
  }
  return (
    <FormDialog
      title="Add a team" label="Add" progress="Adding…" isRunning={isRunning} problem={problem} onSubmit={() => void add()} onClose={onClose}
      cli={`pilothouse team create ${shellQuoted(slug || 'SLUG')}${displayName === '' ? '' : ` --name ${shellQuoted(displayName)}`}`}
    >
      <TextInput
        label="Slug" description="1 to 40 of a-z, 0-9 and -. It names the team in commands and claims, and stays." required value={slug} data-autofocus
        onChange={({ currentTarget }) => setSlug(currentTarget.value)} error={problem?.field === 'slug' ? problem.message : null}
      />
      <TextInput
        label="Name" description="As others see it. Left out: the slug." value={displayName}
        onChange={({ currentTarget }) => setDisplayName(currentTarget.value)} error={problem?.field === 'displayName' ? problem.message : null}
      />
    </FormDialog>
  )
}
