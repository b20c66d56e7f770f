import { afterAll, beforeAll, expect, it } from 'vitest'
import { AcceptToolsDocument, type OwnerInput, ReportToolInventoryDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
/** It is woken by nobody, and reads the log in rounds. */
let deaf: TestNode
let [alice, bob, worker]: Person[] = []
beforeAll(async () => {
  server = await startTestServer()
  deaf = await server.node({ listens: false, pollMs: 50 })
  ;[alice, bob, worker] = await Promise.all([server.user('alice'), server.user('bob'), server.worker()])
})
afterAll(() => server.close())

const seen = (name: string, hash: string) => ({ name, hash: hash.repeat(64), text: `${hash}\n` })
const ownerOf = (who: Person): OwnerInput => ({ kind: 'USER', id: who.id })
const report = async (entryId: string, digest: string, ...tools: Array<ReturnType<typeof seen>>) => (
  await worker!.client.execute(ReportToolInventoryDocument, { input: { entryId, digest, owner: ownerOf(alice!), tools } })).reportToolInventory.pins

it('F2, F3: pins are in snapshots, live deltas and resumes on every node, of what the owner has and of nothing else; what is held is in none', async () => {
  const { id, cursor } = await server.register(alice!, 'pinned')
  const lives = await Promise.all([alice!.watch(), deaf.as(alice!).watch()])
  const [first] = await Promise.all(lives.map(async (live) => live.nextSnapshot()))
  expect(first!.toolPins).toEqual([])
  const strange = await bob!.watch()
  await strange.nextSnapshot()
  const { digest } = first!.mcpServers.find((entry) => entry.id === id)!
  const pins = await report(id, digest, seen('add', 'a'), seen('sub', 'a'))
  expect(pins).toEqual({ entryId: id, digest, version: 1, tools: [{ name: 'add', hash: 'a'.repeat(64) }, { name: 'sub', hash: 'a'.repeat(64) }] })
  const pinsAlone = (toolPins: object[]) => ({ upserted: [], removed: [], secretVersions: [], toolPins })
  for (const live of lives) expect(await live.nextDelta()).toMatchObject(pinsAlone([pins]))

  await report(id, digest, seen('add', 'b'))
  const { acceptTools } = await alice!.client.execute(AcceptToolsDocument, { input: { entryId: id, digest, tools: [{ name: 'add', hash: 'b'.repeat(64) }] } })
  // The one event after the first inventory: what was held between was none.
  for (const live of lives) expect(await live.nextDelta()).toMatchObject({ ...pinsAlone([acceptTools.toolInventory.pins]), cursor: acceptTools.cursor })
  for (const at of [alice!, deaf.as(alice!)]) {
    const [later, resumed] = await Promise.all([at.watch(), at.watch(undefined, cursor)])
    expect((await later.nextSnapshot()).toolPins).toEqual([acceptTools.toolInventory.pins])
    expect(await resumed.nextDelta()).toMatchObject(pinsAlone([acceptTools.toolInventory.pins]))
  }
  // Another definition has none yet.
  const { updateMcpServer } = await alice!.client.execute(UpdateMcpServerDocument, {
    input: { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://pinned.example.com/other' } } } },
  })
  for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id }], toolPins: [] })
  const resumed = await alice!.watch(undefined, acceptTools.cursor)
  expect(await resumed.nextDelta()).toMatchObject({ upserted: [{ id }], toolPins: [] })
  // And back: those of before, as long as nothing was seen of the other one.
  const { updateMcpServer: back } = await alice!.client.execute(UpdateMcpServerDocument, {
    input: { id, expectedRevision: updateMcpServer.mcpServer.revision, definition: { transport: { http: { url: 'https://pinned.example.com/mcp' } } } },
  })
  for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id, digest }], toolPins: [{ version: 2 }], cursor: back.cursor })

  await server.register(bob!, 'own')
  expect(await strange.nextDelta()).toMatchObject({ upserted: [{ name: 'own' }], toolPins: [] })
})
