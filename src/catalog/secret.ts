import { decide } from '../core/access.js'
import { type ChangeAction } from '../core/audit-words.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, forbidden, invalid, notFound } from '../core/errors.js'
import { isSameOwner, type OwnerRef } from '../core/owner.js'
import { secretKey, secretProviders, type SecretProviderKind, type SecretRecord } from '../core/secret.js'
import { tokenIn } from '../core/secret-forms.js'
import { isSecretName } from '../core/secret-ref.js'
import { wayTo } from '../core/effective.js'
import { type Tx } from '../db/client.js'
import { countSecrets, lockSecret, putSecretRow, type StoredSecret, toRecord } from '../db/secret.js'
import { holdTeams } from '../db/user.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { referringTo } from '../index/secrets.js'
import { authorize, ownerFor } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { fingerprintOf, lookAt } from './secret-sight.js'
import { type AuditedChange, StaleDecision, type Written } from './writer.js'

export interface PutSecretInput {
  owner: OwnerQuery
  name: string
  /** For `sealed`, and for no other provider. */
  value?: string | null
  provider?: string | null
  /** For the others. */
  path?: string | null
  /** The version that it has, 0 for one that is not there: of another one nothing is set. Left out: whichever. */
  expectedVersion?: number | null
}

type Source = { provider: 'sealed'; value: string } | { provider: Exclude<SecretProviderKind, 'sealed'>; path: string }

/** Secrets that an owner may have, and names that they may ever have used: a deleted one keeps its row for its version. */
const mostSecrets = 1_000
const mostNames = 10_000

/**
 * Sets or replaces a secret. Whatever is set is a new version, the same value too: nothing tells that two are equal.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT, QUOTA_EXCEEDED; REVISION_CONFLICT with `currentVersion`; UNAVAILABLE when the server has no key to seal with
 */
export function putSecret(context: CatalogContext, input: PutSecretInput): Promise<Committed<SecretRecord>> {
  return commit(context, actorOf(context.principal), async () => {
    const owner = await ownerFor(context, 'WRITE_SECRETS', input.owner, 'owner')
    const name = parseName(input.name)
    for (const field of ['name', 'path'] as const) refuseToken(field, input[field])
    const source = await requireSource(context, sourceOf(input))
    // Read before anything is locked: an outside provider may take its time.
    const id = context.index.state.secrets.byName.get(secretKey(owner, name))?.id ?? newId('sec')
    const sight = source.provider === 'sealed' ? null : await lookAt(context, { id, owner, name, version: 0, ...source, sealed: null })
    return async (tx): Promise<Written<SecretRecord>> => {
      await holdOwner(tx, owner)
      const before = await lockSecret(tx, owner, name)
      requireVersion(before === null || before.deletedAt !== null ? 0 : before.version, input.expectedVersion)
      if (before === null || before.deletedAt !== null) await requireRoom(tx, owner, before === null)
      const place = { owner, name, version: (before?.version ?? 0) + 1 }
      const after: StoredSecret = {
        ...place, id: before?.id ?? id, ...stored(context, place, source), fingerprint: sight === null || (before?.id ?? id) !== id ? null : fingerprintOf(sight),
        updatedAt: context.now().toISOString(), updatedBy: actorOf(context.principal), deletedAt: null,
      }
      // Somebody else set the first version meanwhile.
      if (!await putSecretRow(tx, after)) throw new StaleDecision()
      return { changes: [secretChange(before, after, 'secret.put')], result: toRecord(after) }
    }
  })
}

/**
 * Deletes a secret; what of it was sealed is gone, and its version goes on, so that every session stops using it.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT; SECRET_NOT_FOUND when there is none of that name
 */
export function deleteSecret(context: CatalogContext, input: { owner: OwnerQuery; name: string }): Promise<Committed<SecretRecord>> {
  return commit(context, actorOf(context.principal), async () => {
    const owner = await ownerFor(context, 'WRITE_SECRETS', input.owner, 'owner')
    const name = parseName(input.name)
    return async (tx): Promise<Written<SecretRecord>> => {
      await holdOwner(tx, owner)
      const before = await lockSecret(tx, owner, name)
      if (before === null || before.deletedAt !== null) {
        throw new CatalogError('SECRET_NOT_FOUND', 'That owner has no secret of that name.', { field: 'name', mend: 'List the secrets of the owner to find its name.' })
      }
      const at = context.now().toISOString()
      const after: StoredSecret = { ...before, version: before.version + 1, sealed: null, fingerprint: null, updatedAt: at, updatedBy: actorOf(context.principal), deletedAt: at }
      if (!await putSecretRow(tx, after)) throw new StaleDecision()
      return { changes: [secretChange(before, after, 'secret.delete')], result: toRecord(after) }
    }
  })
}

/** By name; who set them and when, and never a value. @throws CatalogError NOT_FOUND, FORBIDDEN */
export async function listSecrets(context: CatalogContext, query: OwnerQuery): Promise<SecretRecord[]> {
  const owner = await ownerFor(context, 'READ_SECRETS', query, 'owner')
  return [...context.index.state.secrets.byName.values()]
    .filter((secret) => secret.deletedAt === null && isSameOwner(secret.owner, owner))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** null for unknown, malformed and hidden ids alike, and for deleted ones. */
export async function secretById(context: CatalogContext, id: string): Promise<SecretRecord | null> {
  const secret = context.index.state.secrets.byId.get(id)
  if (secret === undefined || secret.deletedAt !== null) return null
  const decision = decide(context.principal, 'READ_SECRETS', secret.owner)
  if (decision === 'AUDITED') await authorize(context, 'READ_SECRETS', secret.owner, 'id')
  return decision === 'YES' || decision === 'AUDITED' ? secret : null
}

/**
 * Entries that may be filled with it, as far as the caller may see them: the owner's own that name it with `${secret:}`, and for a person those of
 * their set that name it with `${user:}`.
 */
export function usersOfSecret({ principal, index }: CatalogContext, secret: SecretRecord): JudgedEntry[] {
  const { entries, secrets } = index.state
  const { asOwners, asAccount } = referringTo(secrets, secret)
  const scope = index.scopeOf(secret.owner)
  const inSet = ({ id, kind, name }: JudgedEntry) => index.chosen(scope, kind, name)?.id === id
  const own = index.scopeOf({ kind: 'USER', id: principal.id })
  const isSeen = (entry: JudgedEntry) => (
    wayTo(own, entry) !== null || isSameOwner(entry.owner, secret.owner) || decide(principal, 'SEE_ENTRIES', entry.owner) === 'YES')
  const found = (ids: string[]) => ids.flatMap((id) => entries.get(id) ?? [])
  return [...new Set([...found(asOwners), ...found(asAccount).filter(inSet)])].filter(isSeen).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
}

/**
 * How a secret changed, as the log and the audit tell it: who, when, which version, and where an outside provider has it. Of a value there is
 * nothing here, a keyed hash of it neither: it would tell that a value came back, or that two are the same.
 */
export function secretChange(before: StoredSecret | null, after: StoredSecret, action: ChangeAction, more: object = {}): AuditedChange {
  return {
    change: { subject: 'SECRET', id: after.id, before: before && toRecord(before), after: toRecord(after) },
    action, before: before && auditOf(before), after: { ...auditOf(after), ...more },
  }
}

/** One that goes with its owner. */
export function deletedAlong({ before, after }: { before: StoredSecret; after: StoredSecret }): AuditedChange {
  return secretChange(before, after, 'secret.delete')
}

function auditOf({ owner, name, provider, path, version, deletedAt }: StoredSecret): object {
  return { owner, name, provider, ...(path !== null && { path }), version, isDeleted: deletedAt !== null }
}

/** What one person has just set is not replaced unseen by another. */
function requireVersion(currentVersion: number, expectedVersion: number | null | undefined): void {
  if (expectedVersion === null || expectedVersion === undefined || expectedVersion === currentVersion) return
  const message = currentVersion === 0 ? 'There is no secret of that name.'
    : expectedVersion === 0 ? `There is a secret of that name already, at version ${currentVersion}.` : `The secret is at version ${currentVersion}, not ${expectedVersion}.`
  throw new CatalogError('REVISION_CONFLICT', message, {
    field: 'expectedVersion', currentVersion, mend: expectedVersion === 0 ? 'Choose another name, or look at that one and replace it.' : 'Look at who set or deleted it, and set it again if you still want to.',
  })
}

/** Whatever was given may be a value in the wrong place: it is never repeated. */
function parseName(name: string): string {
  if (isSecretName(name)) return name
  throw invalid('name', 'This can be no name of a secret.', 'Use 1 to 64 letters, digits, dots, - and _, beginning with a letter or digit.')
}

/** Names and paths are shown, audited and kept for ever; what was deleted too. */
function refuseToken(field: 'name' | 'path', text: string | null | undefined): void {
  const token = tokenIn(text ?? '')
  if (token !== null) throw invalid(field, `This looks like ${token}, and a ${field} is shown to people.`, `Replace the token where it comes from if it is one, and give the new one as the value; the ${field} says where it is used.`)
}

function sourceOf({ provider: given, value, path }: PutSecretInput): Source {
  const provider = secretProviders.find((one) => one === (given ?? 'sealed'))
  if (provider === undefined) throw invalid('provider', 'There is no such provider.', `Use one of ${secretProviders.join(', ')}; left out means sealed.`)
  const [hasValue, hasPath] = [typeof value === 'string', typeof path === 'string']
  if (provider === 'sealed') {
    if (hasPath) throw invalid('path', 'A sealed secret has a value and no path.', 'Leave the path out, or name the provider that has the value there.')
    if (!hasValue) throw invalid('value', 'A value is needed.', 'Give the value, or another provider and the path at which it has it.')
    return { provider, value: value! }
  }
  if (hasValue) throw invalid('value', `The provider ${provider} has the value itself.`, 'Leave the value out and give its path, or leave the provider out.')
  if (!hasPath) throw invalid('path', `The provider ${provider} needs a path.`, 'Give the path at which it has the value.')
  return { provider, path: path! }
}

async function requireSource(context: CatalogContext, source: Source): Promise<Source> {
  if (source.provider === 'sealed') return source
  if (context.principal.role !== 'ADMIN') {
    await context.accessLog.record({ actor: actorOf(context.principal), action: 'NAME_SECRET_PROVIDER', outcome: 'DENIED', target: source.provider })
    throw forbidden('provider', 'Only admins may name a provider other than sealed.', 'Leave the provider out and give the value, or ask an admin.')
  }
  const problem = context.secrets.pathProblem(source.provider, source.path)
  if (problem === null) return source
  const isMissing = !context.secrets.providers().includes(source.provider)
  throw invalid(isMissing ? 'provider' : 'path', problem, isMissing
    ? `Use one of ${context.secrets.providers().join(', ') || 'none yet'}, or let whoever runs the server configure ${source.provider}.` : 'Give a path that this provider may use.')
}

function stored(context: CatalogContext, place: Pick<StoredSecret, 'owner' | 'name' | 'version'>, source: Source): Pick<StoredSecret, 'provider' | 'path' | 'sealed'> {
  if (source.provider !== 'sealed') return { provider: source.provider, path: source.path, sealed: null }
  return { provider: 'sealed', path: null, sealed: context.secrets.seal(place, source.value) }
}

/** A team that is deleted meanwhile gets no secret any more. */
async function holdOwner(tx: Tx, owner: OwnerRef): Promise<void> {
  if (owner.kind === 'TEAM' && (await holdTeams(tx, [owner.id])).length === 0) throw notFound('owner', 'owner')
}

/** @param isNew whether the name is one more */
async function requireRoom(tx: Tx, owner: OwnerRef, isNew: boolean): Promise<void> {
  const { living, names } = await countSecrets(tx, owner)
  if (living >= mostSecrets) {
    throw new CatalogError('QUOTA_EXCEEDED', `This owner has ${living} secrets, and may have ${mostSecrets}.`, {
      field: 'owner', limit: mostSecrets, count: living, mend: 'Delete a secret that is not needed any more.',
    })
  }
  if (isNew && names >= mostNames) {
    throw new CatalogError('QUOTA_EXCEEDED', `This owner has used ${names} names for secrets, and may use ${mostNames}.`, {
      field: 'name', limit: mostNames, count: names, mend: 'Use the name of a deleted secret again.',
    })
  }
}
