import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AccessTokensDocument, CreateAccessTokenDocument, CreateTeamDocument, CreateUserDocument, PolicyDocument, RemoveTeamMemberDocument, RevokeAccessTokenDocument,
  SetPolicyDocument, SetTeamMemberDocument, SetUserRoleDocument, TeamsDocument, UsersDocument, ViewerDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let user: Person
beforeAll(async () => {
  server = await startTestServer()
  user = await server.user('plain')
})
afterAll(() => server.close())

describe('people', () => {
  it('are made, promoted and listed by admins; others see themselves', async () => {
    const made = { provider: 'github', subject: 'octo', displayName: 'Octo', role: 'USER' as const }
    const { createUser } = await server.admin.client.execute(CreateUserDocument, made)
    expect(createUser).toMatchObject(made)
    await expect(server.admin.client.execute(CreateUserDocument, made)).rejects.toMatchObject({ code: 'NAME_TAKEN', extensions: { field: 'subject' } })
    expect((await server.admin.client.execute(SetUserRoleDocument, { userId: createUser.id, role: 'ADMIN' })).setUserRole.role).toBe('ADMIN')
    expect((await server.admin.client.execute(UsersDocument, { search: 'OCT' })).users.nodes).toMatchObject([{ subject: 'octo', role: 'ADMIN' }])
    expect((await user.client.execute(UsersDocument, {})).users.nodes.map(({ id }) => id)).toEqual([user.id])
    for (const attempt of [
      user.client.execute(CreateUserDocument, made), user.client.execute(SetUserRoleDocument, { userId: user.id, role: 'ADMIN' }),
      user.client.execute(CreateTeamDocument, { slug: 'mine', displayName: 'Mine' }),
    ]) await expect(attempt).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await server.admin.client.execute(SetUserRoleDocument, { userId: createUser.id, role: 'USER' })
    await expect(server.admin.client.execute(SetUserRoleDocument, { userId: server.admin.id, role: 'USER' })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'role' } })
    await expect(server.admin.client.execute(SetUserRoleDocument, { userId: 'usr_none', role: 'ADMIN' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('are led by maintainers, who manage members and nothing else', async () => {
    const [lead, mate] = await Promise.all([server.user('lead'), server.user('mate')])
    await server.team('led', [[lead, 'MAINTAINER']])
    await lead.client.execute(SetTeamMemberDocument, { team: 'led', userId: mate.id, role: 'MEMBER' })
    expect((await mate.client.execute(TeamsDocument)).teams).toMatchObject([{ slug: 'led' }])
    expect((await mate.client.execute(ViewerDocument)).viewer.owners.map(({ kind }) => kind)).toEqual(['USER', 'TEAM'])
    await expect(mate.client.execute(SetTeamMemberDocument, { team: 'led', userId: mate.id, role: 'MAINTAINER' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(user.client.execute(RemoveTeamMemberDocument, { team: 'led', userId: mate.id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(lead.client.execute(SetTeamMemberDocument, { team: 'led', userId: 'usr_none', role: 'MEMBER' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { removeTeamMember } = await lead.client.execute(RemoveTeamMemberDocument, { team: 'led', userId: mate.id })
    expect(removeTeamMember.members.map((member) => member.user.id)).toEqual([lead.id])
    expect((await mate.client.execute(TeamsDocument)).teams).toEqual([])
    await expect(server.admin.client.execute(CreateTeamDocument, { slug: 'led', displayName: 'x' })).rejects.toMatchObject({ code: 'NAME_TAKEN' })
    await expect(server.admin.client.execute(CreateTeamDocument, { slug: 'No Slug', displayName: 'x' })).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field: 'slug' } })
  })
})

describe('tokens', () => {
  it('are minted for oneself, by admins for others and for workers, shown once and listed without their secret', async () => {
    const mint = (who: Person, input: object) => who.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 't', ...input } })
    const { createAccessToken: { secret, accessToken } } = await mint(user, { expiresInDays: 1 })
    expect(secret).toMatch(/^pht_[\w-]{43}$/)
    expect(Date.parse(accessToken.expiresAt!) - Date.parse(accessToken.createdAt)).toBe(86_400_000)
    const mine = await user.client.execute(AccessTokensDocument, {})
    expect(JSON.stringify(mine)).not.toContain(secret)
    expect(mine.accessTokens.nodes.map(({ id }) => id)).toContain(accessToken.id)
    expect((await mint(server.admin, { kind: 'WORKER', serves: [{ kind: 'USER', provider: 'x', subject: 'y' }] })).createAccessToken.secret).toMatch(/^phw_/)
    for (const [who, input, code] of [
      [user, { kind: 'WORKER' }, 'FORBIDDEN'], [user, { userId: server.admin.id }, 'NOT_FOUND'], [server.admin, { userId: 'usr_none' }, 'NOT_FOUND'],
      [user, { expiresInDays: 0 }, 'INVALID_INPUT'], [user, { expiresInDays: 4000 }, 'INVALID_INPUT'], [user, { name: '' }, 'INVALID_INPUT'],
      [user, { serves: [] }, 'INVALID_INPUT'], [server.admin, { kind: 'WORKER', serves: [{ kind: 'TEAM', id: 'none' }] }, 'NOT_FOUND'],
    ] as const) await expect(mint(who, input), JSON.stringify(input)).rejects.toMatchObject({ code })
    await expect(user.client.execute(AccessTokensDocument, { userId: server.admin.id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await server.admin.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })).revokeAccessToken.revokedAt).not.toBeNull()
    expect((await server.admin.client.execute(RevokeAccessTokenDocument, { id: accessToken.id })).revokeAccessToken.id).toBe(accessToken.id)
  })

  it('are stored as hashes only', async () => {
    const rows = await server.app.services.db.execute('select * from access_token')
    const changes = await server.app.services.db.execute('select * from change_event')
    const audits = await server.app.services.db.execute('select * from audit_event')
    for (const person of [user, server.admin]) expect(JSON.stringify([rows, changes, audits])).not.toContain(person.token)
    expect(JSON.stringify(audits)).not.toContain((rows[0] as { hash: string }).hash)
  })
})

describe('the policy', () => {
  const owner = { kind: 'DEPLOYMENT' as const }

  it('always answers, is set by admins with the expected revision, and S23: never widens by being wrong', async () => {
    const { policy } = await user.client.execute(PolicyDocument, { owner })
    expect(policy).toMatchObject({ revision: 0, document: { transports: { stdio: 'approve', http: 'allow', sse: 'deny' } } })
    const set = (who: Person, expectedRevision: number, document: unknown) => who.client.execute(SetPolicyDocument, { input: { owner, expectedRevision, document } })
    await expect(set(user, 0, {})).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(set(server.admin, 1, {})).rejects.toMatchObject({ code: 'REVISION_CONFLICT', extensions: { currentRevision: 0 } })
    for (const [document, field] of [
      [{ transports: { http: 'maybe' } }, 'document.transports.http'], [{ transport: {} }, 'document.transport'], [{ urls: { insecureHttp: 'x' } }, 'document.urls.insecureHttp'], [[], 'document'], ['x', 'document'],
    ] as const) await expect(set(server.admin, 0, document)).rejects.toMatchObject({ code: 'INVALID_INPUT', extensions: { field } })
    expect((await set(server.admin, 0, { transports: { sse: 'allow' } })).setPolicy.policy).toEqual({ owner: { ...owner, id: 'deployment', displayName: 'Deployment' }, revision: 1, document: { transports: { sse: 'allow' } }, warnings: [] })
    expect((await user.client.execute(PolicyDocument, { owner })).policy.revision).toBe(1)
    await expect(user.client.execute(PolicyDocument, { owner: { kind: 'USER' } })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})
