import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Db } from '../../src/db/client.js'
import { listHolderOwners } from '../../src/db/receipt.js'
import { followTargets, listRevocations, summarizeTargets } from '../../src/db/revocation.js'
import * as schema from '../../src/db/schema.js'
import { listBehind } from '../../src/db/worker.js'
import { createTestDatabase } from '../support/server.js'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let client: postgres.Sql
let db: Db
const asked: Array<{ query: string; params: unknown[] }> = []
beforeAll(async () => {
  database = await createTestDatabase()
  client = postgres(database.url, { max: 1, onnotice: () => {} })
  db = drizzle(client, { schema, logger: { logQuery: (query, params) => void asked.push({ query, params }) } })
  // A worker with years of receipts behind it, two of whose targets are open and one of which has just ended; other people have some too.
  await client.unsafe(`
    insert into access_token (id, kind, name, prefix, hash, created_at, expires_at) values ('t', 'WORKER', 't', 'phw_', 'h', now(), now() + interval '1 day');
    insert into worker (id, token_id, process_id, number, seen_at) values ('w', 't', 'p', 1, now());
    insert into entry (id, kind, name, owner_kind, owner_id, visibility, audience, enabled, locked, definition, digest, revision, apply, created_at, updated_at, updated_by)
      values ('srv_1', 'MCP_SERVER', 'x', 'USER', 'me', 'PRIVATE', '[]', true, false, '{}', 'd', 1, 'NOW', now(), now(), '{}');
    insert into revocation (id, sequence, entry_id, entry_name, owner_kind, owner_id, revision, verb, mode, reason, requested_by, requested_at, deadline)
      select 'rev_' || n, n, 'srv_1', 'x', 'USER', case when n % 1000 = 0 then 'me' else 'other-' || n % 100 end, 1, 'REVOKE', 'IMMEDIATE', 'r', '{}', now() - interval '1 year', now()
      from generate_series(1, 20000) as n;
    insert into revocation_target (revocation_id, worker_id, session_id, owner_kind, owner_id, state, at, refused_calls)
      select 'rev_' || n, 'w', 's', 'USER', 'me', case when n <= 2000 and n % 1000 = 0 then 'APPLIED' else 'STOPPED' end,
        case when n in (3, 4) then now() else now() - interval '1 year' end, case when n = 4 then 3 else 0 end from generate_series(1, 20000) as n;
    insert into worker_session (worker_id, session_id, owner_kind, owner_id, entries, bytes, opened_at, updated_at)
      values ('w', 's', 'USER', 'me', '[{"entryId": "srv_1", "state": "STOPPED", "refusedCalls": 3}]', 2, now(), now())`)
  await client.unsafe('analyze')
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

/** Nodes of the plan of what was asked last. */
async function planned(): Promise<Array<Record<string, unknown>>> {
  const { query, params } = asked.at(-1)!
  const [row] = await client.unsafe<Array<{ 'QUERY PLAN': Array<{ Plan: Record<string, unknown> }> }>>(`explain (analyze, format json) ${query}`, params as string[])
  const nodes = [row!['QUERY PLAN'][0]!.Plan]
  for (const node of nodes) nodes.push(...(node.Plans as typeof nodes | undefined) ?? [])
  return nodes
}

const since = () => ({ endedSince: new Date(Date.now() - 900_000), trustedSince: new Date(Date.now() - 600_000) })

it.each([null, ['s', 'other']])('a report reads what is open, and what has just ended if more calls were refused since, however much its worker ended before: %j', async (sessionIds) => {
  const followed = await followTargets(db, { workerId: 'w', sessionIds }, since())
  expect(followed.map(({ revocation, session }) => [revocation.id, session?.entries.length]).sort()).toEqual([['rev_1000', 1], ['rev_2000', 1], ['rev_3', 1]])
  const plan = await planned()
  expect(plan.map((node) => node['Index Name'])).toEqual(expect.arrayContaining(['revocation_target_open', 'revocation_target_ended']))
  for (const node of plan) expect(node['Actual Rows']).toBeLessThan(10)
})

it('S26: a part report reads nothing of the sessions that it does not tell of; but what a process had that was replaced long ago', async () => {
  expect(await followTargets(db, { workerId: 'w', sessionIds: ['other'] }, since())).toEqual([])
  await client.unsafe(`update revocation_target set process_id = 'before' where revocation_id = 'rev_1000'`)
  const followed = await followTargets(db, { workerId: 'w', sessionIds: [] }, since())
  expect(followed.map(({ revocation }) => revocation.id)).toEqual(['rev_1000'])
  expect(await followTargets(db, { workerId: 'w', sessionIds: [] }, { ...since(), trustedSince: new Date(0) })).toEqual([])
  await client.unsafe(`update revocation_target set process_id = null where revocation_id = 'rev_1000'`)
})

it.each<[string, boolean, number, string]>([
  ['open', true, 2, 'revocation_target_open'], ['complete', false, 18, 'revocation_owner'],
])("somebody's receipts are found without reading those of others: %s", async (_, isOpen, found, used) => {
  const listed = await listRevocations(db, { entryId: null, owners: [{ kind: 'USER', id: 'me' }], isOpen }, null, 100)
  expect(listed).toHaveLength(found)
  const plan = await planned()
  expect(plan.map((node) => node['Index Name'])).toContain(used)
  for (const node of plan) expect(node['Actual Rows']).toBeLessThan(50)
})

it('sessions that have not told yet are known by their ids: what they have loaded is not read', async () => {
  const behind = await listBehind(db, { cursor: '0badf00d-00000000000001', moment: new Date(0), tokenId: null })
  expect(behind).toEqual([{ workerId: 'w', sessionId: 's', owner: { kind: 'USER', id: 'me' }, processId: 'p', cursor: null }])
  expect(asked.at(-1)!.query.split(' from ')[0]).not.toContain('entries')
})

it('S13: what is counted and what is open are of one moment: one statement, or a target that ends in between is in neither', async () => {
  const before = asked.length
  const summaries = await summarizeTargets(db, ['rev_1000', 'rev_7', 'rev_none'])
  expect(asked).toHaveLength(before + 1)
  expect([...summaries].map(([id, { count, ended, open }]) => [id, count, ended, open.map(({ state }) => state)])).toEqual([
    ['rev_1000', 1, 0, ['APPLIED']], ['rev_7', 1, 1, []], ['rev_none', 0, 0, []],
  ])
})

it('a list judges as many rows as there are processes, not sessions; of subscriptions the one that is over first', async () => {
  await client.unsafe(`
    insert into revocation_target (revocation_id, worker_id, session_id, owner_kind, owner_id, state, refused_calls, process_id)
      select 'rev_9', 'w', 's' || n, 'USER', 'me', 'APPLIED', 0, 'p' || n % 2 from generate_series(1, 500) as n;
    insert into revocation_target (revocation_id, worker_id, session_id, owner_kind, owner_id, state, refused_calls, token_id, trusted_until)
      select 'rev_9', '', 't/' || n, 'USER', 'me', 'UNREACHABLE', 0, 't', timestamptz '2026-01-01Z' + make_interval(days => n) from generate_series(1, 50) as n`)
  const { count, ended, open } = (await summarizeTargets(db, ['rev_9'])).get('rev_9')!
  expect([count, ended]).toEqual([551, 1])
  expect(open.map(({ processId, trustedUntil, state, worker }) => [processId, trustedUntil, state, worker?.processId]).sort()).toEqual([
    [null, '2026-01-02T00:00:00.000Z', 'UNREACHABLE', undefined], ['p0', null, 'APPLIED', 'p'], ['p1', null, 'APPLIED', 'p'],
  ])
})

it('who has one entry is found without taking apart what all sessions have', async () => {
  await client.unsafe(`
    insert into worker_session (worker_id, session_id, owner_kind, owner_id, entries, bytes, opened_at, updated_at)
      select 'w', 'of-' || n, 'USER', 'user-' || n, jsonb_build_array(jsonb_build_object('entryId', 'srv_' || n, 'state', 'APPLIED')), 2, now(), now() from generate_series(2, 5000) as n`)
  await client.unsafe('vacuum analyze worker_session')
  const holders = await db.transaction((tx) => listHolderOwners(tx, ['srv_7'], { since: new Date(0), tokenId: null }))
  expect([...holders]).toEqual([['srv_7', [{ kind: 'USER', id: 'user-7' }]]])
  const plan = await planned()
  expect(plan.map((node) => node['Index Name'])).toContain('worker_session_entries')
  for (const node of plan) expect(node['Actual Rows']).toBeLessThan(10)
})
