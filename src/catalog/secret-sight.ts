import { CatalogError } from '../core/errors.js'
import { type SecretRecord } from '../core/secret.js'
import { type StoredSecret } from '../db/secret.js'
import { type CatalogServices, hmac } from './context.js'

/** What an outside provider has: a value, known to be none, or nothing that can be said right now. */
export type Sight = { kind: 'VALUE'; fingerprint: string } | { kind: 'GONE' } | { kind: 'UNKNOWN'; error: unknown }

/** What of a secret a look at its value needs. */
export type LookedAt = Pick<SecretRecord, 'id' | 'owner' | 'name' | 'version' | 'provider' | 'path'> & { sealed: unknown }

/**
 * Reads a value to tell whether it is another one, and keeps a keyed hash of it alone: the key lies outside the database, and with the
 * secret's id in it two secrets of one value have two hashes.
 */
export async function lookAt({ secrets, auditKey }: Pick<CatalogServices, 'secrets' | 'auditKey'>, secret: LookedAt): Promise<Sight> {
  try {
    return { kind: 'VALUE', fingerprint: hashOf(auditKey, secret.id, await secrets.read(secret)) }
  } catch (error) {
    return error instanceof CatalogError && error.code === 'SECRET_NOT_FOUND' ? { kind: 'GONE' } : { kind: 'UNKNOWN', error }
  }
}

/**
 * Remembers what was lent while something else is written down: a node whose folder is behind lends the old value, or says that there is none, under the
 * version that another node made of the new one. Whoever was told so must hear of it once this node sees what is written down, too.
 * @param value null: there was none
 */
export function noteLent({ lentOthers, auditKey }: Pick<CatalogServices, 'lentOthers' | 'auditKey'>, { id, provider, fingerprint }: StoredSecret, value: string | null): void {
  if (provider === 'sealed' || fingerprint === null) return
  const lent = value === null ? noValue : hashOf(auditKey, id, value)
  if (lent !== fingerprint) lentOthers.set(id, lent)
}

const noValue = 'none'

function hashOf(auditKey: Buffer, id: string, value: string): string {
  return hmac(auditKey, JSON.stringify(['secret fingerprint', id, value]))
}

/** As it is stored. null: nothing is known, so whatever is seen next counts as another value. */
export function fingerprintOf(sight: Sight): string | null {
  switch (sight.kind) {
    case 'VALUE': return sight.fingerprint
    case 'GONE': return noValue
    case 'UNKNOWN': return null
  }
}
