import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { type SecretProviderKind } from '../../../../src/core/secret.js'
import { ownerOfScope } from '../../data/scope.js'
import { useViewer } from '../../data/viewer.js'
import { type OwnerInput } from '../../generated/graphql.js'
import { ScopeBadge, StatusBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { DeleteSecretButton } from './delete-secret-button.js'
import { providers, SecretForm } from './secret-form.js'
import { mayWrite, type Secret, useSecrets } from './use-secrets.js'
import classes from './secrets.module.css'

export function SecretDetail() {
  const { scope = 'me', name = '' } = useParams()
  const owner = ownerOfScope(scope) ?? { kind: 'USER' }
  const { secrets, problem, isLoading, refresh } = useSecrets(owner)
  const secret = secrets.find((one) => one.name === name)
  if (isLoading) return <p role="status">Loading…</p>
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {secret !== undefined && <Found key={secret.id} secret={secret} owner={owner} scope={scope} />}
      {secret === undefined && problem === null && (
        <>
          <PageHeader title="Not there" back={{ to: `/secrets/${scope}`, label: 'Secrets' }} />
          <EmptyState title="There is no secret of that name."><p>It may have been deleted.</p></EmptyState>
        </>
      )}
    </>
  )
}

function Found({ secret, owner, scope }: { secret: Secret; owner: OwnerInput; scope: string }) {
  const viewer = useViewer()
  const [setVersion, setSetVersion] = useState<number | null>(null)
  const { name, provider, version, updatedAt, updatedBy } = secret
  const isWritable = mayWrite(viewer, owner)
  const reference = `\${${secret.owner.kind === 'USER' ? 'user' : 'secret'}:${name}}`
  return (
    <>
      <PageHeader
        title={name} back={{ to: `/secrets/${scope}`, label: 'Secrets' }}
        badges={<ScopeBadge owner={secret.owner} viewerId={viewer.id} />}
        actions={isWritable ? <DeleteSecretButton secret={secret} owner={owner} scope={scope} /> : null}
      />
      <KeyValues
        rows={[
          ['Set', <>by <OutsideText>{updatedBy.displayName}</OutsideText>, <RelativeTime at={updatedAt} />, version {version}</>],
          ['Kept', providers[provider as SecretProviderKind]?.kept ?? provider],
          ['Written as', <code key="reference">{reference}</code>],
        ]}
      />
      {!isWritable && <p>You can see that it is there, and not change it.</p>}
      <Section title="Used by"><Users secret={secret} /></Section>
      {isWritable && (
        <Section title="Replace">
          <p>Whatever uses it has the new value at once; calls in flight are not lost.</p>
          <p role="status">{setVersion !== null && `Version ${setVersion} is set.`}</p>
          <SecretForm owner={owner} scope={scope} replaced={{ name, provider: provider as SecretProviderKind, version }} taken={[]} onSet={(set) => setSetVersion(set.version)} />
        </Section>
      )}
    </>
  )
}

function Users({ secret: { usedBy } }: { secret: Secret }) {
  const viewer = useViewer()
  if (usedBy.length === 0) return <p>Nothing that you may see names it.</p>
  return (
    <ul className={classes.users}>
      {usedBy.map(({ id, name, owner, status }) => (
        <li key={id}><Link to={`/integrations/all/${id}`}><OutsideText>{name}</OutsideText></Link> <ScopeBadge owner={owner} viewerId={viewer.id} /> <StatusBadge status={status} /></li>
      ))}
    </ul>
  )
}
