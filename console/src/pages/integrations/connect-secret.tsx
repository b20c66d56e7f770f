import { type FormEvent, useRef, useState } from 'react'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useUnkeptAction } from '../../data/use-unkept-action.js'
import { useViewer } from '../../data/viewer.js'
import { ConfirmSecretDocument, type OwnerInput, SecretsSetDocument, SetSecretDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { type SecretElement, SecretField } from '../../parts/secret-field.js'
import { connectLines } from './connect-lines.js'
import { type Integration } from './integration-detail.js'
import { type NeededSecret } from './needed-secret.js'
import { PlaceOfValues } from './place-of-values.js'
import classes from './secrets-needed.module.css'

export type ConnectedServer = Pick<Integration, 'id' | 'name' | 'owner' | 'digest' | 'transport'>

export interface ConnectSecretProps {
  server: ConnectedServer
  needed: NeededSecret
  /** Whose the secret is. */
  owner: OwnerInput
  onDone: () => void
}

const changed: readonly Topic[] = ['secrets', 'entries']

/**
 * Sets the value where there is none, and confirms the place. What is confirmed is the definition as it was when this opened and was looked at: when
 * it changes meanwhile the server refuses, and nothing moves under the eyes of whoever reads.
 */
export function ConnectSecret({ server: current, needed: asked, owner, onDone }: ConnectSecretProps) {
  const viewer = useViewer()
  const [{ server, needed }] = useState({ server: current, needed: asked })
  const field = useRef<SecretElement>(null)
  const [isMissing, setMissing] = useState(false)
  const { data, problem: unknown } = useLiveQuery(SecretsSetDocument, { variables: { owner }, topics: ['secrets'] })
  const store = useUnkeptAction(SetSecretDocument, changed)
  const confirm = useAction(ConfirmSecretDocument, changed)
  const { scope, name, places } = needed
  const standing = data?.secrets.find((one) => one.name === name)
  const toConfirm = places.filter(({ bound }) => !bound)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (data === undefined || store.isRunning || confirm.isRunning) return
    const value = field.current?.value ?? ''
    if (standing === undefined) {
      setMissing(value === '')
      if (value === '' || await store.run({ input: { owner, name, value, expectedVersion: 0 } }) === null) return
      if (field.current !== null) field.current.value = ''
    }
    for (const { reference: { injectionPoint } } of toConfirm) {
      if (await confirm.run({ input: { entryId: server.id, digest: server.digest, scope, name, injectionPoint } }) === null) return
    }
    onDone()
  }
  const label = toConfirm.length === 0 ? 'Set it' : standing === undefined ? 'Set it, and let it go there' : 'Let it go there'
  return (
    <form className={classes.form} autoComplete="off" onSubmit={(event) => void submit(event)}>
      <p>{scope === 'USER' ? 'Your own account, in your sessions alone.' : 'Everybody who uses this server uses this one.'} Its value goes here, and nowhere else:</p>
      <PlaceOfValues transport={server.transport} points={places.map(({ reference }) => reference.injectionPoint)} />
      {standing !== undefined && <p><code>{name}</code> is set: by <OutsideText>{standing.updatedBy.displayName}</OutsideText>, <RelativeTime at={standing.updatedAt} />, version {standing.version}. It stays as it is.</p>}
      {data !== undefined && standing === undefined && (
        <SecretField label={`Value of ${name}`} description="It is sealed, and never shown again to anybody." error={isMissing ? 'There is no value.' : null} fieldRef={field} onTyped={() => setMissing(false)} />
      )}
      <InlineError problem={unknown ?? store.problem ?? confirm.problem} />
      {(data !== undefined || unknown === null) && <ProgressButton type="submit" label={label} progress="Working…" isRunning={data === undefined || store.isRunning || confirm.isRunning} />}
      <CliLine line={connectLines(needed, { entryId: server.id, owner: server.owner, viewerId: viewer.id }, standing === undefined, toConfirm.length > 0)} />
    </form>
  )
}
