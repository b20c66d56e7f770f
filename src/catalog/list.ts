import { decide } from '../core/access.js'
import { wayTo } from '../core/effective.js'
import { type EntryKind, type EntryStatus, type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden } from '../core/errors.js'
import { isSameOwner } from '../core/owner.js'
import { type EntryRevision, listRevisions } from '../db/entry.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { authorize, denied, ownerFor, visibleEntry } from './authorize.js'
import { type CatalogContext } from './context.js'

export interface EntryFilter {
  owner?: OwnerQuery | null
  status?: EntryStatus | null
  /** A part of the name or description, in any case. */
  search?: string | null
}

/**
 * Entries of one kind by name. With an owner: all of that owner's. Without: everything that the caller may use, and for
 * admins every entry of teams and of the deployment besides (a look into a user's own entries names the user, and is audited).
 */
export async function listEntries(context: CatalogContext, kind: EntryKind, filter: EntryFilter): Promise<JudgedEntry[]> {
  const owner = filter.owner ? await ownerFor(context, 'SEE_ENTRIES', filter.owner, 'owner') : null
  const { principal, index } = context
  const scope = index.scopeOf({ kind: 'USER', id: principal.id })
  const search = filter.search?.toLowerCase() ?? ''
  const isListed = (entry: JudgedEntry) => owner === null
    ? wayTo(scope, entry) !== null || (principal.role === 'ADMIN' && entry.owner.kind !== 'USER')
    : isSameOwner(entry.owner, owner) && (owner.kind !== 'DEPLOYMENT' || principal.role === 'ADMIN' || wayTo(scope, entry) !== null)
  return [...index.state.entries.values()]
    .filter((entry) => entry.kind === kind && isListed(entry) && (!filter.status || entry.status === filter.status))
    .filter((entry) => entry.name.includes(search) || entry.definition.description.toLowerCase().includes(search))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
}

/** Newest first. @throws CatalogError NOT_FOUND, FORBIDDEN for whom the entry is only shared with */
export async function entryHistory(context: CatalogContext, id: string, before: number | null, limit: number): Promise<EntryRevision[]> {
  const entry = await visibleEntry(context, id)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', id, 'id', 'entry')
  if (decide(context.principal, 'READ_HISTORY', entry.owner) !== 'YES') {
    // The entry itself is no secret here, only its past.
    await authorize(context, 'READ_HISTORY', entry.owner, 'id').catch((error: unknown) => {
      throw error instanceof CatalogError && error.code === 'NOT_FOUND'
        ? forbidden('id', 'You may use this entry but not read its history.', 'Ask its owner.') : error
    })
  }
  return listRevisions(context.db, entry.id, before, limit)
}

export type { EntryRevision }
