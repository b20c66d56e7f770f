import { type Action, decide } from '../core/access.js'
import { type AccessAction } from '../core/audit-words.js'
import { wayTo } from '../core/effective.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, notFound } from '../core/errors.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { actorOf, type CatalogContext } from './context.js'

/**
 * Asks the access table, and records denials and break-glass in the access chain before anything is answered.
 * @param field the input field that named the owner, for the error
 * @throws CatalogError NOT_FOUND where the owner must look missing, else FORBIDDEN
 */
export async function authorize(context: CatalogContext, action: Action, owner: OwnerRef, field: string): Promise<void> {
  if (decide(context.principal, action, owner) === 'YES') return
  // What is refused and recorded is judged on the newest state: another node may have granted it a moment ago.
  await context.refresh()
  const decision = decide(context.principal, action, owner)
  if (decision === 'YES') return
  const outcome = decision === 'AUDITED' ? 'BREAK_GLASS' : 'DENIED'
  await context.accessLog.record({ actor: actorOf(context.principal), action, outcome, target: ownerKey(owner) })
  if (decision === 'AUDITED') return
  if (decision === 'HIDDEN') throw notFound(field, 'owner')
  throw forbidden(field, `You may not do this for that owner (${action}).`, 'Ask somebody who may, or choose an owner of your own.')
}

/**
 * The owner that an input names, if the caller may do `action` there.
 * @throws CatalogError NOT_FOUND for an owner that does not exist or must look so; INVALID_INPUT for a mixed form
 */
export async function ownerFor(context: CatalogContext, action: Action, query: OwnerQuery, field: string): Promise<OwnerRef> {
  if (query.kind !== 'USER' && (query.provider ?? query.subject ?? null) !== null) {
    throw new CatalogError('INVALID_INPUT', 'provider and subject name a USER.', { field, mend: 'Set kind to USER, or leave them out.' })
  }
  const self = context.principal.kind === 'USER' ? context.principal.id : null
  const resolve = () => context.index.resolveOwner(query, self)
  const owner = resolve() ?? await context.refresh().then(resolve)
  if (owner === null) throw await denied(context, action, nameOfQuery(query), field, 'owner')
  await authorize(context, action, owner, field)
  return owner
}

/** An owner that was asked for, as it was named. */
export const nameOfQuery = ({ kind, id, provider, subject }: OwnerQuery): string => id ?? ([provider, subject].filter(Boolean).join('/') || kind)

/** The answer for everything that does not exist or must look so; recorded like any denial. */
export async function denied(context: CatalogContext, action: AccessAction, target: string, field: string, noun: string): Promise<CatalogError> {
  await context.accessLog.record({ actor: actorOf(context.principal), action, outcome: 'DENIED', target })
  return notFound(field, noun)
}

/** Whether the caller sees that the entry exists: its own people, its audience, and admins. */
export function canSee(context: CatalogContext, entry: JudgedEntry): boolean {
  const { principal, index } = context
  if (principal.kind === 'WORKER') return false
  if (principal.role === 'ADMIN') return true
  return wayTo(index.scopeOf({ kind: 'USER', id: principal.id }), entry) !== null
}

/**
 * An entry that the caller sees; an admin's look at a stranger's private entry is recorded as break-glass.
 * @returns null for unknown, malformed and hidden ids alike
 */
export async function visibleEntry(context: CatalogContext, id: string): Promise<JudgedEntry | null> {
  const entry = context.index.state.entries.get(id)
  if (entry === undefined || !canSee(context, entry)) return null
  const reaches = wayTo(context.index.scopeOf({ kind: 'USER', id: context.principal.id }), entry) !== null
  if (!reaches) await authorize(context, 'SEE_ENTRIES', entry.owner, 'id')
  return entry
}

/**
 * The entry that a mutation names, if the caller may write it.
 * @throws CatalogError NOT_FOUND when the caller may not even see it, FORBIDDEN when it may only be seen
 */
export async function writableEntry(context: CatalogContext, id: string, field = 'id'): Promise<JudgedEntry> {
  const find = () => {
    const found = context.index.state.entries.get(id)
    return found !== undefined && canSee(context, found) ? found : null
  }
  const entry = find() ?? await context.refresh().then(find)
  if (entry === null) throw await denied(context, 'WRITE_ENTRIES', id, field, 'entry')
  const decision = decide(context.principal, 'WRITE_ENTRIES', entry.owner)
  if (decision === 'YES' || decision === 'AUDITED') {
    if (decision === 'AUDITED') await authorize(context, 'WRITE_ENTRIES', entry.owner, field)
    return entry
  }
  await context.accessLog.record({ actor: actorOf(context.principal), action: 'WRITE_ENTRIES', outcome: 'DENIED', target: entry.id })
  throw forbidden(field, 'You may use this entry but not change it.', 'Ask its owner, or register one of your own.')
}
