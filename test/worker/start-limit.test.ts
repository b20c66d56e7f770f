import { expect, it } from 'vitest'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { createStartLimit, type StartKind } from '../../src/worker/start-limit.js'
import { cursorAt, delta, handClock, removed, snapshot, startFakeFeed, wireServer } from '../support/fake-feed.js'
import { startSilentServer } from '../support/mcp-servers.js'
import { closing } from '../support/shared.js'

const ofProcess = { isRetry: false, isRemote: false }
const remote = { isRetry: false, isRemote: true }
/** Whoever never gives up. */
const patient = () => new AbortController().signal
/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))
const never = () => new Promise<void>(() => {})

/** Work that ends when the test says so. */
function works(count: number) {
  const running: Array<() => void> = []
  const limit = createStartLimit(2, handClock()).forSession()
  const callers = Array.from({ length: count }, () => new AbortController())
  const ended = callers.map((caller) => limit(() => new Promise<void>((resolve) => running.push(resolve)), ofProcess, caller.signal))
  return { running, callers, ended }
}

it('lets so many through at once, and the others in their order as places get free, whatever becomes of the work', async () => {
  const { running, ended } = works(4)
  expect(running).toHaveLength(2)
  running[0]!()
  await ended[0]
  expect(running).toHaveLength(3)
  running[1]!()
  running[2]!()
  await Promise.all([ended[1], ended[2]])
  expect(running).toHaveLength(4)
  const limit = createStartLimit(1, handClock()).forSession()
  await expect(limit(async () => { throw new Error('down') }, ofProcess, patient())).rejects.toThrow('down')
  expect(await limit(async () => 'up', ofProcess, patient())).toBe('up')
})

it('S13: who is given up waits no longer, and takes nobody\'s place', async () => {
  const { running, callers, ended } = works(4)
  callers[2]!.abort(new Error('revoked'))
  await expect(ended[2]).rejects.toThrow('revoked')
  expect(running).toHaveLength(2)
  running[0]!()
  await ended[0]
  expect(running).toHaveLength(3)
  running.forEach((end) => end())
  await Promise.all([ended[1], ended[3]])
  const late = new AbortController()
  late.abort(new Error('never'))
  await expect(createStartLimit(1, handClock()).forSession()(async () => {}, ofProcess, late.signal)).rejects.toThrow('never')
})

it('S13: a server that only swallows what it is sent holds its place for a second, a process for as long as it starts', async () => {
  const clock = handClock()
  const limit = createStartLimit(1, clock)
  const started: string[] = []
  const start = (name: string, kind: StartKind, work = never) => void limit.forSession()(() => { started.push(name); return work() }, kind, patient())
  start('black hole', remote)
  start('process', ofProcess)
  start('behind it', remote)
  clock.advance(999)
  expect(started).toEqual(['black hole'])
  clock.advance(1)
  expect(started).toEqual(['black hole', 'process'])
  clock.advance(3_600_000)
  expect(started).toEqual(['black hole', 'process'])
})

it('gives a place back once, though its second is over when the work ends', async () => {
  const clock = handClock()
  const starts = createStartLimit(1, clock).forSession()
  let end = () => {}
  const first = starts(() => new Promise<void>((resolve) => { end = resolve }), remote, patient())
  clock.advance(1000)
  let running = 0
  for (let count = 0; count < 3; count++) void starts(() => { running += 1; return never() }, ofProcess, patient())
  end()
  await first
  expect(running).toBe(1)
})

it('S13: the turn goes from session to session, ten at once for one, so one with many servers holds up no other', async () => {
  const limit = createStartLimit(12, handClock())
  const running = new Map<string, Array<() => void>>()
  const begin = (name: string, count: number) => {
    const starts = limit.forSession()
    running.set(name, [])
    for (let each = 0; each < count; each++) void starts(() => new Promise<void>((resolve) => running.get(name)!.push(resolve)), ofProcess, patient())
  }
  begin('greedy', 50)
  begin('b', 5)
  begin('c', 5)
  const counts = () => [...running.values()].map(({ length }) => length)
  expect(counts()).toEqual([10, 2, 0])
  for (const end of [...running.get('greedy')!]) {
    end()
    await turns()
  }
  expect(counts()).toEqual([14, 5, 3])
})

it('S13: three hundred sessions with a dead server each keep a server that is well waiting for seconds, and not at all once they retry', async () => {
  const clock = handClock()
  const limit = createStartLimit(32, clock)
  const begunMs = clock.nowMs()
  const waitedMs: number[] = []
  const well = async () => { waitedMs.push(clock.nowMs() - begunMs) }
  for (let each = 0; each < 300; each++) {
    const starts = limit.forSession()
    void starts(never, remote, patient())
    void starts(well, remote, patient())
  }
  while (waitedMs.length < 300) {
    clock.advance(100)
    await turns()
  }
  expect(Math.max(...waitedMs)).toBeLessThanOrEqual(10_000)
  clock.advance(60_000)
  for (let each = 0; each < 300; each++) void limit.forSession()(never, { ...ofProcess, isRetry: true }, patient())
  let isUp = false
  void limit.forSession()(async () => { isUp = true }, ofProcess, patient())
  expect(isUp).toBe(true)
})

it('gives retries a quarter of the places, at least one, and none that a first start waits for', async () => {
  const retry = { ...ofProcess, isRetry: true }
  for (const [most, quarter] of [[32, 8], [3, 1], [1, 1]] as const) {
    const limit = createStartLimit(most, handClock())
    let running = 0
    for (let each = 0; each < 50; each++) void limit.forSession()(() => { running += 1; return never() }, retry, patient())
    expect(running).toBe(quarter)
  }
  const starts = createStartLimit(1, handClock()).forSession()
  const order: string[] = []
  let end = () => {}
  const first = starts(() => new Promise<void>((resolve) => { end = resolve }), ofProcess, patient())
  const again = starts(async () => { order.push('retry') }, retry, patient())
  const other = starts(async () => { order.push('first') }, ofProcess, patient())
  end()
  await Promise.all([first, again, other])
  expect(order).toEqual(['first', 'retry'])
})

it('S13: is one for all sessions of a worker, and what is withdrawn waits for none of them', async () => {
  const [feed, silent] = [closing(await startFakeFeed()), closing(await startSilentServer())]
  const worker = closing(await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', maxConcurrentStarts: 3, clock: handClock() }))
  const opening = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => worker.openSession({ id, owner: { kind: 'USER', id: 'u1' }, adapter: memoryAdapter() }))
  const operation = await feed.operation()
  operation.send(snapshot(cursorAt(1)))
  const sessions = await Promise.all(opening)
  operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'slow', { url: silent.url })] }))
  await expect.poll(silent.open).toBe(3)
  operation.send(delta(cursorAt(3), {}, [removed('1', 'slow')]))
  await Promise.all(sessions.map((session) => session.settled(cursorAt(3))))
  expect([silent.mostOpen(), ...sessions.map(({ effective }) => effective)]).toEqual([3, [], [], [], [], [], []])
})

it.each([0, -1, 1.5, NaN])('cannot be %s', async (maxConcurrentStarts) => {
  await expect(createCatalogWorker({ url: 'http://127.0.0.1:1/graphql', token: 't', workerId: 'w', maxConcurrentStarts })).rejects.toThrow('maxConcurrentStarts has to be')
})
