import { type AgentDefinition } from './agent.js'
import { canonicalJson } from './canonical.js'
import { type McpServerDefinition, mcpServerContent } from './mcp-server.js'
import { type OwnerRef, type PrincipalRef } from './owner.js'
import { type Verdict } from './policy.js'
import { type EntryBindings } from './secret.js'
import { timeText } from './time-text.js'

export type EntryKind = 'MCP_SERVER' | 'AGENT'
export type Definition = McpServerDefinition | AgentDefinition

export const visibilities = ['PRIVATE', 'SHARED', 'PUBLIC'] as const
export type Visibility = (typeof visibilities)[number]

/** When a warm session takes an upsert: at once, at the next turn, or only in sessions opened later. */
export const applyMoments = ['NOW', 'NEXT_TURN', 'NEXT_SESSION'] as const
export type ApplyMoment = (typeof applyMoments)[number]

/** How sessions lose it: calls in flight may finish until a deadline, or fail now. */
export type RevocationMode = 'DRAIN' | 'IMMEDIATE'

/** Derived, the first that holds, in this order. */
export const entryStatuses = ['REVOKED', 'DISABLED', 'POLICY_DENIED', 'REJECTED', 'PENDING_APPROVAL', 'ACTIVE'] as const
export type EntryStatus = (typeof entryStatuses)[number]

/** For people, after "It". */
export const statusWords: Record<EntryStatus, string> = {
  REVOKED: 'is revoked', DISABLED: 'is disabled', POLICY_DENIED: 'is denied by the policy', REJECTED: 'is rejected', PENDING_APPROVAL: 'waits for approval', ACTIVE: 'is active',
}

/** What decides who an entry reaches; the change log keeps it from before each change. */
export interface Reach {
  id: string
  kind: EntryKind
  name: string
  owner: OwnerRef
  visibility: Visibility
  /** Teams and users; means something only for SHARED. */
  audience: OwnerRef[]
  locked: boolean
  revision: number
  /** ISO time; the older of two equals wins. */
  createdAt: string
}

/** What was revoked with an entry. It stays with the entry, also as a tombstone, until an approval lets it go. */
export interface Revoked {
  /** ISO time. */
  at: string
  by: PrincipalRef
  reason: string
  /** Of the definition as it was then. */
  digest: string
  /** The origin or command line; see `targetOf`. null: an agent has none. */
  target: string | null
  /** Who asked for it back: it then waits for an approval instead of being refused. */
  restored: { at: string; by: PrincipalRef } | null
}

/**
 * What was asked for, or decided, of the definition that an entry has now. What any edit left behind is told by the table of
 * requests alone (`ApprovalState`).
 */
export interface EntryApproval {
  id: string
  /** Of the definition that it is for; never another one's than the entry's own. */
  digest: string
  state: 'PENDING' | 'APPROVED' | 'REJECTED'
  /** Who made the change that needs it; Pilothouse itself where a policy did. */
  requestedBy: PrincipalRef
  /** ISO time, as those below. */
  requestedAt: string
  /** Until when it can be decided. */
  expiresAt: string
  decidedBy: PrincipalRef | null
  decidedAt: string | null
  note: string | null
}

/** A catalog row as stored. */
export interface Entry extends Reach {
  enabled: boolean
  revoked: Revoked | null
  approval: EntryApproval | null
  /** null: it has no reference to a secret, or none of them was ever confirmed. */
  bindings: EntryBindings | null
  definition: Definition
  /** sha-256 (hex) of the canonical definition. */
  digest: string
  apply: ApplyMoment
  updatedAt: string
  updatedBy: PrincipalRef
}

/** A candidate for somebody's set: its reach and whether it may run. */
export interface Candidate extends Reach {
  status: EntryStatus
  /** Its owner is deactivated: it is a candidate for nobody, and shadows nothing. */
  dormant: boolean
}

/** An entry with what today's policy, and the state of its owner, say of it. Immutable: a change makes a new object. */
export interface JudgedEntry extends Entry {
  verdict: Verdict
  status: EntryStatus
  dormant: boolean
}

export interface McpServerEntry extends JudgedEntry {
  kind: 'MCP_SERVER'
  definition: McpServerDefinition
}

export interface AgentEntry extends JudgedEntry {
  kind: 'AGENT'
  definition: AgentDefinition
}

export function isMcpServer(entry: JudgedEntry): entry is McpServerEntry {
  return entry.kind === 'MCP_SERVER'
}

export function isAgent(entry: JudgedEntry): entry is AgentEntry {
  return entry.kind === 'AGENT'
}

/** Revoked, and nobody has asked for it back. */
export function isRevoked({ revoked }: { revoked?: Revoked | null }): boolean {
  return revoked ? revoked.restored === null : false
}

export function entryStatus(enabled: boolean, verdict: Verdict, revoked: Revoked | null = null, approval: EntryApproval | null = null): EntryStatus {
  if (isRevoked({ revoked })) return 'REVOKED'
  if (!enabled) return 'DISABLED'
  if (verdict.kind === 'DENY') return 'POLICY_DENIED'
  if (approval?.state === 'REJECTED') return 'REJECTED'
  const isNeeded = verdict.kind === 'NEEDS_APPROVAL' || revoked
  return isNeeded && approval?.state !== 'APPROVED' ? 'PENDING_APPROVAL' : 'ACTIVE'
}

export function statusReason(entry: JudgedEntry): string | null {
  if (entry.dormant) return 'Its owner is deactivated, so it is in nobody\'s set.'
  switch (entry.status) {
    case 'ACTIVE': return null
    case 'REVOKED': return `Revoked (${entry.revoked?.reason}); restored, it waits for an approval.`
    case 'DISABLED': return 'Disabled; enable it to use it.'
    case 'POLICY_DENIED': return messagesOf(entry)
    case 'REJECTED': return rejectedReason(entry)
    case 'PENDING_APPROVAL': return pendingReason(entry, messagesOf(entry))
  }
}

const messagesOf = ({ verdict }: JudgedEntry) => verdict.findings.map(({ message }) => message).join(' ')

/** @param findings what policy says of it */
export function pendingReason({ revoked, approval }: Entry, findings: string): string {
  const asked = approval ? `Waits for approval, until ${timeText(approval.expiresAt)}.` : 'Waits for approval.'
  return [asked, ...(revoked ? [restoredReason(revoked)] : []), findings].join(' ').trim()
}

export function rejectedReason({ revoked, approval }: Entry): string {
  const mend = revoked ? 'it stays as it was revoked; register something else instead' : 'change the definition to have it looked at again'
  return `Rejected${approval?.note ? ` (${approval.note})` : ''}; ${mend}.`
}

/** Why something that policy allows waits all the same. */
export function restoredReason({ reason }: Revoked): string {
  return `It was revoked (${reason}) and restored; somebody other than its last editor and whoever revoked or restored it has to approve it.`
}

/** The entry without what is derived from it. */
export function asStored({ verdict: _, status: __, dormant: ___, ...entry }: JudgedEntry): Entry {
  return entry
}

/** What the change log stores of an entry from before a change. */
export function toCandidate(entry: JudgedEntry): Candidate {
  const { id, kind, name, owner, visibility, audience, locked, revision, createdAt, status, dormant } = entry
  return { id, kind, name, owner, visibility, audience, locked, revision, createdAt, status, dormant }
}

/** Names are unique for one kind; one key for both. */
export function nameKey(entry: { kind: EntryKind; name: string }): string {
  return `${entry.kind}:${entry.name}`
}

/** What a definition's digest is the sha-256 (hex) of: its canonical form, every field except an MCP server's description (S25). */
export function digestedText(kind: EntryKind, definition: Definition): string {
  return canonicalJson({ kind, content: kind === 'MCP_SERVER' ? mcpServerContent(definition as McpServerDefinition) : definition })
}
