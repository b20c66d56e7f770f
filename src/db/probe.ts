import { and, asc, desc, eq, gt, type InferSelectModel, lt, sql } from 'drizzle-orm'
import { type OwnerRef } from '../core/owner.js'
import { type Probe, probeLimits, type ProbeOutcome } from '../core/probe.js'
import { type ProbeTaker } from '../core/probe-taker.js'
import { probeHint, type Queryable, wakeChannel } from './client.js'
import { probe, probeNode } from './probe-schema.js'

function toProbe({ ownerKind, ownerId, ...row }: InferSelectModel<typeof probe>): Probe {
  return { ...row, owner: { kind: ownerKind, id: ownerId } }
}

const ofOwner = ({ kind, id }: OwnerRef) => and(eq(probe.ownerKind, kind), eq(probe.ownerId, id))

/** Writes it, and wakes every node as soon as it is committed. */
export async function insertProbe(tx: Queryable, { owner, ...row }: Probe): Promise<void> {
  await tx.insert(probe).values({ ...row, ownerKind: owner.kind, ownerId: owner.id })
  if (row.state === 'PENDING') await tx.execute(sql`select pg_notify(${wakeChannel}, ${probeHint})`)
}

/** Forgets what is too old, or too much of the entry and owner of this one. In no transaction: two that delete the same rows must not wait for each other. */
export async function forgetProbes(db: Queryable, { owner, ...row }: Probe): Promise<void> {
  const kept = db.select({ id: probe.id }).from(probe).where(and(eq(probe.entryId, row.entryId), ofOwner(owner))).orderBy(desc(probe.requestedAt), desc(probe.id)).limit(probeLimits.kept)
  // What is under way is somebody's to wait for, however many come after it.
  const isOver = sql`(${probe.finishedAt} is not null or ${probe.deadlineAt} < ${row.requestedAt.toISOString()}::timestamptz - interval '1 minute')`
  await db.delete(probe).where(and(eq(probe.entryId, row.entryId), ofOwner(owner), sql`${probe.id} not in ${kept}`, isOver))
  await db.delete(probe).where(lt(probe.requestedAt, new Date(row.requestedAt.getTime() - probeLimits.keptForMs)))
}

export async function findProbe(db: Queryable, id: string): Promise<Probe | null> {
  const [row] = await db.select().from(probe).where(eq(probe.id, id))
  return row === undefined ? null : toProbe(row)
}

/** Of one entry and owner, the newest first. */
export async function listProbes(db: Queryable, entryId: string, owner: OwnerRef): Promise<Probe[]> {
  const rows = await db.select().from(probe).where(and(eq(probe.entryId, entryId), ofOwner(owner))).orderBy(desc(probe.requestedAt), desc(probe.id)).limit(probeLimits.kept)
  return rows.map(toProbe)
}

/** Those that somebody asked for and that may still wait or run. */
export async function countOpenProbes(db: Queryable, requestedBy: string, now: Date): Promise<number> {
  // None is open for longer than that, by whatever clock of a node; so only the newest rows are looked at.
  const earliest = new Date(now.getTime() - 1_000 * probeLimits.mostSeconds - 60_000)
  return db.$count(probe, and(gt(probe.requestedAt, earliest), sql`${probe.requestedBy}->>'id' = ${requestedBy}`, sql`state in ('PENDING', 'RUNNING')`, sql`${probe.deadlineAt} > ${now.toISOString()}::timestamptz`))
}

/** Those that nobody has taken, the oldest first. */
export async function listPending(db: Queryable, now: Date, limit: number): Promise<Probe[]> {
  const rows = await db.select().from(probe).where(and(sql`state = 'PENDING'`, sql`${probe.deadlineAt} > ${now.toISOString()}::timestamptz`)).orderBy(asc(probe.requestedAt)).limit(limit)
  return rows.map(toProbe)
}

/** Compare and set: of all that try, one gets it. null: it is taken, finished or over. */
export async function takeProbe(db: Queryable, id: string, taker: ProbeTaker, now: Date): Promise<Probe | null> {
  const [row] = await db.update(probe).set({ state: 'RUNNING', taker, takenAt: now })
    .where(and(eq(probe.id, id), sql`state = 'PENDING'`, sql`${probe.deadlineAt} > ${now.toISOString()}::timestamptz`)).returning()
  return row === undefined ? null : toProbe(row)
}

/** @returns whether it was in that state still, and this is what came of it now */
export async function finishProbe(db: Queryable, { id, state, revision }: Probe, outcome: ProbeOutcome & { state: 'SUCCEEDED' | 'FAILED' | 'REFUSED' }, now: Date): Promise<boolean> {
  const { code, reason, inventory } = outcome
  const rows = await db.update(probe).set({ state: outcome.state, code, reason, inventory, revision: outcome.revision ?? revision, finishedAt: now })
    .where(and(eq(probe.id, id), eq(probe.state, state))).returning({ id: probe.id })
  return rows.length > 0
}

export interface ProbeListener {
  tokenId: string
  workerId: string
}

/** Says which workers wait for probes on a node, and that it lives; forgets nodes that were last heard of before `moment`. */
export async function writeProbeNode(db: Queryable, id: string, listeners: ProbeListener[], now: Date, moment: Date): Promise<void> {
  await db.delete(probeNode).where(lt(probeNode.seenAt, moment))
  await db.insert(probeNode).values({ id, seenAt: now, listeners }).onConflictDoUpdate({ target: probeNode.id, set: { seenAt: now, listeners } })
}

export async function deleteProbeNode(db: Queryable, id: string): Promise<void> {
  await db.delete(probeNode).where(eq(probeNode.id, id))
}

/** Of nodes that were heard of since `moment`. */
export async function listProbeListeners(db: Queryable, moment: Date): Promise<ProbeListener[]> {
  const rows = await db.select({ listeners: probeNode.listeners }).from(probeNode).where(sql`${probeNode.seenAt} >= ${moment.toISOString()}::timestamptz`)
  return rows.flatMap(({ listeners }) => listeners)
}
