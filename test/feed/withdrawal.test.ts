import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  DeleteEntryDocument, type RemovalReason, RevokeEntryDocument, type RevocationMode, SetEntryEnabledDocument, type SetEntryEnabledInput,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
let second: TestNode
let alice: Person
beforeAll(async () => {
  server = await startTestServer()
  second = await server.node()
  alice = await server.user('alice')
})
afterAll(() => server.close())

type How = { mode?: RevocationMode; deadlineSeconds?: number }
const disable = async (id: string, expectedRevision: number, how: How = {}) =>
  (await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision, enabled: false, ...how } })).setEntryEnabled.cursor
const enable = async (id: string, expectedRevision: number) =>
  (await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision, enabled: true } })).setEntryEnabled.cursor
const remove = async (id: string, expectedRevision: number, how: How = {}) =>
  (await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision, ...how } })).deleteEntry.cursor
const revoke = async (id: string, how: How = {}) =>
  (await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.', ...how } })).revokeEntry.cursor

describe('how an entry is to be lost goes with its removal', () => {
  it.each<[string, (id: string) => Promise<string>, RemovalReason, RevocationMode, number | null]>([
    ['disabled', (id) => disable(id, 1), 'DISABLED', 'DRAIN', 30],
    ['disabled, longer', (id) => disable(id, 1, { deadlineSeconds: 90 }), 'DISABLED', 'DRAIN', 90],
    ['disabled at once', (id) => disable(id, 1, { mode: 'IMMEDIATE' }), 'DISABLED', 'IMMEDIATE', null],
    ['deleted', (id) => remove(id, 1), 'DELETED', 'IMMEDIATE', null],
    ['deleted, drained', (id) => remove(id, 1, { mode: 'DRAIN', deadlineSeconds: 7 }), 'DELETED', 'DRAIN', 7],
    ['revoked', (id) => revoke(id), 'REVOKED', 'IMMEDIATE', null],
    ['revoked, with time to report', (id) => revoke(id, { deadlineSeconds: 300 }), 'REVOKED', 'IMMEDIATE', null],
    ['revoked, drained', (id) => revoke(id, { mode: 'DRAIN' }), 'REVOKED', 'DRAIN', 30],
  ])('S13: %s: live, on another node, and on resume', async (name, change, reason, mode, deadlineSeconds) => {
    const { id, cursor } = await server.register(alice, name.replaceAll(/\W+/g, '-'))
    const lives = await Promise.all([alice.watch(), second.as(alice).watch()])
    await Promise.all(lives.map(async (live) => { await live.nextSnapshot() }))
    await change(id)
    const resumed = await Promise.all([alice.watch({ kind: 'USER' }, cursor), second.as(alice).watch({ kind: 'USER' }, cursor)])
    for (const subscriber of [...lives, ...resumed]) {
      expect((await subscriber.nextDelta()).removed).toMatchObject([{ id, reason, mode, deadlineSeconds }])
      await subscriber.close()
    }
  })

  it.each<[string, (id: string) => Promise<unknown>, RemovalReason, RevocationMode, number | null]>([
    ['drained, and deleted then', async (id) => { await disable(id, 1, { deadlineSeconds: 300 }); await remove(id, 2) }, 'DELETED', 'IMMEDIATE', null],
    ['drained, and deleted in the same way', async (id) => { await disable(id, 1, { deadlineSeconds: 300 }); await remove(id, 2, { mode: 'DRAIN', deadlineSeconds: 5 }) }, 'DELETED', 'DRAIN', 5],
    ['drained, and revoked then', async (id) => { await disable(id, 1); await revoke(id) }, 'REVOKED', 'IMMEDIATE', null],
    ['ended, enabled, drained', async (id) => { await disable(id, 1, { mode: 'IMMEDIATE' }); await enable(id, 2); await disable(id, 3, { deadlineSeconds: 300 }) }, 'DISABLED', 'IMMEDIATE', null],
    ['a short drain, enabled, a long one', async (id) => { await disable(id, 1, { deadlineSeconds: 5 }); await enable(id, 2); await disable(id, 3, { deadlineSeconds: 300 }) }, 'DISABLED', 'DRAIN', 5],
  ])('S13: folded, the stricter wins: %s', async (name, change, reason, mode, deadlineSeconds) => {
    const { id, cursor } = await server.register(alice, name.replaceAll(/\W+/g, '-').slice(0, 40))
    await change(id)
    const resumed = await second.as(alice).watch({ kind: 'USER' }, cursor)
    expect((await resumed.nextDelta()).removed).toMatchObject([{ id, reason, mode, deadlineSeconds }])
    await resumed.close()
  })

  it('S13: folded live, when a node learns of several changes at once', async () => {
    const deaf = await server.node({ listens: false, pollMs: 3_600_000 })
    const { id, cursor } = await server.register(alice, 'unheard')
    const live = await deaf.as(alice).watch({ kind: 'USER' }, cursor)
    await live.next({ bookmarks: true })
    await disable(id, 1, { deadlineSeconds: 300 })
    await enable(id, 2)
    await disable(id, 3, { deadlineSeconds: 9 })
    // Any read makes it catch up.
    await deaf.as(alice).raw('{ viewer { principal { id } } }')
    expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 9 }])
  })

  it('S13: a revocation ends at once what was disabled and may still be drained: live and on resume', async () => {
    const { id } = await server.register(alice, 'draining')
    const bob = await server.user('other')
    const lives = await Promise.all([alice.watch(), second.as(alice).watch()])
    const stranger = await bob.watch()
    await Promise.all([...lives, stranger].map(async (live) => { await live.nextSnapshot() }))
    const cursor = await disable(id, 1, { deadlineSeconds: 300 })
    for (const live of lives) expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'DISABLED', mode: 'DRAIN' }])
    const gone = await revoke(id)
    const resumed = await alice.watch({ kind: 'USER' }, cursor)
    for (const live of [...lives, resumed]) expect((await live.nextDelta()).removed).toMatchObject([{ id, name: 'draining', reason: 'REVOKED', mode: 'IMMEDIATE' }])
    expect(await (await alice.watch({ kind: 'USER' }, gone)).next({ bookmarks: true })).toMatchObject({ __typename: 'CatalogBookmark' })
    // F2: nobody else hears of it.
    const last = await server.register(bob, 'last')
    await stranger.reached(last.cursor)
    expect(await stranger.nextDelta()).toMatchObject({ removed: [], upserted: [{ name: 'last' }] })
  })

  it('S13: ... and what was revoked to be drained, when it is revoked once more: live, on resume, and with a receipt of its own', async () => {
    const { id } = await server.register(alice, 'slow')
    const lives = await Promise.all([alice.watch(), second.as(alice).watch()])
    await Promise.all(lives.map(async (live) => { await live.nextSnapshot() }))
    const again = async (how: How) => (await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'Now.', ...how } })).revokeEntry
    const drained = await again({ mode: 'DRAIN', deadlineSeconds: 300 })
    for (const live of lives) expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'REVOKED', mode: 'DRAIN', deadlineSeconds: 300 }])
    expect((await again({ mode: 'DRAIN', deadlineSeconds: 5 })).revocation.id).toBe(drained.revocation.id)
    const { entry, revocation } = await again({})
    expect(entry).toMatchObject({ revision: 3, status: 'REVOKED' })
    expect(revocation).toMatchObject({ mode: 'IMMEDIATE' })
    expect(revocation.id).not.toBe(drained.revocation.id)
    const resumed = await alice.watch({ kind: 'USER' }, drained.cursor)
    for (const live of [...lives, resumed]) expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'REVOKED', mode: 'IMMEDIATE' }])
    expect(await again({})).toMatchObject({ entry: { revision: 3 }, revocation: { id: revocation.id } })
  })

  it('S13: ... and what was drained, enabled and revoked, as far as a node heard of it in one', async () => {
    const deaf = await server.node({ listens: false, pollMs: 3_600_000 })
    const { id } = await server.register(alice, 'flicker')
    const cursor = await disable(id, 1, { deadlineSeconds: 300 })
    const live = await deaf.as(alice).watch({ kind: 'USER' }, cursor)
    await live.next({ bookmarks: true })
    await enable(id, 2)
    await revoke(id)
    await deaf.as(alice).raw('{ viewer { principal { id } } }')
    expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'REVOKED', mode: 'IMMEDIATE' }])
  })

  it('... not what is drained on purpose, nor what is merely deleted', async () => {
    for (const [name, change] of [['gently', (id: string) => revoke(id, { mode: 'DRAIN' })], ['gone', (id: string) => remove(id, 2)]] as const) {
      const { id } = await server.register(alice, `drained-${name}`)
      const cursor = await disable(id, 1)
      await change(id)
      expect(await (await alice.watch({ kind: 'USER' }, cursor)).next({ bookmarks: true })).toMatchObject({ __typename: 'CatalogBookmark' })
    }
  })

  it('a team that is deleted ends everything at once, whatever was drained before', async () => {
    const [teamId, bob] = [await server.team('short-lived', [[alice, 'MAINTAINER']]), await server.user('bob')]
    const { id, cursor } = await server.register(server.admin, 'of-a-team', {
      owner: { kind: 'TEAM', id: teamId }, visibility: 'SHARED', audience: [{ kind: 'USER', id: bob.id }],
    })
    await disable(id, 1, { deadlineSeconds: 300 })
    await server.admin.raw('mutation ($id: ID!) { deleteTeam(team: $id) }', { id: teamId })
    const resumed = await bob.watch({ kind: 'USER' }, cursor)
    expect((await resumed.nextDelta()).removed).toMatchObject([{ id, reason: 'DELETED', mode: 'IMMEDIATE', deadlineSeconds: null }])
  })
})

describe('hostile inputs', () => {
  it.each<[string, Partial<SetEntryEnabledInput>, string, string]>([
    ['no time', { enabled: false, deadlineSeconds: 0 }, 'INVALID_INPUT', 'deadlineSeconds'],
    ['less than none', { enabled: false, deadlineSeconds: -5 }, 'INVALID_INPUT', 'deadlineSeconds'],
    ['more than an hour', { enabled: false, deadlineSeconds: 3_601 }, 'INVALID_INPUT', 'deadlineSeconds'],
    ['an enabling that drains', { enabled: true, mode: 'DRAIN' }, 'INVALID_INPUT', 'mode'],
    ['an enabling with a deadline', { enabled: true, deadlineSeconds: 10 }, 'INVALID_INPUT', 'deadlineSeconds'],
    ['a mode that is none', { enabled: false, mode: 'GENTLE' as RevocationMode }, 'INVALID_INPUT', 'input.mode'],
  ])('%s', async (name, input, code, field) => {
    const { id } = await server.register(alice, name.replaceAll(' ', '-'))
    const { errors } = await alice.raw('mutation ($input: SetEntryEnabledInput!) { setEntryEnabled(input: $input) { cursor } }', { input: { id, expectedRevision: 1, ...input } })
    expect(errors?.[0]?.extensions).toMatchObject({ code, field: expect.stringContaining(field) as string, mend: expect.any(String) as string })
  })
})
