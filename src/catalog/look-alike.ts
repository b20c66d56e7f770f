import { skeletonOf } from '../core/confusable.js'
import { wayTo } from '../core/effective.js'
import { type Entry, type JudgedEntry, nameKey } from '../core/entry.js'
import { isSameOwner } from '../core/owner.js'
import { type Finding } from '../core/policy.js'
import { type CatalogContext } from './context.js'

/**
 * An entry that its owner gets, or owns, and that the name of this one could be mistaken for (S18); null: none. What does not reach the
 * owner must not be told of, so it does not count.
 */
export function lookAlike({ index }: CatalogContext, entry: Pick<Entry, 'id' | 'kind' | 'name' | 'owner'>): Finding | null {
  const scope = index.scopeOf(entry.owner)
  const isMet = (other: JudgedEntry) => other.id !== entry.id && (isSameOwner(other.owner, entry.owner) || wayTo(scope, other) !== null)
  for (const key of index.state.lookAlikes.get(nameKey({ kind: entry.kind, name: skeletonOf(entry.name) })) ?? []) {
    if (key === nameKey(entry)) continue
    const other = [...index.state.entriesByName.get(key) ?? []].find(isMet)
    if (other === undefined) continue
    return {
      rule: 'confusable-name', effect: 'DENY', field: 'name', message: `${entry.name} is easily mistaken for ${other.name}, which this owner has or gets.`,
      mend: 'Choose a name that looks different, or the very same one to take its place.',
    }
  }
  return null
}
