import postgres from 'postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ImportCatalogDocument, RemoveTeamMemberDocument, RevocationsDocument, SetPolicyDocument } from '../../src/client/index.js'
import { appliedEntry, createReporter, readReceipt, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let sql: postgres.Sql
beforeAll(async () => {
  server = await startTestServer()
  sql = postgres(server.databaseUrl, { max: 3, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await server.close()
})

async function crewOf(slug: string): Promise<{ alice: Person; bob: Person; leave: () => Promise<unknown>; owner: { kind: 'TEAM'; id: string } }> {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => server.user(`${name}-${slug}`))) as [Person, Person]
  await server.team(slug, [[alice, 'MAINTAINER'], [bob, 'MEMBER']])
  return { alice, bob, leave: () => server.admin.client.execute(RemoveTeamMemberDocument, { team: slug, userId: bob.id }), owner: { kind: 'TEAM', id: slug } }
}
const receiptsOf = async (entryId: string) => (await server.admin.client.execute(RevocationsDocument, { entryId })).revocations.nodes

/** Keeps rows locked until it is called. */
async function hold(statement: string): Promise<() => Promise<void>> {
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  let held: Promise<unknown> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    held = sql.begin(async (tx) => {
      await tx.unsafe(statement)
      resolve()
      await released
    })
    held.catch(reject)
  })
  return async () => {
    release()
    await held
  }
}
/** Looks until so many statements wait for a lock, or it is over. */
async function untilWaiting(count: number, isOver = () => false): Promise<void> {
  const waiting = async () => (await sql<Array<{ count: number }>>`
    select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)[0]!.count
  while (!isOver() && await waiting() < count) { /* asks again */ }
}

it('S13: who subscribes while a right is being lost is told nothing of what was lost, or has a receipt', async () => {
  const { alice, bob, leave, owner } = await crewOf('racers')
  const { id } = await server.register(alice, 'raced', { owner })
  const worker = await server.worker()
  const release = await hold('select 1 from catalog_head for update')
  const leaving = leave()
  await untilWaiting(1)
  const subscriber = await worker.watch({ kind: 'USER', id: bob.id })
  let isTold = false
  const told = subscriber.nextSnapshot().then((snapshot) => {
    isTold = true
    return snapshot
  })
  await untilWaiting(2, () => isTold)
  await release()
  await leaving
  const had = JSON.stringify(await told).includes(id)
  expect({ had, receipts: (await receiptsOf(id)).length }).toEqual({ had: false, receipts: 0 })
})

it('S13: a lost right waits for nobody who changes the entry, who may wait for it', async () => {
  const { alice, bob, leave, owner } = await crewOf('lockers')
  const { id, cursor } = await server.register(alice, 'locked', { owner })
  await createReporter(await server.worker(), 'locker').send([sessionOf('s1', bob, cursor, appliedEntry(id, 'APPLIED'))])
  const release = await hold(`select 1 from entry where id = '${id}' for update`)
  await leave().finally(release)
  expect(await receiptsOf(id)).toHaveLength(1)
})

it('S13: leaving a team looks at what the team gave, not at all that somebody has', async () => {
  const { alice, bob, leave, owner } = await crewOf('lookers')
  const servers = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`own-${at}`, { url: `https://own-${at}.example.com/mcp` }]))
  await bob.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: JSON.stringify(servers), onConflict: 'UPDATE' } })
  const { id, cursor } = await server.register(alice, 'looked', { owner })
  await createReporter(await server.worker(), 'looker').send([sessionOf('s1', bob, cursor, appliedEntry(id, 'APPLIED'))])
  const { index } = server.app.services
  const [chosen, effective] = [vi.spyOn(index, 'chosen'), vi.spyOn(index, 'effective')]
  await leave()
  const asked = new Set(chosen.mock.calls.map(([, , name]) => name))
  expect([[...asked], effective.mock.calls.length]).toEqual([['looked'], 0])
  vi.restoreAllMocks()
  expect(await receiptsOf(id)).toHaveLength(1)
})

it('S13: a change that takes more than can be listed is made, and its receipts say so and do not complete', async () => {
  const { alice, bob, owner } = await crewOf('crowded')
  const entries = await Promise.all(['first', 'second'].map((name) => server.register(alice, name, { owner })))
  const [first, second] = entries.map(({ id }) => id).sort() as [string, string]
  await createReporter(await server.worker(), 'crowd').send([])
  await sql`insert into worker_session (worker_id, session_id, owner_kind, owner_id, entries, bytes, opened_at, updated_at)
    select 'crowd', 's' || n, 'USER', ${bob.id}, '[]', 2, now(), now() from generate_series(1, 20001) as n`
  await server.admin.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: 0, document: { transports: { http: 'deny' } } } })
  const counted = async (entryId: string) => (await receiptsOf(entryId)).map(({ state, targetCount, stoppedCount }) => [state, targetCount, stoppedCount])
  expect([await counted(first), await counted(second)]).toEqual([[['PENDING', 20_001, 0]], [['PENDING', 1, 0]]])
  expect(await sql`select reason from revocation_target where session_id = 'others' order by length(reason)`).toEqual([
    { reason: '1 more sessions and subscriptions may have it, of which nobody has told: too many to list for one change.' },
    { reason: '20001 more sessions and subscriptions may have it, of which nobody has told: too many to list for one change.' },
  ])
  await sql`update revocation_target set state = 'STOPPED', at = now() where worker_id = 'crowd'`
  expect(await counted(first)).toEqual([['PENDING', 20_001, 20_000]])
  const { targets } = (await readReceipt(alice, (await receiptsOf(second))[0]!.id))!
  expect(targets).toEqual([[undefined, 'others', 'UNREACHABLE', 0]])
})
