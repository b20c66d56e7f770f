import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { AddUserDocument, type Role } from '../../generated/graphql.js'
import { FormDialog } from './form-dialog.js'

const changed: readonly Topic[] = ['people']

/** Somebody whom the catalog should know before they come by themselves. */
export function NewUser({ onClose }: { onClose: () => void }) {
  const [provider, setProvider] = useState('')
  const [subject, setSubject] = useState('')
  const [displayName, setDisplayName] = useState('')
  const [role, setRole] = useState<Role>('USER')
  const { run, isRunning, problem } = useAction(AddUserDocument, changed)
  const go = useNavigate()
  const add = async () => {
    const answer = await run({ provider, subject, displayName: displayName || subject, role })
    if (answer === null) return
    onClose()
    void go(`/people/users/${answer.createUser.id}`)
  }
  const cli = `pilothouse user create ${shellQuoted(`${provider || 'PROVIDER'}/${subject || 'SUBJECT'}`)} --name ${shellQuoted(displayName || subject || 'NAME')}${role === 'ADMIN' ? ' --role admin' : ''}`
  return (
    <FormDialog title="Add a user" label="Add" progress="Adding…" isRunning={isRunning} problem={problem} cli={cli} onSubmit={() => void add()} onClose={onClose}>
      <TextInput
        label="Identity provider" description="The name that your identity provider has here, or any word of yours, such as local, for people who use tokens only." required value={provider} data-autofocus
        onChange={({ currentTarget }) => setProvider(currentTarget.value)} error={problem?.field === 'provider' ? problem.message : null}
      />
      <TextInput
        label="Subject" description="How the provider names the person." required value={subject}
        onChange={({ currentTarget }) => setSubject(currentTarget.value)} error={problem?.field === 'subject' ? problem.message : null}
      />
      <TextInput
        label="Name" description="As others see it. Left out: the subject." value={displayName}
        onChange={({ currentTarget }) => setDisplayName(currentTarget.value)} error={problem?.field === 'displayName' ? problem.message : null}
      />
      <NativeSelect
        label="Role" description="An admin may see and change everything." value={role} data={[{ value: 'USER', label: 'User' }, { value: 'ADMIN', label: 'Admin' }]}
        onChange={({ currentTarget }) => setRole(currentTarget.value as Role)}
      />
    </FormDialog>
  )
}
