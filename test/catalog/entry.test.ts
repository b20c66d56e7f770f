import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  EffectiveCatalogDocument, EntryHistoryDocument, ExplainAvailabilityDocument, McpServersDocument, RegisterAgentDocument, RegisterMcpServerDocument,
  RollbackEntryDocument, SetEntryEnabledDocument, SetPolicyDocument, UpdateMcpServerDocument, DeleteEntryDocument, AgentsDocument,
} from '../../src/client/index.js'
import { errorCodes } from '../../src/core/errors.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
let maintainer: Person
let member: Person
beforeAll(async () => {
  server = await startTestServer()
  ;[alice, bob, maintainer, member] = await Promise.all(['alice', 'bob', 'maintainer', 'member'].map((name) => server.user(name))) as [Person, Person, Person, Person]
  await server.team('crew', [[maintainer, 'MAINTAINER'], [member, 'MEMBER']])
  await server.team('other', [[alice, 'MAINTAINER']])
})
afterAll(() => server.close())

const names = async (who: Person) => {
  const { effectiveCatalog } = await who.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
  return effectiveCatalog.mcpServers.map(({ name }) => name)
}

describe('the life of an entry', () => {
  it('is registered, changed, renamed, disabled, enabled, rolled back and deleted, and its history stays', async () => {
    const { id } = await server.register(alice, 'life')
    const { updateMcpServer: changed } = await alice.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: 1, definition: { description: 'two', transport: { http: { url: 'https://two.example.com/mcp' } } } },
    })
    expect(changed.mcpServer).toMatchObject({ revision: 2, description: 'two', status: 'ACTIVE' })
    const { updateMcpServer: renamed } = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, name: 'living' } })
    expect(renamed.mcpServer).toMatchObject({ id, name: 'living', revision: 3, digest: changed.mcpServer.digest })
    const { updateMcpServer: same } = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 3, name: 'living' } })
    expect(same.mcpServer.revision).toBe(3)
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 3, enabled: false } })
    expect(await names(alice)).not.toContain('living')
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 4, enabled: true } })
    const { rollbackEntry } = await alice.client.execute(RollbackEntryDocument, { input: { id, expectedRevision: 5, toRevision: 1 } })
    expect(rollbackEntry.entry.revision).toBe(6)
    const { entryHistory } = await alice.client.execute(EntryHistoryDocument, { id })
    expect(entryHistory.nodes.map(({ revision }) => revision)).toEqual([6, 5, 4, 3, 2, 1])
    expect(entryHistory.nodes[0]!.digest).toBe(entryHistory.nodes[5]!.digest)
    const page = await alice.client.execute(EntryHistoryDocument, { id, first: 4 })
    const rest = await alice.client.execute(EntryHistoryDocument, { id, first: 4, after: page.entryHistory.pageInfo.endCursor })
    expect([page, rest].map(({ entryHistory: { nodes, pageInfo } }) => [nodes.length, pageInfo.hasNextPage])).toEqual([[4, true], [2, false]])
    const { deleteEntry } = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 6 } })
    expect(deleteEntry.entry).toBeNull()
    await server.register(alice, 'living')
  })

  it('keeps stdio entries waiting and delivers them to nobody', async () => {
    const { registerMcpServer: { mcpServer } } = await alice.client.execute(RegisterMcpServerDocument, {
      input: { owner: { kind: 'USER' }, name: 'local', definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } } },
    })
    expect(mcpServer).toMatchObject({ status: 'PENDING_APPROVAL' })
    expect(await names(alice)).not.toContain('local')
    const { explainAvailability } = await alice.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'local' })
    expect(explainAvailability.available).toBe(false)
    expect(explainAvailability.steps.find(({ check }) => check === 'approval')).toMatchObject({ passed: false })
  })

  it('lists secret references, and refuses every other $', async () => {
    const answer = await alice.raw(`mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { mcpServer { secretReferences { scope name injectionPoint } mcpJson } } }`, {
      input: { owner: { kind: 'USER' }, name: 'refs', definition: { transport: { http: { url: 'https://r.example.com', headers: [{ name: 'X-A', value: 'Bearer ${user:token}' }, { name: 'X-B', value: '${secret:key}' }] } } } },
    })
    expect(answer.errors).toBeUndefined()
    expect(answer.data).toMatchObject({ registerMcpServer: { mcpServer: {
      secretReferences: [{ scope: 'USER', name: 'token', injectionPoint: 'header:X-A' }, { scope: 'OWNER', name: 'key', injectionPoint: 'header:X-B' }],
      mcpJson: { type: 'http', url: 'https://r.example.com', headers: { 'X-A': 'Bearer ${user:token}' } },
    } } })
  })

  it('S19: a tightened policy withdraws entries at once, a loosened one gives them back', async () => {
    await server.register(alice, 'judged')
    const { setPolicy } = await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { transports: { http: 'deny' } } } })
    expect(await names(alice)).toEqual([])
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: setPolicy.policy.revision, document: {} } })
    expect(await names(alice)).toContain('judged')
  })
})

describe('sharing', () => {
  it('reaches the audience and nobody else, and S12: an agent never brings its servers along', async () => {
    const { id } = await server.register(maintainer, 'shared', { audience: [{ kind: 'TEAM', id: 'crew' }] })
    expect([await names(member), await names(bob)].map((list) => list.includes('shared'))).toEqual([true, false])
    await maintainer.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, visibility: 'PRIVATE' } })
    expect(await names(member)).not.toContain('shared')
    await maintainer.client.execute(RegisterAgentDocument, {
      input: { owner: { kind: 'USER' }, name: 'helper', definition: { prompt: 'Help.', mcpServers: ['shared'] }, audience: [{ kind: 'TEAM', id: 'crew' }] },
    })
    const { explainAvailability } = await member.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'AGENT', name: 'helper' })
    expect(explainAvailability.available).toBe(true)
    expect(explainAvailability.steps.find(({ check }) => check === 'mcpServers')).toMatchObject({ passed: false })
  })

  it("shows an admin a stranger's entries only by name, and records the look", async () => {
    const { id } = await server.register(bob, 'private-thing')
    const all = await server.admin.client.execute(McpServersDocument, { search: 'private-thing' })
    expect(all.mcpServers.nodes).toEqual([])
    const named = await server.admin.client.execute(McpServersDocument, { owner: { kind: 'USER', id: bob.id } })
    expect(named.mcpServers.nodes.map((node) => node.id)).toEqual([id])
    const [row] = await server.app.services.db.execute<{ outcome: string; target: string }>('select outcome, target from access_event order by sequence desc limit 1')
    expect(row).toEqual({ outcome: 'BREAK_GLASS', target: `USER:${bob.id}` })
  })

  it('lists entries by name in pages, filtered by status and text', async () => {
    const carol = await server.user('carol')
    for (const name of ['c', 'a', 'b']) await server.register(carol, name)
    const { mcpServers } = await carol.client.execute(McpServersDocument, { owner: { kind: 'USER' }, first: 2 })
    expect(mcpServers.nodes.map(({ name }) => name)).toEqual(['a', 'b'])
    const rest = await carol.client.execute(McpServersDocument, { owner: { kind: 'USER' }, first: 2, after: mcpServers.pageInfo.endCursor })
    expect(rest.mcpServers).toMatchObject({ nodes: [{ name: 'c' }], pageInfo: { hasNextPage: false } })
    expect((await carol.client.execute(McpServersDocument, { status: 'DISABLED' })).mcpServers.nodes).toEqual([])
    const remote = await carol.raw('{ http: mcpServers(transport: HTTP) { nodes { name } } stdio: mcpServers(transport: STDIO) { nodes { name } } }')
    expect(remote.data).toEqual({ http: { nodes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }, stdio: { nodes: [] } })
    expect((await carol.client.execute(AgentsDocument, {})).agents.nodes).toEqual([])
  })
})

describe('refusals', () => {
  const url = 'https://x.example.com/mcp'
  const http = { transport: { http: { url } } }
  const register = (input: object) => ({ query: 'mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { cursor } }', variables: { input: { owner: { kind: 'USER' }, name: 'refused', definition: http, ...input } } })

  it.each<[string, () => Person, object, string, string]>([
    ['a name that is none', () => alice, { name: 'My Server' }, 'POLICY_DENIED', 'name'],
    ['an empty name', () => alice, { name: '' }, 'INVALID_INPUT', 'name'],
    ['S1: a $ in the URL', () => alice, { definition: { transport: { http: { url: 'https://x.example.com/${PATH}' } } } }, 'POLICY_DENIED', 'definition.transport.http.url'],
    ['S1: a $ in a header', () => alice, { definition: { transport: { http: { url, headers: [{ name: 'X', value: '$DATABASE_URL' }] } } } }, 'POLICY_DENIED', 'definition.transport.http.headers.X'],
    ['http without encryption', () => alice, { definition: { transport: { http: { url: 'http://x.example.com' } } } }, 'POLICY_DENIED', 'definition.transport.http.url'],
    ['a private address', () => alice, { definition: { transport: { http: { url: 'https://10.0.0.1/' } } } }, 'POLICY_DENIED', 'definition.transport.http.url'],
    ['stdio that no approval would help', () => alice, { definition: { transport: { stdio: { command: 'sh' } } } }, 'POLICY_DENIED', 'definition.transport.stdio.command'],
    ['sse by default', () => alice, { definition: { transport: { sse: { url } } } }, 'POLICY_DENIED', 'definition.transport.sse'],
    ['two transports', () => alice, { definition: { transport: { http: { url }, sse: { url } } } }, 'INVALID_INPUT', 'input.definition.transport'],
    ['no transport', () => alice, { definition: { transport: {} } }, 'INVALID_INPUT', 'input.definition.transport'],
    ['a negative timeout', () => alice, { definition: { ...http, timeoutMs: -1 } }, 'INVALID_INPUT', 'definition.timeoutMs'],
    ['an unknown field', () => alice, { colour: 'red' }, 'INVALID_INPUT', 'input'],
    ['a NUL in a description', () => alice, { definition: { ...http, description: 'a\u0000b' } }, 'INVALID_INPUT', 'definition.description'],
    ['the deployment as a user', () => alice, { owner: { kind: 'DEPLOYMENT' } }, 'FORBIDDEN', 'owner'],
    ['a team as a member', () => member, { owner: { kind: 'TEAM', id: 'crew' } }, 'FORBIDDEN', 'owner'],
    ['a team as a stranger', () => bob, { owner: { kind: 'TEAM', id: 'crew' } }, 'NOT_FOUND', 'owner'],
    ['a team that is none', () => bob, { owner: { kind: 'TEAM', id: 'nowhere' } }, 'NOT_FOUND', 'owner'],
    ['another user', () => alice, { owner: { kind: 'USER', id: 'usr_other' } }, 'NOT_FOUND', 'owner'],
    ['a person by provider', () => alice, { owner: { kind: 'USER', provider: 'test', subject: 'bob' } }, 'NOT_FOUND', 'owner'],
    ['a mixed owner', () => alice, { owner: { kind: 'TEAM', id: 'other', provider: 'test', subject: 'x' } }, 'INVALID_INPUT', 'owner'],
    ['PUBLIC as a user', () => alice, { visibility: 'PUBLIC' }, 'FORBIDDEN', 'visibility'],
    ['single users as audience', () => alice, { audience: [{ kind: 'USER', provider: 'test', subject: 'bob' }] }, 'FORBIDDEN', 'audience.0'],
    ['a team that one is only a member of', () => member, { audience: [{ kind: 'TEAM', id: 'crew' }] }, 'FORBIDDEN', 'audience.0'],
    ["a stranger's team", () => bob, { audience: [{ kind: 'TEAM', id: 'crew' }] }, 'NOT_FOUND', 'audience.0'],
    ['the deployment as audience', () => alice, { audience: [{ kind: 'DEPLOYMENT' }] }, 'INVALID_INPUT', 'audience.0'],
    ['SHARED with nobody', () => alice, { visibility: 'SHARED' }, 'INVALID_INPUT', 'audience'],
    ['a locked user entry', () => alice, { locked: true }, 'INVALID_INPUT', 'locked'],
  ])('%s', async (_, who, input, code, field) => {
    const { query, variables } = register(input)
    const before = (await who().client.execute(McpServersDocument, { first: 500 })).mcpServers.nodes.length
    const { errors } = await who().raw(query, variables)
    expect(errors?.[0]?.extensions).toMatchObject({ code, mend: expect.any(String) as string })
    expect(String(errors![0]!.extensions.field)).toContain(field)
    expect(errorCodes).toContain(errors![0]!.extensions.code)
    expect((await who().client.execute(McpServersDocument, { first: 500 })).mcpServers.nodes).toHaveLength(before)
  })

  it('S21: unknown, malformed and hidden ids look the same to everyone', async () => {
    const { id } = await server.register(alice, 'hidden')
    const ids = [id, 'srv_000000000000000000000000', '', 'x'.repeat(5000), "'; drop table entry; --", '\u0000', id.toUpperCase()]
    const queries = [
      'query ($id: ID!) { mcpServer(id: $id) { id } }', 'query ($id: ID!) { node(id: $id) { id } }', 'query ($id: ID!) { agent(id: $id) { id } }',
      'query ($id: ID!) { entryHistory(id: $id) { nodes { revision } } }',
      'mutation ($id: ID!) { deleteEntry(input: { id: $id, expectedRevision: 1 }) { cursor } }',
      'mutation ($id: ID!) { updateMcpServer(input: { id: $id, expectedRevision: 1, name: "mine" }) { cursor } }',
      'mutation ($id: ID!) { setEntryEnabled(input: { id: $id, expectedRevision: 1, enabled: false }) { cursor } }',
      'mutation ($id: ID!) { rollbackEntry(input: { id: $id, expectedRevision: 1, toRevision: 1 }) { cursor } }',
      'mutation ($id: ID!) { revokeAccessToken(id: $id) { id } }',
    ]
    for (const query of queries) {
      const answers = await Promise.all(ids.map((one) => bob.raw(query, { id: one })))
      expect(new Set(answers.map((answer) => JSON.stringify(answer).replaceAll(/"locations":\[[^\]]*\],?/g, '')))).toHaveLength(1)
    }
  })
})
