import { type User, systemPrincipal } from '../core/owner.js'
import { type Tx } from '../db/client.js'
import { insertToken } from '../db/token.js'
import { findOrInsertUser, lockAdmins, updateUser } from '../db/user.js'
import { commit } from './commit.js'
import { type CatalogServices, newId } from './context.js'
import { mintToken } from './token.js'
import { userChange } from './user.js'
import { type AuditedChange } from './writer.js'

/** The person that an empty deployment begins with. No identity provider may be called `local`. */
const firstAdmin = { provider: 'local', subject: 'admin', displayName: 'Admin', role: 'ADMIN', deactivatedAt: null, claimsIssuedAt: null } as const
const adminTokenDays = 365

/**
 * Makes an admin token: for an admin that is there, else for the first one, who becomes an admin again if they are no longer one.
 * Needs access to the database; the API has `createAccessToken`.
 * @param keep stores the token before it can be used, so that a crash never leaves an admin whom nobody can be
 */
export async function createAdminToken(services: CatalogServices, name: string, keep: (secret: string) => Promise<void>): Promise<void> {
  await commit(services, systemPrincipal, async () => async (tx) => {
    const { user, changes } = await anAdmin(tx, services.now())
    const { token, secret } = mintToken({ kind: 'PERSONAL', name, userId: user.id, serves: null }, services.now(), adminTokenDays)
    await keep(secret)
    await insertToken(tx, token)
    const { hash: _, ...view } = token
    const change = { subject: 'TOKEN' as const, id: token.id, before: null, after: token }
    return { changes: [...changes, { change, action: 'token.create', before: null, after: view }], result: null }
  })
}

/** Our own admin before people of an identity provider. */
async function anAdmin(tx: Tx, now: Date): Promise<{ user: User; changes: AuditedChange[] }> {
  const admins = await lockAdmins(tx)
  const active = admins.find(({ provider, subject }) => provider === firstAdmin.provider && subject === firstAdmin.subject) ?? admins[0]
  if (active !== undefined) return { user: active, changes: [] }
  const made: User = { id: newId('usr'), ...firstAdmin }
  const found = await findOrInsertUser(tx, made, now)
  if (found.id === made.id) return { user: made, changes: [userChange(null, made, 'user.create')] }
  const restored: User = { ...found, role: 'ADMIN', deactivatedAt: null }
  await updateUser(tx, restored)
  return { user: restored, changes: [userChange(found, restored, 'user.restore')] }
}
