import { afterAll, beforeAll, expect, it } from 'vitest'
import { ImportCatalogDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
beforeAll(async () => {
  server = await startTestServer()
  ;[alice, bob] = await Promise.all(['alice', 'bob'].map((name) => server.user(name))) as [Person, Person]
})
afterAll(() => server.close())

const refused = (name: string, other: string) => ({
  code: 'POLICY_DENIED', message: expect.stringContaining(`${name} is easily mistaken for ${other}`) as string,
  extensions: { findings: [expect.objectContaining({ rule: 'confusable-name', field: 'name' })] },
})

it('S18: a name that looks like one which its owner has is refused, however it comes in', async () => {
  await server.register(alice, 'github')
  await expect(server.register(alice, 'g1thub')).rejects.toMatchObject(refused('g1thub', 'github'))
  const { id } = await server.register(alice, 'other')
  await expect(alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, name: 'glthub' } })).rejects.toMatchObject(refused('glthub', 'github'))
  const { importCatalog } = await alice.client.execute(ImportCatalogDocument, {
    input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: JSON.stringify({ mcpServers: { 'gith-ub': { type: 'http', url: 'https://a.example.com/' }, gitnub: { type: 'http', url: 'https://b.example.com/' }, githu8: { type: 'http', url: 'https://c.example.com/' } } }), dryRun: true },
  })
  expect(importCatalog.items.map(({ outcome }) => outcome)).toEqual(['CREATED', 'CREATED', 'CREATED'])
})

it('S18: one that looks like what the deployment offers is refused; the very same name takes its place', async () => {
  await server.register(server.admin, 'tickets', { owner: { kind: 'DEPLOYMENT' } })
  await expect(server.register(bob, 't1ckets')).rejects.toMatchObject(refused('t1ckets', 'tickets'))
  await server.register(bob, 'tickets')
})

it('F2: what does not reach the owner is not told of', async () => {
  await server.register(alice, 'secret-plan')
  await server.register(bob, 'secret_p1an')
  // Both are there; neither hears of the other when it is changed.
  await expect(server.register(bob, 'secret-pian')).rejects.toMatchObject(refused('secret-pian', 'secret_p1an'))
})
