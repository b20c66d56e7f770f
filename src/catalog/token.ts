import { createHash, randomBytes } from 'node:crypto'
import { type TokenRecord } from '../core/change.js'
import { invalid, notFound } from '../core/errors.js'
import { deploymentOwner, type OwnerRef } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { type Tx } from '../db/client.js'
import { findToken, insertToken, listTokens, lockToken, setTokenRevoked, type StoredToken } from '../db/token.js'
import { lockUser } from '../db/user.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { authorize, denied } from './authorize.js'
import { commit } from './commit.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { type AuditedChange } from './writer.js'

export interface CreateAccessTokenInput {
  kind: TokenRecord['kind']
  name: string
  /** 1 to 3,650; default 90 for personal and 365 for worker tokens. */
  expiresInDays?: number | null
  /** PERSONAL only; left out means the caller. Admins mint for others. */
  userId?: string | null
  /** WORKER only; left out means every owner. */
  serves?: OwnerQuery[] | null
}

/** Recognisable by people and by secret scanners. */
const tokenPrefix: Record<TokenRecord['kind'], string> = { PERSONAL: 'pht_', WORKER: 'phw_' }
const defaultDays: Record<TokenRecord['kind'], number> = { PERSONAL: 90, WORKER: 365 }

export function hashToken(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** 256 random bits; only the hash is ever stored. */
export function mintToken(
  fields: Pick<TokenRecord, 'kind' | 'name' | 'userId' | 'serves'>, now: Date, days: number,
): { token: TokenRecord; secret: string } {
  const secret = tokenPrefix[fields.kind] + randomBytes(32).toString('base64url')
  const expiresAt = new Date(now.getTime() + days * 86_400_000).toISOString()
  const token: TokenRecord = {
    ...fields, id: newId('tok'), prefix: secret.slice(0, 10), hash: hashToken(secret),
    createdAt: now.toISOString(), expiresAt, revokedAt: null,
  }
  return { token, secret }
}

/** Everyone mints tokens of their own; admins for others, and for workers. @throws CatalogError FORBIDDEN, NOT_FOUND, INVALID_INPUT */
export async function createAccessToken(context: CatalogContext, input: CreateAccessTokenInput): Promise<{ accessToken: StoredToken; secret: string }> {
  const name = parseInput(line(200, 1), input.name, 'name')
  const days = input.expiresInDays ?? defaultDays[input.kind]
  if (days < 1 || days > 3_650) throw invalid('expiresInDays', 'A token lives for 1 to 3650 days.', 'Choose a number between them.')
  const isWorker = input.kind === 'WORKER'
  if (isWorker && (input.userId ?? null) !== null) throw invalid('userId', 'A worker token belongs to no user.', 'Leave userId out.')
  if (!isWorker && (input.serves ?? null) !== null) throw invalid('serves', 'A personal token serves nobody.', 'Leave serves out, or make it a WORKER token.')
  const { result } = await commit(context, actorOf(context.principal), async () => {
    const userId = isWorker ? null : input.userId ?? context.principal.id
    const owner = userId === null ? deploymentOwner : { kind: 'USER' as const, id: userId }
    await authorize(context, 'MANAGE_TOKENS', owner, 'userId')
    const user = userId === null ? null : context.index.state.users.get(userId)
    if (user === undefined || (user?.deactivatedAt ?? null) !== null) throw notFound('userId', 'user')
    const serves = input.serves?.map((query, at) => served(context, query, `serves.${at}`)) ?? null
    const { token, secret } = mintToken({ kind: input.kind, name, userId, serves }, context.now(), days)
    return async (tx) => {
      // Whoever is deactivated meanwhile loses the tokens that are there by then; this one must not come after.
      if (userId !== null && ((await lockUser(tx, userId))?.deactivatedAt ?? null) !== null) throw notFound('userId', 'user')
      await insertToken(tx, token)
      const change = { subject: 'TOKEN' as const, id: token.id, before: null, after: token }
      return {
        changes: [{ change, action: 'token.create', before: null, after: tokenView(token) }],
        result: { accessToken: { ...token, lastUsedAt: null }, secret },
      }
    }
  })
  return result
}

function served(context: CatalogContext, query: OwnerQuery, field: string): OwnerRef {
  const owner = context.index.resolveOwner(query, null)
  if (owner === null) throw notFound(field, 'owner')
  return owner
}

/** One's own, and for admins anybody's. Its sockets close at once. @throws CatalogError NOT_FOUND */
export async function revokeAccessToken(context: CatalogContext, id: string): Promise<StoredToken> {
  const { result } = await commit(context, actorOf(context.principal), async () => {
    if (await ownToken(context, id) === null) throw await denied(context, 'MANAGE_TOKENS', id, 'id', 'access token')
    return async (tx) => {
      const stored = await lockToken(tx, id)
      if (stored === null) throw notFound('id', 'access token')
      if (stored.revokedAt !== null) return { changes: [], result: stored }
      const now = context.now()
      return { changes: [await revoked(tx, stored, now)], result: { ...stored, revokedAt: now.toISOString() } }
    }
  })
  return result
}

export async function revoked(tx: Tx, { lastUsedAt: _, ...before }: StoredToken, now: Date): Promise<AuditedChange> {
  await setTokenRevoked(tx, before.id, now)
  const after: TokenRecord = { ...before, revokedAt: now.toISOString() }
  return { change: { subject: 'TOKEN', id: before.id, before: null, after }, action: 'token.revoke', before: tokenView(before), after: tokenView(after) }
}

/** One's own token, and for admins anybody's; null for unknown, malformed and other people's ids. */
export async function ownToken({ db, principal }: CatalogContext, id: string): Promise<StoredToken | null> {
  const token = /^tok_[0-9a-f]{24}$/.test(id) ? await findToken(db, id) : null
  return token !== null && (token.userId === principal.id || principal.role === 'ADMIN') ? token : null
}

/** Newest first: the caller's; with `userId` that user's; for admins without `userId` the worker tokens too. */
export async function listAccessTokens(context: CatalogContext, userId: string | null): Promise<StoredToken[]> {
  const { principal } = context
  const owner = userId ?? principal.id
  await authorize(context, 'MANAGE_TOKENS', { kind: 'USER', id: owner }, 'userId')
  if (!context.index.state.users.has(owner)) throw notFound('userId', 'user')
  const own = await listTokens(context.db, owner)
  if (userId !== null || principal.role !== 'ADMIN') return own
  return [...own, ...await listTokens(context.db, null)]
}

/** What the audit may tell of a token: never its hash. */
function tokenView({ hash: _, ...token }: TokenRecord): unknown {
  return token
}

export type { StoredToken }
