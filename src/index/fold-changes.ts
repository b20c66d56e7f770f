import { altersRights, concernsWorkers, foldWithdrawals, hastenedIn, type LoggedChange } from '../core/change.js'
import { actingOwner, chosenOf, type Difference, differenceOf, hastenings, type Scope, wayTo } from '../core/effective.js'
import { type Candidate, type JudgedEntry, nameKey, toCandidate } from '../core/entry.js'
import { type OwnerRef } from '../core/owner.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { concernedBy, type EntrySecretVersion, secretVersionOf } from './secrets.js'
import { isBlocked } from './block.js'
import { type CatalogState, entriesOf } from './state.js'
import { teamPoliciesOver } from './team-policies.js'
import { pinsOf } from './tool-pins.js'
import { type SetDifference } from './set-difference.js'

/**
 * What changed for an owner over a run of changes, folded: each thing at most once, as it now is.
 * `removed` is computed from the reach that each change row keeps from before, so that no name is told that the owner
 * never saw, nor withheld that it did (feed.md 3).
 * @returns null when rights or the policy of that owner lie in between: the set is then sent anew
 */
export function foldChanges(state: CatalogState, scope: Scope, changes: readonly LoggedChange[]): SetDifference | null {
  if (altersSet(state, scope, changes)) return null
  const { firstBefore, lastBefore } = touchedEntries(state, changes)
  const withdrawals = foldWithdrawals(changes)
  const names = new Map<string, Candidate[]>()
  const touch = (key: string) => {
    if (!names.has(key)) names.set(key, [])
    return names.get(key)!
  }
  for (const [id, before] of firstBefore) {
    if (before !== null) touch(nameKey(before)).push(before)
    const now = state.entries.get(id)
    if (now !== undefined) touch(nameKey(now))
  }
  const difference: Difference<JudgedEntry> = { upserted: [], removed: [] }
  for (const [key, touchedBefore] of names) {
    const now = [...(state.entriesByName.get(key) ?? [])]
    const before = [...now.filter(({ id }) => !firstBefore.has(id)), ...touchedBefore]
    const one = differenceOf(
      scope, chosenOf<Candidate>(scope, before), chosenOf(scope, now), (id) => state.entries.get(id) ?? null,
      (id) => lastBefore.get(id) ?? null, (id) => withdrawals.get(id) ?? null,
    )
    difference.upserted.push(...one.upserted)
    difference.removed.push(...one.removed)
  }
  difference.removed.push(...hastenings(scope, hastenedIn(changes, (id) => isBlocked(state, id)), difference.removed))
  return {
    ...difference, secretVersions: versionsSince(state, scope, changes, difference), toolPins: pinsSince(state, scope, changes, difference),
    teamPolicies: teamPoliciesOver(state, difference.upserted),
  }
}

function pinsSince(state: CatalogState, scope: Scope, changes: readonly LoggedChange[], { upserted }: Difference<JudgedEntry>): EntryToolPins[] {
  return [...new Set([...upserted.map(({ id }) => id), ...changes.flatMap((change) => (change.subject === 'TOOLS' && concernsWorkers(change) ? change.id : []))])].flatMap((id) => {
    const entry = state.entries.get(id)
    return entry === undefined || chosenOf(scope, state.entriesByName.get(nameKey(entry)) ?? []) !== entry ? [] : pinsOf(state, entry) ?? []
  })
}

/** Of everything that came, and of what the run may have given another one: state, so one that is still the same does no harm. */
function versionsSince(state: CatalogState, scope: Scope, changes: readonly LoggedChange[], { upserted }: Difference<JudgedEntry>): EntrySecretVersion[] {
  const altered = concernedBy(state.secrets, scope.kind === 'USER' ? scope.userId : null, changes.filter((change) => change.subject === 'SECRET' || change.subject === 'BINDING'))
  const ids = new Set([...upserted.map(({ id }) => id), ...altered, ...changes.flatMap(({ subject, id }) => (subject === 'ENTRY' ? id : []))])
  return [...ids].flatMap((id) => {
    const entry = state.entries.get(id)
    const version = entry === undefined ? null : secretVersionOf(state.secrets, entry, actingOwner(scope))
    if (entry === undefined || version === null || chosenOf(scope, state.entriesByName.get(nameKey(entry)) ?? []) !== entry) return []
    return [{ entryId: id, version }]
  })
}

/**
 * The entries that the run touches, as they were at its begin and before their last change; null: not there. Besides those
 * that changed themselves, all of whoever was deactivated or came back meanwhile.
 */
function touchedEntries(state: CatalogState, changes: readonly LoggedChange[]) {
  const people = changes.filter((change) => change.subject === 'USER')
  const wasDormant = dormancy(state, people)
  const firstBefore = new Map<string, Candidate | null>()
  const lastBefore = new Map<string, Candidate | null>()
  for (const change of changes) {
    if (change.subject !== 'ENTRY') continue
    const at = (sequence: number) => change.before && { ...change.before, dormant: wasDormant(change.before.owner, sequence) }
    lastBefore.set(change.id, at(change.sequence))
    if (!firstBefore.has(change.id)) firstBefore.set(change.id, at(changes[0]!.sequence))
  }
  for (const { id, before, after } of people) {
    if ((before?.deactivatedAt ?? null) === after.deactivatedAt) continue
    for (const entry of entriesOf(state, { kind: 'USER', id })) {
      if (!firstBefore.has(entry.id)) firstBefore.set(entry.id, { ...toCandidate(entry), dormant: wasDormant(entry.owner, changes[0]!.sequence) })
    }
  }
  return { firstBefore, lastBefore }
}

/** Whether an owner was deactivated right before a place in the run: by the last word before it, else by what the next one replaced. */
function dormancy(state: CatalogState, people: ReadonlyArray<Extract<LoggedChange, { subject: 'USER' }>>) {
  const byPerson = new Map<string, typeof people[number][]>()
  for (const change of people) byPerson.set(change.id, byPerson.get(change.id) ?? []).get(change.id)!.push(change)
  return (owner: OwnerRef, sequence: number): boolean => {
    if (owner.kind !== 'USER') return false
    const own = byPerson.get(owner.id) ?? []
    const last = own.findLast((change) => change.sequence < sequence)
    const user = last === undefined ? own[0]?.before ?? state.users.get(owner.id) : last.after
    return (user?.deactivatedAt ?? null) !== null
  }
}

/** Whether rights or a policy of that owner are others. Each team is looked at once, however often its policy changed. */
function altersSet(state: CatalogState, scope: Scope, changes: readonly LoggedChange[]): boolean {
  const teamIds = new Set(changes.flatMap((change) => (change.subject === 'POLICY' && change.after.owner.kind === 'TEAM' ? change.after.owner.id : [])))
  return changes.some((change) => altersScope(scope, change)) || (teamIds.size > 0 && concernsAny(state, scope, teamIds, changes))
}

function altersScope(scope: Scope, change: LoggedChange): boolean {
  switch (change.subject) {
    case 'POLICY': return change.after.owner.kind === 'DEPLOYMENT'
    case 'ENTRY':
    case 'TOKEN':
    case 'CONSOLE_SESSION':
    case 'SECRET':
    case 'BINDING':
    case 'TOOLS': return false
    case 'USER': return scope.kind === 'USER' && scope.userId === change.id
    // Its entries and memberships are changes of their own, in the same commit.
    case 'TEAM': return scope.kind === 'TEAM' && scope.teamId === change.id
    case 'MEMBERSHIP': return scope.kind === 'USER' && scope.userId === change.userId && altersRights(change)
  }
}

/** Whether the policies of these teams may have altered what this owner has: an entry of one reaches it, or did before the run. */
function concernsAny(state: CatalogState, scope: Scope, teamIds: ReadonlySet<string>, changes: readonly LoggedChange[]): boolean {
  return [...teamIds].some((id) => entriesOf(state, { kind: 'TEAM', id }).some((entry) => wayTo(scope, entry) !== null))
    || changes.some((change) => change.subject === 'ENTRY' && change.before?.owner.kind === 'TEAM' && teamIds.has(change.before.owner.id) && wayTo(scope, change.before) !== null)
}
