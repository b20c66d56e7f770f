import { expect, it } from 'vitest'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { cursorAt, delta, type FakeOperation, handClock, removed, snapshot, startFakeFeed, wireServer } from '../support/fake-feed.js'
import { startTestMcpServer, text } from '../support/mcp-servers.js'
import { startProxy } from '../support/proxy.js'
import { closing } from '../support/shared.js'

const poll = <Value>(ask: () => Value | Promise<Value>) => expect.poll(ask, { timeout: 20_000 })

it('S13: behind a network that goes silent a worker notices, goes on within its trust, fails closed after it, and is back by cursor', async () => {
  const clock = handClock()
  const [feed, upstream] = await Promise.all([startFakeFeed(), startTestMcpServer([{ name: 'lookup' }])])
  const proxy = await startProxy(feed.url)
  ;[feed, upstream, proxy].forEach(closing)
  const log: string[] = []
  const worker = closing(await createCatalogWorker({
    url: proxy.through(feed.url), token: 'pht_test', workerId: 'w1', clock, keepAliveMs: 100, deadPeerMs: 400, log: (message) => void log.push(message),
  }))
  const host = mcpAdapter()
  const servers = ['kept', 'gone'].map((name, at) => wireServer(String(at), name, { url: `${upstream.url}?${name}` }))
  const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter: host })
  ;(await feed.operation()).send(snapshot(cursorAt(1), { mcpServers: servers }))
  const session = await opening
  const said = (change: string) => log.filter((line) => line.startsWith(`feed of USER u1: ${change}`)).length
  /** Lets time pass, so that what is due is tried, until this is so. */
  const until = (isSo: () => boolean) => poll(() => {
    clock.advance(1_000)
    return isSo()
  }).toBe(true)
  const nextOperation = async (): Promise<FakeOperation> => {
    const came: FakeOperation[] = []
    void feed.operation().then((operation) => came.push(operation))
    await until(() => came.length > 0)
    return came[0]!
  }

  proxy.silence()
  await poll(() => log).toContainEqual('feed of USER u1: LIVE -> DISCONNECTED (the socket was closed with 4499 (Terminated))')
  // Whoever comes meanwhile meets the same silence, and does not wait in it for ever.
  await until(() => said('CATCHING_UP -> DISCONNECTED') > 0)
  expect(await host.callTool('gone-lookup')).toEqual(text('lookup'))
  proxy.restore()
  const back = await nextOperation()
  expect(back.after).toBe(cursorAt(1))
  back.send(delta(cursorAt(2), {}, [removed('1', 'gone')]))
  await session.settled(cursorAt(2))
  await expect(host.callTool('gone-lookup')).rejects.toMatchObject({ name: 'ToolCallError' })
  expect(await host.callTool('kept-lookup')).toEqual(text('lookup'))

  proxy.silence()
  await poll(() => said('LIVE -> DISCONNECTED')).toBe(2)
  clock.advance(600_000 - 1)
  expect(await host.callTool('kept-lookup')).toEqual(text('lookup'))
  clock.advance(1)
  const calls = upstream.calls.length
  await expect(host.callTool('kept-lookup')).rejects.toMatchObject({ name: 'ToolCallError' })
  expect([upstream.calls.length, await host.listTools()]).toEqual([calls, []])
  await poll(() => session.effective).toEqual([])
  proxy.restore()
  const anew = await nextOperation()
  expect(anew.after).toBeNull()
  anew.send(snapshot(cursorAt(2), { mcpServers: servers.slice(0, 1) }))
  await session.settled(cursorAt(2))
  expect(await host.callTool('kept-lookup')).toEqual(text('lookup'))
})
