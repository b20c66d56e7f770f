import { sql } from 'drizzle-orm'
import { type Queryable } from './client.js'

/** Texts that differ once workers reported something more: of their status, and of tools that are held. */
export async function readReported(db: Queryable): Promise<{ status: string; heldTools: string }> {
  const [row] = await db.execute<{ status: string; heldTools: string }>(sql`
    select coalesce((select max(seen_at) from worker)::text, '') as status,
      (select concat(count(*), ' ', max(seen_at)) from tool_inventory where held <> '[]'::jsonb) as "heldTools"`)
  return row!
}
