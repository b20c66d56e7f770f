import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BindSecretDocument, type BindSecretInput, CreateUserDocument, DeleteSecretDocument, PutSecretDocument, RegisterMcpServerDocument, type RegisterMcpServerInput, SetEntryEnabledDocument,
  UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'
import { type Subscriber } from '../support/subscriber.js'

let server: TestServer
/** It is woken by nobody, and reads the log in rounds. */
let deaf: TestNode
let alice: Person
let bob: Person
let maintainer: Person
beforeAll(async () => {
  server = await startTestServer()
  deaf = await server.node({ listens: false, pollMs: 50 })
  ;[alice, bob, maintainer] = [await server.user('alice'), await server.user('bob'), await server.user('maintainer')]
  await server.team('crew', [[maintainer, 'MAINTAINER'], [alice, 'MEMBER']])
})
afterAll(() => server.close())

const me = { kind: 'USER' as const }
const crew = { kind: 'TEAM' as const, id: 'crew' }
const definition = (value: string, url = 'https://api.example.com/mcp') => ({ transport: { http: { url, headers: [{ name: 'Authorization', value }] } } })
const register = async (who: Person, name: string, value: string, more: Partial<RegisterMcpServerInput> = {}) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner: me, name, definition: definition(value), ...more } })).registerMcpServer
const put = async (who: Person, name: string, owner: RegisterMcpServerInput['owner'] = me) => (await who.client.execute(PutSecretDocument, { input: { owner, name, value: 'x' } })).putSecret.cursor
const remove = async (who: Person, name: string, owner: RegisterMcpServerInput['owner'] = me) => (await who.client.execute(DeleteSecretDocument, { input: { owner, name } })).deleteSecret.cursor
const bind = async (who: Person, entryId: string, digest: string, name: string, scope: BindSecretInput['scope'] = 'USER') =>
  (await who.client.execute(BindSecretDocument, { input: { entryId, digest, scope, name, injectionPoint: 'header:Authorization' } })).bindSecret.cursor
async function watching(who: Person, owner: RegisterMcpServerInput['owner'] = me): Promise<Subscriber> {
  const subscriber = await who.watch(owner)
  await subscriber.nextSnapshot()
  return subscriber
}
const closeAll = (subscribers: Subscriber[]) => Promise.all(subscribers.map((each) => each.close()))
const only = (entryId: string, version: number) => ({ upserted: [], removed: [], secretVersions: [{ entryId, version }] })

/** Nothing but that entry's versions comes, in rising order, up to this one; what lies between may be left out. */
async function reaches(live: Subscriber, entryId: string, version: number): Promise<void> {
  for (let known = 0; known < version;) {
    const delta = await live.nextDelta()
    const next = delta.secretVersions[0]?.version ?? 0
    expect(delta).toMatchObject(only(entryId, next))
    expect(next).toBeGreaterThan(known)
    known = next
  }
}

describe('secretVersions', () => {
  it('are in the snapshot of every entry with references, and come along when one comes', async () => {
    const lives = await Promise.all([watching(alice), watching(deaf.as(alice))])
    const { mcpServer: { id } } = await register(alice, 'snapped', '${secret:A} ${user:A}')
    for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id }], secretVersions: [{ entryId: id, version: 2 }] })
    await register(alice, 'without', 'plain')
    for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ name: 'without' }], secretVersions: [] })
    const later = await alice.watch()
    expect((await later.nextSnapshot()).secretVersions).toEqual([{ entryId: id, version: 2 }])
    await closeAll([...lives, later])
  })

  it('F2: tell a new value, a deleted one and one that comes back to whom it concerns, and nothing to others', async () => {
    const { mcpServer: { id }, cursor } = await register(server.admin, 'for-all', '${user:mine}', { owner: { kind: 'DEPLOYMENT' } })
    const own = await Promise.all([watching(alice), watching(deaf.as(alice))])
    const others = await Promise.all([watching(bob), watching(deaf.as(bob))])
    const cursors = [await put(alice, 'mine'), await put(alice, 'mine'), await remove(alice, 'mine'), await put(alice, 'mine')]
    // What does not concern an entry of the set is no event at all.
    await put(alice, 'of-no-entry')
    for (const live of own) await reaches(live, id, 4)
    for (const [at, from] of [cursor, ...cursors].entries()) {
      const resumed = await deaf.as(alice).watch(me, from)
      if (at < 4) expect(await resumed.nextDelta()).toMatchObject(only(id, 4))
      await resumed.close()
    }
    const { mcpServer: { id: last } } = await register(server.admin, 'for-all-2', 'plain', { owner: { kind: 'DEPLOYMENT' } })
    for (const live of [...own, ...others]) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id: last }], secretVersions: [] })
    const resumed = await bob.watch(me, cursor)
    expect(await resumed.nextDelta()).toMatchObject({ upserted: [{ id: last }], secretVersions: [] })
    await closeAll([...own, ...others, resumed])
  })

  it('S11: tell a binding to the person who made it alone', async () => {
    const { mcpServer: { id, digest }, cursor } = await register(server.admin, 'connects', '${user:conn}', { owner: { kind: 'DEPLOYMENT' } })
    await put(alice, 'conn')
    const own = await Promise.all([watching(alice), watching(deaf.as(alice))])
    const others = await Promise.all([watching(bob), watching(deaf.as(bob))])
    await bind(alice, id, digest, 'conn')
    for (const live of own) expect(await live.nextDelta()).toMatchObject(only(id, 2))
    const resumed = await Promise.all([alice.watch(me, cursor), deaf.as(alice).watch(me, cursor)])
    for (const each of resumed) expect(await each.nextDelta()).toMatchObject(only(id, 2))
    await put(bob, 'conn')
    for (const live of others) expect(await live.nextDelta()).toMatchObject(only(id, 1))
    await closeAll([...own, ...others, ...resumed])
  })

  it('S24: tell what the entry\'s own people confirm, which is no revision', async () => {
    const { mcpServer: { id } } = await register(maintainer, 'moves', '${secret:key}', { owner: crew })
    await put(maintainer, 'key', crew)
    const lives = await Promise.all([watching(alice), watching(deaf.as(alice)), watching(maintainer, crew)])
    const { updateMcpServer: { mcpServer: { digest }, cursor } } = await maintainer.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: 1, definition: definition('${secret:key}', 'https://moved.example.com/') },
    })
    for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id, revision: 2 }], secretVersions: [{ entryId: id, version: 1 }] })
    await bind(maintainer, id, digest, 'key', 'OWNER')
    for (const live of lives) expect(await live.nextDelta()).toMatchObject(only(id, 2))
    const resumed = await deaf.as(alice).watch(me, cursor)
    expect(await resumed.nextDelta()).toMatchObject(only(id, 2))
    await closeAll([...lives, resumed])
  })

  it('are told anew of what comes back into the set', async () => {
    const { mcpServer: { id } } = await register(alice, 'pauses', '${secret:p}')
    const lives = await Promise.all([watching(alice), watching(deaf.as(alice))])
    const enable = (expectedRevision: number, enabled: boolean) => alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision, enabled } })
    await enable(1, false)
    for (const live of lives) expect(await live.nextDelta()).toMatchObject({ removed: [{ id }], secretVersions: [] })
    // Nobody has it: nothing to tell.
    await put(alice, 'p')
    await enable(2, true)
    for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id, revision: 3 }], secretVersions: [{ entryId: id, version: 2 }] })
    await closeAll(lives)
  })

  it('are those of a person from the moment on at which the catalog knows them', async () => {
    const { mcpServer: { id } } = await register(server.admin, 'for-newcomers', '${user:n}', { owner: { kind: 'DEPLOYMENT' } })
    const worker = await server.worker()
    const newcomer = { kind: 'USER' as const, provider: 'test', subject: 'newcomer' }
    const lives = await Promise.all([worker.watch(newcomer), deaf.as(worker).watch(newcomer)])
    for (const live of lives) expect((await live.nextSnapshot()).secretVersions).toContainEqual({ entryId: id, version: 0 })
    const { createUser } = await server.admin.client.execute(CreateUserDocument, { provider: 'test', subject: 'newcomer', displayName: 'newcomer', role: 'USER' })
    const { createAccessToken } = (await server.admin.raw('mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { secret } }', { input: { kind: 'PERSONAL', name: 'n', userId: createUser.id } })).data as { createAccessToken: { secret: string } }
    const answer = await fetch(server.url, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${createAccessToken.secret}` },
      body: JSON.stringify({ query: 'mutation { putSecret(input: {owner: {kind: USER}, name: "n", value: "x"}) { secret { version } } }' }),
    })
    expect(await answer.json()).toEqual({ data: { putSecret: { secret: { version: 1 } } } })
    for (const live of lives) expect(await live.nextDelta()).toMatchObject(only(id, 1))
    await closeAll(lives)
  })
})
