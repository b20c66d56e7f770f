import { type Credential, type Principal } from '../core/access.js'
import { concernsWorkers, formatCursor, type LoggedChange } from '../core/change.js'
import { chosenOf, type Scope } from '../core/effective.js'
import { type EntryKind, type JudgedEntry, nameKey } from '../core/entry.js'
import { deploymentOwner, isOver, type OwnerKind, type OwnerRef, ownerKey } from '../core/owner.js'
import { personKey } from './people.js'
import { applyChanges, buildState, type CatalogState, type LoadedCatalog, type Touched } from './state.js'

/** How an owner is asked for; see `OwnerInput` in schema.graphql. */
export interface OwnerQuery {
  kind: OwnerKind
  id?: string | null
  provider?: string | null
  subject?: string | null
}

const personPrefix = 'person:'

/**
 * The catalog in memory, one for each process, at a cursor. The tail alone feeds it; everybody else reads.
 * A person whom the catalog does not know yet has an owner id of the form `person:<provider>:<subject>`.
 */
export interface CatalogIndex extends CatalogView {
  /** For reading only; what is in it is replaced in place by `apply`. */
  readonly state: CatalogState
  cursor: () => string
  /** Replaces everything, after a lag too long to follow. Resumes from before it get a snapshot. */
  reload: (loaded: LoadedCatalog, recent: LoggedChange[]) => void
  apply: (changes: LoggedChange[]) => Touched
  /** Changes after a sequence, oldest first, entries without their `after`; null when they are no longer kept here. */
  changesAfter: (sequence: number) => LoggedChange[] | null
  /** The sequence of the newest change that `concernsWorkers`; what is no longer kept here counts as one. */
  newestForWorkers: () => number
  /** Resolves once the index stands at `sequence` or later; rejects after `timeoutMs`. */
  reached: (sequence: number, timeoutMs: number) => Promise<void>
  /** null when the catalog has no such owner. */
  resolveOwner: (query: OwnerQuery, self: string | null) => OwnerRef | null
  /** Who a credential stands for at this moment; null once it is revoked or expired, or its user is deactivated or gone. */
  principalNow: (credential: Credential, now: Date) => Principal | null
}

/** Who has what. */
export interface CatalogView {
  scopeOf: (owner: OwnerRef) => Scope
  chosen: (scope: Scope, kind: EntryKind, name: string) => JudgedEntry | null
  /** The owner's whole set, by `nameKey`, in the order of names. */
  effective: (scope: Scope) => Map<string, JudgedEntry>
}

export function viewOf(state: () => CatalogState): CatalogView {
  return {
    scopeOf: (owner) => scopeOf(state(), owner),
    chosen: (scope, kind, name) => chosenOf(scope, state().entriesByName.get(nameKey({ kind, name })) ?? []),
    effective: (scope) => effective(state(), scope),
  }
}

/** @param ringSize how many changes are kept for resuming without the database */
export function createCatalogIndex(loaded: LoadedCatalog, recent: LoggedChange[], ringSize = 10_000): CatalogIndex {
  let state = buildState(loaded)
  let ring = recent
  const waiters = new Set<{ sequence: number; resolve: () => void }>()
  const wake = () => {
    for (const waiter of waiters) if (state.sequence >= waiter.sequence) waiter.resolve()
  }
  const index: CatalogIndex = {
    get state() { return state },
    cursor: () => formatCursor(state),
    reload: (next, nextRecent) => {
      state = buildState(next)
      ring = nextRecent
      wake()
    },
    apply: (changes) => {
      const fresh = changes.filter((change) => change.sequence > state.sequence)
      const touched = applyChanges(state, fresh)
      for (const change of fresh) ring.push(forgetDefinition(change))
      // Trimmed in strides, so that the cost of moving the rest is paid rarely.
      if (ring.length > ringSize * 1.25) ring = ring.slice(-ringSize)
      wake()
      return touched
    },
    changesAfter: (sequence) => {
      if (sequence === state.sequence) return []
      const [oldest] = ring
      if (oldest === undefined || sequence < oldest.sequence - 1 || sequence > state.sequence) return null
      return ring.slice(sequence - oldest.sequence + 1)
    },
    newestForWorkers: () => ring.findLast(concernsWorkers)?.sequence ?? (ring[0]?.sequence ?? state.sequence + 1) - 1,
    reached: (sequence, timeoutMs) => waitFor(waiters, () => state.sequence, sequence, timeoutMs),
    resolveOwner: (query, self) => resolveOwner(state, query, self),
    principalNow: (credential, now) => principalNow(state, credential, now),
    ...viewOf(() => state),
  }
  return index
}

/** A resume needs what was before and reads what is now from the index; prompts, tools and lists of requests must not pile up in memory. */
function forgetDefinition(change: LoggedChange): LoggedChange {
  if (change.subject === 'TOOLS') return { ...change, after: { ...change.after, tools: [], held: [] } }
  if (change.subject === 'POLICY') return { ...change, after: { ...change.after, requests: undefined } }
  return change.subject === 'ENTRY' ? { ...change, after: null } : change
}

function waitFor(waiters: Set<{ sequence: number; resolve: () => void }>, now: () => number, sequence: number, timeoutMs: number): Promise<void> {
  if (now() >= sequence) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(timer)
      waiters.delete(waiter)
      settle()
    }
    const waiter = { sequence, resolve: () => done(resolve) }
    const timer = setTimeout(() => done(() => reject(new Error(`the index did not reach ${sequence} within ${timeoutMs} ms`))), timeoutMs)
    waiters.add(waiter)
  })
}

function resolveOwner(state: CatalogState, query: OwnerQuery, self: string | null): OwnerRef | null {
  const { kind, id, provider, subject } = query
  const isPerson = isText(provider) && isText(subject)
  if (kind !== 'USER' && (provider ?? subject ?? null) !== null) return null
  if (kind === 'DEPLOYMENT') return id === undefined || id === null || id === deploymentOwner.id ? deploymentOwner : null
  if (kind === 'TEAM') {
    const team = state.teams.get(id ?? '') ?? state.teamsBySlug.get(id ?? '')
    return team === undefined ? null : { kind, id: team.id }
  }
  if (typeof id === 'string') {
    if (isPerson) return null
    return state.users.has(id) ? { kind, id } : parsePersonId(id) === null ? null : knownOrNot(state, ...parsePersonId(id)!)
  }
  if (isPerson) return knownOrNot(state, provider, subject)
  return self === null || (provider ?? subject ?? null) !== null ? null : { kind, id: self }
}

/** What can be a provider or subject at all; see `createUser`. */
function isText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text !== '' && text.length <= 200 && text.isWellFormed() && !/\p{Cc}/u.test(text)
}

function knownOrNot(state: CatalogState, provider: string, subject: string): OwnerRef {
  const user = state.usersByPerson.get(personKey(provider, subject))
  return { kind: 'USER', id: user?.id ?? personId(provider, subject) }
}

/** The id of an owner whom the catalog does not know yet; what was stored under it stays theirs once it does. */
export function personId(provider: string, subject: string): string {
  return `${personPrefix}${encodeURIComponent(provider)}:${encodeURIComponent(subject)}`
}

function parsePersonId(id: string): [provider: string, subject: string] | null {
  if (!id.startsWith(personPrefix)) return null
  const [provider, subject, ...rest] = id.slice(personPrefix.length).split(':')
  if (provider === undefined || subject === undefined || rest.length > 0) return null
  try {
    return [decodeURIComponent(provider), decodeURIComponent(subject)]
  } catch {
    return null
  }
}

function principalNow(state: CatalogState, credential: Credential, now: Date): Principal | null {
  if (credential.kind === 'CONSOLE') return principalOfSession(state, credential, now)
  const token = credential.kind === 'TOKEN' ? state.tokens.get(credential.tokenId) : null
  const expiresAt = credential.kind === 'TOKEN' ? token?.expiresAt : credential.expiresAt
  if (expiresAt === undefined || new Date(expiresAt) <= now || (token?.revokedAt ?? null) !== null) return null
  if (token?.kind === 'WORKER') {
    // Both names of a person: a subscription that began before the catalog knew them goes on under the first one.
    const serves = token.serves?.flatMap((owner) => [ownerKey(owner), ownerKey(resolveOwner(state, owner, null) ?? owner)]) ?? null
    return { kind: 'WORKER', id: token.id, credential, role: 'USER', teams: new Map(), serves: serves && new Set(serves) }
  }
  const user = state.users.get(credential.kind === 'TOKEN' ? token?.userId ?? '' : credential.userId)
  if (user === undefined || user.deactivatedAt !== null) return null
  // A membership ends at its time, also while its removal is still on the way (catalog/membership.ts).
  const memberships = [...(state.teamsOf.get(user.id)?.values() ?? [])].filter((membership) => !isOver(membership, now))
  const teams = new Map(memberships.map(({ teamId, role }) => [teamId, role]))
  return { kind: 'USER', id: user.id, credential, role: user.role, teams, serves: null }
}

/** A session of the console opens what it was made of, as long as both last. */
function principalOfSession(state: CatalogState, credential: Credential & { kind: 'CONSOLE' }, now: Date): Principal | null {
  const session = state.consoleSessions.get(credential.sessionId)
  if (session === undefined) return null
  const { userId, tokenId, expiresAt } = session
  const principal = new Date(expiresAt) <= now ? null : principalNow(state, tokenId === null ? { kind: 'SIGN_IN', userId, expiresAt } : { kind: 'TOKEN', tokenId }, now)
  return principal && { ...principal, credential }
}

function scopeOf(state: CatalogState, owner: OwnerRef): Scope {
  if (owner.kind === 'DEPLOYMENT') return { kind: 'DEPLOYMENT' }
  if (owner.kind === 'TEAM') return { kind: 'TEAM', teamId: owner.id }
  const person = parsePersonId(owner.id)
  const user = person === null ? state.users.get(owner.id) : state.usersByPerson.get(personKey(...person))
  if (user === undefined) return { kind: 'USER', userId: null, teamIds: new Set(), isAdmin: false, isDeactivated: false }
  const teamIds = new Set(state.teamsOf.get(user.id)?.keys())
  return { kind: 'USER', userId: user.id, teamIds, isAdmin: user.role === 'ADMIN', isDeactivated: user.deactivatedAt !== null }
}

function effective(state: CatalogState, scope: Scope): Map<string, JudgedEntry> {
  const chosen: Array<[string, JudgedEntry]> = []
  for (const [key, entries] of state.entriesByName) {
    const entry = chosenOf(scope, entries)
    if (entry !== null) chosen.push([key, entry])
  }
  return new Map(chosen.sort(([a], [b]) => (a < b ? -1 : 1)))
}
