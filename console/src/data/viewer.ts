import { createContext, use } from 'react'
import { type Action, can, type Principal } from '../../../src/core/access.js'
import { type OwnerRef } from '../../../src/core/owner.js'
import { type ConsoleViewerQuery, type OwnerKind } from '../generated/graphql.js'
import { scopeOf } from './scope.js'

export interface NamedOwner {
  kind: OwnerKind
  id: string
  displayName: string
}

/** Who is signed in, and what the access table lets them do: what they may not is hidden, and the server refuses it all the same. */
export interface Viewer {
  id: string
  displayName: string
  isAdmin: boolean
  /** Oneself, one's teams, and for everybody the deployment, in the order of the tree: deployment, teams, mine. */
  owners: NamedOwner[]
  /** Those whose sets may be followed. */
  followed: NamedOwner[]
  can: (action: Action, owner: OwnerRef) => boolean
}

const order: readonly OwnerKind[] = ['DEPLOYMENT', 'TEAM', 'USER']

export function viewerOf({ viewer: { principal, user, owners } }: ConsoleViewerQuery): Viewer {
  const teams = new Map((user?.teams ?? []).map(({ role, team }) => [team.id, role]))
  const asked: Principal = {
    kind: 'USER', id: principal.id, role: user?.role ?? 'USER', teams, serves: null, credential: { kind: 'SIGN_IN', userId: principal.id, expiresAt: '' },
  }
  const deployment: NamedOwner = { kind: 'DEPLOYMENT', id: 'deployment', displayName: 'Deployment' }
  const all = [deployment, ...owners.filter(({ kind }) => kind !== 'DEPLOYMENT')]
  return {
    id: principal.id, displayName: principal.displayName, isAdmin: asked.role === 'ADMIN', followed: owners,
    owners: all.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.displayName.localeCompare(b.displayName)),
    can: (action, owner) => can(asked, action, owner),
  }
}

/** Whether the viewer may add to the scope that a list shows. What is added to everything one can use is one's own. */
export const mayAddTo = (viewer: Viewer, scope: string): boolean => !viewer.owners.some((owner) => scopeOf(owner, viewer.id) === scope && !viewer.can('WRITE_ENTRIES', owner))

export const ViewerContext = createContext<Viewer | null>(null)

export function useViewer(): Viewer {
  const viewer = use(ViewerContext)
  if (viewer === null) throw new Error('useViewer belongs below ViewerContext')
  return viewer
}
