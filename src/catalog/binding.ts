import { decide } from '../core/access.js'
import { type Entry } from '../core/entry.js'
import { isSameOwner } from '../core/owner.js'
import { bindingsAfter, referencesOf } from '../core/secret.js'
import { type SecretReference } from '../core/secret-ref.js'
import { actorOf, type CatalogContext } from './context.js'

/** Whether the caller, who may write the entry, may say that the reference's value may go where it stands. */
export function mayConfirm({ principal }: CatalogContext, { owner }: Pick<Entry, 'owner'>, { scope }: SecretReference): boolean {
  // A person's own account is that person's alone: breaking glass into their entry gives nobody their secrets.
  if (scope === 'USER') return isSameOwner(owner, { kind: 'USER', id: principal.id })
  return decide(principal, 'WRITE_SECRETS', owner) === 'YES'
}

/** An entry as it is to be stored: a new one with what its maker may confirm, a changed one with what stays confirmed (S24). */
export function withBindings(context: CatalogContext, before: Entry | null, after: Entry): Entry {
  const [by, at] = [actorOf(context.principal), context.now().toISOString()]
  const confirmed = before === null ? referencesOf(after).filter((one) => mayConfirm(context, after, one)).map((one) => ({ ...one, by, at })) : []
  const bindings = bindingsAfter(before, after, confirmed)
  if (before === null || bindings === null || !isWidened(before, after)) return { ...after, bindings }
  // Whoever lets others use an entry lets them use its owner's secrets: an admin may do the one and not the other, so the owner has to say yes to it.
  return { ...after, bindings: { ...bindings, confirmed: bindings.confirmed.filter((one) => one.scope === 'USER' || mayConfirm(context, after, one)) } }
}

/** Whether somebody may have it now who did not have it before. */
function isWidened(before: Pick<Entry, 'visibility' | 'audience'>, after: Pick<Entry, 'visibility' | 'audience'>): boolean {
  if (after.visibility === 'PRIVATE' || before.visibility === 'PUBLIC') return false
  return after.visibility === 'PUBLIC' || before.visibility === 'PRIVATE' || !after.audience.every((owner) => before.audience.some((known) => isSameOwner(owner, known)))
}
