import { afterEach, describe, expect, it } from 'vitest'
import { type AdapterContext, type CatalogAdapter } from '../../src/worker/adapter.js'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { cursorAt, snapshot, startFakeFeed, wireAgent, wireServer } from '../support/fake-feed.js'
import { openFakeSession } from '../support/fake-session.js'
import { startTestMcpServer } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

/** An adapter that says what it was asked, in order, and fails where it is told to. */
function talkative(failsAt: string | null = null): { adapter: CatalogAdapter; said: string[] } {
  const said: string[] = []
  const inner = memoryAdapter()
  const step = async (name: string) => {
    said.push(name)
    if (name === failsAt) throw new Error(`no ${name}`)
  }
  return {
    said,
    adapter: {
      ...inner,
      open: ({ sessionId, agent }: AdapterContext) => step(`open ${sessionId} ${agent}`),
      ready: () => step('ready'),
      close: () => step('close'),
      load: async (item) => {
        await step(`load ${item.name}`)
        await inner.load(item)
      },
      unload: async (kind, name, mode) => {
        await step(`unload ${name}`)
        await inner.unload(kind, name, mode)
      },
    },
  }
}

async function openWith(adapter: CatalogAdapter) {
  const feed = await startFakeFeed()
  cleanups.push(feed.close)
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1' })
  cleanups.push(worker.close)
  const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter, grants: 'SET' })
  const operation = await feed.operation()
  operation.send(snapshot(cursorAt(1), { agents: [wireAgent('1', 'helper')] }))
  return { worker, opening }
}

describe('the life of an adapter', () => {
  it('is opened before the first entry, made ready after the first ones, and closed after the last is gone', async () => {
    const { adapter, said } = talkative()
    const session = await (await openWith(adapter)).opening
    expect(said).toEqual(['open s1 null', 'load helper', 'ready'])
    await session.close()
    expect(said.slice(3)).toEqual(['unload helper', 'close'])
  })

  it('is not made ready when the worker closes before', async () => {
    const { adapter, said } = talkative()
    let isReached = () => {}
    let go = () => {}
    const reached = new Promise<void>((resolve) => { isReached = resolve })
    const held = new Promise<void>((resolve) => { go = resolve })
    const { load } = adapter
    const { worker, opening } = await openWith({ ...adapter, load: async (item) => {
      isReached()
      await held
      await load(item)
    } })
    const outcome = expect(opening).rejects.toMatchObject({ code: 'CLOSED' })
    await reached
    const closing = worker.close()
    go()
    await Promise.all([outcome, closing])
    expect(said).toEqual(['open s1 null', 'load helper', 'unload helper', 'close'])
  })

  it('that throws instead of failing is not opened either', async () => {
    const { adapter, said } = talkative()
    const { opening } = await openWith({ ...adapter, open: () => { throw new Error('no open') } })
    await expect(opening).rejects.toThrow('no open')
    expect(said).toEqual(['close'])
  })

  it('whose close fails keeps nothing else open, and the worker says so', async () => {
    const { adapter } = talkative('close')
    const feed = await startFakeFeed()
    cleanups.push(feed.close)
    const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1' })
    const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter, grants: 'SET' })
    const operation = await feed.operation()
    operation.send(snapshot(cursorAt(1)))
    await opening
    await expect(worker.close()).rejects.toThrow('no close')
    await operation.ended
    // The farewell comes after everything else.
    await feed.report(({ full, sessions }) => full && sessions.length === 0)
  })

  it('whose opening and close both fail tells of the opening', async () => {
    const { adapter } = talkative('ready')
    const { opening } = await openWith({ ...adapter, close: async () => { throw new Error('no close') } })
    await expect(opening).rejects.toThrow('no ready')
  })

  it.each(['open s1 null', 'ready'])('a session whose adapter fails at "%s" is not opened, and leaves nothing', async (failsAt) => {
    const { adapter, said } = talkative(failsAt)
    const { opening } = await openWith(adapter)
    await expect(opening).rejects.toThrow(`no ${failsAt}`)
    expect(said.at(-1)).toBe('close')
    expect(adapter.list()).toEqual([])
    if (failsAt !== 'ready') expect(said).toEqual(['open s1 null', 'close'])
  })
})

it.each<[string, () => void]>([
  ['throws', () => { throw new Error('no log') }],
  ['fails later', () => Promise.reject(new Error('no log'))],
])('S13: a host whose log %s keeps no gate open', async (_, log) => {
  const server = await startTestMcpServer([{ name: 'lookup' }])
  cleanups.push(server.close)
  const { session, host, operation, tools, close } = await openFakeSession({ mcpServers: [wireServer('1', 'a', { url: server.url })] }, { log })
  cleanups.push(close)
  expect(await tools()).toEqual(['a-lookup'])
  const withdrawn = new Promise<void>((resolve) => host.onToolsChanged(resolve))
  operation.close(4403)
  await withdrawn
  await expect(host.callTool('a-lookup')).rejects.toMatchObject({ name: 'ToolCallError' })
  await expect(session.settled(cursorAt(2))).rejects.toMatchObject({ code: 'FORBIDDEN' })
})
