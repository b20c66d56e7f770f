import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import postgres from 'postgres'
import {
  AuditEventsDocument, BindSecretDocument, type BindSecretInput, DeleteEntryDocument, DeleteSecretDocument, ExplainAvailabilityDocument, ImportCatalogDocument, McpServerDocument, type McpServerDefinitionInput,
  PutSecretDocument, RegisterMcpServerDocument, type RegisterMcpServerInput, RestoreEntryDocument, RevokeEntryDocument, RollbackEntryDocument, SecretBindingsDocument, SecretsDocument, SetEntryEnabledDocument, UpdateMcpServerDocument,
  type UpdateMcpServerInput, ValidateMcpServerDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let alice: Person
let bob: Person
let maintainer: Person
let member: Person
let sql: postgres.Sql
beforeAll(async () => {
  server = await startTestServer()
  ;[alice, bob, maintainer, member] = [await server.user('alice'), await server.user('bob'), await server.user('maintainer'), await server.user('member')]
  await server.team('crew', [[maintainer, 'MAINTAINER'], [member, 'MEMBER']])
  sql = postgres(server.databaseUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await server.close()
})

const me = { kind: 'USER' as const }
const crew = { kind: 'TEAM' as const, id: 'crew' }
const deployment = { kind: 'DEPLOYMENT' as const }
const remote = (headers: Record<string, string>, url = 'https://api.example.com/mcp'): McpServerDefinitionInput =>
  ({ transport: { http: { url, headers: Object.entries(headers).map(([name, value]) => ({ name, value })) } } })
const register = async (who: Person, name: string, definition: McpServerDefinitionInput, more: Partial<RegisterMcpServerInput> = {}) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner: me, name, definition, ...more } })).registerMcpServer.mcpServer
const update = async (who: Person, input: UpdateMcpServerInput) => (await who.client.execute(UpdateMcpServerDocument, { input })).updateMcpServer.mcpServer
const put = async (who: Person, name: string, owner: RegisterMcpServerInput['owner'] = me) => (await who.client.execute(PutSecretDocument, { input: { owner, name, value: 'x' } })).putSecret.secret
const read = async (who: Person, id: string) => (await who.client.execute(McpServerDocument, { id })).mcpServer!
const bind = async (who: Person, entryId: string, more: Partial<BindSecretInput> = {}) => (await who.client.execute(BindSecretDocument, {
  input: { entryId, digest: more.digest ?? (await read(server.admin, entryId)).digest, scope: 'USER', name: 'T', injectionPoint: 'header:Authorization', ...more },
})).bindSecret
/** Each reference, whether it is bound, and how its reason begins. */
const bindings = async (who: Person, entryId: string) =>
  (await who.client.execute(SecretBindingsDocument, { entryId })).secretBindings.map(({ reference: { name }, bound, reason }) => [name, bound, reason?.slice(0, 16) ?? null])
const refusal = (work: Promise<unknown>) => work.then(() => 'nothing was refused', (error: unknown) => error)
const [connect, ownerLacks, nobodySaid] = ['Connect your acc', 'The entry\'s owne', 'Nobody has confi']

describe('what registering confirms', () => {
  it('is all of it in a person\'s own entry; whether the secret is set is another question', async () => {
    const { id } = await register(alice, 'own', remote({ Authorization: 'Bearer ${user:T}', 'X-Key': '${secret:K}' }))
    expect(await bindings(alice, id)).toEqual([['T', true, connect], ['K', true, ownerLacks]])
    await put(alice, 'T')
    await put(alice, 'K')
    expect(await bindings(alice, id)).toEqual([['T', true, null], ['K', true, null]])
    await alice.client.execute(DeleteSecretDocument, { input: { owner: me, name: 'K' } })
    expect(await bindings(alice, id)).toEqual([['T', true, null], ['K', true, ownerLacks]])
  })

  it('S11: is nobody\'s account in an entry for many', async () => {
    await put(maintainer, 'T')
    const { id } = await register(maintainer, 'for-many', remote({ Authorization: '${user:T}', 'X-Key': '${secret:K}' }), { owner: crew })
    expect(await bindings(maintainer, id)).toEqual([['T', false, connect], ['K', true, ownerLacks]])
    expect(await bindings(member, id)).toEqual([['T', false, connect], ['K', true, ownerLacks]])
  })

  it('S11: is not a person\'s account or secret when an admin breaks glass', async () => {
    await put(bob, 'T')
    const { id } = await register(server.admin, 'planted', remote({ Authorization: '${user:T}', 'X-Key': '${secret:T}' }, 'https://evil.example.com/'), { owner: { kind: 'USER', id: bob.id } })
    expect(await bindings(bob, id)).toEqual([['T', false, connect], ['T', false, nobodySaid]])
    for (const scope of ['OWNER', 'USER'] as const) {
      const injectionPoint = scope === 'USER' ? 'header:Authorization' : 'header:X-Key'
      const error = await refusal(bind(server.admin, id, { scope, injectionPoint }))
      // Of their own account an admin may say what they like; it says nothing for bob's.
      if (scope === 'OWNER') expect(error).toMatchObject({ code: 'FORBIDDEN', extensions: { field: 'scope' } })
    }
    expect(await bindings(bob, id)).toEqual([['T', false, connect], ['T', false, nobodySaid]])
    await bind(bob, id)
    await bind(bob, id, { scope: 'OWNER', injectionPoint: 'header:X-Key' })
    expect(await bindings(bob, id)).toEqual([['T', true, null], ['T', true, null]])
  })
})

describe('S11: who lets others use a person\'s secret', () => {
  const bound = async (id: string) => (await bindings(alice, id)).map(([name, isBound]) => `${String(name)} ${String(isBound)}`)
  const [everything, account] = [['K true', 'T true'], ['K false', 'T true']]
  const audience = (...people: Person[]) => ({ visibility: 'SHARED' as const, audience: people.map(({ id }) => ({ kind: 'USER' as const, id })) })
  it('is that person alone: an admin who shares the entry lets nobody use it before the owner has agreed', async () => {
    await put(alice, 'K')
    await put(alice, 'T')
    const { id } = await register(alice, 'lent', remote({ Authorization: '${secret:K}', 'X-User': '${user:T}' }))
    let revision = 1
    const reach = async (more: Partial<UpdateMcpServerInput>) => {
      await update(server.admin, { id, expectedRevision: revision++, ...more })
      return bound(id)
    }
    const agree = () => bind(alice, id, { scope: 'OWNER', name: 'K' })
    expect(await bound(id)).toEqual(everything)
    expect(await reach(audience(bob))).toEqual(account)
    await agree()
    expect(await bound(id)).toEqual(everything)
    // Of those who have it already, fewer; and what is no matter of who has it.
    for (const more of [{ apply: 'NOW' as const }, { name: 'lent-2' }]) expect(await reach(more)).toEqual(everything)
    expect(await reach(audience(bob, member))).toEqual(account)
    await agree()
    expect(await reach(audience(member))).toEqual(everything)
    expect(await reach({ visibility: 'PUBLIC' })).toEqual(account)
    await agree()
    expect(await reach(audience(member))).toEqual(everything)
    expect(await reach({ visibility: 'PRIVATE' })).toEqual(everything)
  })

  it('and who may write both: a maintainer shares what the team has', async () => {
    const { id } = await register(maintainer, 'lent-by-crew', remote({ Authorization: '${secret:L}' }), { owner: crew })
    await update(server.admin, { id, expectedRevision: 1, visibility: 'PUBLIC' })
    expect((await bindings(maintainer, id))[0]?.[1]).toBe(true)
  })
})

describe('bindSecret', () => {
  it('S11: each person for their own account; twice does nothing more; the revision stays', async () => {
    const { id, digest } = await register(server.admin, 'shared', remote({ Authorization: '${user:T}' }), { owner: deployment })
    await put(member, 'T')
    const first = await bind(member, id, { digest })
    expect(first.entry).toMatchObject({ id, revision: 1, digest })
    const again = await bind(member, id, { digest })
    expect(await bindings(member, id)).toEqual([['T', true, null]])
    expect(await bindings(alice, id)).toEqual([['T', false, connect]])
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id })
    expect(auditEvents.nodes.map(({ action, actor }) => [action, actor.id])).toEqual([['secret.bind', member.id], ['mcpServer.register', server.admin.id]])
    expect(again.cursor >= first.cursor).toBe(true)
  })

  it('a ${secret:} by whoever may write both', async () => {
    const { id } = await register(maintainer, 'of-crew', remote({ Authorization: '${secret:T}' }), { owner: crew })
    await update(maintainer, { id, expectedRevision: 1, definition: remote({ Authorization: '${secret:T}' }, 'https://api.example.com/other') })
    const input = { scope: 'OWNER' as const }
    expect(await refusal(bind(member, id, input))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(bind(bob, id, input))).toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'entryId' } })
    expect(await bindings(member, id)).toEqual([['T', false, nobodySaid]])
    await bind(maintainer, id, input)
    await bind(server.admin, id, input)
    expect(await bindings(member, id)).toEqual([['T', true, ownerLacks]])
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id, action: 'secret.bind' })
    expect(auditEvents.nodes).toMatchObject([{ actor: { id: maintainer.id }, before: { bindings: { since: 2, confirmed: [] } }, after: { bindings: { confirmed: [{ name: 'T', by: { id: maintainer.id } }] } } }])
  })

  it('not for another digest, nor for a reference that is not there', async () => {
    const { id, digest } = await register(alice, 'looked-at', remote({ Authorization: '${user:T}' }))
    await update(alice, { id, expectedRevision: 1, definition: remote({ Authorization: '${user:T}' }, 'https://elsewhere.example.com/') })
    expect(await refusal(bind(alice, id, { digest }))).toMatchObject({ code: 'REVISION_CONFLICT', extensions: { field: 'digest', currentRevision: 2 } })
    const wrong: Array<Partial<BindSecretInput>> = [
      { name: 't' }, { name: '' }, { name: 'T\u0000' }, { scope: 'OWNER' }, { injectionPoint: 'header:authorization' }, { injectionPoint: 'env:Authorization' }, { injectionPoint: '' }, { injectionPoint: 'header:Authorization ' },
    ]
    for (const more of wrong) expect(await refusal(bind(alice, id, more)), JSON.stringify(more)).toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'name' } })
    expect(await bindings(alice, id)).toEqual([['T', false, connect]])
    for (const entryId of ['srv_000000000000000000000000', '', '\u0000', 'x'.repeat(5_000)]) {
      expect(await refusal(bind(alice, entryId, { digest }))).toMatchObject({ code: 'NOT_FOUND' })
      expect(await refusal(bindings(alice, entryId))).toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  it('S15: changes nothing when the audit cannot be written', async () => {
    const { id } = await register(maintainer, 'audited', remote({ Authorization: '${secret:T}', 'X-User': '${user:T}' }), { owner: crew })
    await update(maintainer, { id, expectedRevision: 1, definition: remote({ Authorization: '${secret:T}', 'X-User': '${user:T}' }, 'https://api.example.com/other') })
    const ask = [() => bind(maintainer, id, { scope: 'OWNER' }), () => bind(maintainer, id, { injectionPoint: 'header:X-User' })]
    await sql`alter table audit_event add constraint refuse check (action <> 'secret.bind') not valid`
    try {
      for (const work of ask) expect(await refusal(work())).toMatchObject({ code: 'INTERNAL' })
    } finally {
      await sql`alter table audit_event drop constraint refuse`
    }
    const isBound = async () => (await bindings(maintainer, id)).map(([, bound]) => bound)
    expect([await isBound(), await sql`select 1 from secret_binding where entry_id = ${id}`]).toEqual([[false, false], []])
    for (const work of ask) await work()
    expect(await isBound()).toEqual([true, true])
  })

  it('outlasts a revocation and a deletion: what is restored sends values to the same place', async () => {
    const { id } = await register(server.admin, 'returns', remote({ Authorization: '${user:T}' }, 'https://returns.example.com/'), { owner: deployment })
    await bind(member, id)
    await server.admin.client.execute(RevokeEntryDocument, { input: { id, reason: 'A look at it.' } })
    await server.admin.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 2 } })
    expect(await refusal(bindings(member, id))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(bind(member, id, { digest: 'd' }))).toMatchObject({ code: 'NOT_FOUND' })
    await server.admin.client.execute(RestoreEntryDocument, { input: { id, expectedRevision: 2 } })
    expect([await bindings(member, id), await bindings(alice, id)]).toEqual([[['T', true, null]], [['T', false, connect]]])
  })

  it('of an entry from before there were bindings', async () => {
    const { id } = await register(server.admin, 'old', remote({ Authorization: '${user:T}' }), { owner: deployment })
    await sql`update entry set bindings = null where id = ${id}`
    const node = await server.node()
    expect(await bindings(node.as(member), id)).toEqual([['T', false, connect]])
    await bind(node.as(member), id)
    expect(await bindings(node.as(member), id)).toEqual([['T', true, null]])
    await update(server.admin, { id, expectedRevision: 1, name: 'old-2' })
    expect(await bindings(member, id)).toEqual([['T', true, null]])
    expect(await bindings(alice, id)).toEqual([['T', false, connect]])
  })

  it('is told together with what it is for by usedBy', async () => {
    await put(member, 'used')
    const { id } = await register(server.admin, 'user-of-it', remote({ Authorization: '${user:used}' }), { owner: deployment })
    await register(bob, 'not-for-member', remote({ Authorization: '${user:used}' }))
    const { secrets } = await member.client.execute(SecretsDocument, { owner: me })
    expect(secrets.find(({ name }) => name === 'used')?.usedBy.map((entry) => entry.id)).toEqual([id])
    await put(server.admin, 'K', crew)
    const ofTeam = (await member.client.execute(SecretsDocument, { owner: crew })).secrets
    expect(ofTeam.find(({ name }) => name === 'K')?.usedBy).toMatchObject([{ name: 'for-many' }])
    // An admin's look at a person's secrets is recorded, and is no look at what strangers share with them.
    const shared = await register(bob, 'between-two', remote({ Authorization: '${user:used}' }))
    await update(server.admin, { id: shared.id, expectedRevision: 1, visibility: 'SHARED', audience: [{ kind: 'USER', id: member.id }] })
    const again = (await member.client.execute(SecretsDocument, { owner: me })).secrets
    expect(again.find(({ name }) => name === 'used')?.usedBy.map(({ name }) => name)).toEqual(['between-two', 'user-of-it'])
    const seen = (await server.admin.client.execute(SecretsDocument, { owner: { kind: 'USER', id: member.id } })).secrets
    expect(seen.find(({ name }) => name === 'used')?.usedBy.map(({ name }) => name)).toEqual(['user-of-it'])
  })
})

describe('S24: what unbinds', () => {
  const stdio = (args: string[], env: Record<string, string>): McpServerDefinitionInput =>
    ({ transport: { stdio: { command: 'npx', args: ['-y', ...args], env: Object.entries(env).map(([name, value]) => ({ name, value })) } } })
  const http = remote({ Authorization: 'Bearer ${secret:T}', 'X-Mode': 'a' })
  const local = stdio(['srv@1.2.3', 'a'], { TOKEN: '${secret:T}', MODE: 'a' })
  it.each<[string, boolean, McpServerDefinitionInput, McpServerDefinitionInput]>([
    ['the host', false, http, remote({ Authorization: 'Bearer ${secret:T}' }, 'https://apl.example.com/mcp')],
    ['the case of the host', false, http, remote({ Authorization: 'Bearer ${secret:T}' }, 'https://API.example.com/mcp')],
    ['the path', false, http, remote({ Authorization: 'Bearer ${secret:T}' }, 'https://api.example.com/mcp/')],
    ['the query', false, http, remote({ Authorization: 'Bearer ${secret:T}' }, 'https://api.example.com/mcp?to=x')],
    ['the port', false, http, remote({ Authorization: 'Bearer ${secret:T}' }, 'https://api.example.com:8443/mcp')],
    ['the header', false, http, remote({ 'X-Authorization': 'Bearer ${secret:T}' })],
    ['one more header with a reference', false, http, remote({ Authorization: 'Bearer ${secret:T}', 'X-More': '${secret:T}' })],
    ['the transport', false, http, local],
    ['an argument', false, local, stdio(['srv@1.2.3', 'b'], { TOKEN: '${secret:T}' })],
    ['the version of the package', false, local, stdio(['srv@1.2.4', 'a'], { TOKEN: '${secret:T}' })],
    ['the variable', false, local, stdio(['srv@1.2.3', 'a'], { OTHER: '${secret:T}' })],
    ['not another header', true, http, remote({ Authorization: 'Bearer ${secret:T}', 'X-Mode': 'b' })],
    ['another variable', false, local, stdio(['srv@1.2.3', 'a'], { TOKEN: '${secret:T}', MODE: 'b' })],
    ['one more variable', false, local, stdio(['srv@1.2.3', 'a'], { TOKEN: '${secret:T}', MODE: 'a', API_URL: 'https://apl.example.com' })],
    ['what stands around a reference', false, stdio(['srv@1.2.3'], { DB: 'pg://app:${secret:T}@db/main' }), stdio(['srv@1.2.3'], { DB: 'pg://app:${secret:T}@db.example.com/main' })],
    ['not the tools', true, http, { ...http, tools: { include: ['read'] } }],
    ['not the description', true, http, { ...http, description: 'Another.' }],
  ])('%s', async (name, stays, before, after) => {
    const { id } = await register(maintainer, name.replaceAll(' ', '-'), before, { owner: crew })
    expect((await bindings(maintainer, id)).every(([, bound]) => bound)).toBe(true)
    await update(maintainer, { id, expectedRevision: 1, definition: after })
    const now = await maintainer.client.execute(SecretBindingsDocument, { entryId: id })
    expect(now.secretBindings.map(({ bound }) => bound)).toEqual(now.secretBindings.map(() => stays))
    if (stays) return
    expect(now.secretBindings[0]?.reason).toContain('since revision 2')
    // Back to where it was confirmed: it has to be confirmed again.
    await maintainer.client.execute(RollbackEntryDocument, { input: { id, expectedRevision: 2, toRevision: 1 } })
    const back = await maintainer.client.execute(SecretBindingsDocument, { entryId: id })
    expect(back.secretBindings.map(({ bound }) => bound)).toEqual([false])
    const { reference } = back.secretBindings[0]!
    await bind(maintainer, id, reference)
    expect((await maintainer.client.execute(SecretBindingsDocument, { entryId: id })).secretBindings.map(({ bound }) => bound)).toEqual([true])
    // A switch and a rename are no other place.
    await maintainer.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 3, enabled: false } })
    expect((await maintainer.client.execute(SecretBindingsDocument, { entryId: id })).secretBindings.map(({ bound }) => bound)).toEqual([true])
  })

  it('an import that was overtaken by a confirmation takes none back', async () => {
    const { id } = await register(maintainer, 'overtaken', http, { owner: crew })
    const text = (mode: string) => JSON.stringify({ overtaken: { type: 'http', url: 'https://api.example.com/mcp', headers: { 'Authorization': 'Bearer ${secret:T}', 'X-Mode': mode } } })
    const importing = (mode: string) => maintainer.client.execute(ImportCatalogDocument, { input: { owner: crew, format: 'MCP_JSON', onConflict: 'UPDATE', text: text(mode) } })
    // As it is where another node has just written it, and this one has not read that yet.
    const [{ bindings: before }] = await sql<[{ bindings: object }]>`select bindings from entry where id = ${id}`
    await sql`update entry set bindings = bindings || '{"since": 0}' where id = ${id}`
    expect(await refusal(importing('b'))).toMatchObject({ code: 'REVISION_CONFLICT', extensions: { field: 'text', currentRevision: 1 } })
    await sql`update entry set bindings = ${sql.json(before as never)} where id = ${id}`
    await importing('b')
    expect(await bindings(maintainer, id)).toMatchObject([['T', true, ownerLacks]])
  })

  it('everybody\'s account, and each has to confirm it again', async () => {
    const { id } = await register(server.admin, 'moves', remote({ Authorization: '${user:T}' }), { owner: deployment })
    for (const who of [member, alice]) await bind(who, id)
    await update(server.admin, { id, expectedRevision: 1, definition: remote({ Authorization: '${user:T}' }, 'https://moved.example.com/') })
    await bind(alice, id)
    expect(await bindings(alice, id)).toEqual([['T', true, null]])
    expect(await bindings(member, id)).toEqual([['T', false, connect]])
  })
})

describe('a secret that is not there', () => {
  const definition = remote({ Authorization: '${secret:nowhere}' })
  it('is a finding at save, in the dry run and in imports, and refuses nothing', async () => {
    const finding = { rule: 'secret-unknown', field: 'definition.transport.http.headers.Authorization', message: expect.stringContaining('no secret nowhere yet') as string }
    const { validateMcpServer } = await bob.client.execute(ValidateMcpServerDocument, { input: { owner: me, name: 'unset', definition } })
    expect(validateMcpServer).toMatchObject({ kind: 'ALLOW', findings: [finding] })
    const saved = await bob.raw('mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { mcpServer { status statusReason verdict { kind findings { rule field message } } } } }', { input: { owner: me, name: 'unset', definition } })
    expect(saved.data).toMatchObject({ registerMcpServer: { mcpServer: { status: 'ACTIVE', statusReason: null, verdict: { kind: 'ALLOW', findings: [finding] } } } })
    const { importCatalog } = await bob.client.execute(ImportCatalogDocument, {
      input: { owner: me, format: 'MCP_JSON', text: JSON.stringify({ imported: { type: 'http', url: 'https://api.example.com', headers: { Authorization: '${secret:nowhere}' } } }) },
    })
    expect(importCatalog.items).toMatchObject([{ outcome: 'CREATED', findings: [finding] }])
    await put(bob, 'nowhere')
    expect((await bob.client.execute(ValidateMcpServerDocument, { input: { owner: me, name: 'unset-2', definition } })).validateMcpServer).toMatchObject({ kind: 'ALLOW', findings: [] })
    expect((await bob.client.execute(ValidateMcpServerDocument, { input: { owner: me, name: 'other', definition: remote({ A: '${user:nobodys}' }) } })).validateMcpServer.findings).toMatchObject([{ rule: 'secret-unknown' }])
  })

  it('S23: never changes who has the entry, and explainAvailability says what a session lacks', async () => {
    await register(server.admin, 'lacking', remote({ Authorization: '${user:lacking}' }), { owner: deployment })
    const explain = async (who: Person) => {
      const { explainAvailability: { available, steps } } = await who.client.execute(ExplainAvailabilityDocument, { owner: me, kind: 'MCP_SERVER', name: 'lacking' })
      return [available, ...steps.filter(({ check }) => check === 'secrets').map(({ passed, reason }) => `${passed} ${reason.replace(/^.*?Authorization\. /, '').slice(0, 45)}`)]
    }
    expect(await explain(alice)).toEqual([true, 'false Connect your account: you have not confirmed '])
    const { entry } = (await alice.client.execute(ExplainAvailabilityDocument, { owner: me, kind: 'MCP_SERVER', name: 'lacking' })).explainAvailability
    await bind(alice, entry!.id, { name: 'lacking' })
    expect(await explain(alice)).toEqual([true, 'false Connect your account: you have no secret lack'])
    await put(alice, 'lacking')
    expect(await explain(alice)).toEqual([true, 'true It is set, and may go there.'])
    expect(await explain(bob)).toEqual([true, 'false Connect your account: you have not confirmed '])
  })
})
