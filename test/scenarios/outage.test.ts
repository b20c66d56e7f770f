import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyChain } from '../../src/catalog/audit.js'
import { EffectiveCatalogDocument } from '../../src/client/index.js'
import { openDatabase } from '../../src/db/client.js'
import { databaseFaults, type DatabaseFaults } from '../support/database.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { type Subscriber } from '../support/subscriber.js'

let server: TestServer
let database: DatabaseFaults
beforeEach(async () => {
  server = await startTestServer({ pollMs: 50, bookmarkMs: 100 })
  database = databaseFaults(server.databaseUrl)
})
afterEach(async () => {
  await database.start()
  await server.close()
  await database.close()
})

async function setOf(who: Person): Promise<{ cursor: string; view: Map<string, string> }> {
  const { effectiveCatalog: { cursor, mcpServers } } = await who.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
  return { cursor, view: new Map(mcpServers.map(({ name, id, revision }) => [`MCP_SERVER:${name}`, `${id}@${revision}`])) }
}

const incarnationOf = (cursor: string) => cursor.split('-')[0]!

/** The next event of another incarnation than `old`. */
async function newIncarnation(live: Subscriber, old: string) {
  for (;;) {
    const event = await live.next({ bookmarks: true })
    if (incarnationOf(event.cursor) !== incarnationOf(old)) return event
  }
}

/** Tries again as a client does, until the database is back. */
async function eventually<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      expect((error as { code?: string }).code).toBe('UNAVAILABLE')
    }
  }
}

describe('a database that is away', () => {
  it('F1 F3: is answered with UNAVAILABLE and with nothing stale, and is taken up where it was', async () => {
    const user = await server.user('patient')
    const live = await user.watch()
    await live.nextSnapshot()
    const before = await server.register(user, 'before')
    await live.reached(before.cursor)
    await database.stop()
    for (const query of [
      '{ mcpServers { nodes { id } } }', '{ effectiveCatalog(owner: { kind: USER }) { cursor } }',
      'mutation { registerMcpServer(input: { owner: { kind: USER }, name: "lost", definition: { transport: { http: { url: "https://x.example.com" } } } }) { cursor } }',
      `mutation { deleteEntry(input: { id: "${before.id}", expectedRevision: 1 }) { cursor } }`,
    ]) expect((await user.raw(query)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', field: 'request', mend: expect.any(String) as string })
    // A token that cannot be looked up is not known to be wrong: 4401 would stop a worker for good.
    const unknown = await server.admin.watch()
    expect((await unknown.ended).errors?.[0]?.extensions?.code).toBe('UNAVAILABLE')
    const stranger = { ...user, token: `pht_${'x'.repeat(43)}` }
    const response = await fetch(server.url, { method: 'POST', headers: { authorization: `Bearer ${stranger.token}`, 'content-type': 'application/json' }, body: '{"query":"{__typename}"}' })
    expect(response.status).toBe(503)
    await database.start()
    const after = await eventually(() => server.register(user, 'after'))
    await live.reached(after.cursor)
    expect(live.view()).toEqual((await setOf(user)).view)
    expect(await verifyChain(server.app.services.db, server.app.services.auditKey, 'changes')).toMatchObject({ broken: null })
  })

  it('F1: backends that die under writers lose nothing that was answered, and no slot of the pool', async () => {
    const writers = await Promise.all(['w1', 'w2', 'w3', 'w4'].map((name) => server.user(name)))
    const lives = await Promise.all(writers.map((writer) => writer.watch()))
    await Promise.all(lives.map((live) => live.nextSnapshot()))
    const killer = openDatabase({ url: server.databaseUrl, poolSize: 1 })
    let isWriting = true
    const killing = (async () => {
      while (isWriting) await killer.db.execute(sql`select pg_sleep(0.02), pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'pilothouse%' and random() < 0.3`).catch(() => {})
    })()
    const committed = await Promise.all(writers.map(async (writer, at) => {
      const answered: string[] = []
      for (let step = 0; step < 25; step++) await server.register(writer, `e-${at}-${step}`).then(({ id }) => answered.push(id), () => {})
      return answered
    }))
    isWriting = false
    await killing
    await killer.close()
    for (const [at, writer] of writers.entries()) {
      const { cursor } = await eventually(() => server.register(writer, 'last'))
      await lives[at]!.reached(cursor)
      const { view } = await setOf(writer)
      expect(lives[at]!.view()).toEqual(view)
      const ids = new Set([...view.values()].map((value) => value.split('@')[0]))
      expect(committed[at]!.filter((id) => !ids.has(id))).toEqual([])
    }
    // Every connection of the pool of ten is asked for at once.
    await Promise.all(Array.from({ length: 10 }, () => server.app.services.db.transaction((tx) => tx.execute(sql`select pg_sleep(0.05)`))))
    expect(await verifyChain(server.app.services.db, server.app.services.auditKey, 'changes')).toMatchObject({ broken: null })
  })
})

describe('a restore that lacks the last commits', () => {
  it('F1 F3: gets a new incarnation on every node; cursors of before lead to snapshots, and views to what there is', async () => {
    const other = await server.node({ pollMs: 50 })
    const user = await server.user('restored')
    await server.register(user, 'kept')
    await database.backUp()
    const lost = await eventually(() => server.register(user, 'lost'))
    const lives = [await user.watch(), await other.as(user).watch()]
    for (const live of lives) expect((await live.nextSnapshot()).mcpServers.map(({ name }) => name)).toEqual(['kept', 'lost'])
    await database.restore()
    for (const live of lives) expect(await newIncarnation(live, lost.cursor)).toMatchObject({ __typename: 'CatalogSnapshot', mcpServers: [{ name: 'kept' }] })
    const next = await eventually(() => server.register(user, 'next'))
    for (const [at, node] of [user, other.as(user)].entries()) {
      // Cursors of two incarnations do not compare.
      while ((await lives[at]!.next({ bookmarks: true })).cursor !== next.cursor);
      expect(lives[at]!.view()).toEqual((await setOf(node)).view)
      const resumed = await node.watch({ kind: 'USER' }, lost.cursor)
      expect((await resumed.nextSnapshot()).mcpServers.map(({ name }) => name)).toEqual(['kept', 'next'])
    }
  })

  it('is noticed at the next start too, by a node that never saw the loss', async () => {
    const user = await server.user('absent')
    const { cursor } = await server.register(user, 'kept')
    await database.backUp()
    await eventually(() => server.register(user, 'lost'))
    await server.app.close()
    await database.restore()
    const node = await server.node({ pollMs: 50 })
    expect(incarnationOf((await setOf(node.as(user))).cursor)).not.toBe(incarnationOf(cursor))
  })

  it('is noticed when only commits are missing, as after the copy of a volume', async () => {
    const user = await server.user('rewound')
    const { cursor } = await server.register(user, 'kept')
    const live = await user.watch()
    await live.nextSnapshot()
    const { id, cursor: last } = await server.register(user, 'lost')
    await live.reached(last)
    const db = openDatabase({ url: server.databaseUrl, poolSize: 1 })
    await db.db.transaction(async (tx) => {
      await tx.execute(sql`delete from entry_revision where entry_id = ${id}`)
      await tx.execute(sql`delete from entry where id = ${id}`)
      await tx.execute(sql`delete from change_event where sequence = (select sequence from catalog_head)`)
      await tx.execute(sql`delete from audit_event where sequence = (select sequence from catalog_head)`)
      await tx.execute(sql`update catalog_head set sequence = sequence - 1, audit_hash = (select hash from audit_event order by sequence desc limit 1)`)
    })
    await db.close()
    expect(await newIncarnation(live, cursor)).toMatchObject({ __typename: 'CatalogSnapshot', mcpServers: [{ name: 'kept' }] })
    await server.register(user, 'next')
    expect(await verifyChain(server.app.services.db, server.app.services.auditKey, 'changes')).toMatchObject({ broken: null })
  })
})
