import { and, asc, eq, inArray, isNull, type InferSelectModel } from 'drizzle-orm'
import { type Membership, type Team, type User } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { catalogUser, team, teamMember } from './schema.js'

/*
 * Locks are taken in one order, teams before people, so that writers seldom meet crosswise. Where they do, Postgres ends one
 * of them, and commit() tries again.
 */

const toUser = ({ createdAt: _, deactivatedAt, claimsIssuedAt, ...row }: InferSelectModel<typeof catalogUser>): User =>
  ({ ...row, deactivatedAt: deactivatedAt?.toISOString() ?? null, claimsIssuedAt: claimsIssuedAt?.toISOString() ?? null })

const toTeam = ({ createdAt: _, deletedAt, ...row }: InferSelectModel<typeof team>): Team => ({ ...row, deletedAt: deletedAt?.toISOString() ?? null })

const toMembership = ({ expiresAt, ...row }: InferSelectModel<typeof teamMember>): Membership => ({ ...row, expiresAt: expiresAt?.toISOString() ?? null })

const toDate = (moment: string | null): Date | null => moment === null ? null : new Date(moment)

export async function loadUsers(db: Queryable): Promise<User[]> {
  return (await db.select().from(catalogUser)).map(toUser)
}

const toRow = ({ deactivatedAt, claimsIssuedAt, ...user }: User) => ({ ...user, deactivatedAt: toDate(deactivatedAt), claimsIssuedAt: toDate(claimsIssuedAt) })

/** @throws a unique violation when that person exists */
export async function insertUser(tx: Tx, user: User, now: Date): Promise<void> {
  await tx.insert(catalogUser).values({ ...toRow(user), createdAt: now })
}

/** Makes that person unless they are there; waits for whoever is making the same one. Either way the row is locked then. */
export async function findOrInsertUser(tx: Tx, user: User, now: Date): Promise<User> {
  await tx.insert(catalogUser).values({ ...toRow(user), createdAt: now }).onConflictDoNothing({ target: [catalogUser.provider, catalogUser.subject] })
  const [row] = await tx.select().from(catalogUser)
    .where(and(eq(catalogUser.provider, user.provider), eq(catalogUser.subject, user.subject))).for('update')
  return toUser(row!)
}

export async function lockUser(tx: Tx, id: string): Promise<User | null> {
  const [row] = await tx.select().from(catalogUser).where(eq(catalogUser.id, id)).for('update')
  return row === undefined ? null : toUser(row)
}

export async function updateUser(tx: Tx, user: User): Promise<void> {
  await tx.update(catalogUser).set(toRow(user)).where(eq(catalogUser.id, user.id))
}

/** The active admins, locked in one order: of several who would take away the last ones, each sees what the others did. */
export async function lockAdmins(tx: Tx): Promise<User[]> {
  const rows = await tx.select().from(catalogUser)
    .where(and(eq(catalogUser.role, 'ADMIN'), isNull(catalogUser.deactivatedAt))).orderBy(asc(catalogUser.id)).for('update')
  return rows.map(toUser)
}

export async function loadTeams(db: Queryable): Promise<Team[]> {
  return (await db.select().from(team).where(isNull(team.deletedAt))).map(toTeam)
}

/** @throws a unique violation when a team has that slug */
export async function insertTeam(tx: Tx, { id, slug, displayName }: Team, now: Date): Promise<void> {
  await tx.insert(team).values({ id, slug, displayName, createdAt: now })
}

/** The live team, locked until the transaction ends, so that what belongs to one team changes one after the other; null for a deleted one. */
export async function lockTeam(tx: Tx, id: string): Promise<Team | null> {
  const [row] = await tx.select().from(team).where(and(eq(team.id, id), isNull(team.deletedAt))).for('update')
  return row === undefined ? null : toTeam(row)
}

export async function setTeamDeleted(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.update(team).set({ deletedAt: at }).where(eq(team.id, id))
}

/**
 * Keeps teams from being deleted until the transaction ends; many may hold one at once.
 * @returns those that are there; to the others nothing can be given
 */
export async function holdTeams(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.select({ id: team.id }).from(team).where(and(inArray(team.id, [...ids]), isNull(team.deletedAt))).orderBy(asc(team.id)).for('share')
  return rows.map(({ id }) => id)
}

export async function loadMemberships(db: Queryable): Promise<Membership[]> {
  return (await db.select().from(teamMember)).map(toMembership)
}

/** By user. Whoever means to change them holds the team with `lockTeam`. */
export async function listMembers(tx: Tx, teamId: string): Promise<Membership[]> {
  return (await tx.select().from(teamMember).where(eq(teamMember.teamId, teamId)).orderBy(asc(teamMember.userId))).map(toMembership)
}

/** By team. */
export async function membershipsOf(tx: Tx, userId: string): Promise<Membership[]> {
  return (await tx.select().from(teamMember).where(eq(teamMember.userId, userId)).orderBy(asc(teamMember.teamId))).map(toMembership)
}

export async function findMembership(tx: Tx, teamId: string, userId: string): Promise<Membership | null> {
  const [row] = await tx.select().from(teamMember).where(and(eq(teamMember.teamId, teamId), eq(teamMember.userId, userId)))
  return row === undefined ? null : toMembership(row)
}

export async function putMembership(tx: Tx, { teamId, userId, role, expiresAt }: Membership): Promise<void> {
  const set = { role, expiresAt: toDate(expiresAt) }
  await tx.insert(teamMember).values({ teamId, userId, ...set }).onConflictDoUpdate({ target: [teamMember.teamId, teamMember.userId], set })
}

export async function removeMembership(tx: Tx, teamId: string, userId: string): Promise<void> {
  await tx.delete(teamMember).where(and(eq(teamMember.teamId, teamId), eq(teamMember.userId, userId)))
}

export async function removeMembers(tx: Tx, teamId: string): Promise<void> {
  await tx.delete(teamMember).where(eq(teamMember.teamId, teamId))
}
