import { afterAll, expect, it } from 'vitest'
import { ExplainAvailabilityDocument, type OwnerInput, PolicyDocument, SetPolicyDocument } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { startTestMcpServer, type TestTool } from '../support/mcp-servers.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startLoopbackServer })
const tool = (name: string, description = `does ${name}`): TestTool => ({ name, description })
const loopback = { urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } }
const closing: Array<() => Promise<unknown>> = []
afterAll(() => Promise.all(closing.map((close) => close())))

it('S10, S19: a team\'s policy reaches open sessions: it holds what the deployment lets in, caps its servers\' tools, and nothing of anybody else\'s', async () => {
  const [alice, { token }] = await Promise.all([server.user('alice'), server.worker()])
  const crew: OwnerInput = { kind: 'TEAM', id: await server.team('crew', [[alice, 'MAINTAINER']]) }
  const setPolicy = async (who: Person, owner: OwnerInput, expectedRevision: number, document: object) => (
    await who.client.execute(SetPolicyDocument, { input: { owner, expectedRevision, document } })).setPolicy.cursor
  await setPolicy(server.admin, { kind: 'DEPLOYMENT' }, 1, { ...loopback, tools: { drift: 'accept' } })
  const [teams, own] = [await startTestMcpServer([tool('add'), tool('sub')]), await startTestMcpServer([tool('add'), tool('sub')])]
  closing.push(teams.close, own.close)
  await server.register(alice, 'teams', { owner: crew, url: teams.url })
  const { cursor } = await server.register(alice, 'own', { url: own.url })
  const worker = await createCatalogWorker({ url: server.url, token, workerId: 'one' })
  closing.push(worker.close)
  const host = mcpAdapter()
  const session = await worker.openSession({ id: 'one', owner: { kind: 'USER', id: alice.id }, adapter: host })
  await session.settled(cursor)
  const names = async () => (await host.listTools()).map(({ name }) => name)
  const described = async (name: string) => (await host.listTools()).find((one) => one.name === name)?.description
  const explained = async () => (await alice.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'teams' }))
    .explainAvailability.steps.find(({ check }) => check === 'tools')
  const all = ['own-add', 'own-sub', 'teams-add', 'teams-sub']

  // The deployment lets it in.
  for (const upstream of [teams, own]) await upstream.setTools([tool('add', 'is another'), tool('sub')])
  await expect.poll(() => described('teams-add')).toBe('is another')
  await expect.poll(() => described('own-add')).toBe('is another')
  await expect.poll(explained).toMatchObject({ passed: true })

  await session.settled(await setPolicy(alice, crew, 0, { tools: { drift: 'hold' } }))
  expect((await names()).sort()).toEqual(all.filter((name) => name !== 'teams-add'))
  await expect(host.callTool('teams-add')).rejects.toMatchObject({ code: 'HELD' })
  await host.callTool('own-add')
  expect(await explained()).toMatchObject({ passed: false })
  expect((await alice.client.execute(PolicyDocument, { owner: crew })).policy.warnings).toEqual([])

  await session.settled(await setPolicy(alice, crew, 1, { tools: { drift: 'accept', maxPerMcpServer: 1 } }))
  expect((await names()).sort()).toEqual(['own-add', 'own-sub', 'teams-add'])
  await expect(host.callTool('teams-sub')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })

  // It cannot widen: what the deployment holds is held, whatever the team says.
  await session.settled(await setPolicy(server.admin, { kind: 'DEPLOYMENT' }, 2, loopback))
  await session.settled(await setPolicy(alice, crew, 2, { tools: { drift: 'accept', maxPerMcpServer: 1000 } }))
  expect((await names()).sort()).toEqual(['own-sub', 'teams-sub'])
  await session.close()
})
