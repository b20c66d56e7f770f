import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  DeleteEntryDocument, type OwnerInput, RegisterAgentDocument, RemoveTeamMemberDocument, SetEntryEnabledDocument,
  SetPolicyDocument, SetTeamMemberDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { openDatabase } from '../../src/db/client.js'
import { sql } from 'drizzle-orm'
import { asSnapshot, expectFaithful, expectNoStrangers, setOf } from '../support/oracle.js'
import { createRandom, type Random } from '../support/random.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { viewOf } from '../support/subscriber.js'

/** Random changes of one person's entries; conflicts with other writers are part of the game. */
async function scribble(server: TestServer, who: Person, writer: number, count: number): Promise<void> {
  const random = createRandom(writer)
  const mine: Array<{ id: string; revision: number }> = []
  for (let step = 0; step < count; step++) {
    const target = random.below(mine.length + 2)
    const entry = mine[target]
    if (entry === undefined) mine.push(await server.register(who, `w${writer}-${step}`))
    else if (random.next() < 0.3) {
      await who.client.execute(DeleteEntryDocument, { input: { id: entry.id, expectedRevision: entry.revision } })
      mine.splice(target, 1)
    } else {
      const enabled = random.next() < 0.5
      const { setEntryEnabled } = await who.client.execute(SetEntryEnabledDocument, { input: { id: entry.id, expectedRevision: entry.revision, enabled } })
      entry.revision = setEntryEnabled.entry.revision
    }
  }
}

describe.each([
  ['with NOTIFY', { listens: true, pollMs: 1_000 }],
  ['with NOTIFY switched off', { listens: false, pollMs: 25 }],
])('%s', (_, tuning) => {
  let server: TestServer
  beforeAll(async () => { server = await startTestServer(tuning) })
  afterAll(() => server.close())

  it('F1 F3: concurrent writers lose nothing, and every subscriber ends with the effective set', async () => {
    const alice = await server.user('alice')
    const early = await alice.watch()
    await early.nextSnapshot()
    await Promise.all(Array.from({ length: 6 }, (__, writer) => scribble(server, alice, writer, 12)))
    const late = await alice.watch()
    await late.nextSnapshot()
    const last = await server.register(alice, 'last')
    await Promise.all([early.reached(last.cursor), late.reached(last.cursor)])
    const { view } = await setOf(alice, { kind: 'USER' })
    expect(early.view()).toEqual(view)
    expect(late.view()).toEqual(view)
    const cursors = early.events.map(({ cursor }) => cursor)
    expect(cursors).toEqual([...cursors].sort())
  })

  it('F5: replaying any prefix twice is harmless', async () => {
    const bob = await server.user('bob')
    const live = await bob.watch()
    await live.nextSnapshot()
    await scribble(server, bob, 99, 15)
    const last = await server.register(bob, 'last')
    await live.reached(last.cursor)
    for (let length = 0; length <= live.events.length; length++) {
      expect(viewOf([...live.events.slice(0, length), ...live.events])).toEqual(live.view())
    }
  })
})

describe('rights and changes', () => {
  let server: TestServer
  beforeAll(async () => { server = await startTestServer({ pollMs: 50 }) })
  afterAll(() => server.close())

  it('F1: a killed listener costs latency only', async () => {
    const carol = await server.user('carol')
    const live = await carol.watch()
    await live.nextSnapshot()
    const database = openDatabase({ url: server.databaseUrl, poolSize: 1 })
    for (let round = 0; round < 3; round++) {
      await database.db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and datname = current_database()`)
      const { cursor } = await server.register(carol, `after-kill-${round}`)
      await live.reached(cursor)
    }
    await database.close()
    expect(live.view()).toEqual((await setOf(carol, { kind: 'USER' })).view)
  })

  it.each([1, 2, 3])('F2 F3: at any interleaving nobody hears of what they may not see, live and on resume (seed %i)', async (seed) => {
    const random = createRandom(seed)
    const people = await Promise.all(['ann', 'ben'].map((name) => server.user(`${name}-${seed}`)))
    const slugs = [`red-${seed}`, `blue-${seed}`]
    for (const slug of slugs) await server.team(slug, [])
    const subscribers = await Promise.all(people.map((person) => person.watch()))
    await Promise.all(subscribers.map((subscriber) => subscriber.nextSnapshot()))
    // What each person may see after each step, by the step's cursor: the oracle.
    const history: Array<{ cursor: string; views: Map<string, string>[] }> = []
    const entries: Array<{ id: string; revision: number }> = []
    for (let step = 0; step < 12; step++) await randomRegistration(server, random, people, slugs, entries)
    for (let step = 0; step < 40; step++) {
      await randomStep(server, random, people, slugs, entries, `${seed}-${step}`)
      const sets = await Promise.all(people.map((person) => setOf(person, { kind: 'USER' })))
      history.push({ cursor: sets[0]!.cursor, views: sets.map(({ view }) => view) })
    }
    const end = await server.register(server.admin, `end-${seed}`, { owner: { kind: 'DEPLOYMENT' } })
    for (const [at, subscriber] of subscribers.entries()) {
      await subscriber.reached(end.cursor)
      const past = new Map(history.map(({ cursor, views }) => [cursor, views[at]!]))
      expectFaithful(subscriber.events, past)
      const now = (await setOf(people[at]!, { kind: 'USER' })).view
      expect(subscriber.view()).toEqual(now)
      for (const { cursor, views } of history.filter((__, index) => index % 5 === 0)) {
        const resumed = await people[at]!.watch({ kind: 'USER' }, cursor)
        const first = await resumed.next({ bookmarks: true })
        const held = asSnapshot(views[at]!, cursor)
        expect(viewOf([held, first]), `resume from ${cursor}`).toEqual(now)
        expectNoStrangers(first, views[at]!)
        await resumed.close()
      }
    }
  })
})

/** Few names, so that entries shadow each other; a name that is taken is left as it is. */
async function randomRegistration(server: TestServer, random: Random, people: Person[], slugs: string[], entries: Array<{ id: string; revision: number }>): Promise<void> {
  const owner: OwnerInput = random.pick([{ kind: 'DEPLOYMENT' }, { kind: 'TEAM', id: slugs[0]! }, { kind: 'TEAM', id: slugs[1]! }, { kind: 'USER', id: people[0]!.id }])
  const locked = owner.kind === 'USER' ? null : random.next() < 0.2
  const made = await server.register(server.admin, `n${random.below(4)}`, { owner, locked }).catch(() => null)
  if (made !== null) entries.push(made)
}

async function randomStep(
  server: TestServer, random: Random, people: Person[], slugs: string[], entries: Array<{ id: string; revision: number }>, suffix: string,
): Promise<void> {
  const { admin } = server
  const entry = entries.length > 0 ? random.pick(entries) : undefined
  const roll = random.below(13)
  if (roll < 2) return void await admin.client.execute(SetTeamMemberDocument, { team: random.pick(slugs), userId: random.pick(people).id, role: 'MEMBER' })
  if (roll < 4) return void await admin.client.execute(RemoveTeamMemberDocument, { team: random.pick(slugs), userId: random.pick(people).id })
  if (roll < 6 || entry === undefined) {
    return randomRegistration(server, random, people, slugs, entries)
  }
  const update = async (change: object) => {
    const { updateMcpServer } = await admin.client.execute(UpdateMcpServerDocument, { input: { id: entry.id, expectedRevision: entry.revision, ...change } })
    entry.revision = updateMcpServer.mcpServer.revision
  }
  if (roll < 8) return update({ visibility: 'PRIVATE' })
  if (roll === 8) return update({ visibility: 'PUBLIC' })
  if (roll === 9) return update({ visibility: 'SHARED', audience: [random.pick([{ kind: 'TEAM', id: slugs[0]! }, { kind: 'USER', id: people[1]!.id }])] })
  if (roll === 10) return update({ name: `n${random.below(4)}-${suffix}` })
  if (roll === 11) {
    const { setEntryEnabled } = await admin.client.execute(SetEntryEnabledDocument, { input: { id: entry.id, expectedRevision: entry.revision, enabled: random.next() < 0.5 } })
    entry.revision = setEntryEnabled.entry.revision
    return
  }
  await admin.client.execute(DeleteEntryDocument, { input: { id: entry.id, expectedRevision: entry.revision } })
  entries.splice(entries.indexOf(entry), 1)
}

describe('the contract', () => {
  let server: TestServer
  beforeAll(async () => { server = await startTestServer({ bookmarkMs: 100 }) })
  afterAll(() => server.close())

  it('answers a resume with a bookmark when nothing changed, and with a snapshot when rights or policy did', async () => {
    const dora = await server.user('dora')
    const { cursor } = await server.register(dora, 'mine')
    const same = await dora.watch({ kind: 'USER' }, cursor)
    expect((await same.next({ bookmarks: true })).__typename).toBe('CatalogBookmark')
    await dora.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'planner', definition: { prompt: 'Plan.' } } })
    const changed = await dora.watch({ kind: 'USER' }, cursor)
    expect(await changed.nextDelta()).toMatchObject({ upserted: [{ name: 'planner' }], removed: [] })
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: {} } })
    const afterPolicy = await dora.watch({ kind: 'USER' }, cursor)
    expect((await afterPolicy.nextSnapshot()).policy.revision).toBe(1)
    const live = await changed.nextDelta()
    expect(live).toMatchObject({ changedPolicy: { revision: 1 }, upserted: [], removed: [] })
    // How long a worker trusts what it has is the policy's, from the event on that tells of it.
    expect(live.trustForSeconds).toBe(600)
    const set = (expectedRevision: number, document: unknown) => server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision, document } })
    await set(1, { staleAfterSeconds: 45 })
    expect(await changed.nextDelta()).toMatchObject({ changedPolicy: { revision: 2 }, trustForSeconds: 45 })
    const short = await dora.watch()
    expect((await short.nextSnapshot()).trustForSeconds).toBe(45)
    expect((await short.next({ bookmarks: true })).trustForSeconds).toBe(45)
    await set(2, {})
  })

  it.each([
    ['another incarnation', (cursor: string) => `00000000${cursor.slice(8)}`],
    ['the future', (cursor: string) => `${cursor.slice(0, 9)}${'f'.repeat(13)}0`],
    ['before the log', (cursor: string) => `${cursor.slice(0, 9)}${'0'.repeat(14)}`],
    ['nonsense', () => 'x; drop table entry'],
  ])('answers a cursor of %s with a whole set', async (_, change) => {
    const eve = await server.user(`eve-${change.length}-${Math.abs([...change('0123456789abcdef01234567')].reduce((sum, c) => sum * 31 + c.charCodeAt(0) | 0, 7))}`)
    const { cursor } = await server.register(eve, 'mine')
    const resumed = await eve.watch({ kind: 'USER' }, change(cursor))
    const first = await resumed.next()
    expect(first.__typename === 'CatalogSnapshot' || (first.__typename === 'CatalogDelta' && cursor.endsWith('0'))).toBe(true)
    expect(viewOf([first])).toEqual((await setOf(eve, { kind: 'USER' })).view)
  })

  it('sends bookmarks without being asked, and cursors never go back', async () => {
    const finn = await server.user('finn')
    const live = await finn.watch()
    await live.next()
    const one = await live.next({ bookmarks: true })
    const two = await live.next({ bookmarks: true })
    expect([one.__typename, two.__typename]).toEqual(['CatalogBookmark', 'CatalogBookmark'])
    expect(two.cursor >= one.cursor && one.trustForSeconds === 600).toBe(true)
  })

  it('F2: who lost an entry before it was deleted hears only of the loss', async () => {
    const [hal, ivy] = await Promise.all([server.user('hal'), server.user('ivy')])
    await server.team('pair', [[hal, 'MAINTAINER'], [ivy, 'MEMBER']])
    const { id, cursor } = await server.register(hal, 'lent', { audience: [{ kind: 'TEAM', id: 'pair' }] })
    await hal.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, visibility: 'PRIVATE' } })
    await hal.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 2 } })
    expect(await (await ivy.watch({ kind: 'USER' }, cursor)).nextDelta()).toMatchObject({ removed: [{ name: 'lent', reason: 'NOT_SHARED', mode: 'IMMEDIATE' }] })
    expect(await (await hal.watch({ kind: 'USER' }, cursor)).nextDelta()).toMatchObject({ removed: [{ name: 'lent', reason: 'DELETED' }] })
  })

  it('removes the old name and upserts the same id when an entry is renamed', async () => {
    const gus = await server.user('gus')
    const { id } = await server.register(gus, 'before')
    const live = await gus.watch()
    await live.nextSnapshot()
    await gus.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, name: 'after' } })
    expect(await live.nextDelta()).toMatchObject({ removed: [{ id, name: 'before', reason: 'RENAMED', revision: 1 }], upserted: [{ id, name: 'after', revision: 2 }] })
  })
})
