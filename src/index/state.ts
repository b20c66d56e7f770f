import { askedUnder } from '../core/approval.js'
import { type Block } from '../core/block.js'
import { altersRights, foldWithdrawals, hastenedIn, type LoggedChange, type PolicyRecord, type TokenRecord } from '../core/change.js'
import { type ConsoleSession } from '../core/console-session.js'
import { skeletonOf } from '../core/confusable.js'
import { type Candidate, type Entry, type JudgedEntry, nameKey } from '../core/entry.js'
import { type Membership, ownerKey, type OwnerRef, type Team, type User } from '../core/owner.js'
import { type SecretRecord, type UserBinding } from '../core/secret.js'
import { type EntryTools } from '../core/tool-pin.js'
import { type Withdrawal } from '../core/withdrawal.js'
import { completePolicy, type Policy } from '../core/policy-document.js'
import { isBlocked, putBlock } from './block.js'
import { putConsoleSession, putToken } from './credentials.js'
import { isDormant, judge, type Policies, putPolicy } from './judge.js'
import { putMembership, putTeam, putUser } from './people.js'
import { applySecretChange, createSecretShelf, noteReferences, type SecretChange, type SecretShelf } from './secrets.js'

/** Everything that decisions and the feed need, as it stands at one sequence. */
export interface CatalogState {
  incarnation: string
  sequence: number
  /** The deployment's policy, completed. */
  policy: Policy
  /** What judges the entries of teams with a policy of their own, by team id. A change makes a new map: decisions rest on it. */
  teamPolicies: ReadonlyMap<string, Policies>
  /** As stored, by owner id. */
  policies: Map<string, PolicyRecord>
  /** Counts changes of how people and teams are called. */
  names: number
  users: Map<string, User>
  /** By `personKey`. */
  usersByPerson: Map<string, User>
  teams: Map<string, Team>
  teamsBySlug: Map<string, Team>
  /** Both ways round. */
  membersOf: Map<string, Map<string, Membership>>
  teamsOf: Map<string, Map<string, Membership>>
  tokens: Map<string, TokenRecord>
  tokensByHash: Map<string, TokenRecord>
  consoleSessions: Map<string, ConsoleSession>
  consoleSessionsByHash: Map<string, ConsoleSession>
  entries: Map<string, JudgedEntry>
  /** Ids of the entries that an owner has, by `ownerKey`. */
  owned: Map<string, Set<string>>
  /** By `nameKey`: every entry of one kind and name, whoever owns it. */
  entriesByName: Map<string, Set<JudgedEntry>>
  /** The keys of `entriesByName` by what they look like. */
  lookAlikes: Map<string, Set<string>>
  /** What was revoked, by the entry's id, tombstones included. A change makes a new map: decisions rest on it. */
  blocks: ReadonlyMap<string, Block>
  secrets: SecretShelf
  /** By the entry's id; those of a place that it has no more count for nothing (`toolsOf`). */
  toolPins: Map<string, EntryTools>
}

/** What a batch of changes may have altered for readers. */
export interface Touched {
  /** `nameKey`s whose entries changed. */
  names: Set<string>
  /** Deleted entries, with whom they reached last. */
  deleted: Map<string, Candidate>
  /** How entries that were taken away are to be lost. */
  withdrawals: Map<string, Withdrawal>
  /** Entries that were revoked to end at once, as they were before: what had left every set may still be drained. */
  hastened: Candidate[]
  /** Users whose own rights changed; their sets are computed anew. */
  users: Set<string>
  /** What may have altered the versions of secrets beside entries. */
  secrets: SecretChange[]
  /** Ids of entries whose tools are pinned otherwise. */
  tools: Set<string>
  policy: boolean
  /** Teams whose policies are others. */
  teamPolicies: Set<string>
  /** Tokens or rights: every open subscription is judged again. */
  rights: boolean
}

export interface LoadedCatalog {
  incarnation: string
  sequence: number
  users: User[]
  teams: Team[]
  memberships: Membership[]
  tokens: TokenRecord[]
  consoleSessions: ConsoleSession[]
  policies: PolicyRecord[]
  entries: Entry[]
  blocks: Block[]
  secrets: SecretRecord[]
  userBindings: UserBinding[]
  toolPins: EntryTools[]
}

export function buildState(loaded: LoadedCatalog): CatalogState {
  const state: CatalogState = {
    incarnation: loaded.incarnation, sequence: loaded.sequence, policy: { revision: 0, document: completePolicy({}) }, teamPolicies: new Map(), policies: new Map(),
    names: 0,
    users: new Map(), usersByPerson: new Map(), teams: new Map(), teamsBySlug: new Map(), membersOf: new Map(), teamsOf: new Map(),
    tokens: new Map(), tokensByHash: new Map(), consoleSessions: new Map(), consoleSessionsByHash: new Map(), entries: new Map(), owned: new Map(), entriesByName: new Map(), lookAlikes: new Map(),
    blocks: new Map(loaded.blocks.map((block) => [block.entryId, block])),
    secrets: createSecretShelf(loaded.secrets, loaded.userBindings),
    toolPins: new Map(loaded.toolPins.map((pins) => [pins.entryId, pins])),
  }
  loaded.users.forEach((user) => putUser(state, user))
  loaded.teams.forEach((team) => putTeam(state, team))
  loaded.memberships.forEach((membership) => putMembership(state, membership))
  loaded.tokens.forEach((token) => putToken(state, token))
  loaded.consoleSessions.forEach((session) => putConsoleSession(state, session))
  loaded.policies.forEach((policy) => putPolicy(state, policy))
  loaded.entries.forEach((entry) => putEntry(state, entry))
  return state
}

/** Applies changes in place, oldest first. A change that is not newer than the state does nothing. */
export function applyChanges(state: CatalogState, changes: readonly LoggedChange[]): Touched {
  const fresh = changes.filter(({ sequence }) => sequence > state.sequence)
  const touched: Touched = {
    names: new Set(), deleted: new Map(), withdrawals: foldWithdrawals(fresh), hastened: [], users: new Set(), secrets: [], tools: new Set(), policy: false, teamPolicies: new Set(), rights: false,
  }
  for (const change of fresh) {
    applyChange(state, change, touched)
    state.sequence = change.sequence
  }
  touched.hastened = hastenedIn(fresh, (id) => isBlocked(state, id))
  return touched
}

function applyChange(state: CatalogState, change: LoggedChange, touched: Touched): void {
  touched.rights ||= altersRights(change)
  switch (change.subject) {
    case 'ENTRY': {
      const old = state.entries.get(change.id)
      if (old !== undefined) touched.names.add(nameKey(old))
      if (change.after !== null) touched.names.add(nameKey(putEntry(state, change.after)))
      else {
        removeEntry(state, change.id)
        state.toolPins.delete(change.id)
      }
      // Whether its owner was deactivated by then is known here for sure: the row was written beside other commits.
      if (change.after === null && change.before !== null) touched.deleted.set(change.id, { ...change.before, dormant: isDormant(state, change.before) })
      return
    }
    case 'USER':
      touched.users.add(change.id)
      putUser(state, change.after)
      if ((change.before?.deactivatedAt ?? null) !== change.after.deactivatedAt) restOrWake(state, change.id, touched)
      return
    case 'TEAM':
      return putTeam(state, change.after)
    case 'MEMBERSHIP':
      if (altersRights(change)) touched.users.add(change.userId)
      if (change.after !== null) return putMembership(state, change.after)
      state.membersOf.get(change.teamId)?.delete(change.userId)
      state.teamsOf.get(change.userId)?.delete(change.teamId)
      return
    case 'TOKEN':
      return putToken(state, change.after)
    case 'CONSOLE_SESSION': return putConsoleSession(state, change.after)
    case 'SECRET':
    case 'BINDING':
      touched.secrets.push(change)
      return applySecretChange(state.secrets, change)
    case 'TOOLS':
      // What is held is for people: it moves nothing that a worker is told.
      if (state.toolPins.get(change.id)?.version !== change.after.version) touched.tools.add(change.id)
      state.toolPins.set(change.id, change.after)
      return
    case 'POLICY': {
      const { requests, ...record } = change.after
      if (record.owner.kind === 'DEPLOYMENT') touched.policy = true
      else touched.teamPolicies.add(record.owner.id)
      if (requests !== undefined) askedUnder(requests, (id) => state.entries.get(id)).forEach((entry) => putEntry(state, entry))
      return rejudge(state, record, touched)
    }
  }
}

/** Whoever is deactivated, or comes back, takes their entries along: those names are looked at again. */
function restOrWake(state: CatalogState, userId: string, touched: Touched): void {
  for (const old of entriesOf(state, { kind: 'USER', id: userId })) touched.names.add(nameKey(putEntry(state, old)))
}

export function entriesOf({ entries, owned }: Pick<CatalogState, 'entries' | 'owned'>, owner: OwnerRef): JudgedEntry[] {
  return [...owned.get(ownerKey(owner)) ?? []].map((id) => entries.get(id)!)
}

function putEntry(state: CatalogState, entry: Entry): JudgedEntry {
  removeEntry(state, entry.id)
  const judged = judge(state, entry)
  state.entries.set(entry.id, judged)
  state.owned.set(ownerKey(judged.owner), (state.owned.get(ownerKey(judged.owner)) ?? new Set()).add(judged.id))
  putBlock(state, judged)
  noteReferences(state.secrets, judged)
  const key = nameKey(judged)
  if (!state.entriesByName.has(key)) {
    state.entriesByName.set(key, new Set())
    const looks = nameKey({ kind: judged.kind, name: skeletonOf(judged.name) })
    state.lookAlikes.set(looks, (state.lookAlikes.get(looks) ?? new Set()).add(key))
  }
  state.entriesByName.get(key)!.add(judged)
  return judged
}

function removeEntry(state: CatalogState, id: string): void {
  const old = state.entries.get(id)
  if (old === undefined) return
  state.entries.delete(id)
  const owned = state.owned.get(ownerKey(old.owner))
  owned?.delete(id)
  if (owned?.size === 0) state.owned.delete(ownerKey(old.owner))
  noteReferences(state.secrets, old, true)
  const sameName = state.entriesByName.get(nameKey(old))
  sameName?.delete(old)
  if (sameName?.size === 0) {
    state.entriesByName.delete(nameKey(old))
    const looks = nameKey({ kind: old.kind, name: skeletonOf(old.name) })
    const alike = state.lookAlikes.get(looks)
    alike?.delete(nameKey(old))
    if (alike?.size === 0) state.lookAlikes.delete(looks)
  }
}

/**
 * A new policy judges every entry again that it governs: all, or the team's own. Names whose status it alters are touched; of a team, whose
 * change reaches nobody else, every name, so that views hold the new verdicts.
 */
function rejudge(state: CatalogState, record: PolicyRecord, touched: Touched): void {
  putPolicy(state, record)
  const isOfAll = record.owner.kind === 'DEPLOYMENT'
  for (const old of isOfAll ? [...state.entries.values()] : entriesOf(state, record.owner)) {
    const judged = judge(state, old)
    // What it is found by stays as it is.
    state.entries.set(judged.id, judged)
    state.entriesByName.get(nameKey(judged))!.add(judged).delete(old)
    if (!isOfAll || judged.status !== old.status) touched.names.add(nameKey(judged))
  }
}
