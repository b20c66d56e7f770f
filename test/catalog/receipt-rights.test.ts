import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  CreateTeamDocument, DeactivateUserDocument, DeleteTeamDocument, ImportCatalogDocument, type RevocationState, RemoveTeamMemberDocument, RevocationsDocument, SetPolicyDocument, SetTeamMemberDocument,
  SetUserRoleDocument,
} from '../../src/client/index.js'
import { appliedEntry, createReporter, readReceipt, type Reporter, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let worker: Person
beforeAll(async () => {
  server = await startTestServer()
  worker = await server.worker()
})
afterAll(() => server.close())

let alice: Person
let bob: Person
let team: string
let reporter: Reporter
let round = 0
beforeEach(async () => {
  round += 1
  ;[alice, bob] = await Promise.all(['alice', 'bob'].map((name) => server.user(`${name}-${round}`))) as [Person, Person]
  team = `crew-${round}`
  await server.team(team, [[alice, 'MAINTAINER'], [bob, 'MEMBER']])
  reporter = createReporter(worker, `worker-${round}`)
})

const ofTeam = () => ({ owner: { kind: 'TEAM' as const, id: team } })
const receiptsOf = async (entryId?: string, state?: RevocationState) => (await server.admin.client.execute(RevocationsDocument, { entryId, state })).revocations.nodes
/** The one receipt of an entry. */
async function receiptOf(entryId: string) {
  const found = await receiptsOf(entryId)
  expect(found).toHaveLength(1)
  return { ...found[0]!, ...(await readReceipt(server.admin, found[0]!.id))! }
}
const leave = (who: Person) => server.admin.client.execute(RemoveTeamMemberDocument, { team, userId: who.id })
const policy = (expectedRevision: number, document: object) => server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision, document } })

describe('S13: a right that is lost has a receipt for each entry that sessions had by it', () => {
  it('leaving a team: for the sessions of whoever left', async () => {
    const shared = await server.register(alice, 'shared', ofTeam())
    const unused = await server.register(alice, 'unused', ofTeam())
    await reporter.send([sessionOf('of-alice', alice, unused.cursor, appliedEntry(shared.id, 'APPLIED')), sessionOf('of-bob', bob, unused.cursor, appliedEntry(shared.id, 'APPLIED'))])
    await leave(bob)
    const gone = server.app.services.index.cursor()
    expect(await receiptOf(shared.id)).toMatchObject({ state: 'PENDING', mode: 'IMMEDIATE', reason: 'Somebody lost the right to it.', requestedBy: { id: server.admin.id }, targets: [[`worker-${round}`, 'of-bob', 'APPLIED', 0]] })
    expect(await receiptsOf(unused.id)).toEqual([])
    const { id } = (await receiptsOf(shared.id))[0]!
    expect((await readReceipt(alice, id))!.requestedBy).toMatchObject({ kind: 'SYSTEM' })
    await reporter.send([sessionOf('of-alice', alice, gone, appliedEntry(shared.id, 'APPLIED')), sessionOf('of-bob', bob, gone)])
    expect(await receiptOf(shared.id)).toMatchObject({ state: 'COMPLETE' })
  })

  it('... also for one whose report crossed it, and not for others', async () => {
    const { id, cursor } = await server.register(alice, 'crossed', ofTeam())
    await reporter.send([sessionOf('early', bob, cursor, appliedEntry(id, 'APPLIED'))])
    await leave(bob)
    await reporter.send([sessionOf('late', bob, cursor, appliedEntry(id, 'STARTING')), sessionOf('of-alice', alice, cursor, appliedEntry(id, 'STARTING'))])
    expect((await receiptOf(id)).targets).toEqual([[`worker-${round}`, 'early', 'APPLIED', 0], [`worker-${round}`, 'late', 'STARTING', 0]])
  })

  it('... and complete when the right is given again before the session heard of its loss', async () => {
    const { id, cursor } = await server.register(alice, 'returned', ofTeam())
    await reporter.send([sessionOf('s1', bob, cursor, appliedEntry(id, 'APPLIED'))])
    await leave(bob)
    await server.admin.client.execute(SetTeamMemberDocument, { team, userId: bob.id, role: 'MEMBER' })
    expect(await receiptOf(id)).toMatchObject({ state: 'PENDING' })
    await reporter.send([sessionOf('s1', bob, server.app.services.index.cursor(), appliedEntry(id, 'APPLIED'))])
    expect(await receiptOf(id)).toMatchObject({ state: 'COMPLETE' })
  })

  it('... and where a worker follows the owner without reporting', async () => {
    const { id } = await server.register(alice, 'followed', ofTeam())
    const silent = await server.worker()
    await (await silent.watch({ kind: 'USER', id: bob.id })).nextSnapshot()
    await leave(bob)
    expect((await receiptOf(id)).targets).toEqual([[undefined, `${silent.id}/USER:${bob.id}`, 'UNREACHABLE', 0]])
  })

  it('deleting a team: its entries from everybody, and what its members and its own sessions had by it', async () => {
    const own = await server.register(alice, 'own', ofTeam())
    const { createTeam: other } = await server.admin.client.execute(CreateTeamDocument, { slug: `other-${round}`, displayName: 'Other' })
    const lent = await server.register(server.admin, `lent-${round}`, { owner: { kind: 'TEAM', id: other.id }, visibility: 'SHARED', audience: [{ kind: 'TEAM', id: team }] })
    await reporter.send([
      sessionOf('of-bob', bob, lent.cursor, appliedEntry(own.id, 'APPLIED'), appliedEntry(lent.id, 'APPLIED')),
      sessionOf('of-crew', { kind: 'TEAM', id: team }, lent.cursor, appliedEntry(own.id, 'APPLIED')),
    ])
    await server.admin.client.execute(DeleteTeamDocument, { team })
    expect(await receiptOf(own.id)).toMatchObject({ reason: 'It was deleted with its team.', targetCount: 2 })
    expect(await receiptOf(lent.id)).toMatchObject({ reason: 'Somebody lost the right to it.', targets: [[`worker-${round}`, 'of-bob', 'APPLIED', 0]] })
  })

  it('deactivating a person: all that they had, and what they own from everybody', async () => {
    const own = await server.register(alice, 'own')
    const given = await server.register(server.admin, `given-${round}`, { owner: { kind: 'USER', id: alice.id }, visibility: 'SHARED', audience: [{ kind: 'USER', id: bob.id }] })
    const kept = await server.register(alice, 'kept', ofTeam())
    await reporter.send([
      sessionOf('of-alice', alice, kept.cursor, ...[own, given, kept].map(({ id }) => appliedEntry(id, 'APPLIED'))),
      sessionOf('of-bob', bob, kept.cursor, ...[given, kept].map(({ id }) => appliedEntry(id, 'APPLIED'))),
    ])
    await server.admin.client.execute(DeactivateUserDocument, { userId: alice.id })
    const targetsOf = async (entryId: string) => (await receiptOf(entryId)).targets.map(([, sessionId]) => sessionId)
    expect([await targetsOf(own.id), await targetsOf(given.id), await targetsOf(kept.id)]).toEqual([['of-alice'], ['of-alice', 'of-bob'], ['of-alice']])
    expect((await receiptOf(own.id)).reason).toBe('Somebody lost the right to it.')
  })

  it('being no admin any more: what only admins see of the deployment', async () => {
    const { id, cursor } = await server.register(server.admin, `admins-${round}`, { owner: { kind: 'DEPLOYMENT' }, visibility: 'PRIVATE' })
    await server.admin.client.execute(SetUserRoleDocument, { userId: bob.id, role: 'ADMIN' })
    await reporter.send([sessionOf('s1', bob, cursor, appliedEntry(id, 'APPLIED')), sessionOf('s2', server.admin, cursor, appliedEntry(id, 'APPLIED'))])
    await server.admin.client.execute(SetUserRoleDocument, { userId: bob.id, role: 'USER' })
    expect(await receiptOf(id)).toMatchObject({ reason: 'Somebody lost the right to it.', targets: [[`worker-${round}`, 's1', 'APPLIED', 0]] })
  })

  it('another policy: what may not run any more, from everybody; in pages, although they are of one change', async () => {
    const names = ['one', 'two', 'three'].map((name) => `${name}-${round}`)
    const entries = await Promise.all(names.map((name) => server.register(alice, name)))
    await reporter.send([sessionOf('s1', alice, entries.at(-1)!.cursor, ...entries.map(({ id }) => appliedEntry(id, 'APPLIED')))])
    await policy(0, { transports: { http: 'deny' } })
    const { reason, targetCount } = await receiptOf(entries[0]!.id)
    expect({ reason, targetCount }).toEqual({ reason: 'The policy was changed. It is denied by the policy.', targetCount: 1 })
    const seen: string[] = []
    for (let after: string | null | undefined = null; ;) {
      const { revocations }: { revocations: { nodes: Array<{ entryId: string }>; pageInfo: { hasNextPage: boolean; endCursor?: string | null } } } = await alice.client.execute(RevocationsDocument, { first: 1, after })
      seen.push(...revocations.nodes.map(({ entryId }) => entryId))
      if (!revocations.pageInfo.hasNextPage) break
      after = revocations.pageInfo.endCursor
    }
    expect(seen.sort()).toEqual(entries.map(({ id }) => id).sort())
    await policy(1, {})
    expect(await receiptsOf(entries[0]!.id)).toHaveLength(1)
  })
})

it('S13: an import that takes an entry from sessions has its receipt in the same commit', async () => {
  const { id, cursor } = await server.register(alice, 'imported')
  await reporter.send([sessionOf('s1', alice, cursor, appliedEntry(id, 'APPLIED'))])
  const text = JSON.stringify({ imported: { command: 'npx', args: ['-y', 'srv@1.2.3'] } })
  await alice.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text, onConflict: 'UPDATE' } })
  expect(await receiptOf(id)).toMatchObject({ state: 'PENDING', reason: 'It was changed, and waits for approval.', targets: [[`worker-${round}`, 's1', 'APPLIED', 0]] })
})

it('S15: no receipt, no loss of a right', async () => {
  const { id, cursor } = await server.register(alice, 'atomic', ofTeam())
  await reporter.send([sessionOf('s1', bob, cursor, appliedEntry(id, 'APPLIED'))])
  const { db } = server.app.services
  await db.execute('alter table revocation rename to revocation_away')
  await expect(leave(bob).finally(() => db.execute('alter table revocation_away rename to revocation'))).rejects.toMatchObject({ code: 'INTERNAL' })
  expect(server.app.services.index.state.teamsOf.get(bob.id)?.size).toBe(1)
})
