import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AuditEventsDocument, ExplainAvailabilityDocument, McpServersDocument, type McpTransportInput, type OwnerInput, PolicyDocument, RegisterMcpServerDocument, SetPolicyDocument, SetTeamMemberDocument,
  SimulatePolicyDocument, type SimulatePolicyQuery,
} from '../../src/client/index.js'
import { type Database, openDatabase } from '../../src/db/client.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

const deployment = { kind: 'DEPLOYMENT' as const }
let server: TestServer
let database: Database
let maintainer: Person
let member: Person
let stranger: Person
beforeAll(async () => {
  server = await startTestServer()
  database = openDatabase({ url: server.databaseUrl, poolSize: 2 })
  ;[maintainer, member, stranger] = await Promise.all(['maintainer', 'member', 'stranger'].map((name) => server.user(name))) as [Person, Person, Person]
})
afterAll(async () => {
  await database.close()
  await server.close()
})

const read = async (who: Person, owner: OwnerInput) => (await who.client.execute(PolicyDocument, { owner })).policy
const set = async (who: Person, owner: OwnerInput, expectedRevision: number, document: unknown) => (
  (await who.client.execute(SetPolicyDocument, { input: { owner, expectedRevision, document } })).setPolicy.policy)
/** Sets what the deployment has now. */
const setDeployment = async (document: unknown) => set(server.admin, deployment, (await read(server.admin, deployment)).revision, document)
const simulate = async (who: Person, owner: OwnerInput, expectedRevision: number, document: unknown) => (
  (await who.client.execute(SimulatePolicyDocument, { input: { owner, expectedRevision, document }, first: 500 })).simulatePolicy.nodes)
const team = async (slug: string) => ({ kind: 'TEAM' as const, id: await server.team(slug, [[maintainer, 'MAINTAINER'], [member, 'MEMBER']]) })
const namesOf = async (who: Person) => (await who.client.execute(McpServersDocument, { first: 500, status: 'ACTIVE' })).mcpServers.nodes.map(({ name }) => name)
const noHttp = { transports: { http: 'deny' } }

describe("a team's policy", () => {
  it('is read by members, and set by maintainers and admins with the expected revision', async () => {
    const owner = await team('rights')
    expect(await read(member, owner)).toMatchObject({ owner: { kind: 'TEAM', id: owner.id }, revision: 0, document: {}, warnings: [] })
    expect(await set(maintainer, { kind: 'TEAM', id: 'rights' }, 0, noHttp)).toMatchObject({ revision: 1, document: noHttp })
    expect((await set(server.admin, owner, 1, {})).revision).toBe(2)
    await expect(set(member, owner, 2, {})).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(set(stranger, owner, 2, {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(read(stranger, owner)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(set(maintainer, owner, 1, {})).rejects.toMatchObject({ code: 'REVISION_CONFLICT', extensions: { currentRevision: 2 } })
    await expect(set(maintainer, owner, 2, { transport: {} })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'document.transport' } })
    await expect(set(maintainer, { kind: 'USER' }, 0, {})).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'owner' } })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: owner.id, action: 'policy.set' })
    expect(auditEvents.nodes.map(({ actor, before, after }) => [actor.id, before, after])).toMatchObject([
      [server.admin.id, { revision: 1, document: noHttp }, { revision: 2, document: {} }], [maintainer.id, null, { revision: 1, document: noHttp }],
    ])
  })

  it('S23: two first ones at once: one stands, the other is told', async () => {
    const owner = await team('hasty')
    const both = await Promise.allSettled([set(maintainer, owner, 0, noHttp), set(server.admin, owner, 0, {})])
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'REVISION_CONFLICT', extensions: { currentRevision: 1 } } })
  })

  it('S19 F2: withdraws what the team owns, at once and from nobody else, also after a while away; and gives it back', async () => {
    const owner = await team('narrow')
    await server.register(server.admin, 'narrow-tool', { owner })
    await server.register(member, 'members-own')
    const { cursor } = await server.register(stranger, 'strangers-own')
    const [own, ofTeam, other] = await Promise.all([member.watch(), member.watch(owner), stranger.watch()])
    await Promise.all([own, ofTeam, other].map((live) => live.nextSnapshot()))
    await set(maintainer, owner, 0, noHttp)
    const gone = { id: expect.any(String) as string, name: 'narrow-tool', reason: 'POLICY_DENIED', mode: 'IMMEDIATE' }
    for (const live of [own, ofTeam]) expect(await live.nextDelta()).toMatchObject({ upserted: [], removed: [gone], changedPolicy: null })
    // Whom the team's policy concerns gets the set anew, everybody else what changed.
    expect((await (await member.watch({ kind: 'USER' }, cursor)).nextSnapshot()).mcpServers.map(({ name }) => name)).toEqual(['members-own'])
    expect((await (await stranger.watch({ kind: 'USER' }, cursor)).next({ bookmarks: true })).__typename).toBe('CatalogBookmark')
    await set(maintainer, owner, 1, {})
    expect(await own.nextDelta()).toMatchObject({ upserted: [{ name: 'narrow-tool' }], removed: [] })
    const { cursor: end } = await server.register(stranger, 'strangers-last')
    expect(await other.nextDelta()).toMatchObject({ cursor: end, upserted: [{ name: 'strangers-last' }], removed: [] })
  })

  it('S19: decides of what is saved for the team, and cannot widen', async () => {
    const owner = await team('strict')
    const register = (name: string, transport: McpTransportInput) => maintainer.client.execute(RegisterMcpServerDocument, { input: { owner, name, definition: { transport } } })
    await set(maintainer, owner, 0, { transports: { http: 'approve', sse: 'allow' }, urls: { privateNetworks: ['10.0.0.0/8'] } })
    const { registerMcpServer: { mcpServer } } = await register('waits', { http: { url: 'https://w.example.com/mcp' } })
    expect(mcpServer.status).toBe('PENDING_APPROVAL')
    await expect(register('sse', { sse: { url: 'https://w.example.com/sse' } })).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    await expect(register('private', { http: { url: 'https://10.1.2.3/mcp' } })).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    expect((await server.register(maintainer, 'own-entry')).revision).toBe(1)
    await set(maintainer, owner, 1, noHttp)
    await expect(register('denied', { http: { url: 'https://d.example.com/mcp' } })).rejects.toMatchObject({ code: 'POLICY_DENIED' })
  })

  it('S19: a registration that a team\'s policy overtook on another node is decided again', async () => {
    const owner = await team('overtaken')
    const node = await server.node({ listens: false, pollMs: 3_600_000 })
    // That node hears of nothing, and finds out when it writes.
    await set(maintainer, owner, 0, noHttp)
    await expect(server.register(node.as(maintainer), 'too-late', { owner })).rejects.toMatchObject({ code: 'POLICY_DENIED' })
    await set(maintainer, owner, 1, {})
    await server.register(node.as(maintainer), 'in-time', { owner })
  })

  it('S23: one that cannot be read denies what the team owns, with the reason, and nothing else', async () => {
    const owner = await team('broken')
    await server.register(server.admin, 'broken-tool', { owner })
    await server.register(member, 'unbroken')
    await set(maintainer, owner, 0, {})
    await database.db.execute(sql`update policy set document = '{"transports":"all"}' where owner_id = ${owner.id}`)
    const node = await server.node()
    const explain = async (name: string) => (await node.as(member).client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name })).explainAvailability
    expect(await explain('broken-tool')).toMatchObject({ available: false, entry: { status: 'POLICY_DENIED' } })
    expect((await explain('broken-tool')).steps).toContainEqual({ check: 'policy', passed: false, reason: 'The policy cannot be read, so nothing is allowed. An admin has to set a policy that parses.' })
    expect(await explain('unbroken')).toMatchObject({ available: true })
    expect((await read(node.as(maintainer), owner)).warnings).toMatchObject([{ rule: 'unreadable', field: 'document' }])
    await set(node.as(maintainer), owner, 1, {})
    expect(await explain('broken-tool')).toMatchObject({ available: true })
  })
})

describe("the deployment's policy", () => {
  it.each([['cannot be read', sql`update policy set document = '{"transports":"all"}' where owner_id = 'deployment'`], ['is gone', sql`delete from policy where owner_id = 'deployment'`]])(
    'S23: one that %s denies everything, with the reason, until another one is set', async (_, harm) => {
      await server.register(stranger, 'strangers-tool')
      const { revision } = await setDeployment({})
      await database.db.execute(harm)
      const node = await server.node()
      const { explainAvailability } = await node.as(stranger).client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER' }, kind: 'MCP_SERVER', name: 'strangers-tool' })
      expect(explainAvailability).toMatchObject({ available: false, entry: { status: 'POLICY_DENIED' } })
      expect(explainAvailability.steps).toContainEqual({ check: 'policy', passed: false, reason: 'The policy cannot be read, so nothing is allowed. An admin has to set a policy that parses.' })
      expect(await namesOf(node.as(stranger))).toEqual([])
      expect((await (await node.as(stranger).watch()).nextSnapshot()).policy.document).toMatchObject({ transports: { stdio: 'deny', http: 'deny', sse: 'deny' } })
      const broken = await read(node.as(server.admin), deployment)
      expect(broken.warnings).toMatchObject([{ rule: 'unreadable' }])
      expect([revision, 0]).toContain(broken.revision)
      await set(node.as(server.admin), deployment, broken.revision, {})
      expect(await namesOf(node.as(stranger))).toContain('strangers-tool')
      await server.admin.raw('mutation { deleteEntry(input: { id: "' + explainAvailability.entry!.id + '", expectedRevision: 1 }) { cursor } }')
    })
})

describe('warnings', () => {
  it('S28: tell of what matches nothing, to those who may set it and to nobody else', async () => {
    const urls = { insecureHttp: ['mcp.lan'], privateNetworks: ['10.2.0.0/16', '10.3.0.0/16'] }
    await setDeployment({ urls })
    await server.register(stranger, 'inside', { url: 'https://10.3.1.1/mcp' })
    const warned = [['matches-nothing', 'document.urls.insecureHttp.0'], ['matches-nothing', 'document.urls.privateNetworks.0']]
    const told = async (who: Person) => (await read(who, deployment)).warnings.map(({ rule, field }) => [rule, field])
    expect(await told(server.admin)).toEqual(warned)
    expect(await told(stranger)).toEqual([])
    expect((await setDeployment({ urls })).warnings).toMatchObject(warned.map(([rule, field]) => ({ rule, field, message: 'It matches no entry.' })))
    await setDeployment({})
  })

  it('S28: tell a team what has no effect', async () => {
    const owner = await team('warned')
    expect((await set(maintainer, owner, 0, { transports: { sse: 'allow' }, staleAfterSeconds: 60 })).warnings).toEqual([
      { rule: 'no-effect', effect: 'WARN', field: 'document.transports.sse', message: expect.stringContaining('"deny"') as string, mend: expect.any(String) as string },
      { rule: 'no-effect', effect: 'WARN', field: 'document.staleAfterSeconds', message: expect.any(String) as string, mend: expect.any(String) as string },
    ])
    expect((await read(member, owner)).warnings).toEqual([])
  })
})

describe('simulatePolicy', () => {
  it('foretells what setPolicy does, and stores nothing', async () => {
    const owner = await team('foretold')
    await server.register(server.admin, 'foretold-tool', { owner })
    const { revision } = await read(server.admin, deployment)
    const effects = await simulate(server.admin, deployment, revision, noHttp)
    expect(effects.map(({ entry: { name } }) => name)).toEqual(expect.arrayContaining(['foretold-tool', 'strangers-own', 'members-own']))
    expect(effects.every(({ before, after }) => before.kind !== 'DENY' && after.kind === 'DENY' && after.policyRevision === revision + 1)).toBe(true)
    expect(effects[0]!.after.findings[0]).toMatchObject({ rule: 'transport', field: 'definition.transport.http' })
    expect(effects.map(({ entry: { name } }) => name)).toEqual(effects.map(({ entry: { name } }) => name).sort())
    const before = await namesOf(server.admin)
    expect(await read(server.admin, deployment)).toMatchObject({ revision })
    await setDeployment(noHttp)
    const after = await namesOf(server.admin)
    expect(before.filter((name) => !after.includes(name)).every((name) => effects.some(({ entry }) => entry.name === name))).toBe(true)
    expect((await simulate(server.admin, deployment, revision + 1, {})).map(({ entry: { id }, after: { kind } }) => [id, kind]))
      .toEqual(effects.map(({ entry: { id }, before: { kind } }) => [id, kind]))
    await setDeployment({})
    expect(await simulate(server.admin, deployment, revision + 2, {})).toEqual([])
  })

  it('of a team: its entries, by those who may set it', async () => {
    const owner = await team('rehearsal')
    await server.register(server.admin, 'rehearsed', { owner })
    await server.register(maintainer, 'not-the-teams')
    expect((await simulate(maintainer, owner, 0, noHttp)).map(({ entry: { name } }) => name)).toEqual(['rehearsed'])
    expect(await simulate(maintainer, owner, 0, { transports: { sse: 'allow' } })).toEqual([])
    await expect(simulate(member, owner, 0, noHttp)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(simulate(stranger, owner, 0, noHttp)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(simulate(stranger, deployment, 0, noHttp)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(simulate(maintainer, owner, 7, noHttp)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' })
    await expect(simulate(maintainer, owner, 0, { transports: 1 })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'document.transports' } })
  })

  it('comes in pages, and an admin\'s look at what people did not share is recorded', async () => {
    const { revision } = await read(server.admin, deployment)
    const all = await simulate(server.admin, deployment, revision, noHttp)
    const seen: string[] = []
    for (let after: string | null = null; ;) {
      const page: SimulatePolicyQuery = await server.admin.client.execute(SimulatePolicyDocument, { input: { owner: deployment, expectedRevision: revision, document: noHttp }, first: 4, after })
      seen.push(...page.simulatePolicy.nodes.map(({ entry: { id } }) => id))
      after = page.simulatePolicy.pageInfo.endCursor
      if (!page.simulatePolicy.pageInfo.hasNextPage) break
    }
    expect(seen).toEqual(all.map(({ entry: { id } }) => id))
    const looks = await database.db.execute<{ target: string }>(sql`select distinct target from access_event where outcome = 'BREAK_GLASS' and actor->>'id' = ${server.admin.id}`)
    expect(looks.map(({ target }) => target)).toContain(`USER:${stranger.id}`)
  })
})

describe("a team's rights", () => {
  it('S19: whoever stops being a maintainer sets no policy any more', async () => {
    const owner = await team('former')
    await server.admin.client.execute(SetTeamMemberDocument, { team: owner.id, userId: maintainer.id, role: 'MEMBER' })
    await expect(set(maintainer, owner, 0, noHttp)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
