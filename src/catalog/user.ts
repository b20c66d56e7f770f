import { deploymentOwner, type Role, type User } from '../core/owner.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { line, parseInput } from '../core/parse.js'
import { isUniqueViolation } from '../db/client.js'
import { countAdmins, insertUser, lockUser, updateUserRole } from '../db/user.js'
import { authorize } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext, newId } from './context.js'

export interface CreateUserInput {
  provider: string
  subject: string
  displayName: string
  role: Role
}

/** Admins only. @throws CatalogError FORBIDDEN, INVALID_INPUT, NAME_TAKEN when that person exists */
export function createUser(context: CatalogContext, input: CreateUserInput): Promise<Committed<User>> {
  const user: User = {
    id: newId('usr'), role: input.role, deactivatedAt: null,
    provider: parseInput(line(200, 1), input.provider, 'provider'),
    subject: parseInput(line(200, 1), input.subject, 'subject'),
    displayName: parseInput(line(200, 1), input.displayName, 'displayName'),
  }
  return commit(context, actorOf(context.principal), async () => {
    await authorize(context, 'MANAGE_PEOPLE', deploymentOwner, 'createUser')
    return async (tx) => {
      await insertUser(tx, user, context.now()).catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error
        throw new CatalogError('NAME_TAKEN', 'The catalog knows that person already.', { field: 'subject', mend: 'Find the user with the users query.' })
      })
      return { changes: [{ change: { subject: 'USER', id: user.id, before: null, after: user }, action: 'user.create', before: null, after: user }], result: user }
    }
  })
}

/** Admins only; the last admin stays one. @throws CatalogError FORBIDDEN, NOT_FOUND, INVALID_INPUT */
export function setUserRole(context: CatalogContext, userId: string, role: Role): Promise<Committed<User>> {
  return commit(context, actorOf(context.principal), async () => {
    await authorize(context, 'MANAGE_PEOPLE', deploymentOwner, 'setUserRole')
    if (!context.index.state.users.has(userId)) throw notFound('userId', 'user')
    return async (tx) => {
      const before = await lockUser(tx, userId)
      if (before === null) throw notFound('userId', 'user')
      if (before.role === role) return { changes: [], result: before }
      if (before.role === 'ADMIN' && await countAdmins(tx) === 1) {
        throw invalid('role', 'This is the last admin.', 'Make somebody else an admin first.')
      }
      await updateUserRole(tx, userId, role)
      const after = { ...before, role }
      return { changes: [{ change: { subject: 'USER', id: userId, before, after }, action: 'user.setRole', before, after }], result: after }
    }
  })
}

/** A person may look up others to add them to a team: admins and maintainers see everybody, others themselves. */
export function listUsers(context: CatalogContext, search: string | null): User[] {
  const { principal, index } = context
  const seesAll = principal.role === 'ADMIN' || [...principal.teams.values()].includes('MAINTAINER')
  const text = search?.toLowerCase() ?? ''
  return [...index.state.users.values()]
    .filter((user) => seesAll || user.id === principal.id)
    .filter((user) => [user.displayName, user.subject].some((name) => name.toLowerCase().includes(text)))
    .sort((a, b) => (a.displayName < b.displayName ? -1 : a.displayName > b.displayName ? 1 : a.id < b.id ? -1 : 1))
}
