import { type ComponentType, lazy } from 'react'
import { type Viewer } from './data/viewer.js'
import { WaitingCount } from './pages/approvals/waiting-count.js'
import { type Act, addPeople, addSecret } from './section-acts.js'

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
