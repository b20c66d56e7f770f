import { and, asc, desc, eq, inArray, isNull, type InferSelectModel, sql } from 'drizzle-orm'
import { type TokenRecord } from '../core/change.js'
import { type Queryable, type Tx } from './client.js'
import { accessToken } from './schema.js'

export interface StoredToken extends TokenRecord {
  lastUsedAt: string | null
}

const toToken = (row: InferSelectModel<typeof accessToken>): StoredToken => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
})

/** Tokens that could still open something; expiry is judged at each use. */
export async function loadTokens(db: Queryable): Promise<TokenRecord[]> {
  const rows = await db.select().from(accessToken)
    .where(and(isNull(accessToken.revokedAt), sql`${accessToken.expiresAt} > now() - interval '1 day'`))
  return rows.map(toToken).map(({ lastUsedAt: _, ...token }) => token)
}

export async function insertToken(tx: Tx, token: TokenRecord): Promise<void> {
  await tx.insert(accessToken).values({ ...token, createdAt: new Date(token.createdAt), expiresAt: new Date(token.expiresAt), revokedAt: null })
}

export async function lockToken(tx: Tx, id: string): Promise<StoredToken | null> {
  const [row] = await tx.select().from(accessToken).where(eq(accessToken.id, id)).for('update')
  return row === undefined ? null : toToken(row)
}

/** A person's tokens that are not revoked, locked until the transaction ends. */
export async function lockTokensOf(tx: Tx, userId: string): Promise<StoredToken[]> {
  const rows = await tx.select().from(accessToken)
    .where(and(eq(accessToken.userId, userId), isNull(accessToken.revokedAt))).orderBy(asc(accessToken.id)).for('update')
  return rows.map(toToken)
}

export async function setTokenRevoked(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.update(accessToken).set({ revokedAt: at }).where(eq(accessToken.id, id))
}

/** Newest first: one user's tokens, or all worker tokens when `userId` is null. */
export async function listTokens(db: Queryable, userId: string | null): Promise<StoredToken[]> {
  const rows = await db.select().from(accessToken)
    .where(userId === null ? eq(accessToken.kind, 'WORKER') : eq(accessToken.userId, userId))
    .orderBy(desc(accessToken.createdAt), desc(accessToken.id))
  return rows.map(toToken)
}

export async function findToken(db: Queryable, id: string): Promise<StoredToken | null> {
  const [row] = await db.select().from(accessToken).where(eq(accessToken.id, id))
  return row === undefined ? null : toToken(row)
}

export async function touchTokens(db: Queryable, ids: string[], at: Date): Promise<void> {
  if (ids.length > 0) await db.update(accessToken).set({ lastUsedAt: at }).where(inArray(accessToken.id, ids))
}
