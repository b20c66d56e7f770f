import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AuditEventsDocument, DeleteEntryDocument, ExplainAvailabilityDocument, ImportCatalogDocument, McpServersDocument, RegisterAgentDocument,
  RegisterMcpServerDocument, RestoreEntryDocument, RevokeEntryDocument, RollbackEntryDocument, SetEntryEnabledDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
/** Nobody tells it anything: what it knows it has asked for. */
let deaf: TestNode
let alice: Person
let bob: Person
beforeAll(async () => {
  server = await startTestServer()
  deaf = await server.node({ listens: false, pollMs: 3_600_000 })
  ;[alice, bob] = await Promise.all(['alice', 'bob'].map((name) => server.user(name))) as [Person, Person]
})
afterAll(() => server.close())

const revoke = async (who: Person, id: string) => (await who.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })).revokeEntry
const restore = async (who: Person, id: string, expectedRevision: number) => (await who.client.execute(RestoreEntryDocument, { input: { id, expectedRevision } })).restoreEntry
const http = (url: string) => ({ transport: { http: { url } } })
const register = (who: Person, name: string, url: string) => who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: http(url) } })
const refusal = (promise: Promise<unknown>): Promise<{ code: string; extensions: Record<string, unknown> }> => promise.then(
  () => { throw new Error('it was not refused') }, (error: { code: string; extensions: Record<string, unknown> }) => error)
const blocked = { code: 'POLICY_DENIED', extensions: { field: 'definition.transport.http.url', mend: expect.stringMatching(/^Restore .* \(srv_\w+\) and have it approved, or use something else\.$/) as string, findings: [{ rule: 'revoked' }] } }

describe('a revoked entry', () => {
  it('has the status before all others, one more revision, and says why', async () => {
    const { id } = await server.register(alice, 'gone')
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false } })
    const { entry } = await revoke(alice, id)
    expect(entry).toMatchObject({ id, revision: 3, status: 'REVOKED', statusReason: expect.stringContaining('It leaked.') as string })
    const { mcpServers } = await alice.client.execute(McpServersDocument, { status: 'REVOKED' })
    expect(mcpServers.nodes.map((node) => node.id)).toEqual([id])
    const { explainAvailability } = await alice.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'gone' })
    expect(explainAvailability.steps.find(({ check }) => check === 'revocation')).toMatchObject({ passed: false, reason: expect.stringContaining('It leaked.') as string })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id, action: 'entry.revoke' })
    expect(auditEvents.nodes).toMatchObject([{ actor: { id: alice.id }, before: { revision: 2 }, after: { revision: 3, revoked: { reason: 'It leaked.' } } }])
  })

  it('stays as it is when it is revoked again', async () => {
    const { id } = await server.register(alice, 'twice')
    await revoke(alice, id)
    expect((await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'Another reason.' } })).revokeEntry.entry)
      .toMatchObject({ revision: 2, statusReason: expect.stringContaining('It leaked.') as string })
  })

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['enabled', (id) => alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: true } })],
    ['disabled', (id) => alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: false } })],
    ['renamed', (id) => alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, name: 'reborn' } })],
    ['changed into something harmless', (id) => alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, definition: http('https://harmless.example.com/') } })],
    ['shared', (id) => server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, visibility: 'PUBLIC' } })],
    ['rolled back', (id) => alice.client.execute(RollbackEntryDocument, { input: { id, expectedRevision: 2, toRevision: 1 } })],
  ])('cannot be %s', async (what, change) => {
    const { id } = await server.register(alice, `fixed-${what.replaceAll(' ', '-')}`.slice(0, 40))
    await revoke(alice, id)
    expect(await refusal(change(id))).toMatchObject({ code: 'POLICY_DENIED', extensions: { field: 'id', mend: expect.stringContaining('Restore it first') as string } })
  })
})

describe('S13: what was revoked is refused under any name', () => {
  const url = 'https://leaky.example.com/mcp'
  let id: string
  let sibling: string
  beforeAll(async () => {
    ;({ id } = await server.register(alice, 'leaky', { url }))
    ;({ id: sibling } = await server.register(alice, 'moved', { url: 'https://leaky.example.com/old' }))
    await alice.client.execute(UpdateMcpServerDocument, { input: { id: sibling, expectedRevision: 1, definition: http('https://fine.example.com/') } })
    await revoke(alice, id)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['register', () => register(alice, 'fresh', url)],
    ['register, another path', () => register(alice, 'fresh', 'https://LEAKY.example.com:443/other?x=1')],
    ['register on a node that has not heard of it', () => register(deaf.as(alice), 'fresh', url)],
    ['register by an admin for its owner', () => server.admin.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER', id: alice.id }, name: 'fresh', definition: http(url) } })],
    ['update', () => alice.client.execute(UpdateMcpServerDocument, { input: { id: sibling, expectedRevision: 2, definition: http(url) } })],
    ['rollback', () => alice.client.execute(RollbackEntryDocument, { input: { id: sibling, expectedRevision: 2, toRevision: 1 } })],
  ])('%s', async (_, save) => { expect(await refusal(save())).toMatchObject(blocked) })

  it('import, also over the entry itself', async () => {
    const text = JSON.stringify({ fresh: { type: 'http', url }, leaky: { type: 'http', url: 'https://fine.example.com/' } })
    const { importCatalog } = await alice.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text, onConflict: 'UPDATE' } })
    expect(importCatalog.items).toMatchObject([{ outcome: 'REFUSED', findings: [{ rule: 'revoked' }] }, { outcome: 'REFUSED', findings: [{ rule: 'revoked', field: 'id' }] }])
  })

  it('but not to others', async () => { expect((await register(bob, 'leaky', url)).registerMcpServer.mcpServer.status).toBe('ACTIVE') })

  it('enabling what was disabled before', async () => {
    const disabled = await server.register(alice, 'asleep', { url: 'https://twin.example.com/a', enabled: false })
    const twin = await server.register(alice, 'twin', { url: 'https://twin.example.com/b' })
    await revoke(alice, twin.id)
    expect(await refusal(alice.client.execute(SetEntryEnabledDocument, { input: { id: disabled.id, expectedRevision: 1, enabled: true } }))).toMatchObject(blocked)
  })

  it('command lines and agents too', async () => {
    const stdio = (name: string, env: Array<{ name: string; value: string }> = []) => alice.client.execute(RegisterMcpServerDocument, {
      input: { owner: { kind: 'USER' }, name, definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'], env } } } },
    })
    await revoke(alice, (await stdio('local')).registerMcpServer.mcpServer.id)
    expect(await refusal(stdio('local-again', [{ name: 'MODE', value: 'x' }]))).toMatchObject({ code: 'POLICY_DENIED', extensions: { field: 'definition.transport.stdio.command' } })
    const agent = (name: string, prompt: string) => alice.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name, definition: { prompt } } })
    await revoke(alice, (await agent('helper', 'Leak it.')).registerAgent.agent.id)
    expect(await refusal(agent('helper-again', 'Leak it.'))).toMatchObject({ code: 'POLICY_DENIED', extensions: { field: 'definition' } })
    expect((await agent('other', 'Keep it.')).registerAgent.agent.status).toBe('ACTIVE')
  })

  it('after the entry was deleted, and after a start anew', async () => {
    const doomed = await server.register(alice, 'doomed', { url: 'https://doomed.example.com/' })
    await revoke(alice, doomed.id)
    await alice.client.execute(DeleteEntryDocument, { input: { id: doomed.id, expectedRevision: 2 } })
    const late = await server.node()
    for (const at of [alice, deaf.as(alice), late.as(alice)]) expect(await refusal(register(at, 'doomed', 'https://doomed.example.com/'))).toMatchObject(blocked)
    expect(await refusal(restore(bob, doomed.id, 2))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(restore(alice, doomed.id, 7))).toMatchObject({ code: 'REVISION_CONFLICT', extensions: { currentRevision: 2 } })
    const { entry } = await restore(late.as(alice), doomed.id, 2)
    expect(entry).toMatchObject({ id: doomed.id, name: 'doomed', revision: 3, status: 'PENDING_APPROVAL' })
  })
})

describe('a restored entry', () => {
  it('waits for an approval, and so does what its owner saves of the same', async () => {
    const url = 'https://restored.example.com/mcp'
    const { id } = await server.register(alice, 'restored', { url })
    const live = await alice.watch()
    await live.nextSnapshot()
    await revoke(alice, id)
    await live.nextDelta()
    const { entry, cursor } = await restore(alice, id, 2)
    expect(entry).toMatchObject({ revision: 3, status: 'PENDING_APPROVAL', statusReason: expect.stringContaining('has to approve it') as string })
    expect((await register(alice, 'restored-too', url)).registerMcpServer.mcpServer).toMatchObject({ status: 'PENDING_APPROVAL', revision: 1 })
    const renamed = await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 3, name: 'restored-as' } })
    expect(renamed.updateMcpServer.mcpServer.status).toBe('PENDING_APPROVAL')
    const last = await server.register(alice, 'after-it')
    await live.reached(last.cursor)
    expect(last.cursor > cursor).toBe(true)
    expect(live.view().has('MCP_SERVER:restored') || live.view().has('MCP_SERVER:restored-as') || live.view().has('MCP_SERVER:restored-too')).toBe(false)
    expect(await refusal(restore(alice, id, 4))).toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'id' } })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id, action: 'entry.restore' })
    expect(auditEvents.nodes).toMatchObject([{ before: { revoked: { restored: null } }, after: { revoked: { restored: { by: { id: alice.id } } } } }])
  })

  it('can be revoked again', async () => {
    const { id } = await server.register(alice, 'again')
    await revoke(alice, id)
    await restore(alice, id, 2)
    expect((await revoke(alice, id)).entry).toMatchObject({ status: 'REVOKED', revision: 4 })
    expect(await refusal(register(alice, 'again-2', 'https://again.example.com/'))).toMatchObject(blocked)
  })
})

const frozen = { code: 'POLICY_DENIED', extensions: { field: 'id', mend: expect.stringContaining('under another name') as string, findings: [{ rule: 'revoked' }] } }
const importOver = (name: string, url: string) => alice.client.execute(ImportCatalogDocument, {
  input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: JSON.stringify({ [name]: { type: 'http', url } }), onConflict: 'UPDATE' },
})

describe('S13: a block does not come off by way of something harmless', () => {
  /** At revision 2, after it was harmless at revision 1. */
  const evil = async (name: string, url: string) => {
    const { id } = await server.register(alice, name, { url: 'https://harmless.example.com/' })
    await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: http(url) } })
    return id
  }

  it.each<[string, (id: string, name: string) => Promise<unknown>]>([
    ['update', (id) => alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 4, definition: http('https://harmless.example.com/') } })],
    ['rollback', (id) => alice.client.execute(RollbackEntryDocument, { input: { id, expectedRevision: 4, toRevision: 1 } })],
    ['update by an admin', (id) => server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 4, definition: http('https://harmless.example.com/') } })],
  ])('restored, changed (%s), and revoked again', async (way, change) => {
    const [name, url] = [`evil-${way.replaceAll(' ', '-')}`, `https://evil-${way.replaceAll(' ', '-')}.example.com/`]
    const id = await evil(name, url)
    await revoke(server.admin, id)
    await restore(alice, id, 3)
    expect(await refusal(change(id, name))).toMatchObject(frozen)
    const { entry } = await revoke(alice, id)
    expect(entry).toMatchObject({ status: 'REVOKED', revision: 5 })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id, action: 'entry.revoke' })
    expect(auditEvents.nodes[0]).toMatchObject({ actor: { id: alice.id }, after: { revoked: { by: { id: server.admin.id }, restored: null } } })
    expect(await refusal(register(alice, `${name}-2`, url))).toMatchObject(blocked)
    await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 5 } })
    expect(await refusal(register(alice, name, url))).toMatchObject(blocked)
  })

  it('... nor by an import, also of what waits for the same under another name', async () => {
    const url = 'https://evil-import.example.com/'
    const id = await evil('evil-import', url)
    await revoke(server.admin, id)
    await restore(alice, id, 3)
    const twin = (await register(alice, 'evil-twin', `${url}other`)).registerMcpServer.mcpServer
    for (const name of ['evil-import', 'evil-twin']) {
      const { importCatalog } = await importOver(name, 'https://harmless.example.com/')
      expect(importCatalog.items).toMatchObject([{ outcome: 'REFUSED', findings: [{ rule: 'revoked', field: 'id' }] }])
    }
    for (const one of [id, twin.id]) {
      await revoke(alice, one)
      expect(await refusal(register(alice, 'evil-again', url))).toMatchObject(blocked)
    }
  })

  it('... nor by what was changed into it while it waits', async () => {
    const url = 'https://evil-beside.example.com/'
    const id = await evil('evil-beside', url)
    const sibling = await server.register(alice, 'beside', { url: 'https://harmless.example.com/' })
    await revoke(server.admin, id)
    await restore(alice, id, 3)
    const taken = await alice.client.execute(UpdateMcpServerDocument, { input: { id: sibling.id, expectedRevision: 1, definition: http(url) } })
    expect(taken.updateMcpServer.mcpServer.status).toBe('PENDING_APPROVAL')
    expect(await refusal(alice.client.execute(RollbackEntryDocument, { input: { id: sibling.id, expectedRevision: 2, toRevision: 1 } }))).toMatchObject(frozen)
    await revoke(alice, sibling.id)
    expect(await refusal(register(alice, 'evil-still', url))).toMatchObject(blocked)
    expect((await register(alice, 'evil-not', 'https://harmless.example.com/')).registerMcpServer.mcpServer.status).toBe('ACTIVE')
  })
})

describe('who may', () => {
  it('revoke and restore: as delete; an admin is recorded', async () => {
    const member = await server.user('member')
    await server.team('crew', [[alice, 'MAINTAINER'], [member, 'MEMBER']])
    const { id } = await server.register(alice, 'of-crew', { owner: { kind: 'TEAM', id: 'crew' } })
    expect(await refusal(revoke(bob, id))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(revoke(member, id))).toMatchObject({ code: 'FORBIDDEN' })
    await revoke(alice, id)
    expect(await refusal(restore(member, id, 2))).toMatchObject({ code: 'FORBIDDEN' })
    const own = await server.register(bob, 'of-bob')
    await revoke(server.admin, own.id)
    const [row] = await server.app.services.db.execute<{ outcome: string; action: string }>('select outcome, action from access_event order by sequence desc limit 1')
    expect(row).toEqual({ outcome: 'BREAK_GLASS', action: 'WRITE_ENTRIES' })
    const worker = await server.worker()
    expect((await worker.raw('mutation ($id: ID!) { revokeEntry(input: { id: $id, reason: "x" }) { cursor } }', { id })).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it.each<[string, object, string]>([
    ['no reason', { reason: '' }, 'reason'],
    ['a reason with a NUL', { reason: 'a\u0000b' }, 'reason'],
    ['a reason that is a book', { reason: 'x'.repeat(1_001) }, 'reason'],
    ['a lone surrogate', { reason: '\ud800' }, 'reason'],
    ['a deadline of no time', { reason: 'x', deadlineSeconds: 0 }, 'deadlineSeconds'],
    ['a deadline of a day', { reason: 'x', deadlineSeconds: 86_400 }, 'deadlineSeconds'],
  ])('hostile: %s', async (name, input, field) => {
    const { id } = await server.register(alice, name.replaceAll(' ', '-').toLowerCase())
    const { errors } = await alice.raw('mutation ($input: RevokeEntryInput!) { revokeEntry(input: $input) { cursor } }', { input: { id, ...input } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field })
  })

  it('S21: unknown, malformed and hidden ids look the same', async () => {
    const { id } = await server.register(alice, 'hidden')
    await revoke(alice, id)
    const dead = await server.register(alice, 'hidden-dead')
    await revoke(alice, dead.id)
    await alice.client.execute(DeleteEntryDocument, { input: { id: dead.id, expectedRevision: 2 } })
    for (const query of [
      'mutation ($id: ID!) { revokeEntry(input: { id: $id, reason: "x" }) { cursor } }',
      'mutation ($id: ID!) { restoreEntry(input: { id: $id, expectedRevision: 2 }) { cursor } }',
    ]) {
      const answers = await Promise.all([id, dead.id, 'srv_000000000000000000000000', '', '\u0000', 'x'.repeat(5_000)].map((one) => bob.raw(query, { id: one })))
      expect(new Set(answers.map((answer) => JSON.stringify(answer).replaceAll(/"locations":\[[^\]]*\],?/g, '')))).toHaveLength(1)
    }
  })
})

describe('at the same time', () => {
  it('S19: of a revocation and saves of the same on several nodes nothing is saved after it', async () => {
    const carol = await server.user('carol')
    for (let round = 0; round < 6; round++) {
      const origin = `https://race-${round}.example.com`
      const { id } = await server.register(carol, `race-${round}`, { url: `${origin}/mcp` })
      const at = [carol, deaf.as(carol)]
      const saves = Array.from({ length: 6 }, (_, number) => register(at[number % 2]!, `race-${round}-${number}`, `${origin}/${number}`).then(
        ({ registerMcpServer }) => registerMcpServer.cursor, () => null))
      const [{ cursor }, ...saved] = await Promise.all([revoke(at[round % 2]!, id), ...saves])
      for (const one of saved) if (one !== null) expect(one < cursor).toBe(true)
      expect(await refusal(register(at[1]!, `late-${round}`, origin))).toMatchObject(blocked)
    }
  })

  it('S26: of several restorations one counts', async () => {
    const { id } = await server.register(alice, 'contended')
    await revoke(alice, id)
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => restore(alice, id, 2)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
