import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CreateAccessTokenDocument, RevocationDocument, RevocationsDocument, RevokeAccessTokenDocument } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { appliedEntry, createReporter, readReceipt, type Reporter, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

/** How far the clock is ahead. */
let aheadMs = 0
let server: TestServer
beforeAll(async () => { server = await startTestServer({ now: () => new Date(Date.now() + aheadMs) }) })
afterAll(() => server.close())

let alice: Person
let bob: Person
let lost: Person
let kept: Person
let reporter: Reporter
let other: Reporter
let round = 0
beforeEach(async () => {
  round += 1
  ;[alice, bob, lost, kept] = await Promise.all([server.user(`alice-${round}`), server.user(`bob-${round}`), server.worker(), server.worker()])
  reporter = createReporter(lost, `lost-${round}`)
  other = createReporter(kept, `kept-${round}`)
})

const revoke = (token: Person) => server.admin.client.execute(RevokeAccessTokenDocument, { id: token.id })
const receiptsOf = async (entryId: string) => {
  const { revocations } = await server.admin.client.execute(RevocationsDocument, { entryId })
  return Promise.all(revocations.nodes.map(async (receipt) => ({ ...receipt, ...(await readReceipt(server.admin, receipt.id))! })))
}
const here = () => server.app.services.index.cursor()

describe('S13: a worker token that is revoked has a receipt for each entry that its workers had', () => {
  it('of their sessions alone, which must have stopped by themselves when their trust is over', async () => {
    const [one, two, unused] = [await server.register(alice, 'one'), await server.register(alice, 'two'), await server.register(alice, 'unused')]
    await reporter.send([
      sessionOf('s1', alice, here(), appliedEntry(one.id, 'APPLIED'), appliedEntry(two.id, 'FAILED')), sessionOf('s2', alice, here(), appliedEntry(one.id, 'APPLIED'), appliedEntry(unused.id, 'REFUSED')),
    ])
    await other.send([sessionOf('s1', alice, here(), ...[one, two, unused].map(({ id }) => appliedEntry(id, 'APPLIED')))])
    await revoke(lost)
    const [receipt] = await receiptsOf(one.id)
    expect(receipt).toMatchObject({
      state: 'PENDING', mode: 'IMMEDIATE', reason: 'The token of the workers that had it was revoked.', requestedBy: { id: server.admin.id }, targetCount: 2, stoppedCount: 0,
      targets: [[`lost-${round}`, 's1', 'APPLIED', 0], [`lost-${round}`, 's2', 'APPLIED', 0]],
    })
    expect((await receiptsOf(two.id)).map(({ targets }) => targets)).toEqual([[[`lost-${round}`, 's1', 'FAILED', 0]]])
    expect(await receiptsOf(unused.id)).toEqual([])
    // The owner sees where it ran, and not who did it.
    expect(await readReceipt(alice, receipt!.id)).toMatchObject({ requestedBy: { kind: 'SYSTEM' }, targetCount: 2 })
    expect(await readReceipt(bob, receipt!.id)).toBeNull()
    await expect(reporter.send([])).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })

    // What other workers report is nothing to it.
    await other.send([sessionOf('s1', alice, here(), appliedEntry(one.id, 'APPLIED')), sessionOf('s9', alice, here(), appliedEntry(one.id, 'STARTING'))])
    const { revocation } = await server.admin.client.execute(RevocationDocument, { id: receipt!.id })
    for (const { mustStopBy } of revocation!.targets.nodes) {
      const trustLeftMs = Date.parse(mustStopBy!) - Date.parse(receipt!.requestedAt)
      expect(trustLeftMs > 0 && trustLeftMs <= 610_000).toBe(true)
    }
    aheadMs += 46_000
    expect((await receiptsOf(one.id))[0]).toMatchObject({ state: 'PENDING', targets: [[`lost-${round}`, 's1', 'UNREACHABLE', 0], [`lost-${round}`, 's2', 'UNREACHABLE', 0]] })
    aheadMs += 570_000
    expect((await receiptsOf(one.id)).map(({ state, targetCount }) => [state, targetCount])).toEqual([['OVERDUE', 2]])
  })

  it('complete when the worker is back under its id with another token, and the old process must have stopped', async () => {
    const { id } = await server.register(alice, 'followed')
    await reporter.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED')), sessionOf('s2', alice, here(), appliedEntry(id, 'APPLIED'))])
    await revoke(lost)
    const successor = createReporter(kept, `lost-${round}`, 'p2')
    await successor.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED'))])
    expect((await receiptsOf(id)).map(({ state, stoppedCount }) => [state, stoppedCount])).toEqual([['PENDING', 0]])
    aheadMs += 611_000
    await successor.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED'))])
    expect(await receiptsOf(id)).toMatchObject([{ state: 'COMPLETE', targets: [[`lost-${round}`, 's1', 'STOPPED', 0], [`lost-${round}`, 's2', 'STOPPED', 0]] }])
  })

  it('also of what nobody told: a session that had not said yet what it has, and a subscription without reports', async () => {
    const { id } = await server.register(alice, 'untold')
    await reporter.send([sessionOf('s1', alice, here())])
    const { id: later } = await server.register(alice, 'later')
    const live = await lost.watch({ kind: 'USER', id: bob.id })
    await live.nextSnapshot()
    const { id: ofBob } = await server.register(bob, 'of-bob')
    await revoke(lost)
    expect((await receiptsOf(ofBob)).map(({ targets }) => targets)).toEqual([[[undefined, `${lost.id}/USER:${bob.id}`, 'UNREACHABLE', 0]]])
    expect((await receiptsOf(later)).map(({ targets }) => targets)).toEqual([[[`lost-${round}`, 's1', 'STARTING', 0]]])
    // Its report came after the entry, and would have named it.
    expect(await receiptsOf(id)).toEqual([])
  })

  it('of a worker that is connected: it stops at once, and cannot say so any more', async () => {
    const upstream = await startTestMcpServer([{ name: 'lookup' }])
    await server.allowLoopback()
    const { id, cursor } = await server.register(alice, 'tickets', { url: upstream.url })
    const worker = await createCatalogWorker({ url: server.url, token: lost.token, workerId: `real-${round}`, graceMs: 500 })
    const host = mcpAdapter()
    const session = await worker.openSession({ id: 's1', owner: { kind: 'USER', id: alice.id }, adapter: host })
    await session.settled(cursor)
    expect((await host.listTools()).map(({ name }) => name)).toEqual(['tickets-lookup'])
    const withdrawn = new Promise<void>((resolve) => { host.onToolsChanged(resolve) })
    await revoke(lost)
    await withdrawn
    expect(await host.listTools()).toEqual([])
    await expect(host.callTool('tickets-lookup')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    await expect(session.settled(cursor)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await receiptsOf(id)).toMatchObject([{ state: 'PENDING', targetCount: 1, targets: [[`real-${round}`, 's1', expect.stringMatching(/^(STARTING|APPLIED)$/), 0]] }])
    await worker.close()
    await upstream.close()
  })

  it('none for a token of a person, for one whose workers have nothing, and for one that was revoked already', async () => {
    const { id } = await server.register(alice, 'calm')
    await other.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED'))])
    const { createAccessToken } = await server.admin.client.execute(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name: 'mine' } })
    await server.admin.client.execute(RevokeAccessTokenDocument, { id: createAccessToken.accessToken.id })
    await revoke(lost)
    expect(await receiptsOf(id)).toEqual([])
    await revoke(kept)
    await revoke(kept)
    expect(await receiptsOf(id)).toHaveLength(1)
  })

  it('S15: in one transaction: without the receipt the token is not revoked', async () => {
    const { id } = await server.register(alice, 'held')
    await other.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED'))])
    await server.app.services.db.execute('alter table revocation_target add constraint no_more check (worker_id not like \'kept-%\') not valid')
    await expect(revoke(kept)).rejects.toMatchObject({ code: 'INTERNAL' })
    await server.app.services.db.execute('alter table revocation_target drop constraint no_more')
    await other.send([sessionOf('s1', alice, here(), appliedEntry(id, 'APPLIED'))])
    expect(await receiptsOf(id)).toEqual([])
  })
})
