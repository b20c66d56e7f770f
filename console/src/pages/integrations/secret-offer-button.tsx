import { NativeSelect, PasswordInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import { isSecretName } from '../../../../src/core/secret-ref.js'
import { type Problem } from '../../data/problem.js'
import { useAsk } from '../../data/use-ask.js'
import { useData } from '../../data/use-data.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { SecretNamesDocument, StoreSecretDocument } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { freeSecretName, type Offer, referenceOf } from './secret-offer.js'
import classes from './add.module.css'

export interface SecretOfferProps {
  offer: Offer
  owner: NamedOwner
  /** Called once it is stored, with the reference to it. The value is kept by nobody here. */
  onStored: (reference: string) => void
}

/** One click: the value goes to the server as a secret, and a reference takes its place. */
export function SecretOffer({ offer, owner, onStored }: SecretOfferProps) {
  const viewer = useViewer()
  const { live } = useData()
  const ask = useAsk(StoreSecretDocument)
  const mayStore = viewer.can('WRITE_SECRETS', owner)
  const [scope, setScope] = useState<Offer['scope']>(mayStore ? offer.scope : 'user')
  const [typedName, setTypedName] = useState<string | null>(null)
  const [typedValue, setTypedValue] = useState('')
  const [isStoring, setStoring] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const whose = scope === 'user' ? { kind: 'USER' as const } : { kind: owner.kind, id: owner.id }
  const { data, problem: unknown } = useLiveQuery(SecretNamesDocument, { variables: { owner: whose }, topics: ['secrets'] })
  const taken = new Set(data?.secrets.map(({ name }) => name))
  const name = offer.isStanding ? offer.name : typedName ?? freeSecretName(offer.name, taken)
  const reference = referenceOf({ scope, name })
  const isTaken = !offer.isStanding && taken.has(name)
  const value = offer.value ?? typedValue
  const store = async () => {
    setStoring(true)
    const answer = await ask({ input: { owner: whose, name, value, expectedVersion: 0 } })
    setStoring(false)
    setProblem(answer.problem)
    if (answer.data === null) return
    setTypedValue('')
    onStored(reference)
    live.touch(['secrets'])
  }
  if (!mayStore && offer.isStanding && offer.scope === 'secret') return null
  const canStore = isSecretName(name) && value !== '' && data !== undefined
  return (
    <div className={classes.offer}>
      {offer.value === null && <PasswordInput label={`Value of ${name}`} value={typedValue} autoComplete="off" data-1p-ignore data-lpignore="true" onChange={({ currentTarget }) => setTypedValue(currentTarget.value)} />}
      {isTaken
        ? <p>There is a secret {name} already. <button type="button" className={classes.link} onClick={() => onStored(reference)}>Use it as it is</button>, or choose another name below.</p>
        : <ProgressButton
            label={offer.isStanding ? `Store secret ${name}` : `Store as secret ${name} and use ${reference}`} progress="Storing…" size="compact-sm" variant="light" className={classes.wrap}
            isRunning={isStoring} disabled={!canStore} onClick={() => void store()}
          />}
      {!offer.isStanding && (
        <details>
          <summary>Another name, or another owner</summary>
          <div className={classes.offerMore}>
            <TextInput label="Name of the secret" value={name} autoComplete="off" spellCheck={false} error={isSecretName(name) ? null : '1 to 64 letters, digits, dots, - and _, beginning with a letter or digit'} onChange={({ currentTarget }) => setTypedName(currentTarget.value)} />
            <NativeSelect
              label="Whose" value={scope} onChange={({ currentTarget }) => setScope(currentTarget.value as Offer['scope'])}
              data={[...(mayStore ? [{ value: 'secret', label: 'The owner\'s: whoever uses the server uses this one' }] : []), { value: 'user', label: 'Each person\'s own: this one is mine' }]}
            />
          </div>
        </details>
      )}
      <InlineError problem={problem ?? unknown} />
    </div>
  )
}
