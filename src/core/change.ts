import { type ConsoleSession } from './console-session.js'
import { type Candidate, type Entry, isRevoked } from './entry.js'
import { type Membership, type OwnerRef, type Team, type User } from './owner.js'
import { type SecretRecord, type UserBinding } from './secret.js'
import { type EntryTools } from './tool-pin.js'
import { stricterOf, type Withdrawal } from './withdrawal.js'

/** What authenticates somebody, as far as every node must know it. The hash is of the whole token, never the token. */
export interface TokenRecord {
  id: string
  kind: 'PERSONAL' | 'WORKER'
  name: string
  /** The first characters, so that people can tell tokens apart. */
  prefix: string
  /** sha-256, hex. */
  hash: string
  /** PERSONAL only. */
  userId: string | null
  /** WORKER only; null means every owner. */
  serves: OwnerRef[] | null
  createdAt: string
  expiresAt: string
  revokedAt: string | null
}

export interface PolicyRecord {
  owner: OwnerRef
  revision: number
  /** As stored; read it with `readPolicy`, it may be unreadable. */
  document: unknown
}

/** Requests for approval that a policy makes necessary, and whose requests it makes needless: part of its own change, however many they are. */
export interface PolicyRequests {
  /** ISO time. */
  at: string
  asked: Array<[entryId: string, approvalId: string, expiresAt: string]>
  /** Ids of entries. */
  ended: string[]
}

/** An entry as it was before a change, and how sessions are to lose it, if the change took it away. */
export type FormerEntry = Candidate & { withdrawal?: Withdrawal }

/**
 * One row of the change log: the state of one thing after the change, and what of the state before is needed to tell
 * somebody what was taken away. State, never instructions: applying it twice does nothing more.
 * A new kind of thing is a new member here; the compiler then names every place that must know it.
 */
export type Change =
  | { subject: 'ENTRY'; id: string; before: FormerEntry | null; after: Entry | null }
  | { subject: 'USER'; id: string; before: User | null; after: User }
  | { subject: 'TEAM'; id: string; before: Team | null; after: Team }
  | { subject: 'MEMBERSHIP'; id: string; before: Membership | null; after: Membership | null; userId: string; teamId: string }
  | { subject: 'POLICY'; id: string; before: PolicyRecord | null; after: PolicyRecord & { requests?: PolicyRequests } }
  | { subject: 'TOKEN'; id: string; before: null; after: TokenRecord }
  | { subject: 'CONSOLE_SESSION'; id: string; before: null; after: ConsoleSession }
  | { subject: 'SECRET'; id: string; before: SecretRecord | null; after: SecretRecord }
  | { subject: 'BINDING'; id: string; before: UserBinding | null; after: UserBinding }
  | { subject: 'TOOLS'; id: string; before: Pick<EntryTools, 'version'> | null; after: EntryTools }

/** A change at its place. Sequences are drawn from one counter row in the commit itself, so their order is commit order. */
export type LoggedChange = Change & { sequence: number }

/**
 * Whether a change can alter what somebody may do, so that decisions taken before it must be looked at again.
 * People and teams that are new alter nobody's rights, nor does a membership that only lasts longer. What is revoked may not be saved again.
 */
export function altersRights(change: Change): boolean {
  switch (change.subject) {
    case 'ENTRY': return change.after !== null && isRevoked(change.after) && change.before?.status !== 'REVOKED'
    case 'USER':
    case 'TEAM': return change.before !== null
    case 'MEMBERSHIP': return change.before?.role !== change.after?.role
    case 'POLICY':
    case 'TOKEN': return true
    case 'CONSOLE_SESSION': return change.after.endedAt !== null
    // They are looked up anew for each lease, and decide on nothing else.
    case 'SECRET':
    case 'BINDING':
    // No decision on the catalog rests on what a server's tools are like.
    case 'TOOLS': return false
  }
}

/**
 * Whether what workers have can be another after a change, so that they are behind until they know of it. How somebody is let in is asked at every use, and
 * is in nobody's set; nor is what is held of a server's tools, by which no pin moves.
 */
export function concernsWorkers(change: Change): boolean {
  if (change.subject === 'TOOLS') return change.before?.version !== change.after.version
  return change.subject !== 'TOKEN' && change.subject !== 'CONSOLE_SESSION'
}

/**
 * How entries are lost over a run of changes: for each the strictest of all that were said, so that folding changes never
 * gives calls in flight more time than one of them did.
 */
export function foldWithdrawals(changes: Iterable<Change>): Map<string, Withdrawal> {
  const folded = new Map<string, Withdrawal>()
  for (const change of changes) {
    if (change.subject !== 'ENTRY' || change.before === null) continue
    const said = change.before.withdrawal
    const known = folded.get(change.id)
    if (said !== undefined) folded.set(change.id, known === undefined ? said : stricterOf(known, said))
  }
  return folded
}

/**
 * What a run of changes ends at once, as it was then: also where it had left every set before, somebody's calls may still be drained.
 * @param isNowRevoked else it is left to its drain
 */
export function hastenedIn(changes: Iterable<Change>, isNowRevoked: (id: string) => boolean): FormerEntry[] {
  const hastened = new Map<string, FormerEntry>()
  for (const change of changes) {
    if (change.subject !== 'ENTRY' || change.before === null) continue
    if (change.before.withdrawal?.mode === 'IMMEDIATE' && isNowRevoked(change.id)) hastened.set(change.id, change.before)
  }
  return [...hastened.values()]
}

export interface Cursor {
  /** Eight hexadecimal digits of the database's incarnation. */
  incarnation: string
  sequence: number
}

/** Fixed width, so that cursors of one incarnation compare as text. */
export function formatCursor({ incarnation, sequence }: Cursor): string {
  return `${incarnation}-${sequence.toString(16).padStart(14, '0')}`
}

/** null for anything that is not one of our cursors; the caller then sends a snapshot. */
export function parseCursor(text: string): Cursor | null {
  const parts = /^([0-9a-f]{8})-([0-9a-f]{14})$/.exec(text)
  if (parts === null) return null
  const sequence = Number.parseInt(parts[2]!, 16)
  return Number.isSafeInteger(sequence) ? { incarnation: parts[1]!, sequence } : null
}
