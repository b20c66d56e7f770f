import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AppliedEntryInput, ConvergenceDocument, DeleteEntryDocument, EffectiveCatalogDocument, ReportToolInventoryDocument, RevokeAccessTokenDocument, SetPolicyDocument, WorkersDocument,
  WorkerSessionsDocument,
} from '../../src/client/index.js'
import { openBrowser } from '../support/browser.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let now = Date.now()
let server: TestServer
let machine: Person
beforeAll(async () => {
  server = await startTestServer({ now: () => new Date(now) })
  machine = await server.worker()
})
afterAll(() => server.close())

const listed = async (who: Person) => (await who.client.execute(WorkersDocument, { first: 500 })).workers
const find = async (who: Person, id: string) => (await listed(who)).find((worker) => worker.id === id)
/** A worker's sessions by id, each with its entries by name and state. */
const sessionsOf = async (who: Person, id: string) => Object.fromEntries((await find(who, id))?.sessions.nodes
  .map((session) => [session.id, session.entries.map(({ name, state }) => `${name} ${state}`).join(', ')]) ?? [])
const rows = async (query: string) => server.app.services.db.execute(query)
const sequence = () => server.app.services.index.state.sequence

describe('who sees what workers report', () => {
  it('S21: the owner, the owner\'s team and admins; for everybody else there is no such worker', async () => {
    const [ann, ben, stranger] = await Promise.all([server.user('ann'), server.user('ben'), server.user('stranger')])
    const team = await server.team('seen', [[ann, 'MEMBER']])
    await report(machine, 'shared', 1, [
      sessionOf(ann, 'of-ann', { agent: 'helper', entries: [applied('tickets', { state: 'FAILED', reason: 'no route', refusedCalls: 2 })] }),
      sessionOf(ben, 'of-ben'), sessionOf({ kind: 'TEAM', id: 'seen' }, 'of-team'), sessionOf({ kind: 'DEPLOYMENT' }, 'of-all'),
    ])
    await report(machine, 'idle', 1, [])
    const seen = await Promise.all([ann, ben, stranger, server.admin].map(async (who) => Object.keys(await sessionsOf(who, 'shared'))))
    expect(seen).toEqual([['of-ann', 'of-team'], ['of-ben'], [], ['of-all', 'of-ann', 'of-ben', 'of-team']])
    expect(await listed(stranger)).toEqual([])
    expect((await listed(ann)).map(({ id }) => id)).toEqual(['shared'])
    expect((await listed(server.admin)).map(({ id }) => id)).toEqual(['idle', 'shared'])
    const [first] = (await find(ann, 'shared'))!.sessions.nodes
    expect(first).toMatchObject({
      id: 'of-ann', agent: 'helper', owner: { kind: 'USER', id: ann.id, displayName: 'ann' },
      entries: [{ entryId: null, name: 'tickets', state: 'FAILED', reason: 'no route', refusedCalls: 2, revision: 1, origin: 'catalog' }],
    })
    for (const [who, id, expected] of [[ann, 'shared', 'shared'], [stranger, 'shared', null], [stranger, 'none', null], [server.admin, 'idle', 'idle'], [ann, 'idle', null]] as const) {
      const { node } = await who.client.execute(WorkerSessionsDocument, { id })
      expect(node === null ? null : 'name' in node && node.name).toBe(expected)
    }
    const ofTeam = await ann.client.execute(WorkersDocument, { owner: { kind: 'TEAM', id: team } })
    expect(ofTeam.workers[0]!.sessions.nodes.map(({ id }) => id)).toEqual(['of-team'])
    for (const owner of [{ kind: 'USER' as const, id: ben.id }, { kind: 'TEAM' as const, id: 'no-such-team' }]) {
      await expect(ann.client.execute(WorkersDocument, { owner })).rejects.toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'owner' } })
    }
  })

  it('S11: a person whom the catalog meets later sees what was reported before', async () => {
    await report(machine, 'early', 1, [sessionOf({ kind: 'USER', provider: 'test', subject: 'later' })])
    const later = await server.user('later')
    expect((await find(later, 'early'))!.sessions.nodes).toMatchObject([{ owner: { id: later.id, displayName: 'later' } }])
  })

  it('S21: pages are of what the caller sees', async () => {
    const [ann, ben] = await Promise.all([server.user('page-ann'), server.user('page-ben')])
    await report(machine, 'paged', 1, Array.from({ length: 10 }, (_, at) => sessionOf(at % 2 === 0 ? ann : ben, `s${at}`)))
    const page = async (after: string | null) => {
      const { node } = await ann.client.execute(WorkerSessionsDocument, { id: 'paged', first: 2, after })
      return (node as { sessions: { nodes: Array<{ id: string }>; pageInfo: { endCursor: string | null } } }).sessions
    }
    const ids: string[] = []
    for (let { nodes, pageInfo } = await page(null); nodes.length > 0; { nodes, pageInfo } = await page(pageInfo.endCursor)) ids.push(...nodes.map(({ id }) => id))
    expect(ids).toEqual(['s0', 's2', 's4', 's6', 's8'])
    await expect(ann.client.execute(WorkerSessionsDocument, { id: 'paged', after: Buffer.from('a\0').toString('base64url') })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})

describe('S26: reports are taken in order', () => {
  it('a part goes on from the last one; what is missing, old or of another process asks for a full one', async () => {
    const user = await server.user('orderly')
    const one = (id: string, name: string) => sessionOf(user, id, { entries: [applied(name)] })
    const part = (number: number, sessions: Parameters<typeof report>[3], more: object = {}) => report(machine, 'ordered', number, sessions, { full: false, ...more })
    const seen = () => sessionsOf(user, 'ordered')
    expect(await part(1, [one('a', 'x')])).toBe(false)
    expect(await listed(user)).toEqual([])
    expect(await report(machine, 'ordered', 1, [one('a', 'x'), one('b', 'x')])).toBe(true)
    expect(await part(2, [one('b', 'y'), one('c', 'y')], { closedSessions: ['a', 'never-there'] })).toBe(true)
    expect(await seen()).toEqual({ b: 'y APPLIED', c: 'y APPLIED' })
    for (const number of [1, 2, 4]) expect(await part(number, [one('b', 'z')])).toBe(false)
    expect(await part(3, [one('b', 'z')], { processId: 'p2' })).toBe(false)
    expect(await report(machine, 'ordered', 2, [one('b', 'z')])).toBe(false)
    expect(await seen()).toEqual({ b: 'y APPLIED', c: 'y APPLIED' })
    expect(await report(machine, 'ordered', 1, [one('d', 'z')], { processId: 'p2' })).toBe(true)
    expect(await seen()).toEqual({ d: 'z APPLIED' })
    expect(await part(3, [one('b', 'y')])).toBe(false)
  })

  it('of the same report, sent many times at once, one is taken', async () => {
    const user = await server.user('racer')
    await report(machine, 'raced', 1, [])
    const taken = await Promise.all(Array.from({ length: 12 }, (_, at) => report(machine, 'raced', 2, [sessionOf(user, `s${at}`)], { full: false })))
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(Object.keys(await sessionsOf(user, 'raced'))).toEqual([`s${taken.indexOf(true)}`])
  })

  it('an entry keeps the time since which it is as it is', async () => {
    const user = await server.user('patient')
    const tell = async (number: number, entry: Partial<AppliedEntryInput>) => {
      await report(machine, 'timed', number, [sessionOf(user, 's', { entries: [applied('a', entry)] })], { full: number % 2 === 1 })
      return Date.parse((await find(user, 'timed'))!.sessions.nodes[0]!.entries[0]!.at)
    }
    const since = now
    expect(await tell(1, { state: 'STARTING' })).toBe(since)
    now += 1_000
    expect(await tell(2, { state: 'STARTING', reason: 'still' })).toBe(since)
    expect(await tell(3, { state: 'STARTING' })).toBe(since)
    expect(await tell(4, {})).toBe(now)
  })

  it('a report is no change: it draws no sequence and leaves the audit alone', async () => {
    const [before, audited] = [sequence(), await rows('select count(*) from audit_event')]
    await report(machine, 'quiet', 1, [])
    await report(machine, 'quiet', 2, [], { full: false })
    expect([sequence(), await rows('select count(*) from audit_event')]).toEqual([before, audited])
    expect(await rows("select actor->>'id' as actor, outcome from access_event where action = 'CLAIM_WORKER' and target = 'quiet'")).toEqual([{ actor: machine.id, outcome: 'OK' }])
  })
})

describe('who may report', () => {
  it('a worker id belongs to the token that first used it, until that token ends', async () => {
    const [user, first, second] = [await server.user('home'), await server.worker(), await server.worker()]
    expect(await report(first, 'owned', 1, [sessionOf(user)])).toBe(true)
    const take = (full = true) => report(second, 'owned', 9, [sessionOf(user, 'taken')], { processId: 'p2', full })
    await expect(take()).rejects.toMatchObject({ code: 'FORBIDDEN', extensions: { field: 'workerId' } })
    expect(await sessionsOf(user, 'owned')).toEqual({ s: '' })
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: first.id })
    expect(await take(false)).toBe(false)
    expect(await take()).toBe(true)
    expect(await sessionsOf(user, 'owned')).toEqual({ taken: '' })
    expect(await rows("select actor->>'id' as actor, action, outcome from access_event where target = 'owned' order by sequence")).toEqual([
      { actor: first.id, action: 'CLAIM_WORKER', outcome: 'OK' }, { actor: second.id, action: 'REPORT_STATUS', outcome: 'DENIED' },
      { actor: second.id, action: 'CLAIM_WORKER', outcome: 'OK' },
    ])
  })

  it('S21: only for owners that its token serves; an unknown owner is refused alike, and nothing of the report is kept', async () => {
    const [served, other] = await Promise.all([server.user('served'), server.user('unserved')])
    const team = await server.team('unserved-team', [])
    const limited = await server.worker([{ kind: 'USER', id: served.id }])
    const answers = await Promise.all([
      { kind: 'USER' as const, id: other.id }, { kind: 'USER' as const, id: 'usr_none' }, { kind: 'TEAM' as const, id: team }, { kind: 'TEAM' as const, id: `team_${'0'.repeat(24)}` },
      { kind: 'DEPLOYMENT' as const }, { kind: 'USER' as const }, { kind: 'TEAM' as const, id: 'x', provider: 'y', subject: 'z' },
    ].map((owner) => report(limited, 'limited', 1, [sessionOf(served), sessionOf(owner, 'bad')]).catch((error: unknown) => {
      const { code, message, extensions } = error as { code: string; message: string; extensions: object }
      return { code, message, extensions }
    })))
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toHaveProperty('size', 1)
    expect(answers[0]).toMatchObject({ code: 'FORBIDDEN', extensions: { field: 'sessions.1.owner' } })
    expect(await listed(served)).toEqual([])
  })

  it('for a team that was deleted meanwhile too, so that its sessions can end', async () => {
    const team = await server.team('leaving', [])
    await server.admin.raw('mutation M($team: ID!) { deleteTeam(team: $team) }', { team })
    expect(await report(machine, 'after-team', 1, [sessionOf({ kind: 'TEAM', id: team })])).toBe(true)
  })

  it('workers alone; and they read nothing of it', async () => {
    const user = await server.user('no-worker')
    for (const who of [user, server.admin]) await expect(report(who, 'mine', 1, [])).rejects.toMatchObject({ code: 'FORBIDDEN', extensions: { field: 'reportWorkerStatus' } })
    for (const query of ['{ workers { id } }', '{ convergence { workers } }', '{ node(id: "shared") { id } }']) {
      expect((await machine.raw(query)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    }
  })
})

describe('what is kept is bounded', () => {
  it('in sessions and bytes of one worker, over many reports', async () => {
    const [user, own] = [await server.user('bulky'), await server.worker()]
    const some = (from: number, count: number, more = {}) => Array.from({ length: count }, (_, at) => sessionOf(user, `s${from + at}`, more))
    expect(await report(own, 'many', 1, some(0, 1_999))).toBe(true)
    expect(await report(own, 'many', 2, some(1_998, 2), { full: false })).toBe(true)
    await expect(report(own, 'many', 3, some(2_000, 1), { full: false })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', extensions: { field: 'sessions' } })
    expect(await report(own, 'many', 3, some(2_000, 1), { full: false, closedSessions: ['s0'] })).toBe(true)
    const heavy = { entries: Array.from({ length: 500 }, (_, at) => applied(`e${at}`, { reason: 'r'.repeat(500), origin: 'o'.repeat(500) })) }
    expect(await report(own, 'heavy', 1, some(0, 3, heavy))).toBe(true)
    expect(await report(own, 'heavy', 2, some(3, 3, heavy), { full: false })).toBe(true)
    await expect(report(own, 'heavy', 3, some(6, 3, heavy), { full: false })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', extensions: { field: 'sessions' } })
    expect(await report(own, 'heavy', 3, some(3, 3, heavy))).toBe(true)
  })

  it('S14: a token in a reason is stored nowhere', async () => {
    const user = await server.user('leaky')
    await report(machine, 'leaky', 1, [sessionOf(user, 's', { entries: [applied('a', { state: 'FAILED', reason: `401: Bearer ${user.token} refused\u0007` })] })])
    expect((await find(user, 'leaky'))!.sessions.nodes[0]!.entries[0]!.reason).toBe('401: Bearer [redacted] refused')
    expect(JSON.stringify(await rows('select * from worker_session'))).not.toContain(user.token)
  })
})

describe('how far workers are', () => {
  it('lag, connection and convergence follow what is reported', async () => {
    const [user, own] = [await server.user('far'), await server.worker()]
    const first = await server.register(user, 'far-one')
    const cursors = async () => (await find(user, 'near'))!
    await report(own, 'near', 1, [sessionOf(user, 'a', { cursor: first.cursor, entries: [applied('far-one', { entryId: first.id })] })])
    expect(await cursors()).toMatchObject({ connected: true, cursor: first.cursor, lagSeconds: null })
    const second = await server.register(user, 'far-two')
    now += 30_000
    expect(await cursors()).toMatchObject({ cursor: first.cursor, lagSeconds: 30 })
    const convergence = async (entryId?: string, who = user) => (await who.client.execute(ConvergenceDocument, { entryId })).convergence
    expect(await convergence()).toEqual({ cursor: second.cursor, workers: 1, current: 0, behind: 1, failed: 0, failures: [] })
    expect(await convergence(first.id)).toEqual({ cursor: first.cursor, workers: 1, current: 1, behind: 0, failed: 0, failures: [] })
    await report(own, 'near', 2, [sessionOf(user, 'b', { entries: [applied('far-two', { entryId: second.id, state: 'FAILED' })] })], { full: false })
    now += 5_000
    expect(await cursors()).toMatchObject({ cursor: null, lagSeconds: 5 })
    expect(await convergence(second.id)).toMatchObject({ workers: 1, current: 0, behind: 1, failed: 1 })
    expect(await convergence(first.id)).toMatchObject({ failed: 0, current: 0 })
    now += 90_001
    expect(await cursors()).toMatchObject({ connected: false })
    expect(await convergence()).toMatchObject({ workers: 1, behind: 1 })
    // By now it must have stopped by itself.
    now += 600_000
    expect(await convergence()).toMatchObject({ workers: 0 })
    const stranger = await server.user('far-stranger')
    await expect(convergence(first.id, stranger)).rejects.toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'entryId' } })
    await expect(convergence('srv_none', stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await convergence(undefined, stranger)).toMatchObject({ workers: 0 })
  })

  it('what concerns none of its owners leaves a worker where it is: neither behind nor late, with the cursor that it reported', async () => {
    const [user, other, own] = [await server.user('unconcerned'), await server.user('concerned'), await server.worker()]
    const team = await server.team('concerned-crew', [[other, 'MAINTAINER']])
    const { id, cursor } = await server.register(user, 'mine')
    const theirs = await server.register(other, 'theirs')
    await report(own, 'calm', 1, [sessionOf(user, 'a', { cursor, entries: [applied('mine', { entryId: id })] })])
    await report(own, 'stirred', 1, [sessionOf(user, 'a', { cursor: theirs.cursor }), sessionOf(other, 'b', { cursor: theirs.cursor })])
    const standing = async (who = server.admin) => [
      (await who.client.execute(ConvergenceDocument, {})).convergence,
      ...await Promise.all(['calm', 'stirred'].map(async (name) => (await find(who, name))?.lagSeconds)),
    ]
    const before = await standing(user)
    expect(before).toMatchObject([{ current: 2, behind: 0 }, null, null])
    now += 5_000
    const { cursor: newest } = await server.register(other, 'theirs-too')
    now += 2_000
    expect(await standing(user)).toMatchObject([{ cursor: newest, current: 2, behind: 0 }, null, null])
    expect(await standing(other)).toMatchObject([{ cursor: newest, current: 0, behind: 1 }, undefined, 2])
    expect((await standing()).slice(1)).toEqual([null, 2])
    expect((await find(user, 'calm'))!.cursor).toBe(cursor)
    // What is held of somebody's tools reaches no worker at all; and a policy of a team only whoever has something of it.
    await report(own, 'stirred', 2, [sessionOf(user, 'a', { cursor: newest }), sessionOf(other, 'b', { cursor: newest })])
    const { mcpServers: [mine] } = (await user.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })).effectiveCatalog
    const seen = (hash: string) => own.client.execute(ReportToolInventoryDocument, {
      input: { entryId: id, digest: mine!.digest, owner: { kind: 'USER', id: user.id }, tools: [{ name: 'add', hash: hash.repeat(64), text: `${hash}\n` }] },
    })
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'TEAM', id: team }, expectedRevision: 0, document: { tools: { drift: 'hold' } } } })
    expect((await standing()).slice(1)).toEqual([null, null])
    await seen('a')
    // Who lacks something is late since the first change after what it reported, whoever's that was.
    expect(await standing(user)).toMatchObject([{ current: 0, behind: 2 }, 7, 0])
    await report(own, 'stirred', 3, [sessionOf(user, 'a', { cursor: (await server.register(other, 'last')).cursor })])
    await seen('b')
    expect(await standing(user)).toMatchObject([{ current: 1, behind: 1 }, 7, null])
  })

  it('who signs in at the console, and what becomes of tokens, leaves nobody behind', async () => {
    const [user, own] = [await server.user('signing-in'), await server.worker()]
    const { id, cursor } = await server.register(user, 'signed-in')
    await report(own, 'signing', 1, [sessionOf(user, 'a', { cursor, entries: [applied('signed-in', { entryId: id })] })])
    const standing = async () => [(await user.client.execute(ConvergenceDocument, {})).convergence, await find(user, 'signing')]
    const browser = openBrowser(server.url)
    const before = sequence()
    expect((await browser.signIn(user.token)).status).toBe(204)
    expect((await browser.signOut()).status).toBe(204)
    await server.worker()
    expect(sequence()).toBeGreaterThan(before + 2)
    expect(await standing()).toMatchObject([{ cursor, current: 1, behind: 0 }, { cursor, lagSeconds: null }])
    // What concerns them is missing from its own moment on, whoever signed in before.
    now += 7_000
    const next = await server.register(user, 'signed-in-too')
    now += 3_000
    expect(await standing()).toMatchObject([{ cursor: next.cursor, current: 0, behind: 1 }, { cursor, lagSeconds: 3 }])
  })

  it('explainAvailability tells the state where workers reported one', async () => {
    const [user, other] = [await server.user('asking'), await server.user('asking-other')]
    const { id } = await server.register(user, 'asked')
    const why = async () => {
      const { data } = await user.raw('{ explainAvailability(owner: { kind: USER }, kind: MCP_SERVER, name: "asked") { available steps { check passed reason } } }')
      return (data as { explainAvailability: { steps: Array<{ check: string; passed: boolean; reason: string }> } }).explainAvailability.steps.find(({ check }) => check === 'workers')
    }
    expect(await why()).toBeUndefined()
    const one = (state: AppliedEntryInput['state']) => ({ entries: [applied('asked', { entryId: id, state })] })
    await report(machine, 'explained', 1, [sessionOf(user, 'a', one('APPLIED')), sessionOf(user, 'b', one('APPLIED')), sessionOf(other, 'c', one('FAILED'))])
    expect(await why()).toEqual({ check: 'workers', passed: true, reason: 'Your sessions: applied in 2.' })
    await report(machine, 'explained', 2, [sessionOf(user, 'b', one('REFUSED'))], { full: false })
    expect(await why()).toEqual({ check: 'workers', passed: false, reason: 'Your sessions: applied in 1, refused in 1.' })
    await user.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    expect(await why()).toBeUndefined()
  })

  it('a worker that was silent for seven days is forgotten, with its sessions', async () => {
    const user = await server.user('forgotten')
    await report(machine, 'silent', 1, [sessionOf(user)])
    now += 7 * 86_400_000
    expect(await listed(user)).toEqual([])
    expect((await user.client.execute(WorkerSessionsDocument, { id: 'silent' })).node).toBeNull()
    await report(machine, 'newcomer', 1, [])
    expect(await rows("select id from worker where id = 'silent' union select worker_id from worker_session where worker_id = 'silent'")).toEqual([])
    now += 7 * 86_400_000
    expect(await report(await server.worker(), 'newcomer', 1, [sessionOf(user)])).toBe(true)
    expect(await sessionsOf(user, 'newcomer')).toEqual({ s: '' })
  })
})
