import { type SQL, sql } from 'drizzle-orm'
import { type LoggedChange } from '../core/change.js'
import { type Entry } from '../core/entry.js'
import { type AuditRecord } from './audit.js'
import { type Queryable, type Tx, wakeChannel } from './client.js'
import { passed } from './step.js'

/** Any number of revisions as one parameter: one statement, prepared once. */
const given = (revisions: ReadonlyArray<Pick<Entry, 'owner'>>): SQL => sql`given as (
  select * from jsonb_to_recordset(${JSON.stringify(revisions.map(({ owner, ...rest }) => ({ ...rest, ownerKind: owner.kind, ownerId: owner.id })))}::jsonb) as each (
    id text, kind text, name text, "ownerKind" text, "ownerId" text, visibility text, audience jsonb, enabled boolean, revoked jsonb, approval jsonb, bindings jsonb, locked boolean, definition jsonb,
    digest text, revision integer, apply text, "createdAt" timestamptz, "updatedAt" timestamptz, "updatedBy" jsonb))`

/** Entries as they are after all of it: one entry may have several revisions. */
const putRows = (when: SQL): SQL => sql`
  insert into entry (id, kind, name, owner_kind, owner_id, visibility, audience, enabled, revoked, approval, bindings, locked, definition, digest, revision, apply, created_at, updated_at, updated_by)
  select distinct on (id) id, kind, name, "ownerKind", "ownerId", visibility, audience, enabled, revoked, approval, bindings, locked, definition, digest, revision, apply, "createdAt",
    "updatedAt", "updatedBy" from given where ${when} order by id, revision desc
  on conflict (id) do update set name = excluded.name, visibility = excluded.visibility, audience = excluded.audience, enabled = excluded.enabled,
    revoked = excluded.revoked, approval = excluded.approval, bindings = excluded.bindings, locked = excluded.locked, definition = excluded.definition, digest = excluded.digest, revision = excluded.revision, apply = excluded.apply,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by`

const addRevisions = (when: SQL): SQL => sql`
  insert into entry_revision (entry_id, revision, name, definition, digest, changed_by, at)
  select id, revision, name, definition, digest, "updatedBy", "updatedAt" from given where ${when}`

/** Requests that come with revisions. Most entries need none: then nothing is said of them at all. */
const addRequests = (revisions: readonly Entry[], when: SQL): SQL => !revisions.some(({ approval }) => approval?.state === 'PENDING') ? sql`` : sql`
  requested as (
    insert into approval (id, entry_id, entry_name, owner_kind, owner_id, revision, digest, state, requested_by, requested_at, expires_at)
    select approval->>'id', id, name, "ownerKind", "ownerId", revision, digest, 'PENDING', approval->'requestedBy', (approval->>'requestedAt')::timestamptz,
      (approval->>'expiresAt')::timestamptz from given where approval->>'state' = 'PENDING' and ${when} order by revision on conflict (id) do nothing
  ),`

/**
 * Makes or changes entries, and adds their revisions and requests for approval.
 * @throws a unique violation when an owner has another entry of that kind and name
 */
export async function putEntries(tx: Tx, revisions: readonly Entry[]): Promise<void> {
  await tx.execute(sql`with ${given(revisions)}, put as (${putRows(sql`true`)}), ${addRequests(revisions, sql`true`)}
    revised as (${addRevisions(sql`true`)}) select 1`)
  passed('entry.written')
}

/** Approvals of entries that stay as they are otherwise, at their revision; what was decided goes into the request, too. */
export async function putApprovals(tx: Tx, entries: readonly Entry[]): Promise<void> {
  const told = entries.map(({ id, name, owner, revision, digest, revoked, approval }) => ({ id, name, owner, revision, digest, revoked, approval }))
  await tx.execute(sql`with ${given(told)}, ${addRequests(entries, sql`true`)} put as (
    update entry set approval = given.approval, revoked = given.revoked from given where entry.id = given.id
  ) update approval set state = given.approval->>'state', decided_by = given.approval->'decidedBy', decided_at = (given.approval->>'decidedAt')::timestamptz,
      note = given.approval->>'note'
    from given where approval.id = given.approval->>'id' and given.approval->>'state' <> 'PENDING'`)
  passed('approval.written')
}

/** What is confirmed of entries that stay as they are otherwise, at their revision. */
export async function putBindings(tx: Tx, entry: Pick<Entry, 'id' | 'bindings'>): Promise<void> {
  await tx.execute(sql`update entry set bindings = ${JSON.stringify(entry.bindings)}::jsonb where id = ${entry.id}`)
}

export interface EntryCommit {
  /** What the head must still be: then nothing at all was committed since it was planned. */
  known: { incarnation: string; sequence: number; auditHash: string }
  revisions: readonly Entry[]
  changes: readonly LoggedChange[]
  records: readonly AuditRecord[]
}

/**
 * A whole commit of entries as one statement: rows, audit, changes, head and wake-up, or nothing.
 * @returns false when the head is another one; then nothing was written
 * @throws a unique violation as `putEntries`
 */
export async function commitEntries(db: Queryable, { known, revisions, changes, records }: EntryCommit): Promise<boolean> {
  const last = records.at(-1)!
  const logged = JSON.stringify(changes.map(({ sequence, subject, id, before, after }) => ({ sequence, subject, id, before, after })))
  const isOurs = sql`exists (select 1 from head)`
  const rows = await db.execute<{ moved: number }>(sql`
    with head as (
      update catalog_head set sequence = ${last.sequence}, audit_hash = ${last.hash}
      where id = 1 and incarnation = ${known.incarnation} and sequence = ${known.sequence} and audit_hash = ${known.auditHash} returning 1
    ), ${given(revisions)}, put as (${putRows(isOurs)}
    ), ${addRequests(revisions, isOurs)} revised as (${addRevisions(isOurs)}
    ), changed as (insert into change_event (sequence, subject, subject_id, before, after) select sequence, subject, id, before, after
      from jsonb_to_recordset(${logged}::jsonb) as given (sequence bigint, subject text, id text, before jsonb, after jsonb) where ${isOurs}
    ), audited as (insert into audit_event (sequence, at, actor, action, outcome, target, before, after, hash)
      select sequence, at, actor, action, outcome, target, before, after, hash from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as given (
        sequence bigint, at timestamptz, actor jsonb, action text, outcome text, target text, before jsonb, after jsonb, hash text) where ${isOurs}
    ) select 1 as moved, pg_notify(${wakeChannel}, ${String(last.sequence)}) from head`)
  return rows.length === 1
}
