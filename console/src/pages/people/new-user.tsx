import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { AddUserDocument, type Role } from '../../generated/graphql.js'
import { FormPage } from './form-page.js'
import { addUserLine } from './people-lines.js'

const changed: readonly Topic[] = ['people']

/** Somebody whom the catalog should know before they come by themselves. */
export function NewUser() {
  const [provider, setProvider] = useState('')
  const [subject, setSubject] = useState('')
  const [displayName, setDisplayName] = useState('')
  const [role, setRole] = useState<Role>('USER')
  const { run, isRunning, problem } = useAction(AddUserDocument, changed)
  const go = useNavigate()
  const add = async () => {
    const answer = await run({ provider, subject, displayName: displayName || subject, role })
    if (answer !== null) void go(`/people/users/${answer.createUser.id}`, { replace: true })
  }
  return (
    <FormPage
      title="Add a user" back={{ to: '/people/users', label: 'Users' }} isRunning={isRunning} problem={problem}
      cli={addUserLine({ provider, subject, displayName, role })} onSubmit={() => void add()}
    >
      <TextInput
        label="Identity provider" description="The name that your identity provider has here, or any word of yours, such as local, for people who use tokens only." required value={provider} autoFocus
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
    </FormPage>
  )
}
