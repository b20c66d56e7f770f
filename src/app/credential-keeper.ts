import { endDueConsoleSessions } from '../catalog/console-session.js'
import { type CatalogServices } from '../catalog/context.js'
import { type ConsoleSession } from '../core/console-session.js'
import { touchConsoleSessions } from '../db/console-session.js'
import { touchTokens } from '../db/token.js'

export interface CredentialKeeper {
  usedToken: (id: string) => void
  /** Also a use of the token that it was made of. */
  usedSession: (session: ConsoleSession) => void
  close: () => Promise<void>
}

/**
 * Writes down now and then which tokens and sessions of the console were used, and ends sessions that are over or idle. Every node does; whoever comes second
 * finds nothing to do. What fails is tried again the next time.
 * @param everyMs default 60,000
 */
export function startCredentialKeeper(services: CatalogServices, onError: (error: unknown, message: string) => void, everyMs = 60_000): CredentialKeeper {
  const [tokens, sessions] = [new Set<string>(), new Set<string>()]
  let usedAt = services.now()
  let running: Promise<void> | null = null

  async function flush(): Promise<void> {
    const [tokenIds, sessionIds] = [[...tokens], [...sessions]]
    tokens.clear()
    sessions.clear()
    await touchTokens(services.db, tokenIds, usedAt).catch((error: unknown) => onError(error, 'lastUsedAt could not be written'))
    // An idle session ends, so what could not be written counts the next time.
    await touchConsoleSessions(services.db, sessionIds, usedAt).catch((error: unknown) => {
      sessionIds.forEach((id) => sessions.add(id))
      onError(error, 'the use of sessions could not be written')
    })
  }

  async function round(): Promise<void> {
    await flush()
    await endDueConsoleSessions(services).catch((error: unknown) => onError(error, 'sessions could not be ended'))
  }

  const timer = setInterval(() => { running ??= round().finally(() => { running = null }) }, everyMs)
  return {
    usedToken: (id) => {
      usedAt = services.now()
      tokens.add(id)
    },
    usedSession: ({ id, tokenId }) => {
      usedAt = services.now()
      sessions.add(id)
      if (tokenId !== null) tokens.add(tokenId)
    },
    close: async () => {
      clearInterval(timer)
      await running
      await flush()
    },
  }
}
