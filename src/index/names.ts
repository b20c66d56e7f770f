import { type OwnerRef } from '../core/owner.js'
import { type CatalogState } from './state.js'

export function principalName(state: CatalogState, { kind, id }: { kind: string; id: string }): string {
  if (kind === 'USER') return state.users.get(id)?.displayName ?? id
  return kind === 'WORKER' ? state.tokens.get(id)?.name ?? id : 'Pilothouse'
}

export function ownerName(state: CatalogState, owner: OwnerRef): string {
  if (owner.kind === 'DEPLOYMENT') return 'Deployment'
  if (owner.kind === 'TEAM') return state.teams.get(owner.id)?.displayName ?? owner.id
  return state.users.get(owner.id)?.displayName ?? owner.id
}
