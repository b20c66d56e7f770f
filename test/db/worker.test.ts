import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { failedStates, heldStates } from '../../src/core/worker-status.js'
import { type Db } from '../../src/db/client.js'
import * as schema from '../../src/db/schema.js'
import { hasAny, listReporting, summarizeSessions } from '../../src/db/worker.js'
import { createTestDatabase } from '../support/server.js'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let client: postgres.Sql
let db: Db
beforeAll(async () => {
  database = await createTestDatabase()
  client = postgres(database.url, { max: 1, onnotice: () => {} })
  db = drizzle(client, { schema })
  // So many sessions with one entry that they are read in their order; of another there are few.
  await client.unsafe(`
    insert into access_token (id, kind, name, prefix, hash, created_at, expires_at) values ('t', 'WORKER', 't', 'phw_', 'h', now(), now() + interval '1 day');
    insert into worker (id, token_id, process_id, number, seen_at) select 'w' || n, 't', 'p', 1, now() from generate_series(0, 1) as n;
    insert into worker_session (worker_id, session_id, owner_kind, owner_id, cursor, entries, bytes, opened_at, updated_at)
      select 'w' || n % 2, 's' || lpad(n::text, 4, '0'), 'USER', 'u' || n % 3, '00000000-00000000000001', jsonb_build_array(
        jsonb_build_object('entryId', 'many', 'state', case when n % 600 = 0 then 'FAILED' when n % 5 = 0 then 'STOPPED' else 'APPLIED' end),
        jsonb_build_object('entryId', case when n % 400 = 1 then 'few' end, 'state', 'REFUSED')), 2, now(), now() from generate_series(0, 1499) as n`)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const moment = new Date(0)
const report = (entryId: string, states = heldStates, after: Parameters<typeof listReporting>[2] = null, limit = 5_000, owners: Parameters<typeof listReporting>[1]['owners'] = null) => (
  listReporting(db, { entryId, states, owners, moment }, after, limit).then((sessions) => sessions.map(({ workerId, sessionId }) => `${workerId} ${sessionId}`)))
const numbered = (which: (n: number) => boolean) => Array.from({ length: 1_500 }, (_, n) => n).filter(which).map((n) => `w${n % 2} s${String(n).padStart(4, '0')}`).sort()

it('those who report an entry in one of some states are found, be they few or many, by worker and session', async () => {
  const held = numbered((n) => n % 600 === 0 || n % 5 !== 0)
  expect(await report('many')).toEqual(held)
  expect(await report('many', failedStates)).toEqual(numbered((n) => n % 600 === 0))
  expect(await report('few', failedStates)).toEqual(numbered((n) => n % 400 === 1))
  expect(await report('few')).toEqual([])
  expect(await report('many', [])).toEqual([])
  const page = await report('many', heldStates, { workerId: 'w0', sessionId: 's0700' }, 3)
  expect(page).toEqual(held.filter((one) => one > 'w0 s0700').slice(0, 3))
  expect(await report('many', heldStates, null, 5_000, [{ kind: 'USER', id: 'u1' }])).toEqual(numbered((n) => n % 3 === 1 && (n % 600 === 0 || n % 5 !== 0)))
})

it('an id is text to Postgres, whatever is in it', async () => {
  for (const id of ['many" || @.state == "APPLIED', '\\"', 'a\nb', '$x', '\u{1f600}']) expect(await report(id)).toEqual([])
})

it('sums say who has an entry, and who has it or any in a state that is none to be in', async () => {
  const sums = async (entryId: string | null) => (await summarizeSessions(db, { moment, owners: null, incarnation: '00000000', entryId, failedStates }))
    .map(({ workerId, owner: { id }, count, hasEntry, hasFailed }) => [`${workerId} ${id}`, count, hasEntry, hasFailed]).sort()
  const groups = ['w0 u0', 'w0 u1', 'w0 u2', 'w1 u0', 'w1 u1', 'w1 u2']
  expect(await sums('many')).toEqual(groups.map((name) => [name, 250, true, name === 'w0 u0']))
  expect(await sums('few')).toEqual(groups.map((name) => [name, 250, name.startsWith('w1'), name.startsWith('w1')]))
  expect((await sums(null)).every(([, , hasEntry, hasFailed]) => hasEntry === true && hasFailed === true)).toBe(true)
})

it('S13: who has an entry is asked of the index, which is asked under the lock of all writing', async () => {
  await client.unsafe('set enable_seqscan = off')
  const [row] = await db.execute(
    sql`explain (format json) select 1 from worker_session where ${hasAny([{ entryId: 'few' }, { entryId: 'many', state: 'FAILED' }])}`)
  expect(JSON.stringify(row)).toContain('worker_session_entries')
})
