import { sql } from 'drizzle-orm'
import { index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { type OwnerKind, type PrincipalRef } from '../core/owner.js'
import { type ProbeCode, type ProbedInventory, type ProbeState } from '../core/probe.js'
import { type ProbeTaker } from '../core/probe-taker.js'
import { entry, moment } from './schema.js'

/** What people had a worker try, and what came of it. No change of ours: it draws no sequence. That one has expired is read off the clock. */
export const probe = pgTable('probe', {
  id: text('id').primaryKey(),
  entryId: text('entry_id').notNull().references(() => entry.id),
  entryName: text('entry_name').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  revision: integer('revision').notNull(),
  requestedBy: jsonb('requested_by').$type<PrincipalRef>().notNull(),
  requestedAt: moment('requested_at').notNull(),
  deadlineAt: moment('deadline_at').notNull(),
  askedWorkerId: text('asked_worker_id'),
  cursor: text('cursor').notNull(),
  state: text('state').$type<ProbeState>().notNull(),
  taker: jsonb('taker').$type<ProbeTaker | null>(),
  takenAt: moment('taken_at'),
  finishedAt: moment('finished_at'),
  code: text('code').$type<ProbeCode | null>(),
  reason: text('reason'),
  inventory: jsonb('inventory').$type<ProbedInventory | null>(),
}, (table) => [
  index('probe_entry').on(table.entryId, table.requestedAt), index('probe_requested').on(table.requestedAt),
  index('probe_pending').on(table.deadlineAt).where(sql`state = 'PENDING'`),
])

/** Which workers wait for probes on a node, all in one row, so that a fleet that comes back costs a few writes. */
export const probeNode = pgTable('probe_node', {
  /** Another one after each start. */
  id: text('id').primaryKey(),
  seenAt: moment('seen_at').notNull(),
  listeners: jsonb('listeners').$type<Array<{ tokenId: string; workerId: string }>>().notNull(),
})
