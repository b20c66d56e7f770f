import { type TokenRecord } from '../core/change.js'
import { type ConsoleSession } from '../core/console-session.js'
import { type CatalogState } from './state.js'

export function putToken(state: Pick<CatalogState, 'tokens' | 'tokensByHash'>, token: TokenRecord): void {
  state.tokens.set(token.id, token)
  state.tokensByHash.set(token.hash, token)
}

/** One that has ended opens nothing more, so nothing of it is kept. */
export function putConsoleSession({ consoleSessions, consoleSessionsByHash }: Pick<CatalogState, 'consoleSessions' | 'consoleSessionsByHash'>, session: ConsoleSession): void {
  if (session.endedAt === null) {
    consoleSessions.set(session.id, session)
    consoleSessionsByHash.set(session.hash, session)
    return
  }
  consoleSessions.delete(session.id)
  consoleSessionsByHash.delete(session.hash)
}
