import { type LoggedChange } from '../core/change.js'
import { chosenOf, type Difference, differenceOf, type Scope } from '../core/effective.js'
import { type Candidate, type JudgedEntry, nameKey } from '../core/entry.js'
import { type CatalogState } from '../index/state.js'

/**
 * What changed for an owner over a run of changes, folded: each thing at most once, as it now is.
 * `removed` is computed from the reach that each change row keeps from before, so that no name is told that the owner
 * never saw, nor withheld that it did (feed.md 3).
 * @returns null when rights or policy of that owner lie in between: the set is then sent anew
 */
export function foldChanges(state: CatalogState, scope: Scope, changes: readonly LoggedChange[]): Difference<JudgedEntry> | null {
  const firstBefore = new Map<string, Candidate | null>()
  const lastBefore = new Map<string, Candidate | null>()
  for (const change of changes) {
    if (change.subject === 'ENTRY') {
      lastBefore.set(change.id, change.before)
      if (!firstBefore.has(change.id)) firstBefore.set(change.id, change.before)
    } else if (altersSet(scope, change)) {
      return null
    }
  }
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
      scope, chosenOf<Candidate>(scope, before), chosenOf(scope, now), (id) => state.entries.get(id) ?? null, (id) => lastBefore.get(id) ?? null,
    )
    difference.upserted.push(...one.upserted)
    difference.removed.push(...one.removed)
  }
  return difference
}

function altersSet(scope: Scope, change: Exclude<LoggedChange, { subject: 'ENTRY' }>): boolean {
  switch (change.subject) {
    case 'POLICY': return true
    case 'TOKEN': return false
    case 'USER': {
      const isOwn = scope.kind === 'USER' && scope.userId === change.id
      return isOwn || (change.before?.deactivatedAt ?? null) !== change.after.deactivatedAt
    }
    case 'TEAM': return change.before !== null
    case 'MEMBERSHIP': return scope.kind === 'USER' && scope.userId === change.userId
  }
}
