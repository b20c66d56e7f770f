import { sql } from 'drizzle-orm'
import { connectedForMs } from '../core/connected.js'
import { probeAnswerMs } from '../core/probe.js'
import { reportEveryMs, settleMs, silentAfterMs, staleNodeMs } from '../core/revocation.js'
import { trustForMs } from '../core/worker-status.js'
import { type Queryable } from './client.js'

/** Texts that differ once there is more to read. */
export interface Reported {
  status: string
  /** Of sessions that have not ended, and of what is over by the clock alone: no worker reports that it is silent, or late. */
  receipts: string
  heldTools: string
  probes: string
}

/** A probe takes less, from the moment it is asked for until nobody waits for it any more. */
const probeTakesMs = 5 * 60_000

/**
 * What workers reported of their status, in receipts, of tools that are held, and of probes. What comes by the clock counts as reported: that a worker is silent, a receipt late (as
 * `judgeTarget` and `revocationState` have it), a probe over.
 */
export async function readReported(db: Queryable, now: Date): Promise<Reported> {
  const ms = (count: number) => sql`make_interval(secs => ${count / 1_000})`
  const before = (ms: number) => sql`${new Date(now.getTime() - ms).toISOString()}::timestamptz`
  const [row] = await db.execute<{ [Key in keyof Reported]: string }>(sql`
    select (select concat_ws(' ', max(seen_at), count(*) filter (where seen_at > ${before(connectedForMs)})) from worker) as status,
      (select concat_ws(' ', count(*), sum(refused_calls), count(*) filter (where deadline <= ${before(0)}), count(*) filter (where deadline <= ${before(settleMs)}),
        count(*) filter (where trusted_until <= ${before(0)}), count(*) filter (where heard <= ${before(silentAfterMs)}),
        count(*) filter (where least(heard + ${ms(reportEveryMs)}, requested_at + ${ms(staleNodeMs)}) <= ${before(trustForMs)}))
        from (select target.*, deadline, requested_at, case when target.process_id <> worker.process_id then worker.replaced_seen_at else worker.seen_at end as heard
          from revocation_target as target join revocation on revocation.id = revocation_id left join worker on worker.id = worker_id
          where target.state not in ('STOPPED', 'REFUSED')) as open) as receipts,
      (select concat(count(*), ' ', max(seen_at)) from tool_inventory where held <> '[]'::jsonb) as "heldTools",
      (select concat_ws(' ', max(requested_at), max(taken_at), max(finished_at),
        count(*) filter (where state = 'PENDING' and deadline_at > ${before(0)}), count(*) filter (where state = 'RUNNING' and deadline_at > ${before(probeAnswerMs)}))
        from probe where requested_at > ${before(probeTakesMs)}) as probes`)
  return row!
}
