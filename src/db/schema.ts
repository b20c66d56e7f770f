import { sql } from 'drizzle-orm'
import { bigint, boolean, type ExtraConfigColumn, index, integer, jsonb, pgTable, primaryKey, serial, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import { type TokenRecord } from '../core/change.js'
import { type ApplyMoment, type Definition, type EntryApproval, type EntryKind, type RevocationMode, type Revoked, type Visibility } from '../core/entry.js'
import { type OwnerKind, type OwnerRef, type PrincipalRef, type Role, type TeamRole } from '../core/owner.js'
import { type EntryBindings, type SecretProviderKind } from '../core/secret.js'
import { type HeldTool, type PinnedTool } from '../core/tool-inventory.js'
import { type WithdrawalVerb } from '../core/withdrawal.js'
import { type AppliedEntry, type AppliedState } from '../core/worker-status.js'

export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const sequence = (name: string) => bigint(name, { mode: 'number' })

/**
 * One row. Its lock orders all commits: the sequence is drawn from it as the last step of each transaction, so that
 * commit order is sequence order (a bigserial read by `seq > last` loses rows). It also holds the head of the audit chain.
 */
export const catalogHead = pgTable('catalog_head', {
  id: integer('id').primaryKey(),
  /** Eight hexadecimal digits, part of every cursor: a cursor of another database never passes for one of this. */
  incarnation: text('incarnation').notNull(),
  /** Where the incarnation lives (see `readHome`). Somewhere else it is a copy, and gets a new one. */
  home: text('home'),
  sequence: sequence('sequence').notNull(),
  /** The last sequence that could have altered somebody's rights: decisions taken before it are taken again. */
  rightsSequence: sequence('rights_sequence').notNull(),
  auditHash: text('audit_hash').notNull(),
  /** Tells the audit key apart from another one, without telling the key. */
  auditKeyId: text('audit_key_id').notNull(),
})

/** The head of the access chain, apart from `catalog_head` so that denials never wait for commits. */
export const accessHead = pgTable('access_head', {
  id: integer('id').primaryKey(),
  sequence: sequence('sequence').notNull(),
  hash: text('hash').notNull(),
})

export const catalogUser = pgTable('catalog_user', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  subject: text('subject').notNull(),
  displayName: text('display_name').notNull(),
  role: text('role').$type<Role>().notNull(),
  deactivatedAt: moment('deactivated_at'),
  /** When the identity provider issued the newest claims that altered something here; older ones count no more. */
  claimsIssuedAt: moment('claims_issued_at'),
  createdAt: moment('created_at').notNull(),
}, (table) => [uniqueIndex('catalog_user_person').on(table.provider, table.subject)])

export const team = pgTable('team', {
  id: text('id').primaryKey(),
  slug: text('slug').notNull(),
  displayName: text('display_name').notNull(),
  deletedAt: moment('deleted_at'),
  createdAt: moment('created_at').notNull(),
}, (table) => [uniqueIndex('team_slug').on(table.slug).where(sql`deleted_at is null`)])

export const teamMember = pgTable('team_member', {
  teamId: text('team_id').notNull().references(() => team.id),
  userId: text('user_id').notNull().references(() => catalogUser.id),
  role: text('role').$type<TeamRole>().notNull(),
  /** Of what the identity provider said at sign-in; null: made by people. */
  expiresAt: moment('expires_at'),
}, (table) => [primaryKey({ columns: [table.teamId, table.userId] })])

export const accessToken = pgTable('access_token', {
  id: text('id').primaryKey(),
  kind: text('kind').$type<TokenRecord['kind']>().notNull(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull(),
  /** sha-256 of the whole token, hex. The token itself is stored nowhere. */
  hash: text('hash').notNull(),
  userId: text('user_id').references(() => catalogUser.id),
  serves: jsonb('serves').$type<OwnerRef[] | null>(),
  createdAt: moment('created_at').notNull(),
  expiresAt: moment('expires_at').notNull(),
  revokedAt: moment('revoked_at'),
  /** Written in slow batches; a hint for people, never a decision. */
  lastUsedAt: moment('last_used_at'),
}, (table) => [uniqueIndex('access_token_hash').on(table.hash), index('access_token_user').on(table.userId)])

/** Browsers that are signed in at the console; the cookie itself is stored nowhere. */
export const consoleSession = pgTable('console_session', {
  id: text('id').primaryKey(),
  hash: text('hash').notNull(),
  userId: text('user_id').notNull().references(() => catalogUser.id),
  tokenId: text('token_id').references(() => accessToken.id),
  createdAt: moment('created_at').notNull(),
  expiresAt: moment('expires_at').notNull(),
  /** Written in slow batches. */
  lastUsedAt: moment('last_used_at').notNull(),
  endedAt: moment('ended_at'),
}, (table) => [uniqueIndex('console_session_hash').on(table.hash), index('console_session_open').on(table.userId).where(sql`ended_at is null`)])

export const entry = pgTable('entry', {
  id: text('id').primaryKey(),
  kind: text('kind').$type<EntryKind>().notNull(),
  name: text('name').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  visibility: text('visibility').$type<Visibility>().notNull(),
  audience: jsonb('audience').$type<OwnerRef[]>().notNull(),
  enabled: boolean('enabled').notNull(),
  /** What was revoked with it; a tombstone keeps it too. */
  revoked: jsonb('revoked').$type<Revoked | null>(),
  /** The request for, or the decision on, the definition as it is; of what an edit left behind only `approval` tells. */
  approval: jsonb('approval').$type<EntryApproval | null>(),
  /** Which references to secrets were confirmed for where they stand. */
  bindings: jsonb('bindings').$type<EntryBindings | null>(),
  locked: boolean('locked').notNull(),
  definition: jsonb('definition').$type<Definition>().notNull(),
  digest: text('digest').notNull(),
  revision: integer('revision').notNull(),
  apply: text('apply').$type<ApplyMoment>().notNull(),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
  updatedBy: jsonb('updated_by').$type<PrincipalRef>().notNull(),
  /** A tombstone: the row and its history stay, the name is free. */
  deletedAt: moment('deleted_at'),
}, (table) => [
  uniqueIndex('entry_name').on(table.ownerKind, table.ownerId, table.kind, table.name).where(sql`deleted_at is null`),
])

export const entryRevision = pgTable('entry_revision', {
  entryId: text('entry_id').notNull().references(() => entry.id),
  revision: integer('revision').notNull(),
  name: text('name').notNull(),
  definition: jsonb('definition').$type<Definition>().notNull(),
  digest: text('digest').notNull(),
  changedBy: jsonb('changed_by').$type<PrincipalRef>().notNull(),
  at: moment('at').notNull(),
}, (table) => [primaryKey({ columns: [table.entryId, table.revision] })])

/**
 * Every request for an approval, and what was decided. A row that is not the one in its entry counts no more: it is void, and nobody
 * has to write so.
 */
export const approval = pgTable('approval', {
  id: text('id').primaryKey(),
  /** For the order of lists. */
  number: serial('number').notNull(),
  entryId: text('entry_id').notNull().references(() => entry.id),
  /** As it was then. */
  entryName: text('entry_name').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  /** One that has the definition. */
  revision: integer('revision').notNull(),
  digest: text('digest').notNull(),
  state: text('state').$type<EntryApproval['state']>().notNull(),
  requestedBy: jsonb('requested_by').$type<PrincipalRef>().notNull(),
  requestedAt: moment('requested_at').notNull(),
  expiresAt: moment('expires_at').notNull(),
  decidedBy: jsonb('decided_by').$type<PrincipalRef | null>(),
  decidedAt: moment('decided_at'),
  note: text('note'),
}, (table) => [
  uniqueIndex('approval_number').on(table.number), index('approval_entry').on(table.entryId, table.number),
  index('approval_owner').on(table.ownerKind, table.ownerId, table.number),
])

export const policy = pgTable('policy', {
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  revision: integer('revision').notNull(),
  document: jsonb('document').$type<unknown>().notNull(),
  updatedAt: moment('updated_at').notNull(),
}, (table) => [primaryKey({ columns: [table.ownerKind, table.ownerId] })])

/** What is known of a secret. A value is here only sealed; a deleted one has none, and keeps its place for the version. */
export const secret = pgTable('secret', {
  id: text('id').primaryKey(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  name: text('name').notNull(),
  provider: text('provider').$type<SecretProviderKind>().notNull(),
  /** Where an outside provider has it. */
  path: text('path'),
  version: integer('version').notNull(),
  /** The envelope; null: deleted, or kept by an outside provider. */
  sealed: jsonb('sealed').$type<unknown>(),
  /** Keyed hash of an outside provider's value, for telling that it has another one now; the key lies outside the database. */
  fingerprint: text('fingerprint'),
  updatedAt: moment('updated_at').notNull(),
  updatedBy: jsonb('updated_by').$type<PrincipalRef>().notNull(),
  deletedAt: moment('deleted_at'),
}, (table) => [uniqueIndex('secret_name').on(table.ownerKind, table.ownerId, table.name)])

/** What people confirmed for references of entries that are not their own. */
export const secretBinding = pgTable('secret_binding', {
  entryId: text('entry_id').notNull().references(() => entry.id),
  userId: text('user_id').notNull().references(() => catalogUser.id),
  name: text('name').notNull(),
  injectionPoint: text('injection_point').notNull(),
  /** The entry's `bindings.since` then. */
  since: integer('since').notNull(),
  at: moment('at').notNull(),
}, (table) => [primaryKey({ columns: [table.entryId, table.userId, table.name, table.injectionPoint] })])

/** What the definitions of a server's tools are held to, and what was seen that differs. One row for an entry: of a place that it has no more nothing is kept. */
export const toolInventory = pgTable('tool_inventory', {
  entryId: text('entry_id').primaryKey().references(() => entry.id),
  digest: text('digest').notNull(),
  /** Sha-256 of what the definition runs or asks; empty for what was pinned before there were places, which begins anew. */
  place: text('place').notNull().default(''),
  version: integer('version').notNull(),
  pinned: jsonb('pinned').$type<PinnedTool[]>().notNull(),
  held: jsonb('held').$type<HeldTool[]>().notNull(),
  seenAt: moment('seen_at').notNull(),
  seenBy: jsonb('seen_by').$type<PrincipalRef>().notNull(),
}, (table) => [index('tool_inventory_held').on(table.entryId).where(sql`held <> '[]'::jsonb`)])

/** What to propagate; kept for a while, then pruned (an older cursor gets a snapshot). */
export const changeEvent = pgTable('change_event', {
  sequence: sequence('sequence').primaryKey(),
  subject: text('subject').notNull(),
  subjectId: text('subject_id').notNull(),
  before: jsonb('before').$type<unknown>(),
  after: jsonb('after').$type<unknown>(),
})

const chain = {
  at: moment('at').notNull(),
  actor: jsonb('actor').$type<PrincipalRef>().notNull(),
  action: text('action').notNull(),
  outcome: text('outcome').notNull(),
  target: text('target').notNull(),
  before: jsonb('before').$type<unknown>(),
  after: jsonb('after').$type<unknown>(),
  /** HMAC-SHA256 over this row and the hash of the one before; the key lies outside the database. */
  hash: text('hash').notNull(),
}

/** What people look for in a chain; `sequence` orders it. */
const chainIndexes = (name: string) => ({ target, action, at, outcome }: Record<'target' | 'action' | 'at' | 'outcome', ExtraConfigColumn>) => [
  index(`${name}_target`).on(target), index(`${name}_action`).on(action), index(`${name}_at`).on(at), index(`${name}_actor`).on(sql`(actor->>'id')`),
  // Most events refuse nothing: those that do are few among many leases.
  index(`${name}_outcome`).on(outcome).where(sql`outcome <> 'OK'`),
]

/** Who changed what; kept for years. One row for each change, with the same sequence. */
export const auditEvent = pgTable('audit_event', { sequence: sequence('sequence').primaryKey(), ...chain }, chainIndexes('audit_event'))

/** Denials, refused tokens, leases and break-glass reads; a chain of its own, written in batches. */
export const accessEvent = pgTable('access_event', { sequence: sequence('sequence').primaryKey(), ...chain }, chainIndexes('access_event'))

/** What workers last reported. State of theirs, no change of ours: it draws no sequence and is in no chain. */
export const worker = pgTable('worker', {
  /** As the worker calls itself. */
  id: text('id').primaryKey(),
  /** The token that first used the id; nobody else reports under it while that token is valid. */
  tokenId: text('token_id').notNull().references(() => accessToken.id),
  processId: text('process_id').notNull(),
  /** Of the last report that was taken of this process; every write of a worker's rows goes along with it. */
  number: integer('number').notNull(),
  seenAt: moment('seen_at').notNull(),
  /** When the process before this one was last heard of; null: there was none. */
  replacedSeenAt: moment('replaced_seen_at'),
}, (table) => [index('worker_token').on(table.tokenId), index('worker_seen').on(table.seenAt)])

export const workerSession = pgTable('worker_session', {
  workerId: text('worker_id').notNull().references(() => worker.id, { onDelete: 'cascade' }),
  sessionId: text('session_id').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  agent: text('agent'),
  /** Up to where it has applied, refused or failed everything. */
  cursor: text('cursor'),
  entries: jsonb('entries').$type<AppliedEntry[]>().notNull(),
  /** Size of the row as it was reported, for the bound on what a worker may store. */
  bytes: integer('bytes').notNull(),
  openedAt: moment('opened_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
}, (table) => [
  primaryKey({ columns: [table.workerId, table.sessionId] }), index('worker_session_owner').on(table.ownerKind, table.ownerId),
  // Who has one entry is asked for under the counter row's lock.
  index('worker_session_entries').using('gin', table.entries.op('jsonb_path_ops')),
])

/** API nodes to which workers are subscribed. */
export const feedNode = pgTable('feed_node', {
  /** Another one after each start. */
  id: text('id').primaryKey(),
  seenAt: moment('seen_at').notNull(),
})

/** For whom programs with workers' tokens follow the feed, whether they report or not. One row however many sockets a node has of them. */
export const workerSubscription = pgTable('worker_subscription', {
  nodeId: text('node_id').notNull().references(() => feedNode.id, { onDelete: 'cascade' }),
  tokenId: text('token_id').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  /** null while it is open, or its node has died. */
  closedAt: moment('closed_at'),
}, (table) => [primaryKey({ columns: [table.nodeId, table.tokenId, table.ownerKind, table.ownerId] })])

/** Receipts of what was taken from sessions; kept like the audit. */
export const revocation = pgTable('revocation', {
  id: text('id').primaryKey(),
  /** Of the change that took it away. */
  sequence: sequence('sequence').notNull(),
  // No reference: it would lock the entry's row for a receipt that is written under the counter row's lock, and whoever changes that entry waits for that.
  entryId: text('entry_id').notNull(),
  entryName: text('entry_name').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  revision: integer('revision').notNull(),
  verb: text('verb').$type<WithdrawalVerb>().notNull(),
  mode: text('mode').$type<RevocationMode>().notNull(),
  reason: text('reason').notNull(),
  requestedBy: jsonb('requested_by').$type<PrincipalRef>().notNull(),
  requestedAt: moment('requested_at').notNull(),
  deadline: moment('deadline').notNull(),
}, (table) => [
  index('revocation_sequence').on(table.sequence), index('revocation_entry').on(table.entryId), index('revocation_requested').on(table.requestedAt),
  index('revocation_owner').on(table.ownerKind, table.ownerId, table.sequence),
])

/** Sessions that had it, and subscriptions for which nobody reports. Rows outlive what workers report of themselves. */
export const revocationTarget = pgTable('revocation_target', {
  revocationId: text('revocation_id').notNull().references(() => revocation.id),
  /** Empty for a subscription. */
  workerId: text('worker_id').notNull(),
  sessionId: text('session_id').notNull(),
  ownerKind: text('owner_kind').$type<OwnerKind>().notNull(),
  ownerId: text('owner_id').notNull(),
  state: text('state').$type<AppliedState>().notNull(),
  at: moment('at'),
  refusedCalls: integer('refused_calls').notNull(),
  reason: text('reason'),
  /** The worker's process that had it; null for a subscription, and in rows of before it was kept. */
  processId: text('process_id'),
  /** A subscription's; null for a session. */
  tokenId: text('token_id'),
  /** Until when a subscription can trust what it was told. */
  trustedUntil: moment('trusted_until'),
}, (table) => [
  primaryKey({ columns: [table.revocationId, table.workerId, table.sessionId] }),
  // Every report asks for what its worker has still open and has just ended, however much it ended before.
  index('revocation_target_open').on(table.workerId).where(sql`${table.state} not in ('STOPPED', 'REFUSED')`),
  index('revocation_target_token').on(table.tokenId).where(sql`${table.tokenId} is not null and ${table.state} not in ('STOPPED', 'REFUSED')`),
  index('revocation_target_ended').on(table.workerId, table.at).where(sql`${table.state} in ('STOPPED', 'REFUSED')`),
])
