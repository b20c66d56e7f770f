import { and, gt, isNotNull, sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type Queryable } from './client.js'
import { secret } from './schema.js'

/** What stands in the database for a value, and where it belongs. */
export interface SealedRow {
  id: string
  owner: OwnerRef
  name: string
  version: number
  sealed: unknown
}

const keyId = sql<string>`${secret.sealed}->>'keyId'`

/** How many envelopes there are of each key-encryption key; what is no envelope is left out. */
export async function countByKey(db: Queryable): Promise<Array<{ keyId: string; count: number }>> {
  return db.select({ keyId, count: sql<number>`count(*)::integer` }).from(secret).where(sql`${keyId} ~ '^[0-9a-f]{16}$'`).groupBy(keyId)
}

/** The next ones by id. */
export async function findSealedAfter(db: Queryable, id: string, limit: number): Promise<SealedRow[]> {
  const rows = await db.select().from(secret).where(and(isNotNull(secret.sealed), gt(secret.id, id))).orderBy(secret.id).limit(limit)
  return rows.map(({ id, ownerKind, ownerId, name, version, sealed }) => ({ id, owner: { kind: ownerKind, id: ownerId }, name, version, sealed }))
}

/**
 * Puts other envelopes in the place of those that were read, all in one statement and so in one transaction. Where there is another one
 * by now it stays. It changes no value and no version: nobody who uses a secret need know.
 * @returns how many were replaced
 */
export async function replaceSealed(db: Queryable, changes: ReadonlyArray<{ id: string; before: unknown; after: unknown }>): Promise<number> {
  if (changes.length === 0) return 0
  const replaced = await db.execute(sql`
    update secret set sealed = given.after
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as given (id text, before jsonb, after jsonb)
    where secret.id = given.id and secret.sealed = given.before returning secret.id`)
  return replaced.length
}
