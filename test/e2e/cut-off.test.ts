import { beforeAll, describe, expect, it } from 'vitest'
import { RevocationDocument, type RevocationQuery, RevokeEntryDocument, type RevokeEntryInput, type RevokeEntryMutation, WorkersDocument } from '../../src/client/index.js'
import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { type CatalogWorkerOptions, createCatalogWorker } from '../../src/worker/index.js'
import { handClock } from '../support/fake-feed.js'
import { startTestMcpServer, text } from '../support/mcp-servers.js'
import { startProxy } from '../support/proxy.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

/** One time for the catalog and for the worker that is cut off, each by a clock of its own. The other worker has the machine's. */
const clock = handClock()
const epochMs = Date.now() - clock.nowMs()
const nowMs = () => epochMs + clock.nowMs()

const { server, upstream } = shared({
  server: () => startLoopbackServer({ now: () => new Date(nowMs()), bookmarkMs: 50 }), upstream: () => startTestMcpServer([{ name: 'lookup' }]),
})
let machine: Person
beforeAll(async () => { machine = await server.worker() })

type Receipt = NonNullable<RevocationQuery['revocation']>

interface Scene {
  alice: Person
  connected: McpAdapter
  cutOff: McpAdapter
  /** Of the worker that is cut off, and of its session. */
  cutOffId: string
  /** Milliseconds since the epoch: when the worker that is cut off last heard from the catalog. */
  heardAt: number
  entryId: string
  revoke: (more?: Partial<RevokeEntryInput>) => Promise<RevokeEntryMutation['revokeEntry']>
  receipt: (id: string) => Promise<{ state: Receipt['state']; connected: Receipt['targets']['nodes'][number]; cutOff: Receipt['targets']['nodes'][number] }>
  /** Gives the worker that is cut off its network again. */
  restore: () => void
}

/** How a network is lost: every connection is reset, or nobody is told and nothing arrives any more. */
type Loss = 'interrupt' | 'silence'

/** Two workers, each with a session of the same person that has `tickets` and `kept`; one of them has just lost its network. */
async function cutOffScene(name: string, loss: Loss = 'interrupt'): Promise<Scene> {
  const [alice, other] = await Promise.all([server.user(name), server.user(`${name}-other`)])
  const { id } = await server.register(alice, 'tickets', { url: upstream.url })
  const { cursor } = await server.register(alice, 'kept', { url: `${upstream.url}?kept` })
  const proxy = closing(await startProxy(server.url))
  const log: string[] = []
  const open = async (more: Pick<CatalogWorkerOptions, 'url' | 'workerId' | 'clock' | 'log' | 'keepAliveMs' | 'deadPeerMs'>) => {
    const adapter = mcpAdapter()
    const worker = closing(await createCatalogWorker({ token: machine.token, ...more }))
    const session = await worker.openSession({ id: more.workerId, owner: { kind: 'USER', id: alice.id }, adapter })
    await session.settled(cursor)
    return { adapter, session }
  }
  const cutOffId = `${name}-b-cut-off`
  const connected = await open({ url: server.url, workerId: `${name}-a-connected` })
  const cutOff = await open({ url: proxy.through(server.url), workerId: cutOffId, clock, log: (message) => void log.push(message), keepAliveMs: 200, deadPeerMs: 1_000 })
  await poll(async () => {
    clock.advance(1_000)
    const reported = (await alice.client.execute(WorkersDocument)).workers.find((worker) => worker.name === cutOffId)!
    return reported.sessions.nodes[0]!.entries.map(({ state }) => state)
  }).toEqual(['APPLIED', 'APPLIED'])
  // Somebody else's change comes as a bookmark, so nothing is new to report: it only tells that the worker has heard by now.
  await cutOff.session.settled((await server.register(other, 'foreign')).cursor)
  const heardAt = nowMs()
  proxy[loss]()
  await poll(() => log).toContainEqual(expect.stringContaining('LIVE -> DISCONNECTED'))
  return {
    alice, connected: connected.adapter, cutOff: cutOff.adapter, cutOffId, heardAt, entryId: id,
    revoke: async (more) => (await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.', ...more } })).revokeEntry,
    receipt: async (receiptId) => {
      const { state, targets: { nodes: [first, second] } } = (await alice.client.execute(RevocationDocument, { id: receiptId })).revocation!
      return { state, connected: first!, cutOff: second! }
    },
    restore: proxy.restore,
  }
}

async function expectCalls(host: McpAdapter, tool: string): Promise<void> {
  expect(await host.callTool(tool)).toEqual(text('lookup'))
}

/** That the caller is told, and that nothing came to the MCP server. */
async function expectRefused(host: McpAdapter, tool: string): Promise<void> {
  const before = upstream.calls.length
  await expect(host.callTool(tool)).rejects.toMatchObject({ name: 'ToolCallError', code: expect.stringMatching(/^(WITHDRAWN|UNKNOWN_TOOL)$/) as string })
  expect(upstream.calls.length).toBe(before)
}

interface Moments {
  revokedAt: number
  /** When the worker that is cut off last reported. */
  reportedAt: number
}

const passUntil = (ms: number) => clock.advance(ms - nowMs())
const seconds = (count: number) => count * 1_000
const poll = <Value>(ask: () => Value | Promise<Value>) => expect.poll(ask, { timeout: 20_000 })

describe('S13: revoked while a worker is cut off', () => {
  it.each<[unit: string, loss: Loss, gap: number, trustsUntil: (moments: Moments) => number]>([
    // It may have heard until then, also from a node that had just lost the database.
    ['seconds', 'interrupt', 5, ({ revokedAt }) => revokedAt + seconds(10 + 600)],
    ['moments', 'silence', 5, ({ revokedAt }) => revokedAt + seconds(10 + 600)],
    // Had it heard anything after its next report was due, that report would have come.
    ['minutes', 'interrupt', 300, ({ reportedAt }) => reportedAt + seconds(30 + 600)],
  ])('%s after the cut (%s): goes on until its trust is over, which is in time, and is overdue only until it is back', async (unit, loss, gap, trustsUntil) => {
    const scene = await cutOffScene(unit, loss)
    const { connected, cutOff, heardAt } = scene
    clock.advance(seconds(gap))
    const revokedAt = nowMs()
    const { revocation: { id } } = await scene.revoke()

    await poll(async () => (await scene.receipt(id)).connected).toMatchObject({ state: 'STOPPED', mustStopBy: null })
    await expectRefused(connected, 'tickets-lookup')
    await expectCalls(connected, 'kept-lookup')

    const reportedAt = Date.parse((await scene.receipt(id)).cutOff.worker!.lastSeenAt)
    const mustStopBy = trustsUntil({ revokedAt, reportedAt })
    const told = { mustStopBy: new Date(mustStopBy).toISOString() }
    if (gap < 45) {
      passUntil(reportedAt + seconds(45))
      expect(await scene.receipt(id)).toMatchObject({ state: 'PENDING', cutOff: { state: 'APPLIED', ...told } })
      clock.advance(1)
    }
    expect(await scene.receipt(id)).toMatchObject({ state: 'PENDING', cutOff: { state: 'UNREACHABLE', ...told } })

    passUntil(heardAt + seconds(600) - 1)
    await expectCalls(cutOff, 'tickets-lookup')
    clock.advance(1)
    await expectRefused(cutOff, 'tickets-lookup')
    await expectRefused(cutOff, 'kept-lookup')
    expect(nowMs()).toBeLessThanOrEqual(mustStopBy)

    passUntil(mustStopBy - 1)
    expect(await scene.receipt(id)).toMatchObject({ state: 'PENDING', cutOff: { state: 'UNREACHABLE', ...told } })
    clock.advance(1)
    expect(await scene.receipt(id)).toMatchObject({ state: 'OVERDUE', cutOff: { state: 'UNREACHABLE', ...told } })

    scene.restore()
    await expectComplete(scene, id)
  })

  it('and back before its trust is over: it is told what it missed, and nothing is ever overdue', async () => {
    const scene = await cutOffScene('in-time')
    clock.advance(seconds(5))
    // What can be reached has until the deadline; that is not what this is about.
    const { revocation: { id } } = await scene.revoke({ deadlineSeconds: 3_600 })
    clock.advance(seconds(100))
    await poll(() => scene.receipt(id)).toMatchObject({ state: 'PENDING', connected: { state: 'STOPPED' }, cutOff: { state: 'UNREACHABLE' } })
    await expectCalls(scene.cutOff, 'tickets-lookup')
    scene.restore()
    expect(await expectComplete(scene, id)).not.toContain('OVERDUE')
  })
})

/** Lets time pass until the receipt is complete, and shows that it stays so. Answers what it was until then. */
async function expectComplete({ alice, cutOff, cutOffId, entryId, receipt }: Scene, id: string): Promise<string[]> {
  const states: string[] = []
  await poll(async () => {
    clock.advance(1_000)
    const { state } = await receipt(id)
    states.push(state)
    return state
  }).toBe('COMPLETE')
  const { cutOff: { at } } = await receipt(id)
  await expectRefused(cutOff, 'tickets-lookup')
  await poll(async () => (await cutOff.listTools()).map(({ name }) => name)).toEqual(['kept-lookup'])
  await expectCalls(cutOff, 'kept-lookup')

  const claim = sessionOf(alice, cutOffId, { entries: [applied('tickets', { entryId })] })
  expect(await report(machine, cutOffId, 1, [claim])).toBe(true)
  const complete = { state: 'COMPLETE', connected: { state: 'STOPPED' }, cutOff: { state: 'STOPPED', at, mustStopBy: null } }
  expect(await receipt(id)).toMatchObject(complete)
  clock.advance(seconds(86_400))
  expect(await receipt(id)).toMatchObject(complete)
  return states
}
