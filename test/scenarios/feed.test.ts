import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeleteEntryDocument, SetEntryEnabledDocument } from '../../src/client/index.js'
import { startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer() })
afterAll(() => server.close())

describe('catalogChanged', () => {
  it('begins with a snapshot, then brings each change, then only the difference on resume', async () => {
    const alice = await server.user('alice')
    const first = await server.register(alice, 'tickets')
    const live = await alice.watch()
    const snapshot = await live.nextSnapshot()
    expect(snapshot.mcpServers.map(({ name }) => name)).toEqual(['tickets'])
    const second = await server.register(alice, 'search')
    const delta = await live.nextDelta()
    expect(delta).toMatchObject({ cursor: second.cursor, removed: [], upserted: [{ name: 'search', revision: 1 }] })
    await alice.client.execute(SetEntryEnabledDocument, { input: { id: first.id, expectedRevision: 1, enabled: false } })
    expect(await live.nextDelta()).toMatchObject({ upserted: [], removed: [{ name: 'tickets', reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 30 }] })
    await alice.client.execute(DeleteEntryDocument, { input: { id: second.id, expectedRevision: 1 } })
    expect(await live.nextDelta()).toMatchObject({ removed: [{ name: 'search', reason: 'DELETED', mode: 'IMMEDIATE', deadlineSeconds: null }] })

    const resumed = await alice.watch({ kind: 'USER' }, snapshot.cursor)
    expect(await resumed.nextDelta()).toMatchObject({ upserted: [], removed: [{ name: 'tickets', reason: 'DISABLED' }] })
  })
})
