import { CatalogError } from '../core/errors.js'
import { type SecretRecord } from '../core/secret.js'
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
    const value = await secrets.read(secret)
    return { kind: 'VALUE', fingerprint: hmac(auditKey, JSON.stringify(['secret fingerprint', secret.id, value])) }
  } catch (error) {
    return error instanceof CatalogError && error.code === 'SECRET_NOT_FOUND' ? { kind: 'GONE' } : { kind: 'UNKNOWN', error }
  }
}

/** As it is stored. null: nothing is known, so whatever is seen next counts as another value. */
export function fingerprintOf(sight: Sight): string | null {
  switch (sight.kind) {
    case 'VALUE': return sight.fingerprint
    case 'GONE': return 'none'
    case 'UNKNOWN': return null
  }
}
