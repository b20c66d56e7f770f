import { once } from 'node:events'
import { connect } from 'node:net'
import { GraphQLError } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { verifyChain } from '../../src/catalog/audit.js'
import {
  CreateUserDocument, DeleteEntryDocument, ExplainAvailabilityDocument, RegisterAgentDocument, RemoveTeamMemberDocument, SetTeamMemberDocument, SetUserRoleDocument,
} from '../../src/client/index.js'
import { withoutValues } from '../../src/db/client.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer({ documentLimits: { aliases: 3_000, tokens: 10_000 } }) })
afterAll(() => server.close())

const codes = async (who: Person, query: string) => {
  const { errors } = await who.raw(query)
  return errors?.map(({ extensions }) => extensions.code)
}

describe('one request that outlives a right', () => {
  it('S19: a demoted admin makes no admin', async () => {
    const user = await server.user('boss')
    await server.admin.client.execute(SetUserRoleDocument, { userId: user.id, role: 'ADMIN' })
    expect(await codes(user, `mutation {
      a: setUserRole(userId: "${user.id}", role: USER) { id } b: createTeam(slug: "late", displayName: "Late") { id }
      c: createUser(provider: "x", subject: "y", displayName: "z", role: ADMIN) { id } d: setUserRole(userId: "${user.id}", role: ADMIN) { id }
    }`)).toEqual(['FORBIDDEN'])
  })

  it('S19: a revoked token mints no other', async () => {
    const user = await server.user('ender')
    const { data } = await user.raw('{ accessTokens { nodes { id } } }')
    const [{ id }] = (data as { accessTokens: { nodes: [{ id: string }] } }).accessTokens.nodes
    expect(await codes(user, `mutation { a: revokeAccessToken(id: "${id}") { id } b: createAccessToken(input: { kind: PERSONAL, name: "x" }) { secret } }`)).toEqual(['UNAUTHENTICATED'])
  })

  it('S19: who left a team writes nothing for it', async () => {
    const user = await server.user('left')
    await server.team('once', [[user, 'MAINTAINER']])
    expect(await codes(user, `mutation {
      a: removeTeamMember(team: "once", userId: "${user.id}") { id }
      b: registerMcpServer(input: { owner: { kind: TEAM, id: "once" }, name: "x", definition: { transport: { http: { url: "https://x.example.com" } } } }) { cursor }
    }`)).toEqual(['NOT_FOUND'])
  })

  it('writers make progress beside others whose rights change', async () => {
    const writers = await Promise.all(['p', 'q'].map((name) => server.user(name)))
    const onboarding = Promise.all(Array.from({ length: 20 }, (_, at) => server.admin.client.execute(CreateUserDocument, {
      provider: 'bulk', subject: `u${at}`, displayName: 'u', role: 'USER',
    }).then(({ createUser }) => server.admin.client.execute(SetUserRoleDocument, { userId: createUser.id, role: 'ADMIN' }))))
    await Promise.all(writers.flatMap((writer) => Array.from({ length: 10 }, (_, at) => server.register(writer, `e${at}`))))
    await onboarding
  })
})

describe('a person known by provider and subject before the catalog knew them', () => {
  it('F1 F2 F3: keeps one faithful stream through creation, joining and leaving', async () => {
    const worker = await server.worker([{ kind: 'USER', provider: 'test', subject: 'newcomer' }])
    const live = await worker.watch({ kind: 'USER', provider: 'test', subject: 'newcomer' })
    await live.nextSnapshot()
    const team = await server.team('welcome', [])
    const owner = { kind: 'TEAM' as const, id: team }
    await server.register(server.admin, 'team-tool', { owner })
    const newcomer = await server.user('newcomer')
    await server.admin.client.execute(SetTeamMemberDocument, { team, userId: newcomer.id, role: 'MEMBER' })
    expect(await live.nextDelta()).toMatchObject({ upserted: [{ name: 'team-tool' }] })
    await server.admin.client.execute(RemoveTeamMemberDocument, { team, userId: newcomer.id })
    expect(await live.nextDelta()).toMatchObject({ removed: [{ name: 'team-tool', reason: 'NOT_SHARED' }] })
    await server.register(server.admin, 'team-secret', { owner })
    const { cursor } = await server.register(newcomer, 'own')
    await live.reached(cursor)
    expect([...live.view().keys()]).toEqual(['MCP_SERVER:own'])
  })
})

describe('what one subscriber does', () => {
  it('F1: costs nobody else an event: a document that cannot be rendered ends alone', async () => {
    const [heavy, victim] = await Promise.all([server.user('heavy'), server.user('victim')])
    const { data } = await heavy.raw(`mutation ($prompt: String!) { registerAgent(input: { owner: { kind: USER }, name: "a", definition: { prompt: $prompt } }) { agent { id } } }`, { prompt: 'x'.repeat(199_000) })
    const { id } = (data as { registerAgent: { agent: { id: string } } }).registerAgent.agent
    const aliases = Array.from({ length: 2_800 }, (_, at) => `p${at}: prompt`).join(' ')
    const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${heavy.token}` } }))
    await once(socket, 'message')
    const before = server.app.hub.size()
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: `subscription { catalogChanged(owner: { kind: USER }) { ... on CatalogSnapshot { agents { ${aliases} } } } }` } }))
    const [message] = await once(socket, 'message') as [Buffer]
    expect(JSON.parse(String(message))).toMatchObject({ id: '1', type: 'error', payload: [{ extensions: { code: 'INTERNAL' } }] })
    expect(server.app.hub.size()).toBe(before)
    const live = await victim.watch()
    await live.nextSnapshot()
    await Promise.all([
      heavy.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } }),
      heavy.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'b', definition: { prompt: 'x' } } }),
      ...Array.from({ length: 5 }, (_, at) => server.register(victim, `v${at}`)),
    ])
    const { cursor } = await server.register(victim, 'last')
    await live.reached(cursor)
    expect(live.view().size).toBe(6)
    socket.close()
    await once(socket, 'close')
  })

  it('S21: connections that are reset during an upgrade harm nobody', async () => {
    const { port } = new URL(server.url)
    for (let round = 0; round < 50; round++) {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write('GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.resetAndDestroy()
    }
    expect((await fetch(server.url.replace('/graphql', '/health'))).status).toBe(200)
  })

  it('is not rendered for another: variables besides owner and cursor count, whatever they are called', async () => {
    const user = await server.user('includer')
    const ask = async (after: boolean) => {
      const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
      await once(socket, 'open')
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${user.token}` } }))
      await once(socket, 'message')
      const query = 'subscription ($after: Boolean!, $cursor: Cursor) { catalogChanged(owner: { kind: USER }, after: $cursor) { __typename ... on CatalogSnapshot { cursor @include(if: $after) } } }'
      socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query, variables: { after } } }))
      const [message] = await once(socket, 'message') as [Buffer]
      return { socket, keys: Object.keys((JSON.parse(String(message)) as { payload: { data: { catalogChanged: object } } }).payload.data.catalogChanged) }
    }
    const [without, including] = [await ask(false), await ask(true)]
    expect([without.keys, including.keys]).toEqual([['__typename'], ['__typename', 'cursor']])
    for (const { socket } of [without, including]) {
      socket.close()
      await once(socket, 'close')
    }
  })
})

describe('what is told and recorded', () => {
  it("an admin sees a stranger's entry by naming its owner, which is recorded, and in no other way", async () => {
    const [owner, other] = await Promise.all([server.user('keeper'), server.user('bystander')])
    await server.register(owner, 'hidden-thing')
    const { explainAvailability } = await server.admin.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER', id: other.id }, kind: 'MCP_SERVER', name: 'hidden-thing' })
    expect(explainAvailability).toMatchObject({ available: false, entry: null, steps: [{ check: 'entry' }] })
  })

  it('S14: no value of a failed query reaches a log line, and no value of a variable an answer', async () => {
    const error = Object.assign(new Error('Failed query: insert\nparams: CANARY'), { query: 'insert into entry values ($1)', params: ['CANARY'] })
    for (const told of [error, new GraphQLError(error.message, { originalError: error }), new Error(error.message, { cause: error })]) {
      expect(JSON.stringify(withoutValues(told))).not.toContain('CANARY')
    }
    const answers = await Promise.all([{ name: { token: 'CANARY' } }, { name: ['CANARY'] }, { visibility: 'CANARY' }, { enabled: 'CANARY' }].map((input) => server.admin.raw(
      'mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { cursor } }', { input: { owner: { kind: 'USER' }, name: 'x', definition: { transport: { http: { url: 'https://x' } } }, ...input } },
    )))
    for (const { errors } of answers) expect(errors?.[0]).toMatchObject({ message: expect.not.stringContaining('CANARY') as string, extensions: { code: 'INVALID_INPUT', field: expect.stringMatching(/^input\./) as string } })
  })

  it.each<[string, string, object, string]>([
    ['a NUL in a user id', 'query ($id: ID) { accessTokens(userId: $id) { nodes { id } } }', { id: 'a\0b' }, 'NOT_FOUND'],
    ['half a character in a subject', 'query ($id: String) { effectiveCatalog(owner: { kind: USER, provider: $id, subject: "x" }) { cursor } }', { id: '\ud800' }, 'NOT_FOUND'],
    ['a NUL in the id of a token\'s user', 'mutation ($id: ID) { createAccessToken(input: { kind: PERSONAL, name: "x", userId: $id }) { secret } }', { id: 'a\0b' }, 'NOT_FOUND'],
    ['a NUL in a member', 'mutation ($id: ID!) { removeTeamMember(team: "t", userId: $id) { id } }', { id: 'a\0b' }, 'NOT_FOUND'],
    ['a document without end', '{a'.repeat(30_000), {}, 'LIMIT_EXCEEDED'],
  ])('%s is answered calmly, to admins and others alike', async (_, query, variables, code) => {
    const user = await server.user(`odd-${query.length}`)
    for (const who of [server.admin, user]) expect((await who.raw(query, variables)).errors?.[0]?.extensions).toMatchObject({ code, field: expect.any(String) as string })
  })

  it('a cursor that is none is refused', async () => {
    expect(await codes(server.admin, '{ auditEvents(after: "OTk5OTk5OTk5OTk") { nodes { id } } }')).toEqual(['INVALID_INPUT'])
  })

  it('S15: the cut-off end of the access chain is noticed', async () => {
    const { db, auditKey } = server.app.services
    expect((await verifyChain(db, auditKey, 'access')).broken).toBeNull()
    await db.execute('delete from access_event where sequence = (select max(sequence) from access_event)')
    expect((await verifyChain(db, auditKey, 'access')).broken).toMatchObject({ reason: 'the end of the chain is missing' })
  })
})
