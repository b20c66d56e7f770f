import { type OwnerInput, type OwnerKind } from '../generated/graphql.js'

/** As in paths: `all` (whatever one may use), `deployment`, `me`, `team:ID` or `user:ID`. */
export type Scope = string

/** null: `all`, which is no owner. Unknown texts are `all` too. */
export function ownerOfScope(scope: Scope): OwnerInput | null {
  const [kind, id = ''] = scope.split(':')
  if (kind === 'deployment') return { kind: 'DEPLOYMENT' }
  if (kind === 'me') return { kind: 'USER' }
  if (kind === 'team' && id !== '') return { kind: 'TEAM', id }
  return kind === 'user' && id !== '' ? { kind: 'USER', id } : null
}

export function scopeOf(owner: { kind: OwnerKind; id: string }, viewerId: string): Scope {
  if (owner.kind === 'DEPLOYMENT') return 'deployment'
  if (owner.kind === 'USER' && owner.id === viewerId) return 'me'
  return `${owner.kind.toLowerCase()}:${owner.id}`
}

/** What the tree calls it. */
export function scopeTitle(owner: { kind: OwnerKind; id: string; displayName: string }, viewerId: string): string {
  if (owner.kind === 'DEPLOYMENT') return 'Deployment'
  return owner.kind === 'USER' && owner.id === viewerId ? 'Mine' : owner.displayName
}

/** What the tree calls the scope `all`. Admins see what teams and the deployment have, be it for them or not. */
export const allTitle = ({ isAdmin }: { isAdmin: boolean }): string => (isAdmin ? 'All' : 'All I can use')
