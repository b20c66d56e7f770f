import { type CatalogIndex } from '../index/catalog-index.js'
import { type Authenticated } from './auth.js'

/**
 * Why the sockets of somebody whose credential has ended are closed with 4401, for the page that they had open (docs/console.md). Whatever is no session of the console
 * is told "Token ended".
 */
export function whyEnded({ state }: Pick<CatalogIndex, 'state'>, { principal, credential }: Authenticated, now: Date): string {
  if (credential.kind !== 'CONSOLE') return 'Token ended'
  if ((state.users.get(principal.id)?.deactivatedAt ?? null) !== null) return 'Deactivated'
  const session = state.consoleSessions.get(credential.sessionId)
  // One that is over may be written down as ended before its sockets are looked at, and is then told like one that somebody ended.
  if (session === undefined) return 'Session ended'
  return new Date(session.expiresAt) <= now ? 'Session over' : 'Token ended'
}
