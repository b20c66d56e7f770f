import { decide } from '../core/access.js'
import { type Entry, type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, invalid, notFound } from '../core/errors.js'
import { bindingKey, type EntryBindings, isSameReference, referencesOf, type UserBinding } from '../core/secret.js'
import { type SecretReference } from '../core/secret-ref.js'
import { type StandingReference } from '../core/secret-standing.js'
import { type Tx } from '../db/client.js'
import { lockEntry } from '../db/entry.js'
import { putBindings } from '../db/entry-commit.js'
import { putUserBinding } from '../db/secret.js'
import { standingReferences } from '../index/secrets.js'
import { denied, visibleEntry } from './authorize.js'
import { mayConfirm } from './binding.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { judged, updated } from './entry.js'
import { type AuditedChange, type Written } from './writer.js'

export interface BindSecretInput extends SecretReference {
  entryId: string
  /** Of the definition that the caller saw, so that nothing else gets bound. */
  digest: string
}

/**
 * Says that a reference's value may go where it stands: `${secret:}` by whoever may write both the entry and its owner's secrets, `${user:}` by each
 * person for their own account. The secret may be set later: what is confirmed is the place. Doing it twice does nothing more.
 * @throws CatalogError NOT_FOUND for an entry that the caller may not see, FORBIDDEN, INVALID_INPUT for a reference that is not in it;
 * REVISION_CONFLICT (with currentRevision) for another digest
 */
export function bindSecret(context: CatalogContext, input: BindSecretInput): Promise<Committed<JudgedEntry>> {
  return commit(context, actorOf(context.principal), async () => {
    const seen = await visibleEntry(context, input.entryId)
    if (seen === null) throw await denied(context, 'BIND_SECRET', input.entryId, 'entryId', 'entry')
    const isOwnWord = await requireConfirmer(context, seen, input)
    return async (tx): Promise<Written<JudgedEntry>> => {
      const entry = await lockEntry(tx, input.entryId)
      if (entry === null) throw notFound('entryId', 'entry')
      const reference = requireReference(entry, input)
      const bindings = entry.bindings ?? { since: entry.revision, confirmed: [] }
      const changes = isOwnWord
        ? await confirm(context, tx, entry, bindings, reference)
        : [...await beginBindings(context, tx, entry, bindings), ...await confirmAccount(context, tx, entry, bindings, reference)]
      return { changes, result: judged(context, isOwnWord ? { ...entry, bindings: confirmedIn(context, bindings, reference) } : { ...entry, bindings }) }
    }
  })
}

/** How each reference of an entry stands in the caller's own sessions. @throws CatalogError NOT_FOUND */
export async function secretBindings(context: CatalogContext, entryId: string): Promise<StandingReference[]> {
  const entry = await visibleEntry(context, entryId)
  if (entry === null) throw await denied(context, 'SEE_ENTRIES', entryId, 'entryId', 'entry')
  return standingReferences(context.index.state.secrets, entry, { kind: 'USER', id: context.principal.id })
}

/** @returns whether it is said for the entry itself; else for the caller's own account alone */
async function requireConfirmer(context: CatalogContext, entry: JudgedEntry, reference: SecretReference): Promise<boolean> {
  const { principal } = context
  if (reference.scope === 'USER') return mayConfirm(context, entry, reference)
  if (decide(principal, 'WRITE_ENTRIES', entry.owner) === 'YES' && mayConfirm(context, entry, reference)) return true
  await context.accessLog.record({ actor: actorOf(principal), action: 'BIND_SECRET', outcome: 'DENIED', target: entry.id })
  throw forbidden('scope', 'A ${secret:} is confirmed by whoever may write both the entry and its owner\'s secrets.', 'Ask its owner, or confirm a ${user:} for yourself: scope USER.')
}

function requireReference(entry: Entry, { digest, scope, name, injectionPoint }: BindSecretInput): SecretReference {
  if (entry.digest !== digest) {
    throw new CatalogError('REVISION_CONFLICT', 'The entry has another definition by now.', {
      field: 'digest', currentRevision: entry.revision, mend: 'Look at where values go now, and give the digest of that.',
    })
  }
  const reference = referencesOf(entry).find((one) => isSameReference(one, { scope, name, injectionPoint }))
  if (reference !== undefined) return reference
  throw invalid('name', 'The entry has no such reference there.', 'Give the scope, the name and the injection point of one that secretBindings lists.')
}

function confirmedIn(context: CatalogContext, bindings: EntryBindings, reference: SecretReference): EntryBindings {
  if (bindings.confirmed.some((one) => isSameReference(one, reference))) return bindings
  return { ...bindings, confirmed: [...bindings.confirmed, { ...reference, by: actorOf(context.principal), at: context.now().toISOString() }] }
}

async function confirm(context: CatalogContext, tx: Tx, entry: Entry, before: EntryBindings, reference: SecretReference): Promise<AuditedChange[]> {
  const bindings = confirmedIn(context, before, reference)
  if (bindings === before) return []
  const after = { ...entry, bindings }
  await putBindings(tx, after)
  return [updated(context, entry, after, 'secret.bind')]
}

/** An entry from before there were bindings has no place yet that a confirmation could be for. */
async function beginBindings(context: CatalogContext, tx: Tx, entry: Entry, bindings: EntryBindings): Promise<AuditedChange[]> {
  if (entry.bindings !== null) return []
  const after = { ...entry, bindings }
  await putBindings(tx, after)
  return [updated(context, entry, after, 'secret.beginBindings')]
}

async function confirmAccount(context: CatalogContext, tx: Tx, { id }: Entry, { since }: EntryBindings, { name, injectionPoint }: SecretReference): Promise<AuditedChange[]> {
  const after: UserBinding = { entryId: id, userId: context.principal.id, name, injectionPoint, since, at: context.now().toISOString() }
  const key = bindingKey(after)
  const before = context.index.state.secrets.bindings.get(key) ?? null
  if (before?.since === since) return []
  await putUserBinding(tx, after)
  // The target is the entry: whoever looks up what happened to it finds who connected to it.
  return [{ change: { subject: 'BINDING', id: id, before, after }, action: 'secret.bind', before, after }]
}
