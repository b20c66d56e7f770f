import { parseCursor } from '../core/change.js'
import { ownerKey, type OwnerRef } from '../core/owner.js'
import { type SessionGroup } from '../core/worker-status.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { foldChanges } from '../index/fold-changes.js'
import { isEmpty } from '../index/set-difference.js'

/** Changes that one answer looks at, over all owners: some tens of milliseconds. Whoever is left over counts as the report has it, until the next one. */
const mostLooks = 10_000

/**
 * Sessions whose owner nothing has changed for since the cursor that was reported have all there is: their worker tells of a newer cursor with its next report only,
 * since what concerns none of its owners is no reason to report. So they stand at the cursor of now.
 * @param ownerNow by which owner the catalog knows a reported one
 */
export function caughtUp(index: CatalogIndex, ownerNow: (owner: OwnerRef) => OwnerRef, groups: readonly SessionGroup[]): SessionGroup[] {
  const now = index.cursor()
  const known = new Map<string, boolean>()
  let left = mostLooks
  const isCaughtUp = (owner: OwnerRef, cursor: string): boolean => {
    const at = parseCursor(cursor)
    const changes = at?.incarnation === index.state.incarnation ? index.changesAfter(at.sequence) : null
    if (changes === null || changes.length > left) return false
    left -= changes.length
    const difference = foldChanges(index.state, index.scopeOf(ownerNow(owner)), changes)
    return difference !== null && isEmpty(difference)
  }
  return groups.map((group) => {
    const { owner, cursor } = group
    if (cursor === null || cursor >= now) return group
    const key = `${cursor} ${ownerKey(owner)}`
    const isCurrent = known.get(key) ?? isCaughtUp(owner, cursor)
    known.set(key, isCurrent)
    return isCurrent ? { ...group, cursor: now } : group
  })
}
