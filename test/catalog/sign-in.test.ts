import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AuditEventsDocument, DeactivateUserDocument, DeleteTeamDocument, EffectiveCatalogDocument, RemoveTeamMemberDocument, SetTeamMemberDocument, TeamsDocument,
} from '../../src/client/index.js'
import { createApp } from '../../src/app.js'
import { readConfig } from '../../src/config.js'
import { verifyChain } from '../../src/catalog/audit.js'
import { signIn } from '../../src/catalog/sign-in.js'
import { type Credential } from '../../src/core/access.js'
import { type Identity } from '../../src/core/claims.js'
import { type TeamRole } from '../../src/core/owner.js'
import { startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let now = () => new Date()
const hoursLater = (hours: number) => () => new Date(Date.now() + hours * 3_600_000)
beforeAll(async () => { server = await startTestServer({ now: () => now(), sweepMs: 20 }) })
afterAll(() => server.close())

const says = (subject: string, teams: Record<string, TeamRole> = {}, more: Partial<Identity> = {}): Identity =>
  ({ provider: 'oidc', subject, displayName: subject, role: null, teams: new Map(Object.entries(teams)), issuedAt: null, ...more })
const services = () => server.app.services
const rolesOf = (userId: string) => Object.fromEntries([...services().index.state.teamsOf.get(userId)?.values() ?? []]
  .map(({ teamId, role, expiresAt }) => [services().index.state.teams.get(teamId)!.slug, expiresAt === null ? role : `${role} for a while`]))
/** Moves the clock, and waits until a sweep has seen it: a membership made for this has ended. */
async function sweptAt(hours: number): Promise<void> {
  if (!services().index.state.teamsBySlug.has('canaries')) await server.team('canaries', [])
  const id = (await signIn(services(), says(`canary-${hours}`, { canaries: 'MEMBER' })))!
  now = hoursLater(hours)
  while ('canaries' in rolesOf(id)) await services().index.reached(services().index.state.sequence + 1, 10_000)
}

describe('memberships from claims', () => {
  it('last for 12 hours after the last sign-in, then end as a change like any other', async () => {
    const team = await server.team('shift', [])
    await server.register(server.admin, 'shift-tool', { owner: { kind: 'TEAM', id: team } })
    const id = (await signIn(services(), says('nurse', { shift: 'MAINTAINER' })))!
    expect(rolesOf(id)).toEqual({ shift: 'MAINTAINER for a while' })
    const live = await server.admin.watch({ kind: 'USER', id })
    expect((await live.nextSnapshot()).mcpServers).toMatchObject([{ name: 'shift-tool' }])
    const { cursor } = (await server.admin.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER', id } })).effectiveCatalog
    now = hoursLater(11.9)
    await server.register(server.admin, 'tick', { owner: { kind: 'DEPLOYMENT' } })
    await live.nextDelta()
    now = hoursLater(12.1)
    expect(await live.nextDelta()).toMatchObject({ upserted: [], removed: [{ name: 'shift-tool', reason: 'NOT_SHARED', mode: 'IMMEDIATE' }] })
    expect(rolesOf(id)).toEqual({})
    const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: `${team}/${id}` })
    expect(auditEvents.nodes).toMatchObject([
      { action: 'team.expireMember', actor: { kind: 'SYSTEM' }, before: { role: 'MAINTAINER' }, after: null }, { action: 'team.setMember', actor: { kind: 'SYSTEM' }, before: null },
    ])
    const resumed = await server.admin.watch({ kind: 'USER', id }, cursor)
    expect((await resumed.nextSnapshot()).mcpServers).toMatchObject([{ name: 'tick' }])
    now = () => new Date()
  })

  it('are renewed by a sign-in at most once an hour, which alters nobody\'s rights or sets', async () => {
    await server.team('regulars', [])
    const id = (await signIn(services(), says('regular', { regulars: 'MEMBER' })))!
    const live = await server.admin.watch({ kind: 'USER', id })
    const { cursor } = await live.nextSnapshot()
    const at = async (hours: number) => {
      now = hoursLater(hours)
      const { sequence } = services().index.state
      await signIn(services(), says('regular', { regulars: 'MEMBER' }))
      return services().index.state.sequence - sequence
    }
    expect([await at(0.5), await at(0.9), await at(1.1), await at(1.2), await at(2.2)]).toEqual([0, 0, 1, 0, 1])
    expect((await (await server.admin.watch({ kind: 'USER', id }, cursor)).next({ bookmarks: true })).__typename).toBe('CatalogBookmark')
    now = () => new Date()
    await sweptAt(13)
    expect((await server.admin.client.execute(TeamsDocument)).teams.find(({ slug }) => slug === 'regulars')?.members).toHaveLength(1)
    now = () => new Date()
  })

  it('never touch what people decided, and stay when people confirm them', async () => {
    for (const slug of ['kept', 'raised', 'lent']) await server.team(slug, [])
    const id = (await signIn(services(), says('mixed', { raised: 'MEMBER', lent: 'MEMBER' })))!
    const set = (team: string, role: TeamRole) => server.admin.client.execute(SetTeamMemberDocument, { team, userId: id, role })
    await Promise.all([set('kept', 'MEMBER'), set('raised', 'MAINTAINER')])
    await signIn(services(), says('mixed', { raised: 'MEMBER', kept: 'MAINTAINER', lent: 'MEMBER' }))
    expect(rolesOf(id)).toEqual({ kept: 'MEMBER', raised: 'MAINTAINER', lent: 'MEMBER for a while' })
    await set('lent', 'MEMBER')
    await signIn(services(), says('mixed'))
    await sweptAt(24)
    expect(rolesOf(id)).toEqual({ kept: 'MEMBER', raised: 'MAINTAINER', lent: 'MEMBER' })
    now = () => new Date()
    await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'kept', userId: id })
    expect(rolesOf(id)).toEqual({ raised: 'MAINTAINER', lent: 'MEMBER' })
  })

  it('S26: of two tokens the newer one\'s claims stay, in any order', async () => {
    for (const slug of ['before', 'after']) await server.team(slug, [])
    const old = says('twice', { before: 'MEMBER' }, { issuedAt: '2026-01-01T00:00:00.000Z', role: 'ADMIN' })
    const fresh = says('twice', { after: 'MEMBER' }, { issuedAt: '2026-01-01T00:00:01.000Z', role: 'USER' })
    const id = (await signIn(services(), old))!
    for (const identity of [old, fresh, old, fresh, old]) await signIn(services(), identity)
    expect([rolesOf(id), services().index.state.users.get(id)!.role]).toEqual([{ after: 'MEMBER for a while' }, 'USER'])
  })

  it('end with the team, and come to a new one of that slug by the next sign-in', async () => {
    await server.team('phoenix', [])
    const id = (await signIn(services(), says('bird', { phoenix: 'MEMBER' })))!
    await server.admin.client.execute(DeleteTeamDocument, { team: 'phoenix' })
    expect(rolesOf(id)).toEqual({})
    await signIn(services(), says('bird', { phoenix: 'MEMBER' }))
    expect(rolesOf(id)).toEqual({})
    await server.team('phoenix', [])
    await signIn(services(), says('bird', { phoenix: 'MEMBER' }))
    expect(rolesOf(id)).toEqual({ phoenix: 'MEMBER for a while' })
  })
})

describe('a sign-in', () => {
  it('of many at once makes one person, with one set of memberships', async () => {
    await server.team('crowd', [])
    const before = services().index.state.sequence
    const ids = await Promise.all(Array.from({ length: 12 }, () => signIn(services(), says('many', { crowd: 'MEMBER' }))))
    expect([new Set(ids).size, services().index.state.sequence - before, rolesOf(ids[0]!)]).toEqual([1, 2, { crowd: 'MEMBER for a while' }])
    const rows = await services().db.execute(sql`select count(*)::int as count from catalog_user where subject = 'many'`)
    expect(rows).toMatchObject([{ count: 1 }])
  })

  it('beside people who change the same teams loses nothing', async () => {
    const slugs = ['busy-a', 'busy-b', 'busy-c']
    for (const slug of slugs) await server.team(slug, [])
    const users = await Promise.all(Array.from({ length: 4 }, (_, at) => server.user(`busy-${at}`)))
    await Promise.all([
      ...users.flatMap(({ id }) => slugs.map((team) => server.admin.client.execute(SetTeamMemberDocument, { team, userId: id, role: 'MEMBER' }))),
      ...users.map((_, at) => signIn(services(), says(`busy-${at}`, Object.fromEntries(slugs.map((slug) => [slug, 'MEMBER'])), { provider: 'test' }))),
    ])
    for (const { id } of users) expect(rolesOf(id)).toEqual(Object.fromEntries(slugs.map((slug) => [slug, 'MEMBER'])))
    expect((await verifyChain(services().db, services().auditKey, 'changes')).broken).toBeNull()
  })

  it('finds who was made before by an admin, and lets nobody in who is deactivated', async () => {
    const user = await server.user('known')
    expect(await signIn(services(), says('known', {}, { provider: 'test' }))).toBe(user.id)
    await server.admin.client.execute(DeactivateUserDocument, { userId: user.id })
    const { sequence } = services().index.state
    expect(await signIn(services(), says('known', { crowd: 'MEMBER' }, { provider: 'test', role: 'ADMIN', displayName: 'back' }))).toBeNull()
    expect([services().index.state.sequence, services().index.state.users.get(user.id)!.role]).toEqual([sequence, 'USER'])
  })
})

it('S19: a membership gives nothing from its moment on, also while its end is still on the way', async () => {
  const still = await startTestServer({ now: () => now(), sweepMs: 3_600_000 })
  await still.team('late', [])
  const { index } = still.app.services
  const id = (await signIn(still.app.services, says('late', { late: 'MAINTAINER' })))!
  const credential: Credential = { kind: 'SIGN_IN', userId: id, expiresAt: hoursLater(24)().toISOString() }
  const team = index.state.teamsBySlug.get('late')!.id
  expect(index.principalNow(credential, hoursLater(11.9)())?.teams).toEqual(new Map([[team, 'MAINTAINER']]))
  expect(index.principalNow(credential, hoursLater(12.1)())?.teams).toEqual(new Map())
  expect(index.principalNow(credential, hoursLater(24.1)())).toBeNull()
  await still.close()
})

it('several nodes that sweep at once end a membership once', async () => {
  const other = await createApp({
    ...readConfig({}), databaseUrl: server.databaseUrl, dataDir: server.dataDir, port: 0, poolSize: 2, logLevel: 'silent',
  }, { now: () => now(), sweepMs: 20 })
  const team = await server.team('swept', [])
  const id = (await signIn(services(), says('swept', { swept: 'MEMBER' })))!
  await sweptAt(12.1)
  expect(rolesOf(id)).toEqual({})
  now = () => new Date()
  const { auditEvents } = await server.admin.client.execute(AuditEventsDocument, { target: `${team}/${id}` })
  expect(auditEvents.nodes.map(({ action }) => action)).toEqual(['team.expireMember', 'team.setMember'])
  await other.close()
})
