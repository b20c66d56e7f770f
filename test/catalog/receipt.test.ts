import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type AppliedState, DeleteEntryDocument, EntrySessionsDocument, RegisterAgentDocument, RevocationDocument, RevocationImpactDocument, RevocationsDocument, RevokeEntryDocument, SetEntryEnabledDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { appliedEntry as of, createReporter, readReceipt as read, sessionOf as session } from '../support/reporter.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

/** How far the clock of both nodes is ahead. */
let aheadMs = 0
const now = () => new Date(Date.now() + aheadMs)

let server: TestServer
let second: TestNode
let alice: Person
let bob: Person
let worker: Person
beforeAll(async () => {
  server = await startTestServer({ now })
  second = await server.node({ now, listens: false, pollMs: 3_600_000 })
  worker = await server.worker()
})
// Each time another one: sessions of earlier tests, whose workers say no more, would count.
let people = 0
beforeEach(async () => {
  people += 1
  ;[alice, bob] = await Promise.all(['alice', 'bob'].map((name) => server.user(`${name}-${people}`))) as [Person, Person]
})
afterAll(() => server.close())

const reporter = (workerId: string, at: Person = worker, processId?: string) => createReporter(at, workerId, processId)
const revoke = async (who: Person, id: string, more: object = {}) =>
  (await who.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.', ...more } })).revokeEntry

describe('S13: a receipt', () => {
  it('lists every session that had it, fills as they report, and is complete when all have stopped', async () => {
    const { id, cursor } = await server.register(alice, 'leaky', { visibility: 'PRIVATE' })
    const [one, two] = [reporter('desk-1'), reporter('desk-2')]
    await one.send([session('s1', alice, cursor, of(id, 'APPLIED')), session('s2', alice, cursor, of(id, 'STARTING')), session('s3', alice, cursor)])
    await two.send([session('s1', alice, cursor, of(id, 'DEFERRED')), session('s4', alice, cursor, of(id, 'STOPPED')), session('s5', alice, cursor, of(id, 'REFUSED'))])
    const impact = await alice.client.execute(RevocationImpactDocument, { entryId: id })
    expect(impact.revocationImpact.nodes.map((node) => [node.worker.id, node.id])).toEqual([['desk-1', 's1'], ['desk-1', 's2'], ['desk-2', 's1']])

    const { revocation, cursor: gone } = await revoke(alice, id)
    expect(revocation).toMatchObject({ entryId: id, entryName: 'leaky', mode: 'IMMEDIATE', reason: 'It leaked.', state: 'PENDING', targetCount: 3, stoppedCount: 0, requestedBy: { id: alice.id } })
    await one.send([session('s1', alice, cursor, of(id, 'STOPPING')), session('s2', alice, gone)])
    expect(await read(alice, revocation.id)).toMatchObject({
      state: 'PENDING', stoppedCount: 1, targets: [['desk-1', 's1', 'STOPPING', 0], ['desk-1', 's2', 'STOPPED', 0], ['desk-2', 's1', 'DEFERRED', 0]],
    })
    await one.send([session('s1', alice, gone, of(id, 'STOPPED', { reason: 'REVOKED: ended after 3 ms', refusedCalls: 2 }))])
    await two.send([], { closedSessions: ['s1'] })
    expect(await read(alice, revocation.id)).toMatchObject({
      state: 'COMPLETE', stoppedCount: 3, targets: [['desk-1', 's1', 'STOPPED', 2], ['desk-1', 's2', 'STOPPED', 0], ['desk-2', 's1', 'STOPPED', 0]],
    })
    await one.send([session('s1', alice, gone, of(id, 'STOPPED', { refusedCalls: 7 }))])
    expect((await read(alice, revocation.id))?.targets[0]).toEqual(['desk-1', 's1', 'STOPPED', 7])
  })

  it('S26: a late report, or one on another node, never turns a stopped session back', async () => {
    const { id, cursor } = await server.register(alice, 'late')
    const here = reporter('late-1')
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id)
    await here.send([session('s1', alice, gone, of(id, 'STOPPED'))])
    // A slow start that tells of itself only now, from before the change and through a node that knows nothing yet.
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const elsewhere = reporter('late-2', second.as(worker))
    await elsewhere.send([])
    expect(await read(second.as(alice), revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['late-1', 's1', 'STOPPED', 0]] })
  })

  it('S13: a session whose report crossed the revocation is a target all the same', async () => {
    const { id, cursor } = await server.register(alice, 'crossed')
    const { revocation, cursor: gone } = await revoke(alice, id)
    expect(revocation).toMatchObject({ state: 'COMPLETE', targetCount: 0 })
    const late = reporter('crossed-1', second.as(worker))
    await late.send([session('s1', alice, cursor, of(id, 'STARTING'))])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'PENDING', targetCount: 1 })
    await late.send([session('s1', alice, gone)])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['crossed-1', 's1', 'STOPPED', 0]] })
  })

  it('S13: ... also one that had it and has stopped before it told anybody, and none that had stopped before', async () => {
    const { id, cursor } = await server.register(alice, 'brief')
    const here = reporter('brief-1')
    await here.send([session('old', alice, cursor, of(id, 'STOPPED')), session('new', alice, cursor)])
    const { revocation, cursor: gone } = await revoke(alice, id)
    await here.send([session('old', alice, gone, of(id, 'STOPPED', { refusedCalls: 1 })), session('new', alice, gone, of(id, 'STOPPED', { refusedCalls: 5 }))])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['brief-1', 'new', 'STOPPED', 5]] })
  })

  it('S13: ... and one that was told of before it loaded, until its worker tells more; not one whose owner did not have it', async () => {
    const here = reporter('fresh-1')
    await here.send([{ id: 'new', owner: { kind: 'USER', id: alice.id }, entries: [] }, { id: 'other', owner: { kind: 'USER', id: bob.id }, entries: [] }])
    const { id } = await server.register(alice, 'fresh')
    const { revocation, cursor: gone } = await revoke(alice, id)
    expect(revocation).toMatchObject({ state: 'PENDING', targetCount: 1 })
    expect(await read(alice, revocation.id)).toMatchObject({ targets: [['fresh-1', 'new', 'STARTING', 0]] })
    await here.send([session('new', alice, gone)])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['fresh-1', 'new', 'STOPPED', 0]] })
  })

  it('S17: what a process that died left unsaid is made up for when the receipt is read', async () => {
    const { id, cursor } = await server.register(alice, 'half')
    const here = reporter('half-1')
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id)
    // As a node leaves it that takes a report and dies before it looks at receipts.
    await server.app.services.db.execute(`update worker_session set cursor = '${gone}', entries = '[]' where worker_id = 'half-1'`)
    expect(await read(second.as(alice), revocation.id)).toMatchObject({ state: 'COMPLETE', stoppedCount: 1 })
  })

  it('tells of survivors with the reason, and is overdue past the deadline', async () => {
    const { id, cursor } = await server.register(alice, 'tough')
    const here = reporter('tough-1')
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id, { deadlineSeconds: 5 })
    await here.send([session('s1', alice, gone, of(id, 'SURVIVED', { reason: 'REVOKED: process 7 would not end' }))])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'PENDING', targets: [['tough-1', 's1', 'SURVIVED', 0]] })
    aheadMs += 6_000
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'OVERDUE' })
    const { revocations } = await alice.client.execute(RevocationsDocument, { entryId: id, state: 'OVERDUE' })
    expect(revocations.nodes.map((node) => node.id)).toEqual([revocation.id])
    await here.send([session('s1', alice, gone, of(id, 'STOPPED'))])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE' })
  })

  it('S13: says of a worker that is cut off until when it can go on, and is overdue only then', async () => {
    const { id, cursor } = await server.register(alice, 'cut')
    const here = reporter('cut-1')
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id)
    aheadMs += 60_000
    const { revocation: silent } = await alice.client.execute(RevocationDocument, { id: revocation.id })
    const [target] = silent!.targets.nodes
    expect(silent).toMatchObject({ state: 'PENDING' })
    expect(target).toMatchObject({ state: 'UNREACHABLE' })
    const trustLeft = (Date.parse(target!.mustStopBy!) - Date.parse(revocation.requestedAt)) / 1_000
    expect(trustLeft).toBeGreaterThan(590)
    expect(trustLeft).toBeLessThan(620)
    aheadMs += 600_000
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'OVERDUE' })
    // It comes back, and had stopped by itself.
    await here.send([session('s1', alice, gone)], { full: true })
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['cut-1', 's1', 'STOPPED', 0]] })
  })

  it('S13: a process that took the id of another one vouches for itself: what that had may run until its trust is over', async () => {
    const { id, cursor } = await server.register(alice, 'restarted')
    await reporter('restarted-1').send([session('s1', alice, cursor, of(id, 'APPLIED')), session('s2', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id)
    aheadMs += 60_000
    const successor = reporter('restarted-1', worker, 'p2')
    await successor.send([session('s2', alice, gone)])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'PENDING', stoppedCount: 0, targets: [['restarted-1', 's1', 'UNREACHABLE', 0], ['restarted-1', 's2', 'UNREACHABLE', 0]] })
    aheadMs += 551_000
    await successor.send([])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE', targets: [['restarted-1', 's1', 'STOPPED', 0], ['restarted-1', 's2', 'STOPPED', 0]] })
  })

  it('S13: ... and of two that live, each is believed of its own', async () => {
    const { id, cursor } = await server.register(alice, 'doubled')
    const [first, other] = [reporter('doubled-1'), reporter('doubled-1', worker, 'p2')]
    await first.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { revocation, cursor: gone } = await revoke(alice, id)
    await other.send([])
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'PENDING' })
    await first.send([session('s1', alice, gone)], { full: true })
    expect(await read(alice, revocation.id)).toMatchObject({ state: 'COMPLETE' })
  })

  it('does not wait for workers that must have stopped before', async () => {
    const { id, cursor } = await server.register(alice, 'ancient')
    await reporter('ancient-1').send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    aheadMs += 3_600_000
    expect((await revoke(alice, id)).revocation).toMatchObject({ state: 'COMPLETE', targetCount: 0 })
  })
})

describe('what has a receipt', () => {
  it('a deletion, and a disable of what sessions could have; another disable has none', async () => {
    const { id, cursor } = await server.register(alice, 'plain')
    await reporter('plain-1').send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const disabled = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false, deadlineSeconds: 60 } })
    const { revocation } = disabled.setEntryEnabled
    expect(revocation).toMatchObject({ mode: 'DRAIN', state: 'PENDING', targetCount: 1, reason: 'It was disabled.' })
    expect(Date.parse(revocation!.deadline) - Date.parse(revocation!.requestedAt)).toBe(60_000)
    const enabled = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: true } })
    expect(enabled.setEntryEnabled.revocation).toBeNull()
    const deleted = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 3 } })
    expect(deleted.deleteEntry).toMatchObject({ entry: null, revocation: { mode: 'IMMEDIATE', targetCount: 1, reason: 'It was deleted.' } })
    const { revocations } = await alice.client.execute(RevocationsDocument, { entryId: id })
    expect(revocations.nodes.map(({ reason }) => reason)).toEqual(['It was deleted.', 'It was disabled.'])
    const idle = await server.register(alice, 'idle', { definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } } })
    const unneeded = await alice.client.execute(SetEntryEnabledDocument, { input: { id: idle.id, expectedRevision: 1, enabled: false } })
    expect(unneeded.setEntryEnabled.revocation).toBeNull()
  })

  it('an update that takes it from some, or from all', async () => {
    const { id, cursor } = await server.register(alice, 'lent', { visibility: 'PRIVATE' })
    await server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, audience: [{ kind: 'USER', id: bob.id }] } })
    const here = reporter('lent-1')
    await here.send([session('of-alice', alice, cursor, of(id, 'APPLIED', { revision: 2 })), session('of-bob', bob, cursor, of(id, 'APPLIED', { revision: 2 }))])
    const renamed = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, name: 'lent-out' } })
    expect(renamed.updateMcpServer.revocation).toBeNull()
    const { updateMcpServer } = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 3, visibility: 'PRIVATE' } })
    expect(updateMcpServer.revocation).toMatchObject({ state: 'PENDING', targetCount: 1, reason: 'It is not shared with them any more.' })
    await here.send([session('of-alice', alice, updateMcpServer.cursor, of(id, 'APPLIED', { revision: 4 })), session('of-bob', bob, updateMcpServer.cursor)])
    expect(await read(server.admin, updateMcpServer.revocation!.id)).toMatchObject({ state: 'COMPLETE', targets: [['lent-1', 'of-bob', 'STOPPED', 0]] })
    const local = { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } }
    const pending = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 4, definition: local } })
    expect(pending.updateMcpServer.revocation).toMatchObject({ state: 'PENDING', targetCount: 1, reason: 'It was changed, and waits for approval.' })
  })

  it('S15: no receipt, no update that takes it from sessions', async () => {
    const { id, cursor } = await server.register(alice, 'bare')
    await reporter('bare-1').send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { db } = server.app.services
    const local = { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } }
    const update = () => alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: local } })
    await db.execute('alter table revocation rename to revocation_away')
    await expect(update().finally(() => db.execute('alter table revocation_away rename to revocation'))).rejects.toMatchObject({ code: 'INTERNAL' })
    expect((await alice.raw('query ($id: ID!) { mcpServer(id: $id) { status revision } }', { id })).data).toEqual({ mcpServer: { status: 'ACTIVE', revision: 1 } })
    expect((await update()).updateMcpServer).toMatchObject({ mcpServer: { revision: 2 }, revocation: { targetCount: 1 } })
  })

  it('an enabled entry that runs again makes the old receipt complete', async () => {
    const { id, cursor } = await server.register(alice, 'back')
    const here = reporter('back-1')
    await here.send([session('s1', alice, cursor, of(id, 'APPLIED'))])
    const { setEntryEnabled } = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false } })
    const { setEntryEnabled: { cursor: again } } = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: true } })
    await here.send([session('s1', alice, again, of(id, 'APPLIED', { revision: 3 }))])
    expect(await read(alice, setEntryEnabled.revocation!.id)).toMatchObject({ state: 'COMPLETE', targets: [['back-1', 's1', 'STOPPED', 0]] })
  })

  it('a revocation of what is revoked answers the receipt that there is', async () => {
    const { id } = await server.register(alice, 'again')
    const first = await revoke(alice, id)
    expect((await revoke(alice, id)).revocation.id).toBe(first.revocation.id)
  })

  it('S15: no receipt, no revocation', async () => {
    const { id } = await server.register(alice, 'atomic')
    const { db } = server.app.services
    await db.execute('alter table revocation add constraint no_more check (sequence < 0) not valid')
    try {
      await expect(revoke(alice, id)).rejects.toMatchObject({ code: 'INTERNAL' })
    } finally {
      await db.execute('alter table revocation drop constraint no_more')
    }
    const { data } = await alice.raw('query ($id: ID!) { mcpServer(id: $id) { status revision } }', { id })
    expect(data).toEqual({ mcpServer: { status: 'ACTIVE', revision: 1 } })
    expect((await revoke(alice, id)).revocation.state).toBe('COMPLETE')
  })
})

describe('who sees a receipt', () => {
  it("people see others' sessions as counts", async () => {
    const teamId = await server.team('crew', [[alice, 'MAINTAINER'], [bob, 'MEMBER']])
    const { id, cursor } = await server.register(alice, 'crew-tool', { owner: { kind: 'TEAM', id: teamId } })
    await reporter('crew-1').send([
      session('of-alice', alice, cursor, of(id, 'APPLIED')), session('of-bob', bob, cursor, of(id, 'APPLIED')), session('of-crew', { kind: 'TEAM', id: 'crew' }, cursor, of(id, 'APPLIED')),
    ])
    const { revocation } = await revoke(alice, id)
    const ids = async (who: Person) => (await read(who, revocation.id))?.targets.map(([, sessionId]) => sessionId)
    expect(await ids(alice)).toEqual(['of-alice', 'of-crew'])
    expect(await ids(bob)).toEqual(['of-bob', 'of-crew'])
    expect(await ids(server.admin)).toEqual(['of-alice', 'of-bob', 'of-crew'])
    expect(await read(bob, revocation.id)).toMatchObject({ targetCount: 3, stoppedCount: 0 })
    const pages = await server.admin.client.execute(RevocationDocument, { id: revocation.id, first: 2 })
    const rest = await server.admin.client.execute(RevocationDocument, { id: revocation.id, first: 2, after: pages.revocation!.targets.pageInfo.endCursor })
    expect(rest.revocation!.targets).toMatchObject({ nodes: [{ sessionId: 'of-crew' }], pageInfo: { hasNextPage: false } })
  })

  it('names the worker also when nothing of the caller runs there any more, and asks for all of them at once', async () => {
    const { id, cursor } = await server.register(alice, 'named')
    const [here, there] = [reporter('named-1'), reporter('named-2')]
    for (const one of [here, there]) await one.send([session('s1', alice, cursor, of(id, 'APPLIED')), session('of-bob', bob, cursor)])
    const { revocation } = await revoke(alice, id)
    for (const one of [here, there]) await one.send([], { closedSessions: ['s1'] })
    const targets = 'query ($id: ID!) { workers { id } revocation(id: $id) { targets { nodes { worker { name connected sessions { nodes { id } } } } } } }'
    const worker = (name: string) => ({ worker: { name, connected: true, sessions: { nodes: [] } } })
    expect((await alice.raw(targets, { id: revocation.id })).data).toEqual({ workers: [], revocation: { targets: { nodes: [worker('named-1'), worker('named-2')] } } })
  })

  it('S21: tells whoever sees a session that it has an entry, refused it or failed, and why; of an agent the same', async () => {
    const { registerAgent: { agent: { id: agent }, cursor } } = await server.admin.client.execute(RegisterAgentDocument, {
      input: { owner: { kind: 'DEPLOYMENT' }, name: `common-${people}`, definition: { prompt: 'Plan.' } },
    })
    const { id } = await server.register(server.admin, `common-${people}`, { owner: { kind: 'DEPLOYMENT' } })
    const said = (state: 'APPLIED' | 'REFUSED' | 'FAILED' | 'STOPPED', reason: string | null = null) => [of(id, state, { reason }), of(agent, state, { reason, kind: 'AGENT' })]
    const one = reporter(`common-${people}`)
    await one.send([
      session('a', alice, cursor, ...said('APPLIED')), session('b', alice, cursor, ...said('REFUSED', 'A static server has its name.')),
      session('c', bob, cursor, ...said('FAILED', 'No answer.')), session('d', alice, cursor, ...said('STOPPED')), session('e', alice, cursor),
    ])
    const seen = async (who: Person, entryId: string, states?: AppliedState[], first?: number, after?: string | null) => {
      const { entrySessions: { nodes, pageInfo } } = await who.client.execute(EntrySessionsDocument, { entryId, states, first, after })
      return { rows: nodes.map((node) => [node.id, ...node.entries.filter((each) => each.entryId === entryId).map(({ state, reason }) => `${state} ${reason ?? ''}`)]), pageInfo }
    }
    for (const entry of [id, agent]) {
      expect((await seen(alice, entry)).rows).toEqual([['a', 'APPLIED '], ['b', 'REFUSED A static server has its name.'], ['d', 'STOPPED ']])
      expect((await seen(alice, entry, ['REFUSED', 'FAILED'])).rows).toEqual([['b', 'REFUSED A static server has its name.']])
      expect((await seen(bob, entry, ['REFUSED', 'FAILED'])).rows).toEqual([['c', 'FAILED No answer.']])
      expect((await seen(server.admin, entry, ['REFUSED', 'FAILED', 'REFUSED'])).rows.map(([at]) => at)).toEqual(['b', 'c'])
      expect((await seen(alice, entry, [])).rows).toEqual([])
      // What would be lost is what it was.
      const { revocationImpact: { nodes } } = await server.admin.client.execute(RevocationImpactDocument, { entryId: entry })
      expect(nodes.map((node) => node.id)).toEqual(['a', 'c'])
    }
    const page = await seen(alice, id, undefined, 2)
    expect([page.rows.map(([at]) => at), (await seen(alice, id, undefined, 2, page.pageInfo.endCursor)).rows.map(([at]) => at)]).toEqual([['a', 'b'], ['d']])
    const hidden = (await server.register(alice, 'hidden')).id
    for (const entryId of [hidden, 'srv_000000000000000000000000', '', '\u0000']) {
      expect((await bob.raw('query ($id: ID!) { entrySessions(entryId: $id) { nodes { id } } }', { id: entryId })).errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', field: 'entryId' })
    }
    expect((await worker.raw('query ($id: ID!) { entrySessions(entryId: $id) { nodes { id } } }', { id })).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    // A worker that has been silent for so long has stopped it by itself.
    aheadMs += 691_000
    expect((await seen(alice, id)).rows).toEqual([])
  })

  it('S21: to others it looks missing, by every way', async () => {
    const { id } = await server.register(alice, 'private')
    const { revocation } = await revoke(alice, id)
    for (const query of ['query ($id: ID!) { revocation(id: $id) { id } }', 'query ($id: ID!) { node(id: $id) { id } }']) {
      const answers = await Promise.all([revocation.id, 'rev_000000000000000000000000', 'rev_', '', '\u0000', `${revocation.id} `].map((one) => bob.raw(query, { id: one })))
      expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toHaveLength(1)
      expect((await alice.raw(query, { id: revocation.id })).errors).toBeUndefined()
    }
    expect((await bob.client.execute(RevocationsDocument, { entryId: id })).revocations.nodes).toEqual([])
    expect((await alice.client.execute(RevocationsDocument, { entryId: id })).revocations.nodes).toHaveLength(1)
    expect((await alice.raw('query ($id: ID!) { node(id: $id) { __typename id } }', { id: revocation.id })).data).toEqual({ node: { __typename: 'Revocation', id: revocation.id } })
    expect((await bob.raw('query ($id: ID!) { revocationImpact(entryId: $id) { nodes { id } } }', { id })).errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    expect((await worker.raw('query ($id: ID!) { revocation(id: $id) { id } }', { id: revocation.id })).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it.each(['x', '["a"]', '["a","b"] or true', '["\u0000","b"]', '["\\u0000","b"]', '["\\ud800","b"]', '["\\x","b"]', '[1,2]', '{"0":"a","1":"b","length":2}', '["a","b","c"]'])('hostile: %j is no cursor of a list of sessions', async (text) => {
    const { id } = await server.register(alice, `cursor-${Buffer.from(text).toString('hex').slice(-32)}`)
    const after = Buffer.from(text).toString('base64url')
    const { errors } = await alice.raw('query ($id: ID!, $after: String) { revocationImpact(entryId: $id, after: $after) { nodes { id } } }', { id, after })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' })
  })
})
