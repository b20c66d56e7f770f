import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AuditEventsDocument, CreateAccessTokenDocument, CreateTeamDocument, CreateUserDocument, DeleteEntryDocument, EffectiveCatalogDocument, McpServersDocument,
  RegisterAgentDocument, RemoveTeamMemberDocument, RevokeAccessTokenDocument, SetPolicyDocument, SetTeamMemberDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { type AppTuning } from '../../src/app.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

/** Nobody tells such a node anything, and it does not look by itself: what it knows it has asked for. */
const deaf: AppTuning = { listens: false, pollMs: 3_600_000 }

let server: TestServer
let second: TestNode
let third: TestNode
beforeAll(async () => {
  server = await startTestServer(deaf)
  second = await server.node(deaf)
  third = await server.node({ pollMs: 3_600_000 })
})
afterAll(() => server.close())

const register = (who: Person, name: string) => server.register(who, name)
const names = async (who: Person) => (await who.client.execute(McpServersDocument, { first: 500 })).mcpServers.nodes.map(({ name }) => name)
const codeOf = async (who: Person, query: string) => (await who.raw(query)).errors?.[0]?.extensions.code

describe('several nodes on one database behave as one', () => {
  it('a list shows what was written through another node a moment ago, each time', async () => {
    const one = await server.user('round-robin')
    const others = [second.as(one), third.as(one)]
    for (let at = 0; at < 12; at++) {
      const [writer, reader] = [[one, ...others][at % 3]!, [one, ...others][(at + 1) % 3]!]
      const { id } = await register(writer, `turn-${at}`)
      expect(await names(reader)).toContain(`turn-${at}`)
      const { effectiveCatalog } = await reader.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
      expect(effectiveCatalog.mcpServers.map((each) => each.id)).toContain(id)
    }
  })

  it('what one node made can be changed, shared and deleted on another at once', async () => {
    const user = await server.user('wanderer')
    const { id } = await register(user, 'moving')
    const elsewhere = second.as(user)
    await elsewhere.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, name: 'moved' } })
    const admin = second.as(server.admin)
    const { createTeam } = await admin.client.execute(CreateTeamDocument, { slug: 'fresh', displayName: 'Fresh' })
    const { createUser } = await third.as(server.admin).client.execute(CreateUserDocument, { provider: 'test', subject: 'new-here', displayName: 'New', role: 'USER' })
    await server.admin.client.execute(SetTeamMemberDocument, { team: 'fresh', userId: createUser.id, role: 'MEMBER' })
    await admin.client.execute(SetTeamMemberDocument, { team: createTeam.id, userId: user.id, role: 'MAINTAINER' })
    await user.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, audience: [{ kind: 'TEAM', id: 'fresh' }] } })
    await third.as(user).client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 3 } })
    expect(await codeOf(second.as(user), `mutation { setEntryEnabled(input: { id: "${id}", expectedRevision: 3, enabled: false }) { cursor } }`)).toBe('NOT_FOUND')
  })

  it('a policy set on one node is the policy of all', async () => {
    const user = await server.user('ruled')
    const { setPolicy: { policy } } = await second.as(server.admin).client.execute(SetPolicyDocument, {
      input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { transports: { sse: 'allow' } } },
    })
    const sse = 'mutation { registerMcpServer(input: { owner: { kind: USER }, name: "sse", definition: { transport: { sse: { url: "https://x.example.com/sse" } } } }) { cursor } }'
    expect((await user.raw(sse)).errors).toBeUndefined()
    await third.as(server.admin).client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: policy.revision, document: {} } })
    expect(await codeOf(second.as(user), sse.replace('"sse"', '"again"'))).toBe('POLICY_DENIED')
  })

  it('a refusal that another node has overtaken is neither given nor recorded', async () => {
    const user = await server.user('promoted')
    await server.team('promotion', [[user, 'MEMBER']])
    await names(second.as(user))
    await server.admin.client.execute(SetTeamMemberDocument, { team: 'promotion', userId: user.id, role: 'MAINTAINER' })
    await second.as(user).client.execute(RegisterAgentDocument, { input: { owner: { kind: 'TEAM', id: 'promotion' }, name: 'helper', definition: { prompt: 'Help.' } } })
    const [row] = await server.app.services.db.execute<{ count: string }>(`select count(*) from access_event where actor->>'id' = '${user.id}'`)
    expect(row!.count).toBe('0')
    const { auditEvents } = await third.as(server.admin).client.execute(AuditEventsDocument, { actor: user.id })
    expect(auditEvents.nodes.map(({ action }) => action)).toEqual(['agent.register'])
  })
})

describe('tokens and rights', () => {
  it('S7: a token made on one node opens all, and one that was revoked opens none', async () => {
    const user = await server.user('holder')
    const { createAccessToken: { accessToken, secret } } = await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'second' } })
    const [here, there] = [second.as({ ...user, token: secret }), third.as({ ...user, token: secret })]
    await Promise.all([names(here), names(there)])
    await second.as(user).client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    expect(await codeOf(there, '{ viewer { principal { id } } }')).toBe('UNAUTHENTICATED')
    expect(await codeOf(server.admin, '{ viewer { principal { id } } }')).toBeUndefined()
    const { id } = await register(user, 'untouched')
    for (const node of [server, second, third]) {
      const holder = 'as' in node ? node.as({ ...user, token: secret }) : { ...user, raw: here.raw }
      expect(await codeOf(holder, `mutation { setEntryEnabled(input: { id: "${id}", expectedRevision: 1, enabled: true }) { cursor } }`)).toBe('UNAUTHENTICATED')
    }
  })

  it('S13: the socket of a token that was revoked on another node closes with 4401', async () => {
    const user = await server.user('watched')
    const { createAccessToken: { accessToken, secret } } = await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'socket' } })
    const live = await third.as({ ...user, token: secret }).watch()
    await live.nextSnapshot()
    await user.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })
    expect(await live.ended).toMatchObject({ code: 4401 })
  })

  it('F2: who lost a team on one node reads nothing of it on another, and its subscriptions there end', async () => {
    const user = await server.user('outgoing')
    const team = await server.team('inner', [[user, 'MEMBER']])
    const live = await third.as(user).watch({ kind: 'TEAM', id: team })
    await live.nextSnapshot()
    await second.as(user).client.execute(EffectiveCatalogDocument, { owner: { kind: 'TEAM', id: team } })
    await server.admin.client.execute(RemoveTeamMemberDocument, { team, userId: user.id })
    expect(await codeOf(second.as(user), `{ effectiveCatalog(owner: { kind: TEAM, id: "${team}" }) { cursor } }`)).toBe('NOT_FOUND')
    expect((await live.ended).errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
  })
})

describe('the feed', () => {
  it('a cursor of one node is good on every other, also on one that has not heard of it', async () => {
    const user = await server.user('roamer')
    const first = await register(user, 'first')
    const bookmarked = await second.as(user).watch({ kind: 'USER' }, first.cursor)
    expect((await bookmarked.next({ bookmarks: true })).__typename).toBe('CatalogBookmark')
    const next = await register(third.as(user), 'next')
    const resumed = await second.as(user).watch({ kind: 'USER' }, first.cursor)
    expect(await resumed.nextDelta()).toMatchObject({ cursor: next.cursor, upserted: [{ name: 'next' }], removed: [] })
    const late = await user.watch({ kind: 'USER' }, next.cursor)
    expect(await late.next({ bookmarks: true })).toMatchObject({ __typename: 'CatalogBookmark', cursor: next.cursor })
  })

  it('F1 F3: a worker on each node sees one change, made on one of them', async () => {
    const nodes = await Promise.all([server.node(), server.node()])
    const { policy } = (await server.admin.raw('{ policy(owner: { kind: DEPLOYMENT }) { revision } }')).data as { policy: { revision: number } }
    await server.admin.client.execute(SetPolicyDocument, {
      input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: policy.revision, document: { urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } } },
    })
    const upstream = await startTestMcpServer([{ name: 'ping' }])
    const user = await server.user('two-workers')
    const machine = await server.worker()
    const workers = await Promise.all(nodes.map(({ url }, at) => createCatalogWorker({ url, token: machine.token, workerId: `w${at}` })))
    try {
      const hosts = workers.map(() => mcpAdapter())
      const sessions = await Promise.all(workers.map((worker, at) => worker.openSession({ id: 's', owner: { kind: 'USER', id: user.id }, adapter: hosts[at]! })))
      const { id, cursor } = await server.register(nodes[0].as(user), 'shared-tool', { url: upstream.url })
      await Promise.all(sessions.map((session) => session.settled(cursor)))
      for (const host of hosts) expect((await host.listTools()).length).toBeGreaterThan(0)
      const { deleteEntry } = await nodes[1].as(user).client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
      await Promise.all(sessions.map((session) => session.settled(deleteEntry.cursor)))
      for (const host of hosts) expect(await host.listTools()).toEqual([])
    } finally {
      await Promise.all(workers.map((worker) => worker.close()))
      await upstream.close()
    }
  })
})
