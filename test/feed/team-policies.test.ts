import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OwnerInput, SetPolicyDocument, SetTeamMemberDocument } from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'

let server: TestServer
/** It is woken by nobody, and reads the log in rounds. */
let deaf: TestNode
let [alice, bob, carol]: Person[] = []
let crew: OwnerInput
beforeAll(async () => {
  server = await startTestServer()
  deaf = await server.node({ listens: false, pollMs: 50 })
  ;[alice, bob, carol] = await Promise.all([server.user('alice'), server.user('bob'), server.user('carol')])
  crew = { kind: 'TEAM', id: await server.team('crew', [[alice, 'MAINTAINER'], [bob, 'MEMBER']]) }
})
afterAll(() => server.close())

const setPolicy = async (who: Person, owner: OwnerInput, expectedRevision: number, document: object) => (
  await who.client.execute(SetPolicyDocument, { input: { owner, expectedRevision, document } })).setPolicy

it('F2, F3: a team\'s policy is in snapshots, live deltas and with what arrives, on every node, for whoever has an entry of the team and for nobody else; and says no more than they need', async () => {
  const document = { tools: { drift: 'hold' }, mcpServers: { deny: [{ serverName: 'secret-project-*' }] } }
  const told = (revision: number, drift: string) => ({ teamId: crew.id, revision, document: { tools: { drift } } })
  const lives = await Promise.all([bob!.watch(), deaf.as(bob!).watch(), server.admin.watch(crew)])
  const strange = await carol!.watch()
  for (const live of [...lives, strange]) expect(await live.nextSnapshot()).toMatchObject({ teamPolicies: [] })

  await setPolicy(alice!, crew, 0, document)
  const { id, cursor } = await server.register(alice!, 'tool', { owner: crew })
  // There was none of the team's before, so nobody heard of its policy alone.
  for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id }], teamPolicies: [told(1, 'hold')] })
  const second = await setPolicy(alice!, crew, 1, { tools: { drift: 'accept' } })
  for (const live of lives) {
    expect(await live.nextDelta()).toMatchObject({ upserted: [], removed: [], changedPolicy: null, teamPolicies: [told(2, 'accept')], cursor: second.cursor })
  }
  for (const at of [bob!, deaf.as(bob!)]) {
    const [later, resumed] = await Promise.all([at.watch(), at.watch(undefined, cursor)])
    expect((await later.nextSnapshot()).teamPolicies).toEqual([told(2, 'accept')])
    expect((await resumed.nextSnapshot()).teamPolicies).toEqual([told(2, 'accept')])
  }
  // What comes back after a cursor brings it along.
  const third = await server.register(alice!, 'more', { owner: crew })
  for (const live of lives) expect(await live.nextDelta()).toMatchObject({ upserted: [{ id: third.id }], teamPolicies: [told(2, 'accept')] })
  expect(await (await bob!.watch(undefined, second.cursor)).nextDelta()).toMatchObject({ upserted: [{ id: third.id }], teamPolicies: [told(2, 'accept')] })

  // The deployment's is told to all, and is no change of the team's.
  await setPolicy(server.admin, { kind: 'DEPLOYMENT' }, 0, { tools: { drift: 'accept' } })
  for (const live of [...lives, strange]) expect(await live.nextDelta()).toMatchObject({ changedPolicy: { revision: 1 }, teamPolicies: [] })
  await server.admin.client.execute(SetTeamMemberDocument, { team: 'crew', userId: carol!.id, role: 'MEMBER' })
  expect(await strange.nextDelta()).toMatchObject({ upserted: [{ name: 'more' }, { name: 'tool' }], teamPolicies: [told(2, 'accept')] })
})
