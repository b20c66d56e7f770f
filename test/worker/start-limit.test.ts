import { expect, it } from 'vitest'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { createStartLimit } from '../../src/worker/start-limit.js'
import { cursorAt, delta, removed, snapshot, startFakeFeed, wireServer } from '../support/fake-feed.js'
import { startSilentServer } from '../support/mcp-servers.js'
import { closing } from '../support/shared.js'

/** Work that ends when the test says so. */
function works(count: number) {
  const running: Array<() => void> = []
  const limit = createStartLimit(2)
  const callers = Array.from({ length: count }, () => new AbortController())
  const ended = callers.map(({ signal }) => limit(() => new Promise<void>((resolve) => running.push(resolve)), signal))
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
  const limit = createStartLimit(1)
  const { signal } = new AbortController()
  await expect(limit(async () => { throw new Error('down') }, signal)).rejects.toThrow('down')
  expect(await limit(async () => 'up', signal)).toBe('up')
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
  await expect(createStartLimit(1)(async () => {}, late.signal)).rejects.toThrow('never')
})

it('S13: is one for all sessions of a worker, and what is withdrawn waits for none of them', async () => {
  const [feed, silent] = [closing(await startFakeFeed()), closing(await startSilentServer())]
  const worker = closing(await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', maxConcurrentStarts: 3 }))
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
