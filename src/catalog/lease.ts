import { can } from '../core/access.js'
import { type JudgedEntry } from '../core/entry.js'
import { CatalogError, type ErrorCode, forbidden, notFound } from '../core/errors.js'
import { leasedName, leaseTtlMs } from '../core/lease.js'
import { type OwnerRef, ownerKey } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { parseRecipientKey } from '../core/recipient-key.js'
import { referencesOf, secretOwner, type SecretRecord } from '../core/secret.js'
import { type SecretReference } from '../core/secret-ref.js'
import { findSecrets, type StoredSecret } from '../db/secret.js'
import { passed } from '../db/step.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { isReferenceBound, secretFor, secretVersionOf } from '../index/secrets.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { encryptLease } from './lease-answer.js'
import { noteLent } from './secret-sight.js'

export interface LeaseSecretsInput {
  entryId: string
  revision: number
  owner: OwnerQuery
  sessionId: string
  recipientKey?: unknown
}

export interface SecretLease {
  id: string
  /** ISO time. */
  expiresAt: string
  /** A compact JWE; see `LeaseHeader` for what its protected header says. */
  values: string
}

/** What a lease hands out, as the index has it at this moment. */
interface LeasePlan {
  entry: JudgedEntry
  owner: OwnerRef
  references: readonly SecretReference[]
  /** By `leasedName`. */
  secrets: ReadonlyMap<string, SecretRecord>
}

/** Each lease reads, records and sends all of them; real entries have a handful. */
const mostReferences = 100
/** Values that change while they are read are read again. */
const attempts = 5

/** What somebody was refused, and not merely a mistake or a disturbance. */
const refusals: readonly ErrorCode[] = ['FORBIDDEN', 'NOT_FOUND', 'REVISION_CONFLICT', 'SECRET_NOT_FOUND', 'SECRET_UNBOUND', 'LIMIT_EXCEEDED']

/**
 * Hands the values of one entry's references out for one session, encrypted to the worker's own key. Each lease and each refusal is in the access
 * chain before it is answered (S15). No lock is taken: what was committed before the call, on any node, counts, and what is answered still held
 * once its values had been read.
 * @throws CatalogError in this order: INVALID_INPUT; FORBIDDEN for an owner that the token does not serve, or that there is not; NOT_FOUND for
 * an entry that is not in the owner's set; REVISION_CONFLICT with `currentRevision`; LIMIT_EXCEEDED; SECRET_UNBOUND with all `references` that are not bound,
 * whether or not there is a secret for them; SECRET_NOT_FOUND with all `references` without a value; UNAVAILABLE when a value cannot be read
 */
export async function leaseSecrets(context: CatalogContext, input: LeaseSecretsInput): Promise<SecretLease> {
  const key = parseRecipientKey(input.recipientKey)
  const sessionId = parseInput(line(200, 1), input.sessionId, 'sessionId')
  const leaseId = newId('lse')
  const actor = actorOf(context.principal)
  await context.refresh()
  try {
    const { plan: { entry, owner, references }, values, secretVersion } = await gather(context, input)
    passed('lease.gathered')
    const expiresAt = new Date(context.now().getTime() + leaseTtlMs).toISOString()
    const header = { typ: 'pilothouse-lease' as const, leaseId, entryId: entry.id, revision: entry.revision, owner, sessionId, secretVersion, expiresAt }
    const sealed = await encryptLease(key, header, values)
    await context.accessLog.record({
      actor, action: 'secret.lease', outcome: 'OK', target: entry.id,
      detail: { leaseId, revision: entry.revision, owner: ownerKey(owner), sessionId, secretVersion, references: references.map(shown) },
    })
    passed('lease.recorded')
    return { id: leaseId, expiresAt, values: sealed }
  } catch (error) {
    if (error instanceof CatalogError && refusals.includes(error.code)) {
      const { id, kind, provider, subject } = input.owner
      const owner = `${kind}:${id ?? (kind === 'DEPLOYMENT' ? kind.toLowerCase() : `${provider}/${subject}`)}`
      await context.accessLog.record({ actor, action: 'secret.lease', outcome: 'DENIED', target: input.entryId, detail: { code: error.code, owner, sessionId } })
    }
    throw error
  }
}

const shown = (reference: SecretReference) => `${leasedName(reference)} ${reference.injectionPoint}`

/** Values and the version that they make together: none is older than what is known when they are answered (S26). */
async function gather(context: CatalogContext, input: LeaseSecretsInput): Promise<{ plan: LeasePlan; values: Map<string, string>; secretVersion: number }> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const asked = planLease(context, input)
    const rows = await rowsOf(context, asked)
    const values = await readValues(context, asked, rows)
    // Reading may have taken seconds: whatever ended meanwhile has ended.
    const plan = planLease(context, input)
    const versions = [...plan.secrets].map(([name, { id, version }]) => ({ name, ahead: (rows.get(id)?.version ?? -1) - version }))
    if (versions.some(({ ahead }) => ahead < 0)) continue
    // A row may be newer than the index: then the lease has the version that the index is about to have.
    const aheadOf = new Map(versions.map(({ name, ahead }) => [name, ahead]))
    const ahead = plan.references.reduce((sum, reference) => sum + aheadOf.get(leasedName(reference))!, 0)
    return { plan, values, secretVersion: (secretVersionOf(context.index.state.secrets, plan.entry, plan.owner) ?? 0) + ahead }
  }
  throw new CatalogError('UNAVAILABLE', 'The secrets of this entry are changing too fast.', { field: 'entryId', mend: 'Try again in a moment.' })
}

/** Judges everything on the index of this moment. */
function planLease({ index, principal }: CatalogContext, { entryId, revision, owner: query }: LeaseSecretsInput): LeasePlan {
  const owner = index.resolveOwner(query, null)
  // One answer for an unknown owner and one that is not served: neither can be told from the other.
  if (owner === null || !can(principal, 'LEASE_SECRETS', owner)) {
    throw forbidden('owner', 'This token serves no such owner.', 'Lease for an owner that it serves, or use a token that serves this one.')
  }
  const entry = index.state.entries.get(entryId)
  if (entry === undefined || index.chosen(index.scopeOf(owner), entry.kind, entry.name)?.id !== entry.id) throw notFound('entryId', 'entry')
  if (entry.revision !== revision) {
    throw new CatalogError('REVISION_CONFLICT', `The entry is at revision ${entry.revision}, not ${revision}.`, {
      field: 'revision', mend: `Apply revision ${entry.revision} as the feed has it, and lease for that.`, currentRevision: entry.revision,
    })
  }
  const { secrets: shelf } = index.state
  const references = referencesOf(entry)
  if (references.length > mostReferences) {
    throw new CatalogError('LIMIT_EXCEEDED', `The entry has ${references.length} references to secrets; ${mostReferences} at most are leased.`, { field: 'entryId', mend: 'Let its owner use fewer.' })
  }
  const ownerless = references.filter((reference) => secretOwner(reference, entry, owner) === null)
  if (ownerless.length > 0) {
    throw refused('SECRET_NOT_FOUND', ownerless, 'this session acts for no person, so nobody\'s account can be meant', 'Use the entry in sessions of people, or let its owner refer to a secret of their own (${secret:NAME}).')
  }
  const unbound = references.filter((reference) => !isReferenceBound(shelf, reference, entry, owner))
  if (unbound.length > 0) throw refused('SECRET_UNBOUND', unbound, 'nobody who may has confirmed that the value may go there', mendOf(unbound, 'confirm it with bindSecret'))
  const secrets = new Map<string, SecretRecord>()
  const missing = references.filter((reference) => {
    const secret = secretFor(shelf, reference, entry, owner)
    if (secret !== null) secrets.set(leasedName(reference), secret)
    return secret === null
  })
  if (missing.length > 0) throw refused('SECRET_NOT_FOUND', missing, 'there is no such secret', mendOf(missing, 'set it with putSecret'))
  return { entry, owner, references, secrets }
}

function mendOf(references: readonly SecretReference[], what: string): string {
  const isPersonal = references.some(({ scope }) => scope === 'USER')
  const isShared = references.some(({ scope }) => scope === 'OWNER')
  return [
    ...isPersonal ? [`Let the session's person connect their account: set the secret (putSecret) and confirm where it goes (bindSecret).`] : [],
    ...isShared ? [`Let somebody who may write the entry owner's secrets ${what}.`] : [],
  ].join(' ')
}

/** @param why ends the sentence that names the references */
function refused(code: 'SECRET_NOT_FOUND' | 'SECRET_UNBOUND', references: readonly SecretReference[], why: string, mend: string): CatalogError {
  const named = references.slice(0, 10).map(shown).join(', ')
  const more = references.length > 10 ? ` and ${references.length - 10} more` : ''
  return new CatalogError(code, `No value can be leased for ${named}${more}: ${why}.`, {
    field: references[0]!.injectionPoint, mend, references: references.map(({ scope, name, injectionPoint }) => ({ scope, name, injectionPoint })),
  })
}

async function rowsOf({ db }: CatalogContext, { secrets }: LeasePlan): Promise<Map<string, StoredSecret>> {
  const ids = [...new Set([...secrets.values()].map(({ id }) => id))]
  return ids.length === 0 ? new Map() : new Map((await findSecrets(db, ids)).map((row) => [row.id, row]))
}

/** @throws CatalogError SECRET_NOT_FOUND with all that have none; UNAVAILABLE */
async function readValues(context: CatalogContext, { references, secrets }: LeasePlan, rows: ReadonlyMap<string, StoredSecret>): Promise<Map<string, string>> {
  const values = new Map<string, string>()
  const missing = new Map<string, string>()
  await Promise.all([...secrets].map(async ([name, { id }]) => {
    const row = rows.get(id)
    if (row === undefined || row.deletedAt !== null) return void missing.set(name, 'there is no such secret')
    try {
      const value = await context.secrets.read(row)
      noteLent(context, row, value)
      values.set(name, value)
    } catch (error) {
      if (!(error instanceof CatalogError) || error.code !== 'SECRET_NOT_FOUND') throw error
      noteLent(context, row, null)
      missing.set(name, 'its provider has no value')
    }
  }))
  if (missing.size === 0) return values
  const lacking = references.filter((reference) => missing.has(leasedName(reference)))
  throw refused('SECRET_NOT_FOUND', lacking, [...new Set(missing.values())].join(', '), mendOf(lacking, 'set it with putSecret, or put a value where its provider looks'))
}
