import { type ChangeAction } from '../core/audit-words.js'
import { deploymentOwner, type Role, type User } from '../core/owner.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { line, parseInput } from '../core/parse.js'
import { isUniqueViolation, type Tx } from '../db/client.js'
import { lockTokensOf } from '../db/token.js'
import { insertUser, lockAdmins, lockUser, updateUser } from '../db/user.js'
import { authorize } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext, newId } from './context.js'
import { revoked } from './token.js'
import { type AuditedChange, type Written } from './writer.js'

export interface CreateUserInput {
  provider: string
  subject: string
  displayName: string
  role: Role
}

/** Admins only. @throws CatalogError FORBIDDEN, INVALID_INPUT, NAME_TAKEN when that person exists */
export function createUser(context: CatalogContext, input: CreateUserInput): Promise<Committed<User>> {
  const user: User = {
    id: newId('usr'), role: input.role, deactivatedAt: null, claimsIssuedAt: null,
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
      return { changes: [userChange(null, user, 'user.create')], result: user }
    }
  })
}

/** Admins only; the last admin stays one. @throws CatalogError FORBIDDEN, NOT_FOUND, INVALID_INPUT */
export function setUserRole(context: CatalogContext, userId: string, role: Role): Promise<Committed<User>> {
  return changeUser(context, userId, 'setUserRole', 'role', async (tx, before) => {
    if (before.role === role) return { changes: [], result: before }
    const after = { ...before, role }
    await updateUser(tx, after)
    return { changes: [userChange(before, after, 'user.setRole')], result: after }
  })
}

/**
 * Admins only; the last admin stays. Tokens and sign-ins end at once, with their sockets; what the person owns leaves every
 * set and stays readable for admins; whoever acts for them gets an empty set.
 * @throws CatalogError FORBIDDEN, NOT_FOUND, INVALID_INPUT
 */
export function deactivateUser(context: CatalogContext, userId: string): Promise<Committed<User>> {
  return changeUser(context, userId, 'deactivateUser', 'userId', async (tx, before) => {
    if (before.deactivatedAt !== null) return { changes: [], result: before }
    const now = context.now()
    const after: User = { ...before, deactivatedAt: now.toISOString() }
    await updateUser(tx, after)
    const tokens = await lockTokensOf(tx, userId)
    const changes = [userChange(before, after, 'user.deactivate')]
    for (const token of tokens) changes.push(await revoked(tx, token, now))
    return { changes, result: after }
  })
}

/** @param field the input that asks for what the last admin may not become */
function changeUser(
  context: CatalogContext, userId: string, operation: string, field: string, write: (tx: Tx, before: User) => Promise<Written<User>>,
): Promise<Committed<User>> {
  return commit(context, actorOf(context.principal), async () => {
    await authorize(context, 'MANAGE_PEOPLE', deploymentOwner, operation)
    if (!context.index.state.users.has(userId)) throw notFound('userId', 'user')
    return async (tx) => {
      const admins = await lockAdmins(tx)
      const before = await lockUser(tx, userId)
      if (before === null) throw notFound('userId', 'user')
      const written = await write(tx, before)
      const isLast = admins.length === 1 && admins[0]!.id === userId
      if (isLast && written.changes.length > 0) throw invalid(field, 'This is the last admin.', 'Make somebody else an admin first.')
      return written
    }
  })
}

export function userChange(before: User | null, after: User, action: ChangeAction): AuditedChange {
  return { change: { subject: 'USER', id: after.id, before, after }, action, before, after }
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
