import { scopeOf, scopeTitle } from './data/scope.js'
import { type Viewer } from './data/viewer.js'

/** What somebody may come to do in a section: what it is called everywhere, and the address of its form. */
export interface Act {
  title: string
  to: string
}

/** A secret of one's own first, plain; then of each owner whose secrets one looks after, with whose it is. */
export function addSecret(viewer: Viewer): Act[] {
  return viewer.owners.filter((owner) => viewer.can('WRITE_SECRETS', owner)).reverse().map((owner) => {
    const scope = scopeOf(owner, viewer.id)
    return { title: scope === 'me' ? 'Add a secret' : `Add a secret: ${scopeTitle(owner, viewer.id)}`, to: `/secrets/${scope}/+new` }
  })
}

/** Users, teams and tokens of workers for admins; members for who looks after a team. */
export function addPeople(viewer: Viewer): Act[] {
  const members = viewer.owners.filter((owner) => owner.kind === 'TEAM' && viewer.can('MANAGE_MEMBERS', owner))
    .map(({ id, displayName }) => ({ title: `Add a member: ${displayName}`, to: `/people/teams/${id}/members/new` }))
  if (!viewer.isAdmin) return members
  return [
    { title: 'Add a user', to: '/people/users/new' }, { title: 'Add a team', to: '/people/teams/new' }, { title: 'Add a worker token', to: '/people/worker-tokens/new' }, ...members,
  ]
}
