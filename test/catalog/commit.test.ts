import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChain } from '../../src/catalog/audit.js'
import { callerContext } from '../../src/catalog/context.js'
import { deleteEntry } from '../../src/catalog/withdraw.js'
import { updateMcpServer } from '../../src/catalog/mcp-server.js'
import { hashToken } from '../../src/catalog/token.js'
import { type Database, openDatabase } from '../../src/db/client.js'
import { AuditEventsDocument, DeleteEntryDocument, McpServersDocument, SetPolicyDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { loadCatalog } from '../../src/index/load.js'
import { buildState, type CatalogState } from '../../src/index/state.js'
import { startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let database: Database
beforeAll(async () => {
  server = await startTestServer()
  database = openDatabase({ url: server.databaseUrl, poolSize: 2 })
})
afterAll(async () => {
  await database.close()
  await server.close()
})

async function count(table: string): Promise<number> {
  const [row] = await database.db.execute<{ count: string }>(sql`select count(*) from ${sql.identifier(table)}`)
  return Number(row!.count)
}

const verify = (chain: 'changes' | 'access') => verifyChain(server.app.services.db, server.app.services.auditKey, chain)

describe('commit', () => {
  it('draws sequences in commit order without a gap, one audit event and one change for each', async () => {
    const writers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => server.user(`order-${name}`)))
    await Promise.all(writers.flatMap((writer) => Array.from({ length: 8 }, (_, at) => server.register(writer, `e${at}`))))
    const changes = await database.db.execute<{ sequence: string }>(sql`select sequence from change_event order by sequence`)
    const audits = await database.db.execute<{ sequence: string }>(sql`select sequence from audit_event order by sequence`)
    expect(changes.map(({ sequence }) => Number(sequence))).toEqual(changes.map((_, at) => at + 1))
    expect(audits).toEqual(changes)
  })

  it('S15: audit or nothing: when the event cannot be written, nothing changed and nothing is announced', async () => {
    const writer = await server.user('audited')
    const live = await writer.watch()
    await live.nextSnapshot()
    await database.db.execute(sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no audit today'; end $$`)
    await database.db.execute(sql`create trigger refuse before insert on audit_event for each row execute function refuse()`)
    const before = [await count('entry'), await count('entry_revision'), await count('change_event')]
    await expect(server.register(writer, 'unaudited')).rejects.toMatchObject({ code: 'INTERNAL', message: expect.not.stringContaining('audit today') as string })
    await database.db.execute(sql`drop trigger refuse on audit_event`)
    expect([await count('entry'), await count('entry_revision'), await count('change_event')]).toEqual(before)
    await server.register(writer, 'audited')
    expect((await live.nextDelta()).upserted.map(({ name }) => name)).toEqual(['audited'])
  })

  it('S19: a decision that rights or policy overtook is taken again', async () => {
    const writer = await server.user('overtaken')
    // Hold the counter row, let the registration decide under the old policy, and change the policy underneath.
    let release = () => {}
    const held = new Promise<void>((resolve) => { release = resolve })
    let locked = () => {}
    const isLocked = new Promise<void>((resolve) => { locked = resolve })
    const holding = database.db.transaction(async (tx) => {
      await tx.execute(sql`select * from catalog_head for update`)
      locked()
      await held
    })
    await isLocked
    const policy = server.admin.client.execute(SetPolicyDocument, {
      input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { transports: { http: 'deny' } } },
    })
    await waitForLockWaiters(1)
    const registration = server.register(writer, 'late')
    await waitForLockWaiters(2)
    release()
    await holding
    await policy
    await expect(registration).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 1, document: {} } })
  })

  it('lets exactly one of two writers with the same expected revision win', async () => {
    const writer = await server.user('racer')
    const { id } = await server.register(writer, 'contested')
    const results = await Promise.allSettled(Array.from({ length: 5 }, (_, at) => writer.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: 1, definition: { transport: { http: { url: `https://r${at}.example.com/mcp` } } } },
    })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as { code: string; extensions: object })
    expect(refused.every(({ code }) => code === 'REVISION_CONFLICT')).toBe(true)
    expect(refused[0]!.extensions).toMatchObject({ currentRevision: 2, field: 'expectedRevision' })
  })

  it('lets exactly one of several writers take a name', async () => {
    const writer = await server.user('namesake')
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => server.register(writer, 'same')))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : []))).toEqual(Array(4).fill('NAME_TAKEN'))
  })

  it('writes a change and the deletion that follows it, sent at once, in their order', async () => {
    const writer = await server.user('hasty')
    const { id } = await server.register(writer, 'short-lived')
    const { services } = server.app
    let asked = () => {}
    const isAsked = new Promise<void>((resolve) => { asked = resolve })
    const writeEntry: typeof services.writer.writeEntry = (job) => {
      asked()
      return services.writer.writeEntry(job)
    }
    const credential = { kind: 'TOKEN' as const, tokenId: services.index.state.tokensByHash.get(hashToken(writer.token))!.id }
    const context = callerContext({ ...services, writer: { ...services.writer, writeEntry } }, credential)
    const change = updateMcpServer(context, { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://hasty.example.com/mcp' } } } })
    // It waits for its commit by then.
    await isAsked
    const ends = await Promise.all([change, deleteEntry(context, { id, expectedRevision: 2 })])
    expect(ends[1].cursor > ends[0].cursor).toBe(true)
    const rows = await database.db.execute<{ gone: boolean; revisions: string }>(sql`
      select deleted_at is not null as gone, (select count(*) from entry_revision where entry_id = id) as revisions from entry where id = ${id}`)
    expect(rows).toMatchObject([{ gone: true, revisions: '2' }])
    await server.register(writer, 'short-lived')
  })

  it('F3: what a node took of its own commits is what any other node reads', async () => {
    const member = await server.user('taken')
    await server.team('takers', [[member, 'MAINTAINER']])
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 2, document: { transports: { sse: 'allow' } } } })
    const { id } = await server.register(member, 'taken', { owner: { kind: 'TEAM', id: 'takers' }, visibility: 'SHARED', audience: [{ kind: 'TEAM', id: 'takers' }] })
    await member.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, name: 'taken-again', apply: 'NOW' } })
    const { index, db } = server.app.services
    const [taken, read] = [index.state, buildState((await loadCatalog(db)).loaded)]
    const content = ({ tokens, ...state }: CatalogState) => ({ ...state, tokens: [...tokens.values()].map(({ id: token, hash }) => ({ token, hash })).sort(byToken) })
    expect(content(taken)).toStrictEqual(content(read))
  })

  it('reads its own write at once', async () => {
    const writer = await server.user('reader')
    for (let at = 0; at < 10; at++) {
      const { id } = await server.register(writer, `own-${at}`)
      const { mcpServers } = await writer.client.execute(McpServersDocument, { first: 100 })
      expect(mcpServers.nodes.map((node) => node.id)).toContain(id)
      await writer.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
      expect((await writer.client.execute(McpServersDocument, { first: 100 })).mcpServers.nodes).toEqual([])
    }
  })
})

const byToken = (a: { token: string }, b: { token: string }) => (a.token < b.token ? -1 : 1)

async function waitForLockWaiters(expected: number): Promise<void> {
  for (;;) {
    const [row] = await database.db.execute<{ count: string }>(
      sql`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
    if (Number(row!.count) >= expected) return
  }
}

describe('the audit chains', () => {
  it('tell who changed what, with values of headers and environment as keyed hashes', async () => {
    const writer = await server.user('secretive')
    const { id } = await server.register(writer, 'guarded', {
      definition: { transport: { http: { url: 'https://g.example.com/mcp', headers: [{ name: 'X-Key', value: 'canary-9f2' }, { name: 'Authorization', value: 'Bearer ${secret:api}' }] } } },
    })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id })
    const [event] = auditEvents.nodes
    expect(event).toMatchObject({ action: 'mcpServer.register', outcome: 'OK', actor: { kind: 'USER', id: writer.id }, before: null })
    const byId = await server.admin.raw('query ($id: ID!) { node(id: $id) { id ... on AuditEvent { target } } }', { id: event!.id })
    expect(byId.data).toEqual({ node: { id: event!.id, target: id } })
    expect((await writer.raw('query ($id: ID!) { node(id: $id) { id } }', { id: event!.id })).data).toEqual({ node: null })
    const text = JSON.stringify(event)
    expect(text).not.toContain('canary-9f2')
    expect(text).toContain('${secret:api}')
    expect(text).not.toContain('Bearer')
  })

  it('S15: name the first row that was touched', async () => {
    expect(await verify('changes')).toMatchObject({ broken: null })
    const stranger = await server.user('stranger')
    await expect(stranger.client.execute(DeleteEntryDocument, { input: { id: 'srv_none', expectedRevision: 1 } })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await verify('access')).toMatchObject({ broken: null, count: expect.any(Number) as number })
    for (const [tamper, sequence] of [
      [sql`update audit_event set actor = '{"id": "usr_other", "kind": "USER"}' where sequence = 5`, 5],
      [sql`update audit_event set target = target || 'x' where sequence = 3`, 3],
      [sql`delete from audit_event where sequence = 2`, 2],
    ] as const) {
      await database.db.execute(tamper)
      expect((await verify('changes')).broken?.sequence).toBe(sequence)
    }
    await database.db.execute(sql`update access_event set outcome = 'OK' where sequence = 1`)
    expect((await verify('access')).broken).toEqual({ sequence: 1, reason: 'the row was altered' })
  })
})
