import { useLiveQuery } from '../../data/use-live-query.js'
import { type Viewer } from '../../data/viewer.js'
import { type OwnerInput, SecretListDocument, type SecretListQuery } from '../../generated/graphql.js'

export type Secret = SecretListQuery['secrets'][number]

/** An owner's secrets, by name: that they are there, and never their values. */
export function useSecrets(owner: OwnerInput) {
  const { data, ...state } = useLiveQuery(SecretListDocument, { variables: { owner }, topics: ['secrets', 'entries'] })
  return { ...state, secrets: data?.secrets ?? [] }
}

/** Whether the viewer sets, replaces and deletes this owner's. */
export function mayWrite(viewer: Viewer, owner: OwnerInput): boolean {
  return viewer.can('WRITE_SECRETS', { kind: owner.kind, id: String(owner.id ?? (owner.kind === 'USER' ? viewer.id : 'deployment')) })
}
