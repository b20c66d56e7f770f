import { NativeSelect, TextInput } from '@mantine/core'
import { type FormEvent, useRef, useState } from 'react'
import { type SecretProviderKind } from '../../../../src/core/secret.js'
import { isSecretName } from '../../../../src/core/secret-ref.js'
import { type Topic } from '../../data/live.js'
import { type Scope } from '../../data/scope.js'
import { useUnkeptAction } from '../../data/use-unkept-action.js'
import { useViewer } from '../../data/viewer.js'
import { type OwnerInput, SetSecretDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { type SecretElement, SecretField } from '../../parts/secret-field.js'
import { setSecretLine } from './secret-lines.js'
import classes from './secrets.module.css'

export interface SecretFormProps {
  owner: OwnerInput
  /** The same, as paths and the CLI name it. */
  scope: Scope
  /** What is replaced; null: a new one, whose name is asked for. */
  replaced: { name: string; provider: SecretProviderKind; version: number } | null
  /** Of a new one, to begin with. */
  firstName?: string
  /** Names that are taken, so that it is said while one types; the server refuses them too. */
  taken: readonly string[]
  /** Called once it is stored. Whatever was typed is gone by then. */
  onSet: (secret: { name: string; version: number }) => void
}

const changed: readonly Topic[] = ['secrets', 'entries']
/** Where a value can be kept; only admins may say another place than the first. */
export const providers: Record<SecretProviderKind, { kept: string; path: string }> = {
  sealed: { kept: 'Sealed in the database', path: '' },
  env: { kept: 'Variable of the server', path: 'Name of the variable, such as TICKETS_KEY' },
  file: { kept: 'File beside the server', path: 'Its path below the folder of secrets, such as tickets/key' },
  vault: { kept: 'Vault', path: 'Secret and field, such as pilothouse/tickets#token' },
}
const formOfName = '1 to 64 letters, digits, dots, - and _, beginning with a letter or digit'

/** Sets or replaces a secret. The value goes from its field to the server, and is kept nowhere between. */
export function SecretForm({ owner, scope, replaced, firstName = '', taken, onSet }: SecretFormProps) {
  const viewer = useViewer()
  const field = useRef<SecretElement>(null)
  const [name, setName] = useState(firstName)
  const [provider, setProvider] = useState<SecretProviderKind>(replaced?.provider ?? 'sealed')
  const [path, setPath] = useState('')
  const [missing, setMissing] = useState<'name' | 'value' | null>(null)
  const { run, isRunning, problem, reset } = useUnkeptAction(SetSecretDocument, changed)
  // The version that was there when one began to type: what others set since is not replaced unseen.
  const typedOver = useRef<number | null>(null)
  const version = replaced?.version ?? 0
  const isSealed = provider === 'sealed'
  const isTaken = replaced === null && taken.includes(name)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const value = field.current?.value ?? ''
    const wrong = replaced === null && (!isSecretName(name) || isTaken) ? 'name' : (isSealed ? value : path) === '' ? 'value' : null
    setMissing(wrong)
    if (wrong !== null || isRunning) return
    const answer = await run({ input: { owner, name: replaced?.name ?? name, expectedVersion: typedOver.current ?? version, ...(isSealed ? { value } : { provider, path }) } })
    typedOver.current = null
    if (answer === null) return
    if (field.current !== null) field.current.value = ''
    setPath('')
    onSet(answer.putSecret.secret)
  }
  const typed = () => {
    typedOver.current ??= version
    setMissing(null)
    if (problem !== null) reset()
  }
  const nameError = isTaken ? 'There is one of that name: choose another, or open that one to replace it.' : missing === 'name' ? formOfName : null
  return (
    <form className={classes.form} autoComplete="off" aria-label={replaced === null ? 'Add a secret' : `Replace ${replaced.name}`} onSubmit={(event) => void submit(event)}>
      {replaced === null && (
        <TextInput
          label="Name" description={formOfName} value={name} error={nameError} autoComplete="off" spellCheck={false} data-1p-ignore data-lpignore="true"
          onChange={({ currentTarget }) => { setName(currentTarget.value); typed() }}
        />
      )}
      {viewer.isAdmin && (
        <NativeSelect
          label="Kept" value={provider} onChange={({ currentTarget }) => { setProvider(currentTarget.value as SecretProviderKind); typed() }}
          data={Object.entries(providers).map(([one, { kept }]) => ({ value: one, label: kept }))}
        />
      )}
      {isSealed
        ? <SecretField label={replaced === null ? 'Value' : 'New value'} description="It is sealed, and never shown again to anybody." error={missing === 'value' ? 'There is no value.' : null} fieldRef={field} onTyped={typed} />
        : <TextInput
            label="Where it is there" description={providers[provider].path} value={path} error={missing === 'value' ? 'Say where it is.' : null} autoComplete="off" spellCheck={false}
            onChange={({ currentTarget }) => { setPath(currentTarget.value); typed() }}
          />}
      <InlineError problem={problem} />
      <ProgressButton type="submit" label={replaced === null ? 'Add' : 'Replace'} progress={replaced === null ? 'Adding…' : 'Replacing…'} isRunning={isRunning} />
      <CliLine line={setSecretLine({ name: replaced?.name ?? name, scope, provider, path, version })} label={replaced === null ? undefined : 'Replacing with the CLI'} />
    </form>
  )
}
