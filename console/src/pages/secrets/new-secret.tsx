import { useNavigate, useParams, useSearchParams } from 'react-router'
import { ownerOfScope } from '../../data/scope.js'
import { useViewer } from '../../data/viewer.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { PageHeader } from '../../parts/page-header.js'
import { SecretForm } from './secret-form.js'
import { mayWrite, useSecrets } from './use-secrets.js'

/** `?name=` is what it begins with, as a reference has it. */
export function NewSecret() {
  const viewer = useViewer()
  const navigate = useNavigate()
  const { scope = 'me' } = useParams()
  const [params] = useSearchParams()
  const owner = ownerOfScope(scope) ?? { kind: 'USER' }
  const { secrets, problem, isLoading, refresh } = useSecrets(owner)
  const header = <PageHeader title="Add a secret" back={{ to: `/secrets/${scope}`, label: 'Secrets' }} />
  if (!mayWrite(viewer, owner)) return <>{header}<EmptyState title="You cannot add a secret here.">Choose an owner whose secrets are yours to add.</EmptyState></>
  if (isLoading) return <>{header}<p role="status">Loading…</p></>
  if (problem !== null) return <>{header}<InlineError problem={problem} retry={refresh} /></>
  return (
    <>
      {header}
      <SecretForm key={scope} owner={owner} scope={scope} replaced={null} firstName={params.get('name') ?? ''} taken={secrets.map(({ name }) => name)} onSet={({ name }) => void navigate(`/secrets/${scope}/${name}`)} />
    </>
  )
}
