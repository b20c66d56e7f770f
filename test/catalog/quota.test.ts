import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  DeleteEntryDocument, ImportCatalogDocument, type ImportConflict, type OwnerInput, PolicyDocument, RegisterAgentDocument, RestoreEntryDocument, RevokeEntryDocument, SetPolicyDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
let second: TestNode
beforeAll(async () => {
  server = await startTestServer()
  second = await server.node()
  await setPolicy({ kind: 'DEPLOYMENT' }, { quotas: { entriesPerUser: 3, entriesPerTeam: 5 } })
})
afterAll(() => server.close())

async function setPolicy(owner: OwnerInput, document: unknown): Promise<void> {
  const { policy: { revision } } = await server.admin.client.execute(PolicyDocument, { owner })
  await server.admin.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: revision, document } })
}
const fill = async (who: Person, names: string[], owner: OwnerInput = { kind: 'USER' }) => Promise.all(names.map((name) => server.register(who, name, { owner })))
const full = (part: string, limit: number, count = limit) => ({
  code: 'QUOTA_EXCEEDED', message: expect.stringContaining(`${count} entries`) as string,
  extensions: { field: 'owner', quota: `quotas.${part}`, limit, count, mend: expect.stringContaining('Delete an entry') as string },
})

describe('quotas', () => {
  it('hold for servers and agents together, and let go what is deleted', async () => {
    const user = await server.user('counted')
    const { id, revision } = (await fill(user, ['one', 'two', 'three']))[0]!
    await expect(server.register(user, 'four')).rejects.toMatchObject(full('entriesPerUser', 3))
    const agent = () => user.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'agent', definition: { prompt: 'Do.' } } })
    await expect(agent()).rejects.toMatchObject(full('entriesPerUser', 3))
    await user.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: revision } })
    await agent()
    await expect(server.register(user, 'four')).rejects.toMatchObject(full('entriesPerUser', 3))
    const { policy } = await user.client.execute(PolicyDocument, { owner: { kind: 'DEPLOYMENT' } })
    expect(policy.document).toEqual({ quotas: { entriesPerUser: 3, entriesPerTeam: 5 } })
  })

  it.each(['one node', 'two nodes'])('S17: many registrations at once over %s fill it and no more', async (over) => {
    const user = await server.user(`racer-${over.replace(' ', '-')}`)
    const who = over === 'one node' ? [user, user] : [user, second.as(user)]
    const results = await Promise.allSettled(Array.from({ length: 12 }, (_, at) => server.register(who[at % 2]!, `e${at}`)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(full('entriesPerUser', 3))
  })

  it('of a team: the smaller of both counts, and lowering it takes nothing away', async () => {
    const owner = { kind: 'TEAM' as const, id: await server.team('small', []) }
    await fill(server.admin, ['a', 'b', 'c', 'd'], owner)
    await setPolicy(owner, { quotas: { entriesPerTeam: 2 } })
    await expect(server.register(server.admin, 'e', { owner })).rejects.toMatchObject(full('entriesPerTeam', 2, 4))
    await setPolicy(owner, { quotas: { entriesPerTeam: 50 } })
    await server.register(server.admin, 'e', { owner })
    await expect(server.register(server.admin, 'f', { owner })).rejects.toMatchObject(full('entriesPerTeam', 5))
    await fill(server.admin, Array.from({ length: 7 }, (_, at) => `d${at}`), { kind: 'DEPLOYMENT' })
  })

  it('hold for imports, item by item, and for what is restored', async () => {
    const user = await server.user('importer')
    const importing = async (names: string[], onConflict: ImportConflict) => (await user.client.execute(ImportCatalogDocument, { input: {
      owner: { kind: 'USER' }, format: 'MCP_JSON', onConflict, text: JSON.stringify(Object.fromEntries(names.map((name) => [name, { type: 'http', url: `https://${name}.example.com/` }]))),
    } })).importCatalog.items
    const outcomes = (items: Array<{ outcome: string }>) => items.map(({ outcome }) => outcome)
    expect(outcomes(await importing(['a', 'b', 'c', 'd'], 'FAIL'))).toEqual(['NOT_WRITTEN', 'NOT_WRITTEN', 'NOT_WRITTEN', 'REFUSED'])
    const items = await importing(['a', 'b', 'c', 'd'], 'SKIP')
    expect(outcomes(items)).toEqual(['CREATED', 'CREATED', 'CREATED', 'REFUSED'])
    expect(items[3]!.findings).toMatchObject([{ rule: 'quota', field: 'owner', message: expect.stringContaining('quotas.entriesPerUser') as string }])
    expect(outcomes(await importing(['a', 'b', 'c'], 'UPDATE'))).toEqual(['UNCHANGED', 'UNCHANGED', 'UNCHANGED'])
    const { id } = items[0]!.entry!
    await user.client.execute(RevokeEntryDocument, { input: { id, reason: 'gone' } })
    await user.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 2 } })
    await server.register(user, 'in-its-place')
    await expect(user.client.execute(RestoreEntryDocument, { input: { id, expectedRevision: 2 } })).rejects.toMatchObject(full('entriesPerUser', 3))
  })
})
