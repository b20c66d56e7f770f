import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DeleteEntryDocument, RevocationDocument, RevokeEntryDocument } from '../../src/client/index.js'
import { type Database, openDatabase } from '../../src/db/client.js'
import { appliedEntry, createReporter, readReceipt, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

/** How far the clock of both nodes is ahead. */
let aheadMs = 0
const now = () => new Date(Date.now() + aheadMs)

let server: TestServer
let second: TestNode
let database: Database
beforeAll(async () => {
  server = await startTestServer({ now })
  second = await server.node({ now, listens: false, pollMs: 3_600_000 })
  database = openDatabase({ url: server.databaseUrl, poolSize: 2 })
})
afterAll(async () => {
  await database.close()
  await server.close()
})

/** Each time others: what an earlier test left would count. */
let alice: Person
let worker: Person
let people = 0
beforeEach(async () => {
  people += 1
  ;[alice, worker] = await Promise.all([server.user(`alice-${people}`), server.worker()])
})

const mine = () => ({ kind: 'USER' as const, id: alice.id })
const revoke = async (id: string) => (await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })).revokeEntry

/** Waits until the row of the worker's token says that nothing is open. */
async function closedRow(): Promise<void> {
  for (;;) {
    const open = await database.db.execute(sql`select 1 from worker_subscription where token_id = ${worker.id} and closed_at is null`)
    if (open.length === 0) return
  }
}

describe('S13: an open subscription is a target', () => {
  it.each(['this node', 'another one'])('of a worker that reports nothing, on %s: unreachable, and overdue when its trust is over', async (name) => {
    const { id } = await server.register(alice, 'silent')
    const live = await (name === 'this node' ? worker : second.as(worker)).watch(mine())
    expect((await live.nextSnapshot()).mcpServers).toHaveLength(1)
    const { revocation, cursor } = await revoke(id)
    expect(revocation).toMatchObject({ state: 'PENDING', targetCount: 1, stoppedCount: 0 })
    const { revocation: read } = await alice.client.execute(RevocationDocument, { id: revocation.id })
    expect(read!.targets.nodes).toMatchObject([{ worker: null, sessionId: `${worker.id}/USER:${alice.id}`, state: 'UNREACHABLE', at: null, reason: expect.stringContaining('worker token') as string }])
    expect(Date.parse(read!.targets.nodes[0]!.mustStopBy!) - Date.parse(revocation.requestedAt)).toBe(610_000)
    // It got the removal. That says nothing of what it still runs.
    if (name === 'another one') await second.app.services.refresh()
    await live.reached(cursor)
    await live.close()
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'PENDING' })
    aheadMs += 611_000
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'OVERDUE', stoppedCount: 0 })
  })

  it('also one that closed a moment ago, or whose node has died; not one that must have stopped by then', async () => {
    const [first, next, last] = await Promise.all(['a', 'b', 'c'].map((name) => server.register(alice, name)))
    const live = await worker.watch(mine())
    await live.nextSnapshot()
    await live.close()
    await closedRow()
    expect((await revoke(first!.id)).revocation).toMatchObject({ state: 'PENDING', targetCount: 1 })
    // As a node leaves it that is killed.
    await database.db.execute(sql`update worker_subscription set closed_at = null where token_id = ${worker.id}`)
    await database.db.execute(sql`update feed_node set seen_at = ${new Date(now().getTime() - 300_000).toISOString()}::timestamptz`)
    const { revocation } = await revoke(next!.id)
    const { revocation: read } = await alice.client.execute(RevocationDocument, { id: revocation.id })
    const trustLeft = (Date.parse(read!.targets.nodes[0]!.mustStopBy!) - Date.parse(revocation.requestedAt)) / 1_000
    expect(trustLeft).toBeGreaterThan(330)
    expect(trustLeft).toBeLessThanOrEqual(340)
    aheadMs += 700_000
    expect((await revoke(last!.id)).revocation).toMatchObject({ state: 'COMPLETE', targetCount: 0 })
  })

  it('not of a person, who looks; nor of an owner whose set does not hold it; nor where a worker of the token reports that owner', async () => {
    const { id, cursor } = await server.register(alice, 'seen', { visibility: 'PRIVATE' })
    const other = await server.user(`other-${people}`)
    const reports = await server.worker()
    await createReporter(reports, `reports-${people}`).send([sessionOf('s1', alice, cursor, appliedEntry(id, 'STOPPED'))])
    const all = await Promise.all([alice.watch(), worker.watch({ kind: 'USER', id: other.id }), worker.watch({ kind: 'DEPLOYMENT' }), reports.watch(mine())])
    await Promise.all(all.map((live) => live.nextSnapshot()))
    expect((await revoke(id)).revocation).toMatchObject({ state: 'COMPLETE', targetCount: 0 })
  })

  it('until a worker of its token reports the owner: what it tells of is a target of its own', async () => {
    const { id, cursor } = await server.register(alice, 'starting')
    const live = await worker.watch(mine())
    await live.nextSnapshot()
    const { revocation, cursor: gone } = await revoke(id)
    const here = createReporter(worker, `starting-${people}`)
    await here.send([sessionOf('s1', alice, cursor, appliedEntry(id, 'STARTING'))])
    const subscription = [undefined, `${worker.id}/USER:${alice.id}`]
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'PENDING', targets: [[...subscription, 'UNREACHABLE', 0], [`starting-${people}`, 's1', 'STARTING', 0]] })
    await here.send([sessionOf('s1', alice, gone)])
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [[...subscription, 'STOPPED', 0], [`starting-${people}`, 's1', 'STOPPED', 0]] })
  })

  it('or until it has ended, its trust is over, and the workers of its token report nothing of the owner', async () => {
    const { id } = await server.register(alice, 'passing')
    const here = createReporter(worker, `passing-${people}`)
    await here.send([])
    const live = await worker.watch(mine())
    await live.nextSnapshot()
    const { revocation } = await revoke(id)
    expect(revocation).toMatchObject({ targetCount: 1 })
    await live.close()
    await closedRow()
    await here.send([])
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'PENDING' })
    aheadMs += 611_000
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'OVERDUE' })
    await here.send([])
    expect(await readReceipt(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', stoppedCount: 1 })
  })

  it('or is not served any more: one that opens while the receipt is written gets the set without it', async () => {
    const { id } = await server.register(alice, 'race')
    let letGo = () => {}
    const held = new Promise<void>((resolve) => { letGo = resolve })
    let isHeld = () => {}
    const holds = new Promise<void>((resolve) => { isHeld = resolve })
    const holding = database.db.transaction(async (tx) => {
      await tx.execute(sql`select * from catalog_head for update`)
      isHeld()
      await held
    })
    await holds
    // It has looked for subscriptions, or will in a moment, and waits for its place.
    const revoking = revoke(id)
    await waiting(1)
    const live = await second.as(worker).watch(mine())
    await waiting(2)
    letGo()
    await holding
    const { revocation } = await revoking
    expect((await live.nextSnapshot()).mcpServers).toEqual([])
    expect(revocation).toMatchObject({ state: 'COMPLETE', targetCount: 0 })
  })

  it('S15: nothing is served to a worker whose subscription cannot be written down', async () => {
    await server.register(alice, 'unwritten')
    await database.db.execute(sql`alter table worker_subscription rename to worker_subscription_away`)
    const live = await worker.watch(mine())
    const { errors } = await live.ended
    await database.db.execute(sql`alter table worker_subscription_away rename to worker_subscription`)
    expect(errors?.[0]?.extensions?.code).toBe('INTERNAL')
    expect(live.events).toEqual([])
    expect((await (await worker.watch(mine())).nextSnapshot()).mcpServers).toHaveLength(1)
  })

  it('of a deletion too', async () => {
    const { id } = await server.register(alice, 'deleted')
    await (await worker.watch(mine())).nextSnapshot()
    const { deleteEntry } = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    expect(deleteEntry.revocation).toMatchObject({ state: 'PENDING', targetCount: 1 })
  })
})

/** Until so many transactions wait for a lock. */
async function waiting(expected: number): Promise<void> {
  for (;;) {
    const [row] = await database.db.execute<{ count: string }>(sql`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
    if (Number(row!.count) >= expected) return
  }
}
