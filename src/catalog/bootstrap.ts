import { type User, systemPrincipal } from '../core/owner.js'
import { insertToken } from '../db/token.js'
import { insertUser } from '../db/user.js'
import { commit } from './commit.js'
import { type CatalogServices, newId } from './context.js'
import { mintToken } from './token.js'

/** The person that an empty deployment begins with. */
const firstAdmin = { provider: 'local', subject: 'admin', displayName: 'Admin' } as const
const adminTokenDays = 365

/**
 * Makes an admin token: for an admin that is there, or for a first one.
 * Needs access to the database; the API has `createAccessToken`.
 * @param keep stores the token before it can be used, so that a crash never leaves an admin whom nobody can be
 */
export async function createAdminToken(services: CatalogServices, name: string, keep: (secret: string) => Promise<void>): Promise<void> {
  await commit(services, systemPrincipal, async () => {
    const known = [...services.index.state.users.values()].find(({ role, deactivatedAt }) => role === 'ADMIN' && deactivatedAt === null)
    const user: User = known ?? { id: newId('usr'), ...firstAdmin, role: 'ADMIN', deactivatedAt: null }
    const { token, secret } = mintToken({ kind: 'PERSONAL', name, userId: user.id, serves: null }, services.now(), adminTokenDays)
    await keep(secret)
    return async (tx) => {
      if (known === undefined) await insertUser(tx, user, services.now())
      await insertToken(tx, token)
      const { hash: _, ...view } = token
      return {
        changes: [
          ...(known === undefined
            ? [{ change: { subject: 'USER' as const, id: user.id, before: null, after: user }, action: 'user.create', before: null, after: user }] : []),
          { change: { subject: 'TOKEN' as const, id: token.id, before: null, after: token }, action: 'token.create', before: null, after: view },
        ],
        result: null,
      }
    }
  })
}
