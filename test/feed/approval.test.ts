import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type ApprovalDecision, ApprovalsDocument, DecideApprovalDocument, EffectiveCatalogDocument, type McpServerDefinitionInput, RegisterMcpServerDocument, SetPolicyDocument,
  UpdateMcpServerDocument, type UpdateMcpServerInput,
} from '../../src/client/index.js'
import { type Person, startTestServer, type TestNode, type TestServer } from '../support/server.js'
import { type Subscriber } from '../support/subscriber.js'

let server: TestServer
let second: TestNode
let alice: Person
let policyRevision = 0
beforeAll(async () => {
  server = await startTestServer()
  second = await server.node()
  alice = await server.user('alice')
  await setPolicy(approving)
})
afterAll(() => server.close())

/** Everything may run, once it is approved. */
const approving = { transports: { stdio: 'approve', http: 'approve', sse: 'approve' } }
async function setPolicy(document: object): Promise<string> {
  const { setPolicy: { policy, cursor } } = await server.admin.client.execute(SetPolicyDocument, {
    input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: policyRevision, document },
  })
  policyRevision = policy.revision
  return cursor
}
const register = async (name: string, definition: McpServerDefinitionInput, who = alice) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition } })).registerMcpServer
const update = async (input: UpdateMcpServerInput, who = alice) => (await who.client.execute(UpdateMcpServerDocument, { input })).updateMcpServer
async function decide(entryId: string, decision: ApprovalDecision = 'APPROVE', who = server.admin): Promise<string> {
  const { approvals } = await who.client.execute(ApprovalsDocument, { state: 'PENDING', first: 500 })
  const { id, digest } = approvals.nodes.find(({ entry }) => entry?.id === entryId)!
  return (await who.client.execute(DecideApprovalDocument, { input: { id, digest, decision } })).decideApproval.cursor
}
async function watching(who: Person = alice): Promise<Subscriber> {
  const subscriber = await who.watch()
  await subscriber.nextSnapshot()
  return subscriber
}

const stdio = { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', 'a'], env: [{ name: 'MODE', value: 'x' }] } }, tools: { include: ['read'] } }
const withArgs = (...args: string[]) => ({ ...stdio, transport: { stdio: { ...stdio.transport.stdio, args: ['-y', 'srv@1.2.3', ...args] } } })
const http = { transport: { http: { url: 'https://api.example.com/mcp', headers: [{ name: 'X-Mode', value: 'x' }] } } }
const remote = (url: string, name = 'X-Mode', value = 'x') => ({ transport: { http: { url, headers: [{ name, value }] } } })

describe('S5: an approval is of content', () => {
  it.each<[string, McpServerDefinitionInput, McpServerDefinitionInput]>([
    ['an argument', stdio, withArgs('b')],
    ['an argument more', stdio, withArgs('a', 'b')],
    ['the border of two arguments', withArgs('a b'), withArgs('a', 'b')],
    ['a variable', stdio, { ...stdio, transport: { stdio: { ...stdio.transport.stdio, env: [{ name: 'MODE', value: 'y' }] } } }],
    ['a tool', stdio, { ...stdio, tools: { include: ['read', 'write'] } }],
    ['a timeout', stdio, { ...stdio, timeoutMs: 5_000 }],
    ['the default set', stdio, { ...stdio, default: true }],
    ['a header name', http, remote('https://api.example.com/mcp', 'X-Mood')],
    ['the case of a header name', http, remote('https://api.example.com/mcp', 'x-mode')],
    ['a header value', http, remote('https://api.example.com/mcp', 'X-Mode', 'y')],
    ['the path', http, remote('https://api.example.com/mcp2')],
    ['the case of a host', http, remote('https://API.example.com/mcp')],
    ['the end of the path', http, remote('https://api.example.com/mcp/')],
    ['the case of the path', http, remote('https://api.example.com/MCP')],
  ])('%s is changed: it is served nowhere until it is approved again', async (name, before, after) => {
    const lives = await Promise.all([watching(), watching(second.as(alice))])
    const { mcpServer: { id, digest }, cursor: registered } = await register(name.replaceAll(' ', '-'), before)
    await decide(id)
    for (const live of lives) expect((await live.nextDelta()).upserted).toMatchObject([{ id, revision: 1, approval: { digest, state: 'APPROVED' } }])
    const { mcpServer, cursor } = await update({ id, expectedRevision: 1, definition: after })
    expect(mcpServer).toMatchObject({ status: 'PENDING_APPROVAL', revision: 2 })
    for (const live of lives) expect((await live.nextDelta()).removed).toMatchObject([{ id, reason: 'APPROVAL_VOID', mode: 'IMMEDIATE' }])
    const { effectiveCatalog } = await second.as(alice).client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
    expect(effectiveCatalog.mcpServers.map((entry) => entry.id)).not.toContain(id)
    await decide(id)
    for (const live of lives) expect((await live.nextDelta()).upserted).toMatchObject([{ id, revision: 2, approval: { digest: mcpServer.digest, state: 'APPROVED' } }])
    const resumed = await Promise.all([alice.watch({ kind: 'USER' }, registered), second.as(alice).watch({ kind: 'USER' }, cursor)])
    for (const each of resumed) expect((await each.nextDelta()).upserted).toMatchObject([{ id, revision: 2, approval: { state: 'APPROVED' } }])
    await Promise.all([...lives, ...resumed].map((each) => each.close()))
  })

  it('of what is rejected nothing is served, nor told', async () => {
    const live = await watching()
    const { mcpServer: { id } } = await register('refused', stdio)
    await decide(id, 'REJECT')
    const { mcpServer: { id: other } } = await register('accepted', stdio)
    await decide(other)
    expect((await live.nextDelta())).toMatchObject({ upserted: [{ id: other }], removed: [] })
    await live.close()
  })

  it('is served to whom it was widened only once that is approved, too', async () => {
    const bob = await server.user('bob')
    const [own, others] = await Promise.all([watching(), watching(second.as(bob))])
    const { mcpServer: { id } } = await register('widened', stdio)
    await decide(id)
    await own.nextDelta()
    await update({ id, expectedRevision: 1, visibility: 'PUBLIC' }, server.admin)
    expect((await own.nextDelta()).removed).toMatchObject([{ id, reason: 'APPROVAL_VOID' }])
    await decide(id)
    for (const live of [own, others]) expect((await live.nextDelta())).toMatchObject({ upserted: [{ id, revision: 2 }], removed: [] })
    await Promise.all([own, others].map((each) => each.close()))
  })
})

describe('S19: a policy that wants approvals', () => {
  it('takes what has none from open sessions, and gives it back with the approval that the worker has to see', async () => {
    const carol = await server.user('carol')
    await setPolicy({ transports: { ...approving.transports, http: 'allow' } })
    const lives = await Promise.all([watching(carol), watching(second.as(carol))])
    const { mcpServer: { id } } = await register('was-free', http, carol)
    for (const live of lives) expect((await live.nextDelta()).upserted).toMatchObject([{ id, approval: null }])
    const cursor = await setPolicy(approving)
    for (const live of lives) expect((await live.nextDelta())).toMatchObject({ changedPolicy: { revision: policyRevision }, removed: [{ id, reason: 'APPROVAL_VOID' }] })
    await decide(id)
    for (const live of lives) expect((await live.nextDelta()).upserted).toMatchObject([{ id, revision: 1, approval: { state: 'APPROVED' } }])
    const resumed = await second.as(carol).watch({ kind: 'USER' }, cursor)
    expect((await resumed.nextDelta()).upserted).toMatchObject([{ id, approval: { state: 'APPROVED' } }])
    await Promise.all([...lives, resumed].map((each) => each.close()))
  })

  it('and the approval reach a node in one batch: it is told although the revision is the same', async () => {
    const dave = await server.user('dave')
    await setPolicy({ transports: { ...approving.transports, http: 'allow' } })
    // It reads the log when it is asked alone.
    const slow = await server.node({ listens: false, pollMs: 3_600_000 })
    const { mcpServer: { id } } = await register('folded', http, dave)
    const live = await watching(slow.as(dave))
    await setPolicy(approving)
    await decide(id)
    await slow.as(dave).client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
    expect(await live.nextDelta()).toMatchObject({ upserted: [{ id, revision: 1, approval: { state: 'APPROVED' } }], removed: [] })
    await live.close()
  })
})

type Edit = (one: McpServerDefinitionInput) => McpServerDefinitionInput

describe('every change', () => {
  it('S25: of any single field makes an event, the description\'s too, and only content changes the digest', async () => {
    const erin = await server.user('erin')
    const live = await watching(erin)
    const text = fc.stringMatching(/^[a-z]{1,8}$/)
    const { mcpServer } = await register('any-field', http, erin)
    await setPolicy({ transports: { ...approving.transports, http: 'allow' } })
    expect((await live.nextDelta()).upserted).toMatchObject([{ id: mcpServer.id }])
    const field = fc.oneof(
      text.map((path): [string, Edit] => [`path ${path}`, (one) => (
        { ...one, transport: { http: { ...one.transport.http!, url: `https://api.example.com/${path}` } } })]),
      text.map((name): [string, Edit] => [`header ${name}`, (one) => (
        { ...one, transport: { http: { ...one.transport.http!, headers: [{ name: `X-${name}`, value: 'x' }] } } })]),
      text.map((tool): [string, Edit] => [`tool ${tool}`, (one) => ({ ...one, tools: { include: [tool] } })]),
      fc.integer({ min: 100, max: 3_600_000 }).map((timeoutMs): [string, Edit] => [`timeout ${timeoutMs}`, (one) => ({ ...one, timeoutMs })]),
      text.map((description): [string, Edit] => ['description', (one) => ({ ...one, description })]),
    )
    let [definition, revision, digest]: [McpServerDefinitionInput, number, string] = [http, 1, mcpServer.digest]
    await fc.assert(fc.asyncProperty(field, async ([name, change]) => {
      const next = change(definition)
      if (JSON.stringify(next) === JSON.stringify(definition)) return
      const { mcpServer: after } = await update({ id: mcpServer.id, expectedRevision: revision, definition: next }, erin)
      expect(after.revision).toBe(revision + 1)
      expect(after.digest !== digest).toBe(name !== 'description')
      expect((await live.nextDelta()).upserted).toMatchObject([{ id: mcpServer.id, revision: after.revision, digest: after.digest }])
      ;[definition, revision, digest] = [next, after.revision, after.digest]
    }), { numRuns: 25, endOnFailure: true })
    await live.close()
  })
})
