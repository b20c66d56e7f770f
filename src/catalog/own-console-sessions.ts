import { notFound } from '../core/errors.js'
import { findConsoleSession, listConsoleSessions, lockConsoleSession, lockConsoleSessionsOf, type StoredConsoleSession } from '../db/console-session.js'
import { listTokens, type StoredToken } from '../db/token.js'
import { authorize, denied } from './authorize.js'
import { commit } from './commit.js'
import { endedSession } from './console-session.js'
import { actorOf, type CatalogContext } from './context.js'
import { type AuditedChange } from './writer.js'

/** Where somebody is signed in, as they see it. */
export interface ConsoleSessionView extends StoredConsoleSession {
  /** The one that asks. */
  isCurrent: boolean
  /** What it was made of; null: the identity provider vouched for the person. */
  accessToken: StoredToken | null
}

/** Those that open something, newest first: the caller's, and for admins anybody's. @throws CatalogError NOT_FOUND for others */
export async function listOwnConsoleSessions(context: CatalogContext, userId: string | null): Promise<ConsoleSessionView[]> {
  const owner = await personOf(context, userId)
  const [sessions, tokens] = await Promise.all([listConsoleSessions(context.db, owner), listTokens(context.db, owner)])
  // One whose token is revoked or whose time is over has ended, also before that is written down.
  const current = currentOf(context)
  return sessions.filter(({ id }) => isOpen(context, id)).map((session) => view(session, current, tokens))
}

/** One of the caller's own, and for admins anybody's: its requests are refused and its sockets close at once. One that has ended already is no error. @throws CatalogError NOT_FOUND */
export async function endConsoleSession(context: CatalogContext, id: string): Promise<ConsoleSessionView> {
  // Whoever ends their own has nobody's rights afterwards.
  const current = currentOf(context)
  const { result: { session, endedAt } } = await commit(context, actorOf(context.principal), async () => {
    const found = await ownConsoleSession(context, id)
    if (found === null) throw await denied(context, 'MANAGE_TOKENS', id, 'id', 'console session')
    return async (tx) => {
      const before = await lockConsoleSession(tx, id)
      const now = context.now()
      return before === null
        ? { changes: [], result: { session: found, endedAt: found.endedAt ?? now.toISOString() } }
        : { changes: [await endedSession(tx, before, now)], result: { session: found, endedAt: now.toISOString() } }
    }
  })
  return view({ ...session, endedAt }, current, await listTokens(context.db, session.userId))
}

/** All of a person's but the one that asks: the caller's, and for admins anybody's. @returns how many @throws CatalogError NOT_FOUND for others */
export async function endOtherConsoleSessions(context: CatalogContext, userId: string | null): Promise<number> {
  const { result } = await commit(context, actorOf(context.principal), async () => {
    const owner = await personOf(context, userId)
    const current = currentOf(context)
    return async (tx) => {
      const changes: AuditedChange[] = []
      const now = context.now()
      for (const session of await lockConsoleSessionsOf(tx, owner)) if (session.id !== current) changes.push(await endedSession(tx, session, now))
      return { changes, result: changes.length }
    }
  })
  return result
}

/** @throws CatalogError NOT_FOUND, recorded, for whoever is not the caller's to look at */
async function personOf(context: CatalogContext, userId: string | null): Promise<string> {
  const id = userId ?? context.principal.id
  await authorize(context, 'MANAGE_TOKENS', { kind: 'USER', id }, 'userId')
  if (!context.index.state.users.has(id)) throw notFound('userId', 'user')
  return id
}

/** null for unknown, malformed and other people's ids. */
async function ownConsoleSession({ db, principal }: CatalogContext, id: string): Promise<StoredConsoleSession | null> {
  const session = /^cns_[0-9a-f]{24}$/.test(id) ? await findConsoleSession(db, { id }) : null
  return session !== null && (session.userId === principal.id || principal.role === 'ADMIN') ? session : null
}

function view(session: StoredConsoleSession, current: string | null, tokens: readonly StoredToken[]): ConsoleSessionView {
  return { ...session, isCurrent: session.id === current, accessToken: tokens.find(({ id }) => id === session.tokenId) ?? null }
}

const isOpen = ({ index, now }: CatalogContext, sessionId: string) => index.principalNow({ kind: 'CONSOLE', sessionId }, now()) !== null

/** null: no session of the console asks. */
function currentOf({ principal: { credential } }: CatalogContext): string | null {
  return credential.kind === 'CONSOLE' ? credential.sessionId : null
}
