import { type Candidate, type EntryKind, type Reach } from './entry.js'
import { deploymentOwner, type OwnerKind, type OwnerRef } from './owner.js'
import { defaultDrainSeconds, stricterOf, type Withdrawal } from './withdrawal.js'

/**
 * Whose set is computed. A person whom the catalog does not know yet is a USER without id: that set is
 * what the deployment gives to everyone.
 */
export type Scope =
  | { kind: 'USER'; userId: string | null; teamIds: ReadonlySet<string>; isAdmin: boolean; isDeactivated: boolean }
  | { kind: 'TEAM'; teamId: string }
  | { kind: 'DEPLOYMENT' }

/** Whose secrets a set is filled with: a person's, once the catalog knows them, else nobody's. */
export function actingOwner(scope: Scope): OwnerRef {
  switch (scope.kind) {
    case 'USER': return { kind: 'USER', id: scope.userId ?? '' }
    case 'TEAM': return { kind: 'TEAM', id: scope.teamId }
    case 'DEPLOYMENT': return deploymentOwner
  }
}

/** By which way an entry reaches a scope; a smaller index beats a larger one of the same name. */
export const ways = ['OWN', 'TEAM', 'DEPLOYMENT', 'REACHED'] as const
export type Way = (typeof ways)[number]

const breadth: Record<OwnerKind, number> = { USER: 0, TEAM: 1, DEPLOYMENT: 2 }

function isInAudience(scope: Scope, entry: Reach): boolean {
  if (entry.visibility === 'PUBLIC') return true
  if (entry.visibility !== 'SHARED') return false
  return entry.audience.some((owner) => {
    if (owner.kind === 'TEAM') return scope.kind === 'USER' ? scope.teamIds.has(owner.id) : scope.kind === 'TEAM' && scope.teamId === owner.id
    return scope.kind === 'USER' && owner.kind === 'USER' && owner.id === scope.userId
  })
}

/**
 * How the entry comes into the scope's set of candidates, or null when it does not. Nothing of a deactivated person reaches
 * anybody, and nothing reaches them: whoever acts for them gets an empty set.
 */
export function wayTo(scope: Scope, entry: Candidate): Way | null {
  if (entry.dormant || (scope.kind === 'USER' && scope.isDeactivated)) return null
  const { owner } = entry
  if (owner.kind === 'DEPLOYMENT') {
    if (scope.kind === 'DEPLOYMENT') return 'OWN'
    return isInAudience(scope, entry) || (scope.kind === 'USER' && scope.isAdmin) ? 'DEPLOYMENT' : null
  }
  switch (scope.kind) {
    case 'DEPLOYMENT': return null
    case 'TEAM': return owner.kind === 'TEAM' && owner.id === scope.teamId ? 'OWN' : null
    case 'USER':
      if (owner.kind === 'USER' && owner.id === scope.userId) return 'OWN'
      if (owner.kind === 'TEAM' && scope.teamIds.has(owner.id)) return 'TEAM'
      return scope.userId !== null && isInAudience(scope, entry) ? 'REACHED' : null
  }
}

export type Fate<Item extends Candidate> =
  | { entry: Item; outcome: 'CHOSEN'; way: Way }
  | { entry: Item; outcome: 'UNREACHED' }
  | { entry: Item; outcome: 'INACTIVE'; way: Way }
  | { entry: Item; outcome: 'LOCKED_OUT' | 'SHADOWED'; way: Way; by: Item }

/**
 * What becomes of every entry of one (kind, name): at most one is chosen.
 * A visible locked entry of a broader owner holds the name against narrower owners for as long as it exists,
 * even while it is disabled. Then own beats team beats deployment beats reached-through-audience; then the older.
 */
export function fates<Item extends Candidate>(scope: Scope, entries: Iterable<Item>): Fate<Item>[] {
  const judged = [...entries].map((entry) => ({ entry, way: wayTo(scope, entry) }))
  const reached = judged.filter((one): one is { entry: Item; way: Way } => one.way !== null)
  const lock = reached.map((one) => one.entry)
    .filter((entry) => entry.locked && entry.owner.kind !== 'USER')
    .sort((a, b) => breadth[b.owner.kind] - breadth[a.owner.kind] || byAge(a, b))[0]
  const isLockedOut = (entry: Item) => lock !== undefined && entry !== lock && breadth[entry.owner.kind] < breadth[lock.owner.kind]
  const chosen = reached
    .filter(({ entry }) => entry.status === 'ACTIVE' && !isLockedOut(entry))
    .sort((a, b) => ways.indexOf(a.way) - ways.indexOf(b.way) || byAge(a.entry, b.entry))[0]
  return judged.map(({ entry, way }): Fate<Item> => {
    if (way === null) return { entry, outcome: 'UNREACHED' }
    if (entry === chosen?.entry) return { entry, outcome: 'CHOSEN', way }
    if (lock !== undefined && isLockedOut(entry)) return { entry, outcome: 'LOCKED_OUT', way, by: lock }
    if (entry.status !== 'ACTIVE' || chosen === undefined) return { entry, outcome: 'INACTIVE', way }
    return { entry, outcome: 'SHADOWED', way, by: chosen.entry }
  })
}

/** The one entry of that (kind, name) in the scope's set, if any. */
export function chosenOf<Item extends Candidate>(scope: Scope, entries: Iterable<Item>): Item | null {
  // Most names have one entry, which nothing can shadow or lock out.
  const [first, second] = entries
  if (second === undefined) return first?.status === 'ACTIVE' && wayTo(scope, first) !== null ? first : null
  // What does not reach the scope neither shadows nor locks out.
  const reached = [...entries].filter((entry) => wayTo(scope, entry) !== null)
  for (const fate of reached.length === 0 ? [] : fates(scope, reached)) if (fate.outcome === 'CHOSEN') return fate.entry
  return null
}

/** The older first; equal moments by id, so that every node chooses the same. */
export function byAge(a: Reach, b: Reach): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1
}

export const removalReasons = [
  'DELETED', 'DISABLED', 'REVOKED', 'POLICY_DENIED', 'APPROVAL_VOID', 'REJECTED', 'NOT_SHARED', 'SHADOWED', 'RENAMED',
] as const
export type RemovalReason = (typeof removalReasons)[number]

/**
 * Why the entry `gone` (as it was) is no longer chosen for its old name, given what it is `now` (null: deleted).
 * @param lastReach of a deleted entry: whom it still reached when it was deleted
 */
export function removalReason(scope: Scope, gone: Reach, now: Candidate | null, lastReach: Candidate | null = null): RemovalReason {
  // Whoever lost it before it was deleted must not hear of its end (F2).
  if (now === null) return lastReach !== null && wayTo(scope, lastReach) === null ? 'NOT_SHARED' : 'DELETED'
  // To whom it is not shared any more, its new name, state or successor must not be told (F2).
  if (wayTo(scope, now) === null) return 'NOT_SHARED'
  // State before name: a rename in the same step must not turn an immediate end into a drain.
  switch (now.status) {
    case 'REVOKED': return 'REVOKED'
    case 'DISABLED': return 'DISABLED'
    case 'POLICY_DENIED': return 'POLICY_DENIED'
    case 'REJECTED': return 'REJECTED'
    case 'PENDING_APPROVAL': return 'APPROVAL_VOID'
    case 'ACTIVE': return now.name === gone.name ? 'SHADOWED' : 'RENAMED'
  }
}

/** disable drains; whatever merely moves to another entry or name drains too; everything else ends at once. */
export function removalMode(reason: RemovalReason): 'DRAIN' | 'IMMEDIATE' {
  return reason === 'DISABLED' || reason === 'SHADOWED' || reason === 'RENAMED' ? 'DRAIN' : 'IMMEDIATE'
}

/**
 * How calls in flight end. Whoever took the entry away has the say; where it went for another reason in the same run of changes, the
 * stricter of both.
 */
function endingOf(reason: RemovalReason, said: Withdrawal | null): Pick<RemovedEntry, 'mode' | 'deadlineSeconds'> {
  const usual: Withdrawal = { mode: removalMode(reason), deadlineSeconds: defaultDrainSeconds }
  const isSaid = reason === 'DELETED' || reason === 'DISABLED' || reason === 'REVOKED'
  const { mode, deadlineSeconds } = said === null ? usual : isSaid ? said : stricterOf(said, usual)
  return { mode, deadlineSeconds: mode === 'DRAIN' ? deadlineSeconds : null }
}

export interface RemovedEntry {
  id: string
  kind: EntryKind
  name: string
  revision: number
  reason: RemovalReason
  mode: 'DRAIN' | 'IMMEDIATE'
  deadlineSeconds: number | null
}

export interface Difference<Item extends Candidate> {
  upserted: Item[]
  removed: RemovedEntry[]
}

/**
 * The difference for one name between what was chosen and what is.
 * @param current looks up what an entry is now; null when it is deleted
 * @param lastReach looks up whom a deleted entry reached last
 * @param withdrawal looks up how whoever took an entry away said that sessions lose it
 */
export function differenceOf<Item extends Candidate>(
  scope: Scope, before: Reach | null, after: Item | null, current: (id: string) => Item | null,
  lastReach: (id: string) => Candidate | null = () => null, withdrawal: (id: string) => Withdrawal | null = () => null,
): Difference<Item> {
  const isSame = before !== null && after !== null && before.id === after.id
  const upserted = after !== null && !(isSame && before.revision === after.revision) ? [after] : []
  if (before === null || isSame) return { upserted, removed: [] }
  const { id, kind, name, revision } = before
  const reason = removalReason(scope, before, current(id), lastReach(id))
  return { upserted, removed: [{ id, kind, name, revision, reason, ...endingOf(reason, withdrawal(id)) }] }
}

/**
 * The removal once more of what is revoked while it may still be drained: told to whom it reached, had they it in their set or not.
 * @param removed what is told of it already
 */
export function hastenings(scope: Scope, hastened: readonly Candidate[], removed: readonly RemovedEntry[]): RemovedEntry[] {
  return hastened
    .filter((entry) => wayTo(scope, entry) !== null && !removed.some(({ id }) => id === entry.id))
    .map(({ id, kind, name, revision }) => ({ id, kind, name, revision, reason: 'REVOKED', mode: 'IMMEDIATE', deadlineSeconds: null }))
}
