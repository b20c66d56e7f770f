import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { targetOfStatic } from '../../src/worker/from-static.js'
import { createCatalogWorker, type StaticOptions } from '../../src/worker/index.js'
import { cursorAt, delta, type FakeOperation, snapshot, startFakeFeed, wireAgent, wireServer } from '../support/fake-feed.js'
import { isAlive, serverScript, startTestMcpServer } from '../support/mcp-servers.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

async function open(options: StaticOptions, env: Record<string, string>, agent?: string) {
  const feed = await startFakeFeed()
  const worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', static: options, env, graceMs: 500 })
  cleanups.push(feed.close, worker.close)
  const host = mcpAdapter()
  const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter: host, agent })
  const operation: FakeOperation = await feed.operation()
  operation.send(snapshot(cursorAt(1)))
  return { worker, host, operation, session: await opening }
}

/** Processes whose command line holds `marker`, as far as they run. */
function processesWith(marker: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker) && isAlive(pid)
    } catch {
      return false
    }
  })
}

describe('static servers', () => {
  it('run as they do today: official filesystem and memory over stdio, gone with the session', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilothouse-static-'))
    writeFileSync(join(folder, 'note.txt'), 'hello from disk')
    const mcpJson = join(folder, '.mcp.json')
    writeFileSync(mcpJson, JSON.stringify({
      files: { command: process.execPath, args: [serverScript('filesystem'), '${DATA}'], tools: ['*'] },
      memory: { command: process.execPath, args: [serverScript('memory')], env: { MEMORY_FILE_PATH: join(folder, 'memory.json') }, tools: ['read_graph', 'create_entities'] },
    }))
    const { session, host } = await open({ mcpJson }, { DATA: folder })
    expect(session.effective.map(({ name, state, origin, entryId }) => [name, state, origin, entryId])).toEqual([
      ['files', 'APPLIED', mcpJson, null], ['memory', 'APPLIED', mcpJson, null],
    ])
    expect(await host.callTool('files-read_text_file', { path: join(folder, 'note.txt') })).toMatchObject({ content: [{ text: 'hello from disk' }] })
    await host.callTool('memory-create_entities', { entities: [{ name: 'pilot', entityType: 'person', observations: [] }] })
    expect(JSON.stringify(await host.callTool('memory-read_graph'))).toContain('pilot')
    expect((await host.listTools()).filter(({ name }) => name.startsWith('memory-')).map(({ name }) => name).sort()).toEqual(['memory-create_entities', 'memory-read_graph'])
    await expect(host.callTool('memory-delete_entities', { entityNames: ['pilot'] })).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    expect(processesWith(folder).length).toBeGreaterThan(0)
    await session.close()
    expect(processesWith(folder)).toEqual([])
  })

  it('see the worker\'s environment, under their own', async () => {
    const { host } = await open({ inline: { mcpServers: { all: { command: process.execPath, args: [serverScript('everything'), 'stdio'], env: { OWN: 'o', SHARED: 'own' } } } } }, { WORKER: 'w', SHARED: 'worker' })
    const { content } = await host.callTool('all-get-env')
    expect(JSON.parse((content[0] as { text: string }).text)).toEqual({ WORKER: 'w', OWN: 'o', SHARED: 'own' })
  })

  it('protect their names; both are reported, and the static one goes on when the catalog\'s is gone', async () => {
    const [mine, theirs] = [await startTestMcpServer([{ name: 'x' }]), await startTestMcpServer([{ name: 'y' }])]
    cleanups.push(mine.close, theirs.close)
    const { session, host, operation } = await open({ inline: { mcpServers: { 'My.Tools': { type: 'http', url: mine.url }, plain: { type: 'http', url: mine.url } } } }, {})
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'plain', { url: theirs.url }), wireServer('2', 'my-tools', { url: theirs.url })] }))
    await session.settled(cursorAt(2))
    expect(session.effective.map(({ name, origin, state }) => `${name} ${origin} ${state}`)).toEqual([
      'My.Tools inline APPLIED', 'plain inline APPLIED', 'my-tools catalog REFUSED', 'plain catalog REFUSED',
    ])
    expect((await host.listTools()).map(({ name }) => name)).toEqual(['My-Tools-x', 'plain-x'])
    expect(theirs.requests).toEqual([])
    operation.send(snapshot(cursorAt(3)))
    await session.settled(cursorAt(3))
    expect((await host.listTools()).map(({ name }) => name)).toEqual(['My-Tools-x', 'plain-x'])
  })

  it('that cannot work are reported and hurt nobody', async () => {
    const mine = await startTestMcpServer([{ name: 'x' }])
    cleanups.push(mine.close)
    const { session, host } = await open({ inline: { mcpServers: { untyped: { url: mine.url }, dead: { command: '/no/such/command' }, fine: { type: 'http', url: mine.url } } } }, {})
    expect(session.effective.map(({ name, state }) => [name, state])).toEqual([['untyped', 'FAILED'], ['dead', 'FAILED'], ['fine', 'APPLIED']])
    expect((await host.listTools()).map(({ name }) => name)).toEqual(['fine-x'])
  })

  it('agents may name servers of the catalog; a catalog agent of their name is refused', async () => {
    const theirs = await startTestMcpServer([{ name: 'y' }])
    cleanups.push(theirs.close)
    const { session, host, operation } = await open({ inline: { customAgents: [{ name: 'helper', prompt: 'Static.', mcpServers: ['tickets'] }] } }, {}, 'helper')
    expect(session.effective).toMatchObject([{ name: 'helper', origin: 'inline', state: 'APPLIED', reason: expect.stringContaining('Runs without tickets') as string }])
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'tickets', { url: theirs.url }), wireServer('2', 'other', { url: theirs.url })], agents: [wireAgent('3', 'helper', { prompt: 'Catalog.', mcpServers: ['other'] })] }))
    await session.settled(cursorAt(2))
    expect((await host.listTools()).map(({ name }) => name)).toEqual(['tickets-y'])
    expect(host.listAgents().map(({ definition }) => definition.prompt)).toEqual(['Static.'])
  })
})

describe('a static configuration', () => {
  const read = (config: Record<string, unknown>) => targetOfStatic({ name: 'a', config, origin: 'inline' })

  it.each<[Record<string, unknown>, object]>([
    [{ command: 'npx', args: ['-y', 's'], env: { A: '1' }, cwd: '/srv', timeout: 5000 },
      { target: { transport: { kind: 'STDIO', command: 'npx', args: ['-y', 's'], env: [{ name: 'A', value: '1' }], cwd: '/srv' }, tools: { include: ['*'], exclude: [] }, timeoutMs: 5000 } }],
    [{ type: 'local', command: 'npx' }, { target: { transport: { kind: 'STDIO', command: 'npx', args: [], env: [], cwd: null }, tools: { include: ['*'], exclude: [] }, timeoutMs: null } }],
    [{ type: 'http', url: 'https://x/', headers: { A: '1' }, tools: ['a'], excludeTools: ['b'] },
      { target: { transport: { kind: 'HTTP', url: 'https://x/', headers: [{ name: 'A', value: '1' }] }, tools: { include: ['a'], exclude: ['b'] }, timeoutMs: null } }],
    [{ type: 'sse', url: 'https://x/', tools: [] }, { target: { transport: { kind: 'SSE', url: 'https://x/', headers: [] }, tools: { include: [], exclude: [] }, timeoutMs: null } }],
    [{ url: 'https://x/' }, { problem: 'It needs a command, or a url with the type http or sse.' }],
    [{ type: 'http', url: 'not a url' }, { problem: 'The url is not an absolute URL.' }],
    [{ type: 'http', command: 'npx' }, { problem: 'It needs a command, or a url with the type http or sse.' }],
    [{}, { problem: 'It needs a command, or a url with the type http or sse.' }],
  ])('%j', (config, expected) => { expect(read(config)).toEqual(expected) })
})
