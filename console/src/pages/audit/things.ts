import { scopeOf } from '../../data/scope.js'
import { type AuditTargetKind, type ThingFragment } from '../../generated/graphql.js'

export const thingWords: Record<AuditTargetKind, string> = {
  MCP_SERVER: 'MCP server', AGENT: 'agent', SECRET: 'secret', POLICY: 'policy', USER: 'person', TEAM: 'team', MEMBERSHIP: 'membership', TOKEN: 'token', CONSOLE_SESSION: 'session of the console',
  APPROVAL: 'request for approval', PROBE: 'connection test', WORKER: 'worker', OWNER: 'all that they have', OTHER: 'nothing of the catalog',
}

/** A thing in words: its kind, whose it is, and that it is gone. */
export function aboutThing({ kind, owner, isThere }: ThingFragment): string {
  const whose = owner == null || kind === 'OWNER' ? '' : owner.kind === 'DEPLOYMENT' ? ', deployment' : `, ${owner.kind === 'TEAM' ? 'team ' : ''}${owner.displayName}`
  return `${thingWords[kind]}${whose}${isThere ? '' : ', gone'}`
}

/** Where it is to be seen in the console; null: nowhere, or no more. */
export function pathOf({ kind, id, name, owner, isThere }: ThingFragment, viewerId: string): string | null {
  if (kind === 'WORKER') return `/workers/${encodeURIComponent(id)}`
  if (!isThere) return null
  switch (kind) {
    case 'MCP_SERVER': return `/integrations/all/${id}`
    case 'AGENT': return `/agents/all/${id}`
    case 'SECRET': return owner == null || name == null ? null : `/secrets/${scopeOf(owner, viewerId)}/${encodeURIComponent(name)}`
    case 'POLICY': return owner == null ? null : `/policy/${scopeOf(owner, viewerId)}`
    case 'USER': return `/people/users/${id}`
    case 'TEAM': return `/people/teams/${id}`
    case 'MEMBERSHIP': return owner == null ? null : `/people/teams/${owner.id}`
    case 'TOKEN': return owner == null ? '/people/worker-tokens' : `/people/users/${owner.id}`
    case 'APPROVAL': return `/approvals/${id}`
    case 'OWNER': return owner == null || owner.kind === 'DEPLOYMENT' ? null : `/people/${owner.kind === 'TEAM' ? 'teams' : 'users'}/${owner.id}`
    case 'CONSOLE_SESSION':
    case 'PROBE':
    case 'OTHER': return null
  }
}

/** Ids of things that stand in a text, each once. */
export function idsIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:srv|agt|sec|usr|team|tok|apr)_[0-9a-f]{24}\b/g) ?? [])].slice(0, 50)
}
