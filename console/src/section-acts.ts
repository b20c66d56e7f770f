import { scopeOf, scopeTitle } from './data/scope.js'
import { type Viewer } from './data/viewer.js'

/** What somebody may come to do in a section: what it is called everywhere, and the address of its form. */
export interface Act {
  title: string
  to: string
}

/** One for each owner for whom the viewer may, oneself first: plain there, else with whose it is. */
function forEach(viewer: Viewer, may: (owner: Viewer['owners'][number]) => boolean, title: string, to: (scope: string) => string): Act[] {
  return viewer.owners.filter(may).reverse().map((owner) => {
    const scope = scopeOf(owner, viewer.id)
    return { title: scope === 'me' ? title : `${title}: ${scopeTitle(owner, viewer.id)}`, to: to(scope) }
  })
}

/** A secret of one's own, or of an owner whose secrets one looks after. */
export const addSecret = (viewer: Viewer): Act[] => forEach(viewer, (owner) => viewer.can('WRITE_SECRETS', owner), 'Add a secret', (scope) => `/secrets/${scope}/+new`)

/** Users, teams and tokens of workers for admins; members for who looks after a team. */
export function addPeople(viewer: Viewer): Act[] {
  const members = viewer.owners.filter((owner) => owner.kind === 'TEAM' && viewer.can('MANAGE_MEMBERS', owner))
    .map(({ id, displayName }) => ({ title: `Add a member: ${displayName}`, to: `/people/teams/${id}/members/new` }))
  if (!viewer.isAdmin) return members
  return [
    { title: 'Add a user', to: '/people/users/new' }, { title: 'Add a team', to: '/people/teams/new' }, { title: 'Add a worker token', to: '/people/worker-tokens/new' }, ...members,
  ]
}
