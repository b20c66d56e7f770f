import { type LoggedChange } from '../core/change.js'
import { type Entry, type JudgedEntry } from '../core/entry.js'
import { type OwnerRef } from '../core/owner.js'
import { bindingKey, isBound, referencesOf as readReferences, secretKey, secretOwner, type SecretRecord, type UserBinding } from '../core/secret.js'
import { type SecretReference } from '../core/secret-ref.js'
import { standingOf, type StandingReference } from '../core/secret-standing.js'

/** What is known of secrets at one sequence; never a value. */
export interface SecretShelf {
  /** By `secretKey`, deleted ones included: their versions go on. */
  byName: Map<string, SecretRecord>
  byId: Map<string, SecretRecord>
  /** By `bindingKey`. */
  bindings: Map<string, UserBinding>
  /** Ids of the entries that refer to a secret: by `secretKey` to one of their owner's, by `accountKey` to one of whoever uses them. */
  referring: Map<string, Set<string>>
}

export type SecretChange = Extract<LoggedChange, { subject: 'SECRET' | 'BINDING' }>

/** The version of what an entry's references stand for, for one owner. */
export interface EntrySecretVersion {
  entryId: string
  version: number
}

/** By definition, which never changes: every owner's set asks for the references of the same entries, at each change of a secret. */
const known = new WeakMap<object, readonly SecretReference[]>()

function referencesOf(entry: Pick<Entry, 'kind' | 'definition'>): readonly SecretReference[] {
  const references = known.get(entry.definition) ?? readReferences(entry)
  known.set(entry.definition, references)
  return references
}

const accountKey = (name: string) => `USER/${name}`

export function createSecretShelf(secrets: readonly SecretRecord[], bindings: readonly UserBinding[]): SecretShelf {
  const shelf: SecretShelf = { byName: new Map(), byId: new Map(), bindings: new Map(), referring: new Map() }
  secrets.forEach((secret) => putSecret(shelf, secret))
  bindings.forEach((binding) => shelf.bindings.set(bindingKey(binding), binding))
  return shelf
}

function putSecret({ byName, byId }: SecretShelf, secret: SecretRecord): void {
  byName.set(secretKey(secret.owner, secret.name), secret)
  byId.set(secret.id, secret)
}

export function applySecretChange(shelf: SecretShelf, change: SecretChange): void {
  if (change.subject === 'SECRET') putSecret(shelf, change.after)
  else shelf.bindings.set(bindingKey(change.after), change.after)
}

/** Call it when an entry comes, and with `isGone` when it goes. */
export function noteReferences({ referring }: SecretShelf, entry: Pick<Entry, 'id' | 'kind' | 'owner' | 'definition'>, isGone = false): void {
  for (const { scope, name } of referencesOf(entry)) {
    const key = scope === 'OWNER' ? secretKey(entry.owner, name) : accountKey(name)
    const ids = referring.get(key) ?? new Set()
    if (isGone) ids.delete(entry.id)
    else ids.add(entry.id)
    if (ids.size === 0) referring.delete(key)
    else referring.set(key, ids)
  }
}

/** The secret that a reference means in a session of somebody; null: there is none, or not any more. */
export function secretFor({ byName }: SecretShelf, reference: SecretReference, entry: Pick<Entry, 'owner'>, sessionOwner: OwnerRef): SecretRecord | null {
  const owner = secretOwner(reference, entry, sessionOwner)
  const secret = owner === null ? undefined : byName.get(secretKey(owner, reference.name))
  return secret === undefined || secret.deletedAt !== null ? null : secret
}

/** Whether a reference may be filled in a session of somebody. */
export function isReferenceBound({ bindings }: SecretShelf, reference: SecretReference, entry: JudgedEntry, sessionOwner: OwnerRef): boolean {
  const { scope, name, injectionPoint } = reference
  const ofUser = scope === 'USER' ? bindings.get(bindingKey({ entryId: entry.id, userId: sessionOwner.id, name, injectionPoint })) : undefined
  return isBound(reference, entry, sessionOwner, ofUser ?? null)
}

/** How each of an entry's references stands in sessions of somebody. */
export function standingReferences(shelf: SecretShelf, entry: JudgedEntry, sessionOwner: OwnerRef): StandingReference[] {
  return referencesOf(entry).map((reference) => {
    const isBound = isReferenceBound(shelf, reference, entry, sessionOwner)
    const isSet = secretFor(shelf, reference, entry, sessionOwner) !== null
    const isNobody = secretOwner(reference, entry, sessionOwner) === null
    return { reference, isBound, standing: standingOf({ isNobody, isBound, isSet }), boundSince: entry.bindings?.since ?? null }
  })
}

/** Ids of the entries that refer to a secret: as one of their owner's, and as one of whoever uses them, which only a person's can be. */
export function referringTo({ referring }: SecretShelf, { owner, name }: Pick<SecretRecord, 'owner' | 'name'>): { asOwners: string[]; asAccount: string[] } {
  const ids = (key: string) => [...referring.get(key) ?? []]
  return { asOwners: ids(secretKey(owner, name)), asAccount: owner.kind === 'USER' ? ids(accountKey(name)) : [] }
}

/**
 * A number that is another one whenever what the entry's references stand for, or whether they may be filled, has changed for that owner; at
 * one revision of the entry it only rises. null: it has no references.
 */
export function secretVersionOf(shelf: SecretShelf, entry: JudgedEntry, sessionOwner: OwnerRef): number | null {
  const references = referencesOf(entry)
  if (references.length === 0) return null
  return references.reduce((sum, reference) => {
    const owner = secretOwner(reference, entry, sessionOwner)
    const version = owner === null ? 0 : shelf.byName.get(secretKey(owner, reference.name))?.version ?? 0
    return sum + version + (isReferenceBound(shelf, reference, entry, sessionOwner) ? 1 : 0)
  }, 0)
}

/** Ids of the entries for which changes may have altered `secretVersionOf`, in sessions of a person (null: of nobody). */
export function concernedBy({ referring }: SecretShelf, userId: string | null, changes: Iterable<SecretChange>): Set<string> {
  const ids = new Set<string>()
  const add = (key: string) => referring.get(key)?.forEach((id) => ids.add(id))
  for (const { subject, after } of changes) {
    if (subject === 'BINDING') {
      if (after.userId === userId) ids.add(after.entryId)
      continue
    }
    add(secretKey(after.owner, after.name))
    if (after.owner.kind === 'USER' && after.owner.id === userId) add(accountKey(after.name))
  }
  return ids
}
