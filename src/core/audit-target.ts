import { type AuditOutcome, type ChainName, wordsOf } from './audit-words.js'
import { deploymentOwner, type OwnerKind, ownerKinds, type OwnerRef, type PrincipalRef } from './owner.js'

/** What can be told of. OWNER: whatever a person, a team or the deployment has. OTHER: no thing of the catalog, or one that nothing is known of. */
export const auditTargetKinds = [
  'MCP_SERVER', 'AGENT', 'SECRET', 'POLICY', 'USER', 'TEAM', 'MEMBERSHIP', 'TOKEN', 'CONSOLE_SESSION', 'APPROVAL', 'PROBE', 'WORKER', 'OWNER', 'OTHER',
] as const
export type AuditTargetKind = (typeof auditTargetKinds)[number]

/** What an event is about. Derived whenever somebody reads it, and part of no hash. */
export interface AuditTarget {
  /** As the event has it. */
  id: string
  kind: AuditTargetKind
  /** null: it has none, or nothing is known of it. */
  name: string | null
  owner: OwnerRef | null
}

/** One event, as far as what it says of its target goes. */
export interface Told {
  action: string
  target: string
  before: unknown
  after: unknown
}

const kindOfPrefix: Readonly<Record<string, AuditTargetKind>> = {
  srv: 'MCP_SERVER', agt: 'AGENT', sec: 'SECRET', usr: 'USER', team: 'TEAM', tok: 'TOKEN', cns: 'CONSOLE_SESSION', apr: 'APPROVAL', prb: 'PROBE',
}
const idForm = /^([a-z]+)_[0-9a-f]{24}$/
const membershipForm = /^(team_[0-9a-f]{24})\/(.+)$/

export function kindOfId(id: string): AuditTargetKind {
  const prefix = idForm.exec(id)?.[1]
  return prefix === undefined ? 'OTHER' : kindOfPrefix[prefix] ?? 'OTHER'
}

/** What an event itself says of its target: as that was called and owned after the change, or before, if nothing is left of it. */
export function targetAsTold({ action, target, before, after }: Told): AuditTarget {
  const plain = plainTarget(action, target)
  const said = record(after) ?? record(before)
  if (said === null || plain.kind === 'POLICY' || plain.kind === 'MEMBERSHIP') return plain
  switch (plain.kind) {
    case 'MCP_SERVER':
    case 'AGENT':
      // What is told of its tools, and of whose account it uses, has no name of its own.
      return 'definition' in said ? { ...plain, name: text(said.name), owner: ownerOf(said.owner) } : plain
    case 'SECRET': return { ...plain, name: text(said.name), owner: ownerOf(said.owner) }
    case 'TOKEN':
    case 'CONSOLE_SESSION': return { ...plain, name: text(said.name), owner: typeof said.userId === 'string' ? { kind: 'USER', id: said.userId } : null }
    case 'USER':
    case 'TEAM': return { ...plain, name: text(said.displayName) }
    case 'APPROVAL':
    case 'PROBE':
    case 'WORKER':
    case 'OWNER':
    case 'OTHER': return plain
  }
}

function plainTarget(action: string, target: string): AuditTarget {
  const nothing = { id: target, name: null, owner: null }
  if (action === 'policy.set') return { ...nothing, kind: 'POLICY', owner: target === deploymentOwner.id ? deploymentOwner : { kind: 'TEAM', id: target } }
  if (action === 'CLAIM_WORKER') return { ...nothing, kind: 'WORKER', name: target }
  const owner = ownerOfKey(target)
  if (owner !== null) return { ...nothing, kind: 'OWNER', owner }
  const [, teamId] = membershipForm.exec(target) ?? []
  if (teamId !== undefined) return { ...nothing, kind: 'MEMBERSHIP', owner: { kind: 'TEAM', id: teamId } }
  return { ...nothing, kind: kindOfId(target) }
}

/** Whose membership it is. */
export function memberOf(target: string): string | null {
  return membershipForm.exec(target)?.[2] ?? null
}

/** The owner of `ownerKey`'s form. */
function ownerOfKey(key: string): OwnerRef | null {
  const [kind, ...rest] = key.split(':')
  const id = rest.join(':')
  return isOwnerKind(kind) && id !== '' ? { kind, id } : null
}

const isOwnerKind = (kind: unknown): kind is OwnerKind => ownerKinds.some((one) => one === kind)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const record = (value: unknown): Record<string, unknown> | null => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null)

function ownerOf(value: unknown): OwnerRef | null {
  const said = record(value)
  return said !== null && isOwnerKind(said.kind) && typeof said.id === 'string' ? { kind: said.kind, id: said.id } : null
}

const nouns: Record<Exclude<AuditTargetKind, 'OWNER' | 'OTHER' | 'WORKER' | 'POLICY' | 'CONSOLE_SESSION' | 'MEMBERSHIP'>, string> = {
  MCP_SERVER: 'the MCP server', AGENT: 'the agent', SECRET: 'the secret', USER: 'the person', TEAM: 'the team', TOKEN: 'the token', APPROVAL: 'the request for approval of',
  PROBE: 'the connection test of',
}

/** How the parts of a sentence are called; names that are not known stay ids. */
export interface Naming {
  actor: { kind: PrincipalRef['kind']; displayName: string }
  ownerName: (owner: OwnerRef) => string
}

/** What happened, in one sentence without its full stop: `Grace changed the MCP server tickets of team Platform`. */
export function auditSentence(chain: ChainName, { action, outcome }: { action: string; outcome: AuditOutcome }, target: AuditTarget, { actor, ownerName }: Naming): string {
  const whose = target.owner === null ? target.kind === 'USER' || target.kind === 'TEAM' ? whatOf(target, ownerName) : target.name ?? target.id : ownerWords(target.owner, ownerName)
  const parts: Readonly<Record<string, string>> = { '{what}': whatOf(target, ownerName), '{name}': target.name ?? target.id, '{whose}': whose }
  // In one pass: a name may hold what looks like a part.
  return `${actor.kind === 'WORKER' ? 'Worker ' : ''}${actor.displayName} ${wordsOf(chain, action, outcome).replaceAll(/\{what\}|\{name\}|\{whose\}/g, (part) => parts[part]!)}`
}

/** A thing with its kind and owner: `the secret github of team Platform`. */
export function whatOf({ kind, id, name, owner }: AuditTarget, ownerName: (owner: OwnerRef) => string): string {
  const of = owner === null ? '' : ` of ${ownerWords(owner, ownerName)}`
  switch (kind) {
    case 'POLICY': return `the policy${of}`
    case 'CONSOLE_SESSION': return `a session at the console${of}`
    case 'OWNER': return owner === null ? id : `what ${ownerWords(owner, ownerName)} has`
    case 'MEMBERSHIP': return `${name ?? id} in ${owner === null ? id : ownerWords(owner, ownerName)}`
    case 'WORKER':
    case 'OTHER': return name ?? id
    case 'MCP_SERVER':
    case 'AGENT':
    case 'SECRET':
    case 'USER':
    case 'TEAM':
    case 'TOKEN':
    case 'APPROVAL':
    case 'PROBE': return `${nouns[kind]} ${name ?? id}${of}`
  }
}

function ownerWords(owner: OwnerRef, ownerName: (owner: OwnerRef) => string): string {
  if (owner.kind === 'DEPLOYMENT') return 'the deployment'
  return owner.kind === 'TEAM' ? `team ${ownerName(owner)}` : ownerName(owner)
}
