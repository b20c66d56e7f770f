import { canonicalJson } from './canonical.js'
import { type Entry } from './entry.js'
import { injectionPoints, type McpServerDefinition, secretReferences } from './mcp-server.js'
import { isSameOwner, type OwnerRef, ownerKey, type PrincipalRef } from './owner.js'
import { fillReferences, hasReference, referencesIn, type SecretReference } from './secret-ref.js'

/** Where values can be kept; see docs/secret-providers.md. */
export const secretProviders = ['sealed', 'env', 'file', 'vault'] as const
export type SecretProviderKind = (typeof secretProviders)[number]

/** What every node knows of a secret: never its value, nor anything made of it. */
export interface SecretRecord {
  id: string
  owner: OwnerRef
  name: string
  provider: SecretProviderKind
  /** Where the provider has it; null: sealed, in our own database. */
  path: string | null
  /** Rises by one whenever it is set, replaced or deleted, or its provider has another value. It never goes back. */
  version: number
  /** ISO time; a deleted one is kept for its version, without a value. */
  deletedAt: string | null
  updatedAt: string
  updatedBy: PrincipalRef
}

/** One string for one secret of one owner, for map keys. */
export function secretKey(owner: OwnerRef, name: string): string {
  return `${ownerKey(owner)}/${name}`
}

/** A reference that the entry's own people confirmed for where it stands. */
export interface ConfirmedReference extends SecretReference {
  by: PrincipalRef
  /** ISO time. */
  at: string
}

/** Where an entry's references may go, as far as the entry knows; what its users confirm is `UserBinding`. */
export interface EntryBindings {
  /** The revision with which the place that values go to last became another one: what was confirmed before counts no more (S24). */
  since: number
  confirmed: ConfirmedReference[]
}

/** What one person confirmed for a `${user:}` of an entry that is not their own. */
export interface UserBinding {
  entryId: string
  userId: string
  name: string
  injectionPoint: string
  /** `EntryBindings.since` of the entry then; under another one it counts no more. */
  since: number
  /** ISO time. */
  at: string
}

/** One string for one of them. */
export function bindingKey({ entryId, userId, name, injectionPoint }: Pick<UserBinding, 'entryId' | 'userId' | 'name' | 'injectionPoint'>): string {
  return [entryId, userId, name, injectionPoint].join('/')
}

/** What of an entry its bindings hang on. */
export type BoundEntry = Pick<Entry, 'kind' | 'owner' | 'definition' | 'bindings'>

export function referencesOf({ kind, definition }: Pick<Entry, 'kind' | 'definition'>): SecretReference[] {
  return kind === 'MCP_SERVER' ? secretReferences(definition as McpServerDefinition) : []
}

/**
 * The place that values go to: transport, whole URL or command line with its folder, and the points at which references stand. What stands in
 * the environment beside references and around them is of it, since it steers a program as its arguments do (`API_URL`, `postgres://app:${secret:P}@host`);
 * over HTTP the origin is all that decides who gets a request. Two definitions with one text send values to one place.
 */
export function bindingTarget({ transport }: Pick<McpServerDefinition, 'transport'>): string {
  const points = injectionPoints(transport).filter(({ value, injectionPoint }) => referencesIn(value, injectionPoint).length > 0).map(({ injectionPoint }) => injectionPoint)
  const place = transport.kind === 'STDIO'
    ? [transport.command, transport.args, transport.cwd, transport.env.map(({ name, value }) => [name, fillReferences(value, () => '${}')])]
    : [transport.url]
  return canonicalJson([transport.kind, place, points.sort()])
}

/** `bindingTarget` of what has references; null: no value goes anywhere. */
export function placeOfValues({ transport }: Pick<McpServerDefinition, 'transport'>): string | null {
  return injectionPoints(transport).some(({ value }) => hasReference(value)) ? bindingTarget({ transport }) : null
}

/**
 * What stays confirmed over a change: all of it while the place stays the same, else nothing, also when a later change leads back.
 * @param before null: a new entry, for which `confirmed` is what its maker may say yes to
 */
export function bindingsAfter(before: BoundEntry | null, after: BoundEntry & { revision: number }, confirmed: ConfirmedReference[] = []): EntryBindings | null {
  const references = referencesOf(after)
  if (references.length === 0) return null
  if (before === null) return { since: after.revision, confirmed }
  const isSamePlace = Boolean(before.bindings) && bindingTarget(before.definition as McpServerDefinition) === bindingTarget(after.definition as McpServerDefinition)
  if (!isSamePlace) return { since: after.revision, confirmed: [] }
  return { since: before.bindings!.since, confirmed: before.bindings!.confirmed.filter((one) => references.some((reference) => isSameReference(one, reference))) }
}

export function isSameReference(one: SecretReference, other: SecretReference): boolean {
  return one.scope === other.scope && one.name === other.name && one.injectionPoint === other.injectionPoint
}

/** Whose secret a reference means in a session of somebody; null: a `${user:}` where no person is. */
export function secretOwner(reference: SecretReference, entry: Pick<Entry, 'owner'>, sessionOwner: OwnerRef): OwnerRef | null {
  if (reference.scope === 'OWNER') return entry.owner
  return sessionOwner.kind === 'USER' ? sessionOwner : null
}

/**
 * Whether a value may go where the reference stands, in a session of somebody.
 * @param ofUser what the session's person confirmed for it
 */
export function isBound(reference: SecretReference, entry: BoundEntry, sessionOwner: OwnerRef, ofUser: UserBinding | null): boolean {
  // Left out by a node of before there were bindings: nothing is known to be confirmed.
  if (!entry.bindings) return false
  // What only the entry's own people confirmed says nothing for anybody else's account.
  const isOwnWord = reference.scope === 'OWNER' || isSameOwner(entry.owner, sessionOwner)
  if (isOwnWord) return entry.bindings.confirmed.some((one) => isSameReference(one, reference))
  return ofUser?.since === entry.bindings.since
}
