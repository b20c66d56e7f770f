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
  return { ...after, bindings: bindingsAfter(before, after, confirmed) }
}
