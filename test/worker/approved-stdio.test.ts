import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/catalog/context.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker, type CatalogWorker } from '../../src/worker/index.js'
import { usualPath } from '../../src/worker/launchers.js'
import { cursorAt, delta, type FakeFeed, openPolicy, snapshot, startFakeFeed, wireServer } from '../support/fake-feed.js'
import { isAlive, serverScript } from '../support/mcp-servers.js'

let feed: FakeFeed
let folder: string
let worker: CatalogWorker
beforeEach(async () => {
  feed = await startFakeFeed()
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-approved-')))
  writeFileSync(join(folder, 'server.mjs'), `
    import { appendFileSync } from 'node:fs'
    appendFileSync(${JSON.stringify(join(folder, 'pids'))}, process.pid + '\\n')
    process.argv[2] = 'stdio'
    await import(${JSON.stringify(pathToFileURL(serverScript('everything')).href)})`)
})
afterEach(async () => {
  await worker.close()
  await feed.close()
  rmSync(folder, { recursive: true, force: true })
})

const pids = () => readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number)
const policyOf = (stdio: 'approve' | 'deny', revision: number) => ({
  revision, document: { ...openPolicy.document, transports: { stdio, http: 'deny' as const, sse: 'deny' as const }, stdio: { directories: [folder] } },
})

function entryOf(args: string[], approvedArgs: string[] | null, revision = 1) {
  const transportOf = (all: string[]) => ({ command: 'node', args: [join(folder, 'server.mjs'), ...all], env: [{ name: 'MINE', value: 'own' }], cwd: null })
  const digestFor = (all: string[]) => digestOf('MCP_SERVER', {
    description: '', transport: { kind: 'STDIO', ...transportOf(all) }, tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
  })
  const server = wireServer('1', 'local', { transport: { __typename: 'StdioTransport', ...transportOf(args) }, digest: digestFor(args), revision })
  return { ...server, approval: approvedArgs === null ? null : { digest: digestFor(approvedArgs), state: 'APPROVED' as never } }
}

describe('a stdio server of the catalog', () => {
  it('S1, S4, S5, S13: runs once it is approved, sees nothing of the worker, and is gone with its process when an argument changes', async () => {
    worker = await createCatalogWorker({ url: feed.url, token: 'pht_test', workerId: 'w1', env: { PATH: usualPath, CANARY: 'of the worker' } })
    const host = mcpAdapter()
    const opening = worker.openSession({ id: 's1', owner: { kind: 'USER', id: 'u1' }, adapter: host })
    const operation = await feed.operation()
    const said = () => session.effective.map(({ state, reason }) => `${state} ${reason}`).join()
    operation.send(snapshot(cursorAt(1), { mcpServers: [entryOf([], null)] }, { policy: policyOf('approve', 1) }))
    const session = await opening
    expect(said()).toMatch(/^REFUSED Policy revision 1: .*It came without an approval\.$/)

    operation.send(delta(cursorAt(2), { mcpServers: [entryOf([], [])] }))
    await session.settled(cursorAt(2))
    expect(said()).toBe('APPLIED null')
    const { content } = await host.callTool('local-get-env', {})
    const { HOME, PATH, ...rest } = JSON.parse((content[0] as { text: string }).text) as Record<string, string>
    expect([rest, HOME, PATH]).toEqual([{ MINE: 'own' }, expect.stringMatching(/\/pilothouse-server-\w+\/home$/) as string, expect.stringMatching(/^\//) as string])

    const [pid] = pids()
    expect(isAlive(pid!)).toBe(true)
    operation.send(delta(cursorAt(3), { mcpServers: [entryOf(['--other'], [], 2)] }))
    await session.settled(cursorAt(3))
    expect(said()).toMatch(/^REFUSED .*What was approved is another definition\.$/)
    expect([isAlive(pid!), await host.listTools()]).toEqual([false, []])

    operation.send(delta(cursorAt(4), { mcpServers: [entryOf(['--other'], ['--other'], 2)] }))
    await session.settled(cursorAt(4))
    expect(said()).toBe('APPLIED null')
    operation.send(delta(cursorAt(5), {}, [], { changedPolicy: policyOf('deny', 2) }))
    await session.settled(cursorAt(5))
    expect([said(), pids().map(isAlive)]).toEqual([expect.stringMatching(/^REFUSED Policy revision 2: .*does not allow stdio/), [false, false]])
  })
})
