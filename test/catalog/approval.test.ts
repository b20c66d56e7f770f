import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type ApprovalDecision, ApprovalDocument, type ApprovalFieldsFragment, ApprovalsDocument, type ApprovalState, AuditEventsDocument, DecideApprovalDocument, DeleteEntryDocument,
  ExplainAvailabilityDocument, ImportCatalogDocument, McpServersDocument, RegisterAgentDocument, RegisterMcpServerDocument, RestoreEntryDocument, RevokeEntryDocument,
  RollbackEntryDocument, SetEntryEnabledDocument, SetPolicyDocument, SetUserRoleDocument, UpdateMcpServerDocument, type UpdateMcpServerInput,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

const day = 24 * 3_600_000
let ahead = 0
const now = () => new Date(Date.now() + ahead)

let server: TestServer
let second: TestNode
let alice: Person
let bob: Person
/** Another admin. */
let ada: Person
beforeAll(async () => {
  server = await startTestServer({ now })
  second = await server.node({ now })
  ;[alice, bob, ada] = await Promise.all(['alice', 'bob', 'ada'].map((name) => server.user(name))) as [Person, Person, Person]
  await server.admin.client.execute(SetUserRoleDocument, { userId: ada.id, role: 'ADMIN' })
})
afterAll(() => server.close())

const npx = (...args: string[]) => ({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', ...args] } } })
const register = async (who: Person, name: string, more: object = {}) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: npx(), ...more } })).registerMcpServer.mcpServer
const update = async (who: Person, input: UpdateMcpServerInput) => (await who.client.execute(UpdateMcpServerDocument, { input })).updateMcpServer.mcpServer
const listed = async (who: Person, state: ApprovalState | null = null) => (await who.client.execute(ApprovalsDocument, { state, first: 500 })).approvals.nodes
const requestsOf = async (id: string) => (await listed(server.admin)).filter(({ entry }) => entry?.id === id)
const requestOf = async (id: string): Promise<ApprovalFieldsFragment> => (await requestsOf(id))[0]!
const decide = async (who: Person, { id, digest }: { id: string; digest: string }, decision: ApprovalDecision = 'APPROVE', note?: string) =>
  (await who.client.execute(DecideApprovalDocument, { input: { id, digest, decision, note } })).decideApproval
const approve = async (id: string, who: Person = ada) => decide(who, await requestOf(id))
const entryOf = async (id: string, who: Person = server.admin) => {
  const { data } = await who.raw('query ($id: ID!) { node(id: $id) { ... on McpServer { status statusReason revision digest approval { id state digest note diff } } } }', { id })
  return data?.node as { status: string; statusReason: string | null; revision: number; approval: { id: string; state: string; note: string | null; diff: string } | null }
}
const refusal = (promise: Promise<unknown>): Promise<{ code: string; message: string; extensions: Record<string, unknown> }> => promise.then(
  () => { throw new Error('it was not refused') }, (error: { code: string; message: string; extensions: Record<string, unknown> }) => error)
let policyRevision = 0
const setPolicy = async (document: object, who: Person = server.admin) => {
  const { setPolicy: { policy } } = await who.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: policyRevision, document } })
  policyRevision = policy.revision
}

describe('a request', () => {
  it('is made in the commit that needs it, says all that is to be decided, and lets the entry run once it is approved', async () => {
    const { id, status, digest } = await register(alice, 'first', { definition: { ...npx('a b', 'x'.repeat(5_000)), description: 'Mine.' } })
    expect(status).toBe('PENDING_APPROVAL')
    const request = await requestOf(id)
    expect(request).toMatchObject({ digest, entryName: 'first', state: 'PENDING', requestedBy: { id: alice.id }, decidedBy: null, entry: { id, owner: { id: alice.id } } })
    const { approval } = await ada.client.execute(ApprovalDocument, { id: request.id })
    expect(approval?.diff.split('\n')[0]).toBe(`Command line: npx -y srv@1.2.3 'a b' ${'x'.repeat(5_000)}`)
    expect(approval?.diff).toContain('--- nothing was approved before')
    const { approval: decided, cursor } = await decide(ada, request, 'APPROVE', 'Looks fine.')
    expect(decided).toMatchObject({ state: 'APPROVED', decidedBy: { id: ada.id }, note: 'Looks fine.', entry: { status: 'ACTIVE', revision: 1 } })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: id })
    expect(auditEvents.nodes).toMatchObject([
      { action: 'entry.approve', actor: { id: ada.id }, before: { approval: { state: 'PENDING' } }, after: { revision: 1, approval: { id: request.id, state: 'APPROVED', note: 'Looks fine.' } } },
      { action: 'mcpServer.register', after: { approval: { id: request.id, state: 'PENDING' } } },
    ])
    expect(cursor > '').toBe(true)
    const changed = await update(alice, { id, expectedRevision: 1, definition: npx('a b', 'y') })
    const next = await requestOf(id)
    const { approval: shown } = await alice.client.execute(ApprovalDocument, { id: next.id })
    expect(shown?.diff).toContain('Approved before: npx -y srv@1.2.3 \'a b\' xxxx')
    expect(shown?.diff).toMatch(/--- revision 1\n\+\+\+ revision 2\n@@[^]*\n- {6}"x{5000}"\n\+ {6}"y"\n/)
    expect(changed.status).toBe('PENDING_APPROVAL')
    expect((await requestsOf(id)).map(({ state, decidedBy }) => [state, decidedBy?.id])).toEqual([['PENDING', undefined], ['VOID', ada.id]])
  })

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['an import', async () => alice.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: '{"imported": {"command": "npx", "args": ["a@1.0.0"]}}' } })],
    ['a rollback', async (id) => {
      await approve(id)
      await update(alice, { id, expectedRevision: 1, definition: npx('b') })
      await approve(id)
      await alice.client.execute(RollbackEntryDocument, { input: { id, expectedRevision: 2, toRevision: 1 } })
    }],
    ['A to B and back to A', async (id) => {
      await approve(id)
      await update(alice, { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://a.example.com' } } } })
      await update(alice, { id, expectedRevision: 2, definition: npx() })
    }],
    ['a wider audience', async (id) => { await approve(id); await update(server.admin, { id, expectedRevision: 1, visibility: 'PUBLIC' }) }],
  ])('S5: is made by %s', async (name, change) => {
    const { id } = await register(alice, name.replaceAll(' ', '-').toLowerCase())
    await change(id)
    const made = name === 'an import' ? (await listed(alice, 'PENDING')).find(({ entryName }) => entryName === 'imported') : await requestOf(id)
    expect(made).toMatchObject({ state: 'PENDING', entry: { status: 'PENDING_APPROVAL' } })
  })

  it('S5: an approval outlasts what is not content: a rename, a description, a switch, a narrower audience', async () => {
    const { id } = await register(alice, 'lasting')
    await approve(id)
    await update(alice, { id, expectedRevision: 1, name: 'lasts' })
    await update(alice, { id, expectedRevision: 2, definition: { ...npx(), description: 'Another text.' } })
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 3, enabled: false } })
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 4, enabled: true } })
    expect(await entryOf(id)).toMatchObject({ status: 'ACTIVE', approval: { state: 'APPROVED' } })
    expect(await requestsOf(id)).toHaveLength(1)
    // The name is free, and what takes it gets nothing of it.
    expect((await register(alice, 'lasting', { definition: npx('other') })).status).toBe('PENDING_APPROVAL')
  })

  it('is void when the entry is deleted', async () => {
    const { id } = await register(alice, 'deleted')
    const request = await requestOf(id)
    await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    expect((await ada.client.execute(ApprovalDocument, { id: request.id })).approval).toMatchObject({ state: 'VOID', entry: null, entryName: 'deleted' })
    expect(await refusal(decide(ada, request))).toMatchObject({ code: 'REVISION_CONFLICT', extensions: { field: 'id' } })
  })

  it('of what is rejected stays so until the content is another', async () => {
    const { id } = await register(alice, 'refused')
    await decide(ada, await requestOf(id), 'REJECT', 'Pin it.')
    expect(await entryOf(id)).toMatchObject({ status: 'REJECTED', statusReason: expect.stringContaining('Pin it.') as string })
    const { explainAvailability } = await alice.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'refused' })
    expect(explainAvailability.steps.find(({ check }) => check === 'approval')).toMatchObject({ passed: false, reason: expect.stringMatching(/Pin it\..*By ada/) as string })
    await update(alice, { id, expectedRevision: 1, name: 'refused-2' })
    await update(server.admin, { id, expectedRevision: 2, visibility: 'PUBLIC' })
    await update(alice, { id, expectedRevision: 3, definition: npx() })
    expect(await entryOf(id)).toMatchObject({ status: 'REJECTED', revision: 3 })
    const { mcpServers } = await alice.client.execute(McpServersDocument, { status: 'REJECTED' })
    expect(mcpServers.nodes.map((node) => node.id)).toEqual([id])
    await update(alice, { id, expectedRevision: 3, definition: npx('pinned') })
    expect(await entryOf(id)).toMatchObject({ status: 'PENDING_APPROVAL' })
    expect((await requestsOf(id)).map(({ state }) => state)).toEqual(['PENDING', 'REJECTED'])
  })

  it('of an agent is made and decided in the same way', async () => {
    await setPolicy({ approval: { pendingExpiresAfterDays: 30 } })
    const { registerAgent } = await alice.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'helper', definition: { prompt: 'Help.' } } })
    expect(registerAgent.agent.status).toBe('ACTIVE')
    expect((await alice.raw('query ($id: ID!) { agent(id: $id) { approval { id } } }', { id: registerAgent.agent.id })).data).toEqual({ agent: { approval: null } })
  })
})

describe('who decides', () => {
  it('is never who was the last to change the definition, whatever others did since', async () => {
    const { id } = await register(ada, 'own')
    const mine = { code: 'APPROVAL_NOT_ALLOWED', extensions: { field: 'id', mend: 'Ask an admin other than yourself.' } }
    for (const decision of ['APPROVE', 'REJECT'] as const) expect(await refusal(decide(ada, await requestOf(id), decision))).toMatchObject(mine)
    await update(server.admin, { id, expectedRevision: 1, name: 'owned' })
    await server.admin.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: false } })
    await server.admin.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 3, enabled: true } })
    await update(server.admin, { id, expectedRevision: 4, visibility: 'PUBLIC' })
    expect(await refusal(decide(ada, await requestOf(id)))).toMatchObject(mine)
    // Of a text both are authors; the content is still ada's.
    await update(server.admin, { id, expectedRevision: 5, definition: { ...npx(), description: 'Harmless, really.' } })
    for (const who of [ada, server.admin]) expect(await refusal(decide(who, await requestOf(id)))).toMatchObject(mine)
    await update(server.admin, { id, expectedRevision: 6, definition: npx('z') })
    expect(await refusal(decide(server.admin, await requestOf(id)))).toMatchObject(mine)
    expect((await decide(ada, await requestOf(id))).approval).toMatchObject({ state: 'APPROVED' })
    const { id: theirs } = await register(alice, 'theirs')
    await update(ada, { id: theirs, expectedRevision: 1, name: 'renamed', visibility: 'PUBLIC' })
    expect((await decide(ada, await requestOf(theirs))).approval).toMatchObject({ state: 'APPROVED' })
  })

  it('is an admin; to others it is forbidden, or not there', async () => {
    const teamId = await server.team('crew', [[alice, 'MAINTAINER'], [bob, 'MEMBER']])
    const { id } = await register(alice, 'of-crew', { owner: { kind: 'TEAM', id: teamId } })
    const own = await requestOf((await register(alice, 'of-alice')).id)
    const request = await requestOf(id)
    expect(await refusal(decide(alice, request))).toMatchObject({ code: 'APPROVAL_NOT_ALLOWED' })
    expect(await refusal(decide(bob, request))).toMatchObject({ code: 'FORBIDDEN', extensions: { mend: 'Ask an admin.' } })
    expect((await listed(bob)).map((each) => each.id)).toEqual([request.id])
    for (const hidden of [own.id, 'apr_000000000000000000000000', '', '\u0000', 'x'.repeat(5_000)]) {
      expect(await refusal(decide(bob, { id: hidden, digest: own.digest }))).toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'id' } })
      expect((await bob.raw('query ($id: ID!) { approval(id: $id) { id } node(id: $id) { id } }', { id: hidden })).data).toEqual({ approval: null, node: null })
    }
    await setPolicy({ approval: { approvers: 'maintainers' } })
    expect(await refusal(decide(alice, request))).toMatchObject({ code: 'APPROVAL_NOT_ALLOWED', extensions: { mend: expect.stringContaining('maintainer') as string } })
    await server.admin.raw('mutation ($user: ID!) { setTeamMember(team: "crew", userId: $user, role: MAINTAINER) { id } }', { user: bob.id })
    expect((await decide(bob, request)).approval).toMatchObject({ state: 'APPROVED', decidedBy: { id: bob.id } })
    expect(await refusal(decide(bob, own))).toMatchObject({ code: 'NOT_FOUND' })
    await setPolicy({})
  })

  it('is the author where the policy lets them, which the audit tells apart', async () => {
    await setPolicy({ approval: { allowSelf: true } })
    const { id } = await register(ada, 'alone')
    await approve(id, ada)
    const { id: other } = await register(alice, 'not-alone')
    await approve(other, ada)
    const actionsOf = async (target: string) => (await server.admin.client.execute(AuditEventsDocument, { target })).auditEvents.nodes.map(({ action }) => action)
    expect([(await actionsOf(id))[0], (await actionsOf(other))[0]]).toEqual(['entry.approveOwn', 'entry.approve'])
    expect(await refusal(decide(alice, await requestOf((await register(alice, 'still')).id)))).toMatchObject({ code: 'FORBIDDEN' })
    await setPolicy({})
  })

  it('of what was revoked and restored is neither who made, revoked nor restored it; approving lifts the block', async () => {
    const http = { transport: { http: { url: 'https://leaky.example.com/mcp' } } }
    const { id } = await register(alice, 'leaky', { definition: http })
    await ada.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })
    expect((await entryOf(id)).approval).toBeNull()
    const carl = await server.user('carl')
    const dora = await server.user('dora')
    for (const { id: userId } of [carl, dora]) await server.admin.client.execute(SetUserRoleDocument, { userId, role: 'ADMIN' })
    await carl.client.execute(RestoreEntryDocument, { input: { id, expectedRevision: 2 } })
    const request = await requestOf(id)
    expect(request).toMatchObject({ state: 'PENDING', requestedBy: { id: carl.id } })
    for (const who of [ada, carl]) expect(await refusal(decide(who, request))).toMatchObject({ code: 'APPROVAL_NOT_ALLOWED' })
    expect((await decide(dora, request)).approval.entry).toMatchObject({ status: 'ACTIVE', revision: 3 })
    expect(await register(alice, 'leaky-2', { definition: http })).toMatchObject({ status: 'ACTIVE' })
  })
})

describe('what is decided', () => {
  it('is told beforehand to whom it would be refused', async () => {
    const may = async (who: Person, { id }: { id: string }) => {
      const { data } = await who.raw('query ($id: ID!) { approval(id: $id) { mayDecide } }', { id })
      return (data?.approval as { mayDecide: boolean } | null)?.mayDecide ?? null
    }
    const everybody = async (request: { id: string }) => Promise.all([alice, bob, ada, server.admin].map((who) => may(who, request)))
    const { id } = await register(ada, 'asked-by-ada', { definition: npx('asked') })
    const old = await requestOf(id)
    expect(await everybody(old)).toEqual([null, null, false, true])
    await setPolicy({ approval: { allowSelf: true } })
    expect(await everybody(old)).toEqual([null, null, true, true])
    await setPolicy({})
    await update(server.admin, { id, expectedRevision: 1, definition: npx('asked', 'more') })
    const request = await requestOf(id)
    // A request that counts no more is for nobody to decide, as is a decided one.
    expect([await everybody(old), await everybody(request)]).toEqual([[null, null, false, false], [null, null, true, false]])
    await decide(ada, request)
    expect(await everybody(request)).toEqual([null, null, false, false])
    const own = await requestOf((await register(alice, 'asked-by-alice', { definition: npx('asked', 'by alice') })).id)
    expect(await everybody(own)).toEqual([false, null, true, true])
  })

  it('is what was looked at, once', async () => {
    const { id } = await register(alice, 'seen')
    const request = await requestOf(id)
    expect(await refusal(decide(ada, { ...request, digest: 'f'.repeat(64) }))).toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'digest' } })
    await update(alice, { id, expectedRevision: 1, definition: npx('swapped') })
    expect(await refusal(decide(ada, request))).toMatchObject({ code: 'REVISION_CONFLICT', extensions: { currentRevision: 2 } })
    await update(server.admin, { id, expectedRevision: 2, visibility: 'PUBLIC' })
    const current = await requestOf(id)
    await decide(ada, current)
    expect(await refusal(decide(server.admin, current, 'REJECT'))).toMatchObject({ code: 'REVISION_CONFLICT', message: 'It is approved already by ada.' })
  })

  it('S26: of several decisions on several nodes one counts, and the others are told', async () => {
    for (let round = 0; round < 4; round++) {
      const request = await requestOf((await register(alice, `contended-${round}`)).id)
      const answers = await Promise.allSettled([
        decide(ada, request), decide(second.as(server.admin), request, 'REJECT'), decide(second.as(ada), request, 'REJECT'), decide(server.admin, request),
      ])
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'REVISION_CONFLICT' })
      const won = answers.find((answer) => answer.status === 'fulfilled')!
      for (const who of [server.admin, second.as(server.admin)]) expect((await entryOf(request.entry!.id, who)).approval?.state).toBe(won.value.approval.state)
    }
  })

  it('S5: of an edit and an approval at once nothing unseen is approved', async () => {
    for (let round = 0; round < 4; round++) {
      const { id } = await register(alice, `swapped-${round}`)
      const request = await requestOf(id)
      await Promise.allSettled([update(second.as(alice), { id, expectedRevision: 1, definition: npx(`evil-${round}`) }), decide(ada, request)])
      expect(await entryOf(id)).toMatchObject({ status: 'PENDING_APPROVAL', revision: 2, approval: { state: 'PENDING' } })
    }
  })

  it('is told to whom the entry is shared, and what was there before is not', async () => {
    const { id } = await register(alice, 'shared', { definition: npx('old-secret-plan') })
    await approve(id)
    await update(alice, { id, expectedRevision: 1, definition: npx() })
    await update(server.admin, { id, expectedRevision: 2, visibility: 'PUBLIC' })
    await approve(id)
    expect(await entryOf(id, bob)).toMatchObject({ status: 'ACTIVE', approval: { state: 'APPROVED', diff: '' } })
    expect((await entryOf(id, alice)).approval?.diff).toContain('old-secret-plan')
    expect((await listed(bob)).some(({ entry }) => entry?.id === id)).toBe(false)
  })

  it('shows what the entry became since as its owner\'s own: an admin\'s look is recorded', async () => {
    const { id } = await register(alice, 'moved-on')
    const request = await requestOf(id)
    const looks = async () => {
      await ada.client.execute(ApprovalDocument, { id: request.id })
      const [row] = await server.app.services.db.execute<{ count: number }>("select count(*)::int as count from access_event where outcome = 'BREAK_GLASS'")
      return row!.count
    }
    const before = await looks()
    await update(alice, { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://private.example.com' } } } })
    expect(await looks()).toBe(before + 1)
  })

  it.each<[string, object, string]>([
    ['a note that is a book', { note: 'x'.repeat(1_001) }, 'note'],
    ['a note with a cursor move', { note: 'a\u001b[2J' }, 'note'],
    ['a decision that is none', { decision: 'MAYBE' }, 'input.decision'],
  ])('hostile: %s', async (name, input, field) => {
    const { id, digest } = await requestOf((await register(alice, name.replaceAll(' ', '-').toLowerCase())).id)
    const { errors } = await ada.raw('mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { cursor } }', { input: { id, digest, decision: 'APPROVE', ...input } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field })
  })
})

describe('time', () => {
  it('ends a request on every node; saving the entry again, as it is, asks once more at the same revision', async () => {
    await setPolicy({ approval: { pendingExpiresAfterDays: 1 } })
    const { id } = await register(alice, 'late')
    const request = await requestOf(id)
    ahead += day
    for (const who of [server.admin, second.as(server.admin)]) expect(await entryOf(id, who)).toMatchObject({ status: 'PENDING_APPROVAL', approval: { state: 'EXPIRED' } })
    expect((await listed(ada, 'EXPIRED')).map((each) => each.id)).toContain(request.id)
    expect((await listed(ada, 'PENDING')).map((each) => each.id)).not.toContain(request.id)
    expect(await refusal(decide(ada, request))).toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'id', mend: expect.stringContaining('save the entry again') as string } })
    const { explainAvailability } = await alice.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'late' })
    expect(explainAvailability.steps.find(({ check }) => check === 'approval')?.reason).toMatch(/^Nobody decided in time: alice asked/)
    expect(await update(alice, { id, expectedRevision: 1, definition: npx() })).toMatchObject({ revision: 1, status: 'PENDING_APPROVAL' })
    expect((await requestsOf(id)).map(({ state }) => state)).toEqual(['PENDING', 'VOID'])
    expect((await decide(ada, await requestOf(id))).approval.entry).toMatchObject({ status: 'ACTIVE', revision: 1 })
    // Once is enough.
    await update(alice, { id, expectedRevision: 1, definition: npx() })
    expect(await requestsOf(id)).toHaveLength(2)
    await setPolicy({})
  })
})

describe('S19: the policy of the moment', () => {
  it('denies what was asked for before, and forgets nothing of it', async () => {
    const { id } = await register(alice, 'tightened')
    const request = await requestOf(id)
    await setPolicy({ transports: { stdio: 'deny' } })
    expect(await refusal(decide(second.as(ada), request))).toMatchObject({ code: 'POLICY_DENIED', extensions: { findings: [{ rule: 'transport' }] } })
    await setPolicy({})
    await decide(ada, request)
    await setPolicy({ transports: { stdio: 'deny' } })
    expect(await entryOf(id)).toMatchObject({ status: 'POLICY_DENIED', approval: { state: 'APPROVED' } })
    await setPolicy({})
    expect(await entryOf(id)).toMatchObject({ status: 'ACTIVE' })
  })

  it('asks for what ran without, in its own commit and for both nodes, and stops asking for what needs none', async () => {
    const { id: waiting } = await register(alice, 'waiting')
    await setPolicy({ transports: { stdio: 'allow' } })
    expect(await entryOf(waiting)).toMatchObject({ status: 'ACTIVE', approval: null })
    const { id: free } = await register(alice, 'free')
    const { id: off } = await register(alice, 'off', { enabled: false })
    await setPolicy({})
    for (const who of [server.admin, second.as(server.admin)]) {
      expect(await entryOf(free, who)).toMatchObject({ status: 'PENDING_APPROVAL', revision: 1, approval: { state: 'PENDING' } })
      expect(await entryOf(off, who)).toMatchObject({ status: 'DISABLED', approval: { state: 'PENDING' } })
    }
    expect(await requestOf(free)).toMatchObject({ requestedBy: { kind: 'SYSTEM' } })
    expect((await requestsOf(waiting)).map(({ state }) => state)).toEqual(['PENDING', 'VOID'])
    await approve(free)
    expect(await entryOf(free)).toMatchObject({ status: 'ACTIVE', revision: 1 })
  })

  it('of a team asks for what the team owns, and for nothing else', async () => {
    const teamId = await server.team('strict', [[alice, 'MAINTAINER']])
    const http = { transport: { http: { url: 'https://strict.example.com/mcp' } } }
    const owner = { kind: 'TEAM' as const, id: teamId }
    const { id } = await register(alice, 'of-strict', { owner, definition: http })
    const { id: other } = await register(alice, 'of-nobody-else', { definition: { transport: { http: { url: 'https://own.example.com/mcp' } } } })
    await alice.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: 0, document: { transports: { http: 'approve' }, approval: { pendingExpiresAfterDays: 2 } } } })
    for (const who of [server.admin, second.as(server.admin)]) {
      expect(await entryOf(id, who)).toMatchObject({ status: 'PENDING_APPROVAL', approval: { state: 'PENDING' } })
      expect(await entryOf(other, who)).toMatchObject({ status: 'ACTIVE', approval: null })
    }
    const { requestedAt, expiresAt } = await requestOf(id)
    expect(new Date(expiresAt).getTime() - new Date(requestedAt).getTime()).toBe(2 * day)
    await alice.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: 1, document: { transports: { http: 'deny' } } } })
    expect(await refusal(decide(second.as(ada), await requestOf(id)))).toMatchObject({ code: 'POLICY_DENIED' })
    await alice.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: 2, document: {} } })
    expect(await entryOf(id)).toMatchObject({ status: 'ACTIVE', approval: null })
  })

  it('of registrations and a policy at once on two nodes none is left without a request', async () => {
    await setPolicy({ transports: { stdio: 'allow' } })
    const saves = Array.from({ length: 12 }, (_, at) => register(at % 2 ? alice : second.as(alice), `raced-${at}`))
    const [ids] = await Promise.all([Promise.all(saves).then((all) => all.map(({ id }) => id)), setPolicy({}, second.as(ada))])
    for (const id of ids) expect(await entryOf(id)).toMatchObject({ status: 'PENDING_APPROVAL', approval: { state: 'PENDING' } })
  })
})
