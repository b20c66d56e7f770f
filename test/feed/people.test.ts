import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  DeactivateUserDocument, DeleteEntryDocument, DeleteTeamDocument, type OwnerInput, RemoveTeamMemberDocument, SetEntryEnabledDocument, SetTeamMemberDocument,
  UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { commit } from '../../src/catalog/commit.js'
import { signIn } from '../../src/catalog/sign-in.js'
import { userChange } from '../../src/catalog/user.js'
import { systemPrincipal } from '../../src/core/owner.js'
import { lockUser, updateUser } from '../../src/db/user.js'
import { asSnapshot, expectFaithful, expectNoStrangers, setOf } from '../support/oracle.js'
import { createRandom, type Random } from '../support/random.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'
import { viewOf } from '../support/subscriber.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer() })
afterAll(() => server.close())

const userOwner = ({ id }: { id: string }) => ({ kind: 'USER' as const, id })
const deactivate = ({ id }: { id: string }) => server.admin.client.execute(DeactivateUserDocument, { userId: id })
const deleteTeam = (team: string) => server.admin.client.execute(DeleteTeamDocument, { team })
const update = (id: string, expectedRevision: number, change: object) => server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision, ...change } })
const gone = (name: string) => ({ name, reason: 'NOT_SHARED', mode: 'IMMEDIATE', deadlineSeconds: null })

/** What no mutation does but the return of the first admin (`pilothouse token create --admin`). */
async function restore(userId: string): Promise<void> {
  await commit(server.app.services, systemPrincipal, async () => async (tx) => {
    const before = (await lockUser(tx, userId))!
    const after = { ...before, deactivatedAt: null }
    await updateUser(tx, after)
    return { changes: before.deactivatedAt === null ? [] : [userChange(before, after, 'user.restore')], result: null }
  })
}

describe('a person who signs in for the first time', () => {
  it('F1 F3: gets what is theirs on a subscription from before the catalog knew them', async () => {
    const worker = await server.worker()
    const live = await worker.watch({ kind: 'USER', provider: 'oidc', subject: 'newcomer' })
    await live.nextSnapshot()
    // Nothing but the person is made, so nobody's rights change with it.
    const id = (await signIn(server.app.services, { provider: 'oidc', subject: 'newcomer', displayName: null, role: null, teams: null, issuedAt: null }))!
    const { cursor } = await server.register(server.admin, 'theirs', { owner: { kind: 'USER', id } })
    await live.reached(cursor)
    expect([...live.view().keys()]).toContain('MCP_SERVER:theirs')
    expect(live.view()).toEqual((await setOf(worker, { kind: 'USER', id })).view)
  })
})

describe('a user who is deactivated', () => {
  it('F2: takes entries out of every set at once, and names that they shadowed come back, live and on resume by delta', async () => {
    const [older, younger, taker] = await Promise.all(['older', 'younger', 'taker'].map((name) => server.user(name)))
    const share = async (who: Person, name: string) => {
      const { id } = await server.register(who, name)
      await update(id, 1, { audience: [userOwner(taker!)] })
      return id
    }
    const first = await share(older!, 'contested')
    const second = await share(younger!, 'contested')
    const alone = await share(older!, 'alone')
    const live = await taker!.watch()
    const { cursor } = await live.nextSnapshot()
    expect(live.view()).toEqual(new Map([['MCP_SERVER:alone', `${alone}@2`], ['MCP_SERVER:contested', `${first}@2`]]))
    await deactivate(older!)
    const expected = { upserted: [{ id: second, name: 'contested' }], removed: expect.arrayContaining([gone('alone'), gone('contested')].map((one) => expect.objectContaining(one) as unknown)) as unknown }
    expect(await live.nextDelta()).toMatchObject(expected)
    expect(await (await taker!.watch({ kind: 'USER' }, cursor)).nextDelta()).toMatchObject(expected)
    await restore(older!.id)
    expect(await live.nextDelta()).toMatchObject({ removed: [{ id: second, reason: 'SHADOWED', mode: 'DRAIN' }] })
    expect(live.view()).toEqual((await setOf(taker!, { kind: 'USER' })).view)
    expect((await (await taker!.watch({ kind: 'USER' }, cursor)).next({ bookmarks: true })).__typename).toBe('CatalogBookmark')
  })

  it('has an empty set, whoever acts for them and under either name', async () => {
    const user = await server.user('acted-for')
    await server.team('acting', [[user, 'MEMBER']])
    await server.register(server.admin, 'team-tool', { owner: { kind: 'TEAM', id: 'acting' } })
    await server.register(user, 'own-tool')
    const worker = await server.worker()
    const names: OwnerInput[] = [userOwner(user), { kind: 'USER', provider: 'test', subject: 'acted-for' }, { kind: 'USER', id: 'person:test:acted-for' }]
    const lives = await Promise.all(names.map((owner) => worker.watch(owner)))
    const cursors = await Promise.all(lives.map(async (live) => (await live.nextSnapshot()).cursor))
    await deactivate(user)
    for (const live of lives) expect((await live.nextDelta()).removed.map(({ name, reason, mode }) => [name, reason, mode])).toEqual([['own-tool', 'NOT_SHARED', 'IMMEDIATE'], ['team-tool', 'NOT_SHARED', 'IMMEDIATE']])
    const { cursor } = await server.register(server.admin, 'for-everyone', { owner: { kind: 'DEPLOYMENT' } })
    for (const [at, owner] of names.entries()) {
      expect((await (await worker.watch(owner, cursors[at])).nextSnapshot()).mcpServers).toEqual([])
      expect((await (await worker.watch(owner)).nextSnapshot()).mcpServers).toEqual([])
      expect((await setOf(worker, owner)).view.size).toBe(0)
    }
    // Nothing that came later reached them: what they hold stays nothing.
    await restore(user.id)
    for (const live of lives) {
      await live.reached(cursor)
      expect((await live.nextDelta()).upserted.map(({ name }) => name)).toContain('own-tool')
    }
  })

  it('F2: hides what happens to their entries afterwards, and what happened before is told as it was', async () => {
    const [giver, taker] = await Promise.all([server.user('quiet-giver'), server.user('quiet-taker')])
    const share = async (name: string) => {
      const { id } = await server.register(giver, name)
      await update(id, 1, { audience: [userOwner(taker)] })
      return id
    }
    const [deletedAfter, renamedAfter, deletedBefore, brief] = [await share('deleted-after'), await share('renamed-after'), await share('deleted-before'), await share('brief')]
    const { cursor } = await setOf(taker, { kind: 'USER' })
    await server.admin.client.execute(DeleteEntryDocument, { input: { id: deletedBefore, expectedRevision: 2 } })
    await update(await share('unseen'), 2, { name: 'unseen-still' })
    await deactivate(giver)
    await server.admin.client.execute(DeleteEntryDocument, { input: { id: deletedAfter, expectedRevision: 2 } })
    await update(renamedAfter, 2, { name: 'secret-name' })
    await server.admin.client.execute(SetEntryEnabledDocument, { input: { id: brief, expectedRevision: 2, enabled: false } })
    const { removed, upserted } = await (await taker.watch({ kind: 'USER' }, cursor)).nextDelta()
    expect(upserted).toEqual([])
    expect(removed.map(({ name, reason, mode }) => `${name} ${reason} ${mode}`).sort()).toEqual([
      'brief NOT_SHARED IMMEDIATE', 'deleted-after NOT_SHARED IMMEDIATE', 'deleted-before DELETED IMMEDIATE', 'renamed-after NOT_SHARED IMMEDIATE',
    ])
  })
})

describe('a team that is deleted', () => {
  it('F2: takes its entries along, and every subscription of it ends, an admin\'s and a worker\'s too', async () => {
    const [mate, stranger] = await Promise.all([server.user('mate'), server.user('stranger')])
    const team = await server.team('doomed', [[mate, 'MEMBER']])
    const owner = { kind: 'TEAM' as const, id: team }
    await server.register(server.admin, 'inside', { owner })
    await server.register(server.admin, 'public', { owner, visibility: 'PUBLIC' })
    const worker = await server.worker()
    const ofTeam = await Promise.all([server.admin, mate, worker].map((who) => who.watch(owner)))
    const lives = await Promise.all([mate, stranger].map((who) => who.watch()))
    const cursors = await Promise.all([...lives, ...ofTeam].map(async (live) => (await live.nextSnapshot()).cursor))
    await deleteTeam('doomed')
    for (const live of ofTeam) expect((await live.ended).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', field: 'owner' })
    expect((await lives[0]!.nextDelta()).removed.map(({ name, mode }) => [name, mode])).toEqual([['inside', 'IMMEDIATE'], ['public', 'IMMEDIATE']])
    expect(await lives[1]!.nextDelta()).toMatchObject({ removed: [{ name: 'public', reason: 'DELETED', mode: 'IMMEDIATE' }] })
    expect((await (await stranger.watch({ kind: 'USER' }, cursors[1])).nextDelta()).removed).toMatchObject([{ name: 'public', reason: 'DELETED' }])
    expect((await (await mate.watch({ kind: 'USER' }, cursors[0])).nextSnapshot()).mcpServers.map(({ name }) => name)).not.toContain('inside')
    for (const who of [server.admin, mate, worker]) expect((await (await who.watch(owner)).ended).errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('closes a socket with 4403 when it was all that the socket had', async () => {
    const mate = await server.user('single-minded')
    const teams = await Promise.all(['half-one', 'half-two'].map((slug) => server.team(slug, [[mate, 'MEMBER']])))
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    const closed = new Promise<number>((resolve) => { socket.once('close', resolve) })
    const frames: Array<{ id?: string; type: string }> = []
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(String(data)) as never))
    const waitFor = async (type: string, count: number) => { while (frames.filter((frame) => frame.type === type).length < count) await once(socket, 'message') }
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${mate.token}` } }))
    await waitFor('connection_ack', 1)
    for (const [at, team] of teams.entries()) {
      socket.send(JSON.stringify({ type: 'subscribe', id: `${at}`, payload: { query: `subscription { catalogChanged(owner: { kind: TEAM, id: "${team}" }) { __typename } }` } }))
    }
    await waitFor('next', 2)
    await deleteTeam('half-one')
    await waitFor('error', 1)
    expect(socket.readyState).toBe(WebSocket.OPEN)
    await deleteTeam('half-two')
    expect(await closed).toBe(4403)
    expect(frames.filter(({ type }) => type === 'error').map(({ id }) => id)).toEqual(['0', '1'])
  })
})

describe('people who come and go', () => {
  it.each([1, 2, 3])('F2 F3: at any interleaving nobody hears of what they may not see, live and on resume (seed %i)', async (seed) => {
    const random = createRandom(seed)
    const watched = await Promise.all(['ann', 'ben'].map((name) => server.user(`${name}-${seed}`)))
    const givers = await Promise.all(['gil', 'guy'].map((name) => server.user(`${name}-${seed}`)))
    const worker = await server.worker()
    const lives = await Promise.all(watched.map((person) => worker.watch(userOwner(person))))
    await Promise.all(lives.map((live) => live.nextSnapshot()))
    const world: World = { watched, givers, slugs: [], entries: [], seed, made: 0 }
    const history: Array<{ cursor: string; views: Map<string, string>[] }> = []
    for (let step = 0; step < 10; step++) await register(random, world)
    for (let step = 0; step < 36; step++) {
      await randomStep(random, world)
      const sets = await Promise.all(watched.map((person) => setOf(server.admin, userOwner(person))))
      history.push({ cursor: sets[0]!.cursor, views: sets.map(({ view }) => view) })
      // Somebody comes back from somewhere in the past: many pairs of then and now.
      const [at, { cursor, views }] = [random.below(2), random.pick(history.slice(-12))]
      const resumed = await worker.watch(userOwner(watched[at]!), cursor)
      const first = await resumed.next({ bookmarks: true })
      expect(viewOf([asSnapshot(views[at]!, cursor), first]), `resume from ${cursor}`).toEqual(sets[at]!.view)
      expectNoStrangers(first, views[at]!)
      await resumed.close()
    }
    const end = await server.register(server.admin, `end-${seed}`, { owner: { kind: 'DEPLOYMENT' } })
    for (const [at, live] of lives.entries()) {
      await live.reached(end.cursor)
      expectFaithful(live.events, new Map(history.map(({ cursor, views }) => [cursor, views[at]!])))
      expect(live.view()).toEqual((await setOf(server.admin, userOwner(watched[at]!))).view)
    }
  })
})

interface World {
  watched: Person[]
  givers: Person[]
  slugs: string[]
  entries: Array<{ id: string; revision: number }>
  seed: number
  made: number
}

/** Few names, so that entries shadow each other; a name that is taken is left as it is. */
async function register(random: Random, world: World): Promise<void> {
  const owner = random.pick<OwnerInput>([{ kind: 'DEPLOYMENT' }, ...world.slugs.map((id) => ({ kind: 'TEAM' as const, id })), ...world.givers.map(userOwner), ...world.givers.map(userOwner), userOwner(world.watched[0]!)])
  const locked = owner.kind === 'USER' ? null : random.next() < 0.2
  const made = await server.register(server.admin, `p${world.seed}-${random.below(4)}`, { owner, locked, visibility: random.next() < 0.5 ? 'PUBLIC' : null }).catch(() => null)
  if (made !== null) world.entries.push(made)
}

async function randomStep(random: Random, world: World): Promise<void> {
  const { client } = server.admin
  const roll = random.below(16)
  if (roll < 3) return void await deactivate(random.pick([...Array<Person[]>(5).fill(world.givers).flat(), world.watched[1]!]))
  if (roll < 5) return restore(random.pick([...world.givers, world.watched[1]!, world.watched[1]!]).id)
  if (roll < 7 && world.slugs.length < 3) {
    const slug = `s${world.seed}-${world.made++}`
    await server.team(slug, [])
    return void world.slugs.push(slug)
  }
  const slug = random.pick(world.slugs)
  if (roll === 7 && slug !== undefined) {
    await deleteTeam(slug)
    return void world.slugs.splice(world.slugs.indexOf(slug), 1)
  }
  if (roll < 10 && slug !== undefined) return void await client.execute(SetTeamMemberDocument, { team: slug, userId: random.pick(world.watched).id, role: 'MEMBER' })
  if (roll === 10 && slug !== undefined) return void await client.execute(RemoveTeamMemberDocument, { team: slug, userId: random.pick(world.watched).id })
  const entry = random.pick(world.entries)
  if (roll < 13 || entry === undefined) return register(random, world)
  await changeEntry(random, world, entry).catch((error: { code?: string }) => {
    // It went with its team.
    if (error.code !== 'NOT_FOUND' && error.code !== 'NAME_TAKEN') throw error
  })
}

async function changeEntry(random: Random, world: World, entry: { id: string; revision: number }): Promise<void> {
  const roll = random.below(5)
  if (roll === 0) {
    await server.admin.client.execute(DeleteEntryDocument, { input: { id: entry.id, expectedRevision: entry.revision } })
    return void world.entries.splice(world.entries.indexOf(entry), 1)
  }
  const change = random.pick([{ visibility: 'PRIVATE' }, { visibility: 'PUBLIC' }, { audience: [userOwner(world.watched[0]!)] }, { name: `p${world.seed}-${random.below(4)}` }])
  entry.revision = (await update(entry.id, entry.revision, change)).updateMcpServer.mcpServer.revision
}
