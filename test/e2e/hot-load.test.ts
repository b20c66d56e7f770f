import { expect, it } from 'vitest'
import { DeleteEntryDocument, SetPolicyDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { startEverything, startTestMcpServer } from '../support/mcp-servers.js'
import { startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server, everything } = shared({ server: startLoopbackServer, everything: () => startEverything() })

it('what is registered here is called in open sessions there, shared, and refused once it is deleted', async () => {
  const [alice, bob] = await Promise.all([server.user('alice'), server.user('bob')])
  await server.team('crew', [[alice, 'MAINTAINER'], [bob, 'MEMBER']])
  const { token } = await server.worker()
  const [one, two] = await Promise.all(['one', 'two'].map((workerId) => createCatalogWorker({ url: server.url, token, workerId })))
  const [hers, his] = [mcpAdapter(), mcpAdapter()]
  const hersSession = await one!.openSession({ id: 'hers', owner: { kind: 'USER', id: alice.id }, adapter: hers })
  const hisSession = await two!.openSession({ id: 'his', owner: { kind: 'USER', provider: 'test', subject: 'bob' }, adapter: his })
  expect(await hers.listTools()).toEqual([])

  const { id, cursor } = await server.register(alice, 'everything', { url: everything.url })
  await hersSession.settled(cursor)
  expect(await hers.callTool('everything-echo', { message: 'hello' })).toMatchObject({ content: [{ text: expect.stringContaining('hello') as string }] })
  expect(await his.listTools()).toEqual([])

  const { updateMcpServer: shared } = await alice.client.execute(UpdateMcpServerDocument, {
    input: { id, expectedRevision: 1, audience: [{ kind: 'TEAM', id: 'crew' }] },
  })
  await hisSession.settled(shared.cursor)
  expect((await his.callTool('everything-get-sum', { a: 2, b: 3 })).isError).not.toBe(true)

  const { deleteEntry } = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 2 } })
  await Promise.all([hersSession, hisSession].map((session) => session.settled(deleteEntry.cursor)))
  await expect(hers.callTool('everything-echo', { message: 'again' })).rejects.toMatchObject({ name: 'ToolCallError' })
  await expect(his.callTool('everything-echo', { message: 'again' })).rejects.toMatchObject({ name: 'ToolCallError' })
  await Promise.all([one!.close(), two!.close()])
})

it('S23: the deployment\'s policy lets an entry replace a static one in an open session, and takes that back', async () => {
  const mine = await startTestMcpServer([{ name: 'mine' }])
  const carol = await server.user('carol')
  const worker = await createCatalogWorker({
    url: server.url, token: (await server.worker()).token, workerId: 'overridden', static: { inline: { mcpServers: { everything: { type: 'http', url: mine.url } } } },
  })
  const host = mcpAdapter()
  const session = await worker.openSession({ id: 'hers', owner: { kind: 'USER', id: carol.id }, adapter: host })
  await session.settled((await server.register(carol, 'everything', { url: everything.url })).cursor)
  const names = async () => (await host.listTools()).map(({ name }) => name)
  const rows = () => session.effective.map(({ origin, state }) => `${origin} ${state}`)
  const list = async (expectedRevision: number, overridable: string[]) => {
    const document = { urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] }, static: { overridable } }
    const { setPolicy } = await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision, document } })
    await session.settled(setPolicy.cursor)
  }
  expect([await names(), rows()]).toEqual([['everything-mine'], ['inline APPLIED', 'catalog REFUSED']])
  await list(1, ['everything'])
  expect([(await names()).includes('everything-echo'), (await names()).includes('everything-mine'), rows()]).toEqual([true, false, ['inline REFUSED', 'catalog APPLIED']])
  await list(2, [])
  expect([await names(), rows()]).toEqual([['everything-mine'], ['inline APPLIED', 'catalog REFUSED']])
  await worker.close()
  await mine.close()
})
