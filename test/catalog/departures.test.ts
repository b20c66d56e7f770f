import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AccessTokensDocument, AuditEventsDocument, CreateAccessTokenDocument, CreateTeamDocument, DeactivateUserDocument, DeleteTeamDocument, EffectiveCatalogDocument,
  EntryHistoryDocument, ExplainAvailabilityDocument, McpServersDocument, RemoveTeamMemberDocument, SetTeamMemberDocument, SetUserRoleDocument, TeamsDocument, UpdateMcpServerDocument,
  UsersDocument, ViewerDocument,
} from '../../src/client/index.js'
import { verifyChain } from '../../src/catalog/audit.js'
import { createAdminToken } from '../../src/catalog/bootstrap.js'
import { signIn } from '../../src/catalog/sign-in.js'
import { type Database, openDatabase } from '../../src/db/client.js'
import { type Person, post, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let database: Database
beforeAll(async () => {
  server = await startTestServer()
  database = openDatabase({ url: server.databaseUrl, poolSize: 2 })
})
afterAll(async () => {
  await database.close()
  await server.close()
})

const deactivate = (userId: string, who = server.admin) => who.client.execute(DeactivateUserDocument, { userId })
const deleteTeam = (team: string, who = server.admin) => who.client.execute(DeleteTeamDocument, { team })
const serversOf = async (ownerId: string) => (await server.admin.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER', id: ownerId } })).effectiveCatalog.mcpServers.map(({ name }) => name)
const head = () => server.app.services.index.state.sequence

/** Runs both with the counter row held, so that each has written before either commits, the first before the second. */
async function overlapping(first: () => Promise<unknown>, second: () => Promise<unknown>, on = database): Promise<PromiseSettledResult<unknown>[]> {
  const [held, isLocked] = [deferred(), deferred()]
  const holding = on.db.transaction(async (tx) => {
    await tx.execute(sql`select * from catalog_head for update`)
    isLocked.resolve()
    await held.promise
  })
  await isLocked.promise
  const running = [first()]
  await waiters(on, 1)
  running.push(second())
  await waiters(on, 2)
  held.resolve()
  await holding
  return Promise.allSettled(running)
}

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => { resolve = done })
  return { promise, resolve }
}

async function waiters(on: Database, expected: number): Promise<void> {
  for (;;) {
    const [row] = await on.db.execute<{ count: string }>(sql`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
    if (Number(row!.count) >= expected) return
  }
}

describe('deactivating a user', () => {
  it('is for admins, ends tokens in the same commit, and a second time changes nothing', async () => {
    const [user, other] = await Promise.all([server.user('going'), server.user('other')])
    await user.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'second' } })
    await expect(deactivate(user.id, other)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(deactivate('usr_none')).rejects.toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'userId' } })
    const before = head()
    const { deactivateUser } = await deactivate(user.id)
    expect(head() - before).toBe(3)
    expect((await user.raw('{ teams { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED')
    const { accessTokens } = await server.admin.client.execute(AccessTokensDocument, { userId: user.id })
    expect(accessTokens.nodes.map(({ revokedAt }) => revokedAt)).toEqual([deactivateUser.deactivatedAt, deactivateUser.deactivatedAt])
    expect((await deactivate(user.id)).deactivateUser).toEqual(deactivateUser)
    expect(head() - before).toBe(3)
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: user.id, first: 1 })
    expect(auditEvents.nodes).toMatchObject([{ action: 'user.deactivate', actor: { id: server.admin.id }, before: { deactivatedAt: null } }])
    await expect(server.admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'x', userId: user.id } })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await server.admin.client.execute(UsersDocument, { search: 'going' })).users.nodes).toMatchObject([deactivateUser])
  })

  it('takes what they own out of every set; admins still see it, and know why', async () => {
    const [giver, taker] = await Promise.all([server.user('giver'), server.user('taker')])
    await server.team('takers', [[giver, 'MAINTAINER'], [taker, 'MEMBER']])
    const { id } = await server.register(giver, 'given', { audience: [{ kind: 'TEAM', id: 'takers' }] })
    const { id: mine } = await server.register(taker, 'mine')
    await server.admin.client.execute(UpdateMcpServerDocument, { input: { id: mine, expectedRevision: 1, audience: [{ kind: 'USER', id: giver.id }] } })
    expect([await serversOf(giver.id), await serversOf(taker.id)]).toEqual([['given', 'mine'], ['given', 'mine']])
    await deactivate(giver.id)
    expect([await serversOf(giver.id), await serversOf(taker.id)]).toEqual([[], ['mine']])
    expect((await taker.client.execute(McpServersDocument, {})).mcpServers.nodes.map(({ name }) => name)).toEqual(['mine'])
    await expect(taker.client.execute(EntryHistoryDocument, { id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { mcpServers } = await server.admin.client.execute(McpServersDocument, { owner: { kind: 'USER', id: giver.id } })
    expect(mcpServers.nodes).toMatchObject([{ id, name: 'given', statusReason: expect.stringContaining('deactivated') as string }])
    const ask = (who: typeof taker, owner: string) => who.client.execute(ExplainAvailabilityDocument, { owner: { kind: 'USER', id: owner }, kind: 'MCP_SERVER', name: 'given' })
    expect((await ask(taker, taker.id)).explainAvailability).toMatchObject({ available: false, entry: null, steps: [{ check: 'entry' }] })
    expect((await ask(server.admin, giver.id)).explainAvailability).toMatchObject({ available: false, entry: { id }, steps: [{}, { check: 'scope', reason: 'Giver, whose it is, is deactivated.' }, {}, {}, {}] })
    expect((await server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, name: 'renamed' } })).updateMcpServer.mcpServer.revision).toBe(2)
    expect(await serversOf(taker.id)).toEqual(['mine'])
  })

  it('never takes the last active admin, not of two at once either', async () => {
    const lone = await startTestServer()
    await expect(deactivate(lone.admin.id, lone.admin)).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'userId' } })
    const second = await lone.user('second')
    await lone.admin.client.execute(SetUserRoleDocument, { userId: second.id, role: 'ADMIN' })
    const own = openDatabase({ url: lone.databaseUrl, poolSize: 2 })
    const results = await overlapping(() => deactivate(lone.admin.id, lone.admin), () => deactivate(second.id, second), own)
    expect(results).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'INVALID_INPUT' } }])
    // Only active admins count.
    await expect(second.client.execute(SetUserRoleDocument, { userId: second.id, role: 'USER' })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'role' } })
    await own.close()
    await lone.close()
  })

  it('S17: a token that is minted meanwhile does not outlive it', async () => {
    const user = await server.user('minting')
    const [, minted] = await overlapping(() => deactivate(user.id), () => server.admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'late', userId: user.id } }))
    expect(minted).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } })
    const rows = await database.db.execute(sql`select 1 from access_token where user_id = ${user.id} and revoked_at is null`)
    expect(rows).toHaveLength(0)
  })
})

describe('a new admin token with access to the database', () => {
  const tokenOf = async (of: TestServer) => {
    let made = ''
    await createAdminToken(of.app.services, 'again', async (secret) => { made = secret })
    return made
  }
  const viewer = async (of: TestServer, token: string) => (await post(of.url, token, { query: '{ viewer { user { id role } } }' })).data

  it.each<[string, (boss: Person, first: string) => Promise<unknown>]>([
    ['demoted', (boss, userId) => boss.client.execute(SetUserRoleDocument, { userId, role: 'USER' })],
    ['deactivated', (boss, userId) => deactivate(userId, boss)],
  ])('makes the first admin one again who was %s', async (_, end) => {
    const lone = await startTestServer()
    const boss = await lone.user('boss')
    await lone.admin.client.execute(SetUserRoleDocument, { userId: boss.id, role: 'ADMIN' })
    await end(boss, lone.admin.id)
    // What the identity provider takes is gone, from the last admin too.
    await signIn(lone.app.services, { provider: 'test', subject: 'boss', displayName: null, role: 'USER', teams: null, issuedAt: null })
    const token = await tokenOf(lone)
    expect(await viewer(lone, token)).toEqual({ viewer: { user: { id: lone.admin.id, role: 'ADMIN' } } })
    expect(await viewer(lone, boss.token)).toEqual({ viewer: { user: { id: boss.id, role: 'USER' } } })
    const { data } = await post(lone.url, token, { query: '{ auditEvents(action: "user.restore") { nodes { actor { kind } target } } }' })
    expect(data).toEqual({ auditEvents: { nodes: [{ actor: { kind: 'SYSTEM' }, target: lone.admin.id }] } })
    await lone.close()
  })

  it('goes to our own first admin before others', async () => {
    const boss = await server.user('boss')
    await server.admin.client.execute(SetUserRoleDocument, { userId: boss.id, role: 'ADMIN' })
    expect(await viewer(server, await tokenOf(server))).toEqual({ viewer: { user: { id: server.admin.id, role: 'ADMIN' } } })
  })
})

describe('deleting a team', () => {
  it('is for admins; entries become tombstones, memberships end, the slug is free, and the audit tells all', async () => {
    const [lead, mate] = await Promise.all([server.user('lead'), server.user('mate')])
    const team = await server.team('doomed', [[lead, 'MAINTAINER'], [mate, 'MEMBER']])
    const owner = { kind: 'TEAM' as const, id: team }
    const { id } = await server.register(lead, 'tool', { owner })
    await server.register(server.admin, 'lock', { owner, locked: true })
    const { id: own } = await server.register(lead, 'lent', { audience: [owner] })
    await server.register(mate, 'lock')
    expect(await serversOf(mate.id)).toEqual(['lent', 'lock', 'tool'])
    await expect(deleteTeam('doomed', lead)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(deleteTeam('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'team' } })
    const before = head()
    expect((await deleteTeam('doomed')).deleteTeam).toBe(team)
    expect(head() - before).toBe(5)
    expect([await serversOf(mate.id), await serversOf(lead.id)]).toEqual([['lock'], ['lent']])
    expect((await server.admin.client.execute(TeamsDocument)).teams.map(({ slug }) => slug)).not.toContain('doomed')
    expect((await lead.client.execute(ViewerDocument)).viewer.owners.map(({ kind }) => kind)).toEqual(['USER'])
    for (const query of [`{ node(id: "${team}") { id } }`, `{ node(id: "${id}") { id } }`]) expect((await server.admin.raw(query)).data).toEqual({ node: null })
    await expect(deleteTeam(team)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(server.admin.client.execute(SetTeamMemberDocument, { team, userId: mate.id, role: 'MEMBER' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { first: 5 })
    expect(auditEvents.nodes.map(({ action }) => action)).toEqual(['team.delete', 'team.removeMember', 'team.removeMember', 'mcpServer.delete', 'mcpServer.delete'])
    // The audience that names it reaches nobody, a new team of that slug neither; it may stay as it is when the rest is edited.
    await server.team('doomed', [[mate, 'MEMBER']])
    expect(await serversOf(mate.id)).toEqual(['lock'])
    const { updateMcpServer } = await lead.client.execute(UpdateMcpServerDocument, { input: { id: own, expectedRevision: 1, name: 'kept' } })
    expect(updateMcpServer.mcpServer).toMatchObject({ audience: [{ kind: 'TEAM', id: team }], visibility: 'SHARED' })
  })

  it.each<[string, (team: string, user: string) => Promise<unknown>]>([
    ['an entry', (team) => server.register(server.admin, 'orphan', { owner: { kind: 'TEAM', id: team }, visibility: 'PUBLIC' })],
    ['a member', (team, userId) => server.admin.client.execute(SetTeamMemberDocument, { team, userId, role: 'MEMBER' })],
    ['the end of a membership', (team, userId) => server.admin.client.execute(RemoveTeamMemberDocument, { team, userId })],
    ['a second deletion', (team) => deleteTeam(team)],
  ])('S17: %s that comes meanwhile finds nothing', async (what, late) => {
    const name = what.replaceAll(' ', '-')
    const user = await server.user(name)
    const team = await server.team(name, what.startsWith('the') ? [[user, 'MEMBER']] : [])
    const [first, second] = await overlapping(() => deleteTeam(team), () => late(team, user.id))
    expect([first!.status, second]).toMatchObject(['fulfilled', { status: 'rejected', reason: { code: 'NOT_FOUND' } }])
    expect(await database.db.execute(sql`select 1 from entry where owner_id = ${team} and deleted_at is null`)).toHaveLength(0)
    expect(await database.db.execute(sql`select 1 from team_member where team_id = ${team}`)).toHaveLength(0)
  })

  it('S17: takes along what came right before it', async () => {
    const team = await server.team('racing', [])
    const results = await overlapping(() => server.register(server.admin, 'racer', { owner: { kind: 'TEAM', id: team }, visibility: 'PUBLIC' }), () => deleteTeam(team))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(await serversOf(server.admin.id)).not.toContain('racer')
    await server.admin.client.execute(CreateTeamDocument, { slug: 'racing', displayName: 'again' })
    expect((await verifyChain(server.app.services.db, server.app.services.auditKey, 'changes')).broken).toBeNull()
  })
})
