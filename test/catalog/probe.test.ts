import { beforeAll, describe, expect, it } from 'vitest'
import { type App } from '../../src/app.js'
import { ProbeDocument, ProbesDocument, RegisterMcpServerDocument, RemoveTeamMemberDocument, ReportProbeDocument, type ReportProbeInput, ReportWorkerStatusDocument, RequestProbeDocument, type RequestProbeInput, SetEntryEnabledDocument, TakeProbeDocument } from '../../src/client/index.js'
import { probeAnswerMs } from '../../src/core/probe.js'
import { createFeedTransport, type FeedMessage } from '../../src/worker/transport.js'
import { probeListeners, untilListening } from '../support/probing.js'
import { type Person, startTestServer, type TestNode } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

let aheadMs = 0
const { server } = shared({ server: () => startTestServer({ now: () => new Date(Date.now() + aheadMs) }) })
let other: TestNode
let alice: Person
let bob: Person
let worker: Person
let id: string
let heard: FeedMessage<string>[]
beforeAll(async () => {
  [alice, bob, worker] = await Promise.all([server.user('alice'), server.user('bob'), server.worker()])
  // Nobody tells it anything: it looks by itself.
  other = await server.node({ listens: false, pollMs: 20, now: () => new Date(Date.now() + aheadMs) })
  id = (await server.register(alice, 'calc')).id
  heard = await waiting(other.url, worker, 'w1')
})

/** What a worker hears that waits there; closed after the test, or after all of them. */
async function waiting(url: string, { token }: Person, workerId: string, close: (thing: { close: () => Promise<void> }) => unknown = () => {}): Promise<FeedMessage<string>[]> {
  const told: FeedMessage<string>[] = []
  const transport = createFeedTransport({ url, token })
  const end = transport.subscribeProbes(workerId, (message) => told.push(message))
  close({ close: async () => { end(); transport.close() } })
  await untilListening(server, workerId, () => told.length > 0)
  return told
}
const hears = (told: FeedMessage<string>[], probeId: string) => expect.poll(() => told, { interval: 10, timeout: 5_000 }).toContainEqual({ type: 'EVENT', event: probeId })

const ask = async (input: Partial<RequestProbeInput> = {}, who = alice) => (await who.client.execute(RequestProbeDocument, { input: { entryId: id, ...input } })).requestProbe.probe
const take = async (probeId: string, who = worker, workerId = 'w1', processId = 'p') => (await who.client.execute(TakeProbeDocument, { input: { id: probeId, workerId, processId } })).takeProbe.task
const report = async (probeId: string, more: Partial<ReportProbeInput> = {}, who = worker) => (
  await who.client.execute(ReportProbeDocument, { input: { id: probeId, workerId: 'w1', processId: 'p', succeeded: true, inventory: { tools: [{ name: 'add' }], toolCount: 1, toolsHeld: [] }, ...more } })).reportProbe.accepted
const read = async (probeId: string, who = alice) => (await who.client.execute(ProbeDocument, { id: probeId })).probe
const accessed = async ({ services }: App, action: string) => services.db.execute(`select outcome, target, after from access_event where action = '${action}' order by sequence`)

describe('a probe over two nodes', () => {
  it('is offered to a worker of the other one, taken once, answered by who took it, and read by who asked', async () => {
    const asked = await ask({ seconds: 60 })
    expect(asked).toMatchObject({ state: 'PENDING', owner: { kind: 'USER', id: alice.id }, requestedBy: { id: alice.id }, workerId: null, inventory: null })
    await hears(heard, asked.id)
    const rivals = other.as(worker)
    const tasks = await Promise.all([take(asked.id), take(asked.id, rivals), take(asked.id, rivals, 'w2', 'q')])
    const won = tasks.filter((task) => task !== null)
    expect(won).toEqual([{ id: asked.id, entryId: id, owner: { kind: 'USER', id: alice.id }, cursor: expect.any(String) as string, seconds: expect.any(Number) as number }])
    expect(await read(asked.id)).toMatchObject({ state: 'RUNNING' })
    const { workerId } = (await read(asked.id))!
    const mine = workerId === 'w1' ? {} : { workerId: 'w2', processId: 'q' }
    expect(await report(asked.id, { ...mine, revision: 1 }, rivals)).toBe(true)
    expect(await report(asked.id, mine)).toBe(false)
    expect(await read(asked.id)).toMatchObject({ state: 'SUCCEEDED', inventory: { tools: [{ name: 'add', title: null, description: '' }], promptCount: null } })
    expect((await alice.client.execute(ProbesDocument, { entryId: id })).probes.map((probe) => probe.id)).toEqual([asked.id])
  })

  it('S19: is not given out once the entry left the set, or who asked lost the right to', async () => {
    await server.team('crew', [[bob, 'MEMBER']])
    const { registerMcpServer: { mcpServer } } = await server.admin.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'TEAM', id: 'crew' }, name: 'ours', definition: { transport: { http: { url: 'https://ours.example.com/mcp' } } } } })
    const [disabled, left] = [await ask(), await ask({ entryId: mcpServer.id, owner: { kind: 'TEAM', id: 'crew' } }, bob)]
    expect(left.state).toBe('PENDING')
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false } })
    await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'crew', userId: bob.id })
    expect([await take(disabled.id, other.as(worker)), await take(left.id, other.as(worker))]).toEqual([null, null])
    expect(await read(disabled.id)).toMatchObject({ state: 'REFUSED', code: 'UNAVAILABLE' })
    expect(await read(left.id, bob)).toBeNull()
    expect(await ask()).toMatchObject({ state: 'REFUSED', code: 'UNAVAILABLE', reason: 'It is disabled.' })
    await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 2, enabled: true } })
  })
})

describe('who has to do with a probe', () => {
  it('S11: nobody, an admin neither, has one run with somebody else\'s accounts, nor reads what it found', async () => {
    const owner = { kind: 'USER' as const, id: alice.id }
    await expect(ask({ owner }, bob)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(ask({ owner }, server.admin)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(ask({ owner: { kind: 'DEPLOYMENT' } })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(ask({}, bob)).rejects.toMatchObject({ code: 'NOT_FOUND', extensions: { field: 'entryId' } })
    for (const entryId of ['', 'srv_0', '\u0000', 'srv_000000000000000000000000']) await expect(ask({ entryId })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(ask({}, worker)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    // An admin sees the entry, and it is in no set of theirs.
    expect(await ask({}, server.admin)).toMatchObject({ state: 'REFUSED', code: 'UNAVAILABLE', reason: 'It is not in the set of this owner.' })
    const asked = await ask()
    expect([await read(asked.id, bob), await read(asked.id, server.admin), await read('prb_0'), await read('\u0000')]).toEqual([null, null, null, null])
    await expect(bob.client.execute(ProbesDocument, { entryId: id, owner })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await bob.client.execute(ProbesDocument, { entryId: id })).probes).toEqual([])
    await take(asked.id)
    await report(asked.id)
  })

  it('a worker that does not serve its owner hears nothing of it and gets nothing; another token\'s worker, or another start of it, cannot answer', async () => {
    const unserving = await server.worker([{ kind: 'USER', id: bob.id }])
    const told = await waiting(server.url, unserving, 'w3', closing)
    const asked = await ask()
    await hears(heard, asked.id)
    expect(await take(asked.id, unserving, 'w3')).toBeNull()
    expect((await ask({ workerId: 'w3' })).code).toBe('NO_WORKER')
    // The id is taken by the other token's report.
    await worker.client.execute(ReportWorkerStatusDocument, { input: { workerId: 'w1', processId: 'p', number: 1, full: true, sessions: [] } })
    const rival = await server.worker()
    await expect(take(asked.id, rival)).rejects.toMatchObject({ code: 'FORBIDDEN', extensions: { field: 'workerId' } })
    expect(await take(asked.id)).not.toBeNull()
    for (const [who, more] of [[rival, {}], [worker, { workerId: 'w2' }], [worker, { processId: 'q' }], [worker, { id: 'prb_000000000000000000000000' }], [worker, { id: '\u0000' }]] as const) {
      await expect(report(asked.id, more, who)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
    await expect(report(asked.id, {}, alice)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await report(asked.id)).toBe(true)
    expect(told).toEqual([])
    expect((await accessed(server.app, 'probe.report')).map(({ outcome }) => outcome)).toContain('DENIED')
  })

  it('S21: a worker with a name that nobody can store is refused, and keeps no other of its node from being found', async () => {
    for (const workerId of ['w\u0000', 'w\n', '', 'w'.repeat(201), 'w\ud800']) {
      const told = await waiting(server.url, worker, workerId, closing)
      expect(told).toMatchObject([{ type: 'DENIED', code: 'INVALID_INPUT' }])
    }
    await waiting(server.url, worker, 'w5', closing)
    const asked = await ask({ workerId: 'w5' })
    expect(asked.state).toBe('PENDING')
    expect(await take(asked.id, worker, 'w5')).not.toBeNull()
    expect(await report(asked.id, { workerId: 'w5' })).toBe(true)
  })

  it('S21: people cannot wait for probes: subscribe is guarded, not only resolve', async () => {
    const told = await waiting(server.url, alice, 'w4', closing)
    expect(told).toMatchObject([{ type: 'DENIED', code: 'FORBIDDEN' }])
    expect(await probeListeners(server)).not.toContain('w4')
  })

  it('one person has five under way at most; what was refused and what is over does not count', async () => {
    const bursts = await Promise.allSettled(Array.from({ length: 12 }, () => ask()))
    const asked = bursts.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    expect(asked.length).toBe(5)
    await expect(ask()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', extensions: { limit: 'probes' } })
    expect((await ask({ workerId: 'nobody' })).state).toBe('REFUSED')
    for (const probe of asked) await take(probe.id)
    for (const probe of asked) await report(probe.id, { succeeded: false, code: 'NOT_CONNECTED', reason: 'no' })
    const kept = await ask()
    expect(kept.state).toBe('PENDING')
    for (let times = 0; times < 25; times++) await ask({ workerId: 'nobody' })
    expect((await alice.client.execute(ProbesDocument, { entryId: id })).probes.length).toBe(20)
    // What is under way is not pushed out.
    expect(await take(kept.id)).not.toBeNull()
    await report(kept.id)
  })
})

describe('time', () => {
  // The last: to who waits on a node, it has been silent for long then.
  it('S17: ends by the clock alone: that nobody took it, or that who did has not answered; what comes later counts no more', async () => {
    const [untaken, taken] = [await ask(), await ask({ seconds: 120 })]
    expect((await take(taken.id))!.seconds).toBeGreaterThan(100)
    aheadMs += 30_000
    expect(await read(untaken.id)).toMatchObject({ state: 'EXPIRED', code: 'NOT_TAKEN', finishedAt: untaken.deadlineAt })
    expect(await take(untaken.id)).toBeNull()
    expect((await read(taken.id))!.state).toBe('RUNNING')
    aheadMs += 90_000 + probeAnswerMs
    expect(await read(taken.id)).toMatchObject({ state: 'EXPIRED', code: 'NO_ANSWER', reason: 'The worker w1 took it, and did not answer in time.', mend: expect.stringContaining('probe again') as string })
    expect(await report(taken.id)).toBe(false)
    expect((await read(taken.id))!.state).toBe('EXPIRED')
  })
})
