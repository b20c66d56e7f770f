import { sql } from 'drizzle-orm'
import { probeAnswerMs } from '../core/probe.js'
import { type Queryable } from './client.js'

/** Texts that differ once there is more to read. */
export interface Reported {
  status: string
  heldTools: string
  probes: string
}

/** A probe takes less, from the moment it is asked for until nobody waits for it any more. */
const probeTakesMs = 5 * 60_000

/** What workers reported of their status, of tools that are held, and of probes; a probe that is over by the clock counts as one that was answered. */
export async function readReported(db: Queryable, now: Date): Promise<Reported> {
  const before = (ms: number) => sql`${new Date(now.getTime() - ms).toISOString()}::timestamptz`
  const [row] = await db.execute<{ [Key in keyof Reported]: string }>(sql`
    select coalesce((select max(seen_at) from worker)::text, '') as status,
      (select concat(count(*), ' ', max(seen_at)) from tool_inventory where held <> '[]'::jsonb) as "heldTools",
      (select concat_ws(' ', max(requested_at), max(taken_at), max(finished_at),
        count(*) filter (where state = 'PENDING' and deadline_at > ${before(0)}), count(*) filter (where state = 'RUNNING' and deadline_at > ${before(probeAnswerMs)}))
        from probe where requested_at > ${before(probeTakesMs)}) as probes`)
  return row!
}
