import { randomBytes } from 'node:crypto'
import { type Credential } from '../core/access.js'
import { type ConsoleSession, consoleSessionView } from '../core/console-session.js'
import { forbidden } from '../core/errors.js'
import { systemPrincipal } from '../core/owner.js'
import { type Tx } from '../db/client.js'
import {
  findConsoleSession, insertConsoleSession, lockConsoleSession, lockConsoleSessionsOf, lockDueConsoleSessions, setConsoleSessionEnded,
} from '../db/console-session.js'
import { lockUser } from '../db/user.js'
import { commit } from './commit.js'
import { actorOf, callerContext, type CatalogServices, newId } from './context.js'
import { hashToken } from './token.js'
import { type AuditedChange } from './writer.js'

/** However busy it is, a session ends then; so do memberships that an identity provider gave. */
export const consoleSessionMs = 12 * 3_600_000
/** Sooner, when nobody used it for so long. */
const idleMs = 2 * 3_600_000
/** Browsers that one person may be signed in with; the oldest gives way. */
const mostOfUser = 20
/** Sessions that end in one commit; the next round takes the rest. */
const mostAtOnce = 500

/** What a session can be made of: never another session, which would live on and on. */
export type SourceCredential = Exclude<Credential, { kind: 'CONSOLE' }>

export interface BegunSession {
  /** The value of the cookie: 256 random bits, of which the hash alone is stored. */
  secret: string
  session: ConsoleSession
}

/**
 * Signs a person in at the console. The session opens what the credential opens, and ends with it: a token that is revoked takes it along on every node.
 * @throws CatalogError UNAUTHENTICATED, FORBIDDEN for a worker
 */
export async function beginConsoleSession(services: CatalogServices, credential: SourceCredential): Promise<BegunSession> {
  const context = callerContext(services, credential)
  const { result } = await commit(context, actorOf(context.principal), async () => {
    const { principal } = context
    if (principal.kind !== 'USER') throw forbidden('token', 'The console is for people.', 'Sign in with a personal token.')
    const now = services.now()
    const secret = `phc_${randomBytes(32).toString('base64url')}`
    const session: ConsoleSession = {
      id: newId('cns'), hash: hashToken(secret), userId: principal.id, tokenId: credential.kind === 'TOKEN' ? credential.tokenId : null,
      createdAt: now.toISOString(), expiresAt: endOf(services, credential, now).toISOString(), endedAt: null,
    }
    return async (tx) => {
      // One at a time for each person, so that the bound holds.
      await lockUser(tx, principal.id)
      const open = await lockConsoleSessionsOf(tx, principal.id)
      const changes: AuditedChange[] = []
      for (const old of open.slice(0, Math.max(0, open.length + 1 - mostOfUser))) changes.push(await endedSession(tx, old, now))
      await insertConsoleSession(tx, session)
      const change = { subject: 'CONSOLE_SESSION' as const, id: session.id, before: null, after: session }
      return { changes: [...changes, { change, action: 'consoleSession.begin', before: null, after: consoleSessionView(session) }], result: { secret, session } }
    }
  })
  return result
}

/** The earliest of what bounds it. */
function endOf({ index }: CatalogServices, credential: SourceCredential, now: Date): Date {
  const latest = now.getTime() + consoleSessionMs
  const given = credential.kind === 'TOKEN' ? index.state.tokens.get(credential.tokenId)?.expiresAt : credential.expiresAt
  return new Date(given === undefined ? latest : Math.min(latest, new Date(given).getTime()))
}

/** A browser signs out: its requests are refused and its sockets close, on every node. A session that has ended already is no error. */
export async function signOut(services: CatalogServices, { id, userId }: Pick<ConsoleSession, 'id' | 'userId'>): Promise<void> {
  await commit(services, { kind: 'USER', id: userId }, async () => async (tx) => {
    const before = await lockConsoleSession(tx, id)
    return { changes: before === null ? [] : [await endedSession(tx, before, services.now())], result: null }
  })
}

export async function endedSession(tx: Tx, before: ConsoleSession, now: Date): Promise<AuditedChange> {
  await setConsoleSessionEnded(tx, before.id, now)
  const after: ConsoleSession = { ...before, endedAt: now.toISOString() }
  return {
    change: { subject: 'CONSOLE_SESSION', id: before.id, before: null, after }, action: 'consoleSession.end', before: consoleSessionView(before), after: consoleSessionView(after),
  }
}

/** Writes into the access chain that somebody came with the cookie of a session that opens nothing any more. What never was one is nobody's, and no event. */
export async function recordEndedSession({ accessLog, db, index }: CatalogServices, secret: string): Promise<void> {
  const hash = hashToken(secret)
  const session = index.state.consoleSessionsByHash.get(hash) ?? await findConsoleSession(db, { hash })
  if (session !== null) await accessLog.record({ actor: { kind: 'USER', id: session.userId }, action: 'AUTHENTICATE', outcome: 'DENIED', target: session.id })
}

/** Writes into the access chain that the cookie of somebody who is signed in came from no page of ours. */
export async function recordForeignPage({ accessLog }: CatalogServices, sessionId: string, userId: string, field: string): Promise<void> {
  await accessLog.record({ actor: { kind: 'USER', id: userId }, action: 'AUTHENTICATE', outcome: 'DENIED', target: sessionId, detail: { refused: field } })
}

/** Ends those that are over, and those that nobody used for two hours. */
export async function endDueConsoleSessions(services: CatalogServices): Promise<void> {
  const now = services.now()
  await commit(services, systemPrincipal, async () => async (tx) => {
    const changes: AuditedChange[] = []
    for (const due of await lockDueConsoleSessions(tx, now, new Date(now.getTime() - idleMs), mostAtOnce)) changes.push(await endedSession(tx, due, now))
    return { changes, result: null }
  })
}
