import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AuditChainsDocument, AuditEventsDocument, AuditTargetsDocument, type AuditEventsQueryVariables, DeleteEntryDocument, DeleteTeamDocument, McpServersDocument, PolicyHistoryDocument, PutSecretDocument,
  RevokeAccessTokenDocument, SetPolicyDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { accessWords, changeWords } from '../../src/core/audit-words.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
const events = async (variables: AuditEventsQueryVariables, who: Person = server.admin) => (await who.client.execute(AuditEventsDocument, variables)).auditEvents.nodes
const summaries = async (variables: AuditEventsQueryVariables) => (await events(variables)).map(({ summary }) => summary)
const targets = async (search: string) => (await server.admin.client.execute(AuditTargetsDocument, { search })).auditTargets

let grace: Person
let member: Person
let stranger: Person
let teamId: string
let serverId: string

/** A team, what it had and who did what there; then all of it is gone. */
beforeAll(async () => {
  grace = await server.user('grace')
  member = await server.user('member')
  stranger = await server.user('stranger')
  teamId = await server.team('platform', [[grace, 'MAINTAINER'], [member, 'MEMBER']])
  const owner = { kind: 'TEAM', id: teamId } as const
  serverId = (await server.register(grace, 'tickets', { owner })).id
  await grace.client.execute(UpdateMcpServerDocument, { input: { id: serverId, expectedRevision: 1, name: 'issues' } })
  await grace.client.execute(PutSecretDocument, { input: { owner, name: 'github', value: 'canary-of-github-9f2' } })
  await grace.client.execute(SetPolicyDocument, { input: { owner, expectedRevision: 0, document: {} } })
  await grace.client.execute(DeleteEntryDocument, { input: { id: serverId, expectedRevision: 2 } })
})

describe('before anything is gone', () => {
  it('the history of a team\'s policy is for whoever may set it', async () => {
    const read = async (who: Person, owner: { kind: 'TEAM' | 'DEPLOYMENT'; id?: string } = { kind: 'TEAM', id: teamId }) => (await who.client.execute(PolicyHistoryDocument, { owner })).policyHistory.nodes
    for (const who of [grace, server.admin]) {
      expect(await read(who)).toMatchObject([{ revision: 1, document: {}, before: null, setBy: { id: grace.id, displayName: 'grace' } }])
    }
    await expect(read(member)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(read(stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(read(grace, { kind: 'DEPLOYMENT' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('when it is gone', () => {
  beforeAll(async () => { await server.admin.client.execute(DeleteTeamDocument, { team: teamId }) })

  it('each event is told with the names of then', async () => {
    expect(await summaries({ about: serverId })).toEqual([
      'grace deleted the MCP server issues of team platform', 'grace changed the MCP server issues of team platform', 'grace registered the MCP server tickets of team platform',
    ])
    expect(await summaries({ actor: grace.id, action: 'secret.*' })).toEqual(['grace set the secret github of team platform'])
    const [deleted] = await events({ about: serverId, first: 1 })
    expect(deleted!.about).toEqual({ id: serverId, kind: 'MCP_SERVER', name: 'issues', owner: { kind: 'TEAM', id: teamId, displayName: 'platform' }, isThere: false })
  })

  it('a thing is found by each name that it had, and what is told of a team has its members', async () => {
    for (const search of ['ticket', 'ISSUES']) expect(await targets(search)).toMatchObject([{ id: serverId, name: 'issues', isThere: false, owner: { displayName: 'platform' } }])
    expect(await targets('github')).toMatchObject([{ kind: 'SECRET', isThere: false }])
    expect(await targets('test/grace')).toMatchObject([{ id: grace.id, kind: 'USER', name: 'grace', isThere: true }])
    expect(await targets('policy of the deployment')).toMatchObject([{ id: 'deployment', kind: 'POLICY' }])
    for (const nothing of ['%', '_', '\0', '\\']) expect(await targets(nothing)).toEqual([])
    const [last, ...earlier] = await summaries({ about: teamId, action: 'team.*' })
    expect(last).toBe('Admin deleted the team platform')
    // In which order they left is the database's to say.
    expect([...earlier.slice(0, 2).sort(), ...earlier.slice(2)]).toEqual([
      'Admin took grace out of team platform', 'Admin took member out of team platform',
      'Admin gave member a role in team platform', 'Admin gave grace a role in team platform', 'Admin made the team platform',
    ])
    expect(await summaries({ about: member.id, action: 'team.setMember' })).toEqual(['Admin gave member a role in team platform'])
  })

  it('the ids of an event are looked up together', async () => {
    const { auditTargets } = await server.admin.client.execute(AuditTargetsDocument, { ids: [teamId, grace.id, 'srv_none', '\0'] })
    expect(auditTargets.map(({ id, name }) => [id, name]).sort()).toEqual([[teamId, 'platform'], [grace.id, 'grace']].sort())
  })
})

describe('what is asked for', () => {
  it('denials and looks are a list of their own, with words and filters of theirs', async () => {
    const { raw } = stranger
    await raw(`{ node(id: "${serverId}") { id } entryHistory(id: "${serverId}") { nodes { revision } } }`)
    await raw('{ auditEvents { nodes { id } } }')
    await server.admin.client.execute(McpServersDocument, { owner: { kind: 'USER', id: grace.id } })
    expect(await summaries({ chain: 'ACCESS', actor: stranger.id, outcome: 'DENIED', first: 2 })).toEqual([
      'stranger was refused: to read the audit', 'stranger was refused: to look at the MCP server issues of team platform',
    ])
    const [look] = await events({ chain: 'ACCESS', outcome: 'BREAK_GLASS', about: grace.id })
    expect(look).toMatchObject({ chain: 'ACCESS', summary: 'Admin broke glass: to look at what grace has', about: { kind: 'OWNER', owner: { displayName: 'grace' }, isThere: true } })
    const { data } = await server.admin.raw(`{ node(id: "${look!.id}") { ... on AuditEvent { summary sequence } } }`)
    expect(data).toEqual({ node: { summary: look!.summary, sequence: look!.sequence } })
    expect((await grace.raw(`{ node(id: "${look!.id}") { id } }`)).data).toEqual({ node: null })
  })

  it('is for admins, and says nothing of a secret', async () => {
    for (const query of ['{ auditTargets(search: "a") { id } }', '{ auditEvents(chain: ACCESS) { nodes { id } } }']) {
      expect((await grace.raw(query)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    }
    const all = [await events({ first: 500 }), await events({ chain: 'ACCESS', first: 500 }), await targets('github')]
    expect(JSON.stringify(all)).not.toContain('canary-of-github')
  })

  it('is bounded by time: from a moment on, and before another', async () => {
    const all = await events({ first: 500 })
    const middle = all[Math.floor(all.length / 2)]!.at
    const [later, earlier] = [await events({ since: middle, first: 500 }), await events({ until: middle, first: 500 })]
    expect([...later, ...earlier].map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect(await events({ since: '2001-01-01', until: '2001-01-02T10:00:00+02:00' })).toEqual([])
    expect([await events({ since: '0001-01-01', until: '9999-12-31T23:59:59Z', first: 500 }), await events({ since: '2000-02-29', first: 500 })]).toEqual([all, all])
  })

  it.each(['yesterday', '2030-13-01', '2030-02-01T10:00', '', '1', '+010000-01-01T00:00:00Z', '2030-02-31', '2030-02-30T10:00:00Z', '0000-01-01', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59'])('%j is no moment', async (since) => {
    await expect(events({ since })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'since' } })
  })

  it.each([{ action: 'none.*' }, { action: '*' }, { action: 'secret.%' }, { about: '%' }, { about: 'a\0' }, { action: 'a\0' }])('nothing matches %j', async (variables) => {
    expect(await events(variables)).toEqual([])
  })

  it('S15: names come from beside the chains, which stay as they were written', async () => {
    const worker = await server.worker()
    await worker.raw('{ auditChains { name } }')
    await worker.raw('{ effectiveCatalog(owner: { kind: USER }) { cursor } }')
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: worker.id })
    // As after a start of the server, which loads no token that has ended.
    server.app.services.index.state.tokens.delete(worker.id)
    expect(await summaries({ chain: 'ACCESS', actor: worker.id })).toEqual(['Worker worker was refused: to read the set of USER', 'Worker worker was refused: to ask for auditChains'])
    expect((await server.admin.client.execute(AuditChainsDocument)).auditChains).toMatchObject([{ broken: null }, { broken: null }])
    const told = await server.app.services.db.execute<{ action: string }>(sql`select distinct action from audit_event`)
    expect(told.map(({ action }) => action).filter((action) => !(action in changeWords))).toEqual([])
    const denied = await server.app.services.db.execute<{ action: string }>(sql`select distinct action from access_event`)
    expect(denied.map(({ action }) => action).filter((action) => !(action in accessWords))).toEqual(['auditChains'])
  })
})
