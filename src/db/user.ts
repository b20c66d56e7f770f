import { and, eq, isNull, type InferSelectModel } from 'drizzle-orm'
import { type Membership, type Role, type Team, type TeamRole, type User } from '../core/owner.js'
import { type Queryable, type Tx } from './client.js'
import { catalogUser, team, teamMember } from './schema.js'

const toUser = ({ createdAt: _, deactivatedAt, ...row }: InferSelectModel<typeof catalogUser>): User =>
  ({ ...row, deactivatedAt: deactivatedAt?.toISOString() ?? null })

export async function loadUsers(db: Queryable): Promise<User[]> {
  return (await db.select().from(catalogUser)).map(toUser)
}

/** @throws a unique violation when that person exists */
export async function insertUser(tx: Tx, user: User, now: Date): Promise<void> {
  const { id, provider, subject, displayName, role } = user
  await tx.insert(catalogUser).values({ id, provider, subject, displayName, role, createdAt: now })
}

export async function lockUser(tx: Tx, id: string): Promise<User | null> {
  const [row] = await tx.select().from(catalogUser).where(eq(catalogUser.id, id)).for('update')
  return row === undefined ? null : toUser(row)
}

export async function updateUserRole(tx: Tx, id: string, role: Role): Promise<void> {
  await tx.update(catalogUser).set({ role }).where(eq(catalogUser.id, id))
}

export async function countAdmins(tx: Queryable): Promise<number> {
  const admins = await tx.select({ id: catalogUser.id }).from(catalogUser).where(eq(catalogUser.role, 'ADMIN'))
  return admins.length
}

export async function loadTeams(db: Queryable): Promise<Team[]> {
  const rows = await db.select().from(team).where(isNull(team.deletedAt))
  return rows.map(({ id, slug, displayName }) => ({ id, slug, displayName, deletedAt: null }))
}

/** @throws a unique violation when a team has that slug */
export async function insertTeam(tx: Tx, { id, slug, displayName }: Team, now: Date): Promise<void> {
  await tx.insert(team).values({ id, slug, displayName, createdAt: now })
}

export async function loadMemberships(db: Queryable): Promise<Membership[]> {
  return db.select().from(teamMember)
}

/** Locks the team's row, so that two changes of one team's members come one after the other. */
export async function lockMembership(tx: Tx, teamId: string, userId: string): Promise<Membership | null> {
  await tx.select({ id: team.id }).from(team).where(eq(team.id, teamId)).for('update')
  const members = await tx.select().from(teamMember).where(eq(teamMember.teamId, teamId))
  return members.find((member) => member.userId === userId) ?? null
}

export async function putMembership(tx: Tx, teamId: string, userId: string, role: TeamRole): Promise<void> {
  await tx.insert(teamMember).values({ teamId, userId, role })
    .onConflictDoUpdate({ target: [teamMember.teamId, teamMember.userId], set: { role } })
}

export async function removeMembership(tx: Tx, teamId: string, userId: string): Promise<void> {
  await tx.delete(teamMember).where(and(eq(teamMember.teamId, teamId), eq(teamMember.userId, userId)))
}
