import { type ComponentType, lazy } from 'react'
import { scopeOf, scopeTitle } from './data/scope.js'
import { type Viewer } from './data/viewer.js'
import { WaitingCount } from './pages/approvals/waiting-count.js'

/** One line of the tree, and the page behind it. */
export interface Section {
  /** The first part of the path. */
  path: string
  title: string
  /** Loaded when it is first opened. It has the routes below its path to itself. */
  Page: ComponentType
  /** Below it, one line for everything one may use, the deployment, each team and oneself: the scopes of data/scope.ts. */
  hasScopes?: true
  /** What can be added to it, at `/PATH/add`, as it is called everywhere: "Add an MCP server". */
  add?: string
  /** What else one comes to do here, for the palette: what it is called everywhere, and the address of its form. Nothing that the viewer may not do. */
  acts?: (viewer: Viewer) => readonly Act[]
  /** A number beside the title, such as of what waits. It is loaded with the frame, so keep it small. */
  Count?: ComponentType
  /** Whether the viewer gets to see it. Left out: everybody does. */
  isFor?: (viewer: { isAdmin: boolean }) => boolean
}

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

const addSecret = (viewer: Viewer) => forEach(viewer, (owner) => viewer.can('WRITE_SECRETS', owner), 'Add a secret', (scope) => `/secrets/${scope}/+new`)

function addPeople(viewer: Viewer): Act[] {
  const members = viewer.owners.filter((owner) => owner.kind === 'TEAM' && viewer.can('MANAGE_MEMBERS', owner))
    .map(({ id, displayName }) => ({ title: `Add a member: ${displayName}`, to: `/people/teams/${id}/members/new` }))
  if (!viewer.isAdmin) return members
  return [
    { title: 'Add a user', to: '/people/users/new' }, { title: 'Add a team', to: '/people/teams/new' }, { title: 'Add a worker token', to: '/people/worker-tokens/new' }, ...members,
  ]
}

const page = <Name extends string>(name: Name, load: () => Promise<Record<Name, ComponentType>>) => lazy(async () => ({ default: (await load())[name] }))

/** The tree, from top to bottom. */
export const sections: readonly Section[] = [
  { path: 'integrations', title: 'Integrations', hasScopes: true, add: 'Add an MCP server', Page: page('IntegrationsPage', () => import('./pages/integrations/integrations-page.js')) },
  {
    path: 'agents', title: 'Agents', hasScopes: true, add: 'Add an agent', acts: () => [{ title: 'Import an agent', to: '/agents/me/import' }],
    Page: page('AgentsPage', () => import('./pages/agents/agents-page.js')),
  },
  { path: 'approvals', title: 'Approvals', Count: WaitingCount, Page: page('ApprovalsPage', () => import('./pages/approvals/approvals-page.js')) },
  { path: 'revocations', title: 'Receipts', Page: page('RevocationsPage', () => import('./pages/revocations/revocations-page.js')) },
  { path: 'secrets', title: 'Secrets', acts: addSecret, Page: page('SecretsPage', () => import('./pages/secrets/secrets-page.js')) },
  { path: 'policy', title: 'Policy', Page: page('PolicyPage', () => import('./pages/policy/policy-page.js')) },
  { path: 'workers', title: 'Workers', Page: page('WorkersPage', () => import('./pages/workers/workers-page.js')) },
  { path: 'people', title: 'People', acts: addPeople, Page: page('PeoplePage', () => import('./pages/people/people-page.js')) },
  { path: 'audit', title: 'Audit', isFor: ({ isAdmin }) => isAdmin, Page: page('AuditPage', () => import('./pages/audit/audit-page.js')) },
  { path: 'tokens', title: 'My tokens', acts: () => [{ title: 'Add a token', to: '/tokens/new' }], Page: page('MyTokensPage', () => import('./pages/people/my-tokens-page.js')) },
]
