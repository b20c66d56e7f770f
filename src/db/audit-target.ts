import { type SQL, sql } from 'drizzle-orm'
import { type AuditTarget, type AuditTargetKind } from '../core/audit-target.js'
import { type OwnerKind } from '../core/owner.js'
import { type Queryable } from './client.js'
import { probe } from './probe-schema.js'
import { accessToken, approval, catalogUser, consoleSession, entry, entryRevision, secret, team } from './schema.js'

/** A thing that events may be about, there or not. */
export interface StoredTarget extends AuditTarget {
  /** It was not deleted, revoked or ended. */
  isThere: boolean
}

/** Whatever has an id, what was deleted, revoked or ended included; `words` is what people find it by, and null where nobody looks for it. */
const things = sql`(
  select kind, id, name, owner_kind, owner_id, deleted_at is null as is_there, name as words from ${entry}
  union all select 'USER', id, display_name, null, null, true, display_name || ' ' || provider || '/' || subject from ${catalogUser}
  union all select 'TEAM', id, display_name, null, null, deleted_at is null, display_name || ' ' || slug from ${team}
  union all select 'SECRET', id, name, owner_kind, owner_id, deleted_at is null, name from ${secret}
  union all select 'TOKEN', id, name, case when user_id is not null then 'USER' end, user_id, revoked_at is null, name from ${accessToken}
  union all select 'CONSOLE_SESSION', id, null, 'USER', user_id, ended_at is null, null from ${consoleSession}
  union all select 'APPROVAL', id, entry_name, owner_kind, owner_id, true, null from ${approval}
  union all select 'PROBE', id, entry_name, owner_kind, owner_id, true, null from ${probe}
  union all select 'POLICY', 'deployment', null, 'DEPLOYMENT', 'deployment', true, 'policy of the deployment'
) as thing`

interface Row extends Record<string, unknown> {
  kind: AuditTargetKind
  id: string
  name: string | null
  owner_kind: OwnerKind | null
  owner_id: string | null
  is_there: boolean
}

const toTarget = ({ kind, id, name, owner_kind, owner_id, is_there }: Row): StoredTarget => (
  { kind, id, name, owner: owner_kind === null || owner_id === null ? null : { kind: owner_kind, id: owner_id }, isThere: is_there })

/** By id; what there never was is left out. */
export async function findTargets(db: Queryable, ids: readonly string[]): Promise<StoredTarget[]> {
  if (ids.length === 0) return []
  const rows = await db.execute<Row>(sql`
    select kind, id, name, owner_kind, owner_id, is_there from ${things} where id in (${sql.join([...new Set(ids)].map((id) => sql`${id}`), sql`, `)})`)
  return rows.map(toTarget)
}

/**
 * By name: what is called so, or was, in any case; people also by PROVIDER/SUBJECT and teams by slug.
 * @param kinds null: of every kind
 */
export async function searchTargets(db: Queryable, search: string, kinds: readonly AuditTargetKind[] | null, limit: number): Promise<StoredTarget[]> {
  const ofKinds = kinds === null ? sql`true` : sql`kind in (select jsonb_array_elements_text(${JSON.stringify(kinds)}::jsonb))`
  const isIn = (text: SQL) => sql`position(lower(${search}) in lower(${text})) > 0`
  const wasCalled = sql`id in (select entry_id from ${entryRevision} where ${isIn(sql`name`)})`
  const rows = await db.execute<Row>(sql`
    select kind, id, name, owner_kind, owner_id, is_there from ${things}
    where words is not null and ${ofKinds} and (${isIn(sql`words`)} or ${wasCalled}) order by not is_there, lower(coalesce(name, words)), id limit ${limit}`)
  return rows.map(toTarget)
}
