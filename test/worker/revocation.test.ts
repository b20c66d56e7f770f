import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { systemClock } from '../../src/worker/clock.js'
import { type Connector, createConnector, type Upstream } from '../../src/worker/connector.js'
import { SurvivorError } from '../../src/worker/errors.js'
import { createRunner } from '../../src/worker/runner.js'
import { type Aim, type Body } from '../../src/worker/slot.js'
import { type StatusReport } from '../../src/worker/status.js'
import { cursorAt, delta, type HandClock, handClock, removed, snapshot, wireServer } from '../support/fake-feed.js'
import { type FakeSession, openFakeSession } from '../support/fake-session.js'
import { hangingTool, isAlive, serverScript, startTestMcpServer, type TestMcpServer, type TestTool, text } from '../support/mcp-servers.js'
import { upstreamOf } from '../suites/adapter-conformance.js'

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup() })

async function open(...args: Parameters<typeof openFakeSession>): Promise<FakeSession> {
  const opened = await openFakeSession(...args)
  cleanups.push(opened.close)
  return opened
}

async function startServer(...tools: TestTool[]): Promise<TestMcpServer> {
  const server = await startTestMcpServer(tools)
  cleanups.push(server.close)
  return server
}

const immediate = { mode: 'IMMEDIATE' as const, deadlineSeconds: 0, reason: 'REVOKED' }
const aim: Aim = { key: 'MCP_SERVER:a', kind: 'MCP_SERVER', name: 'a', origin: 'catalog', entryId: '1', revision: 1, digest: 'd1', secretVersion: null, note: null, position: 1 }
const target = { transport: { kind: 'HTTP' as const, url: 'https://x/', headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null }
const body: Body = { kind: 'MCP_SERVER', description: '', isDefault: false, baseEnv: {}, target }

function runnerOf(connector: Connector) {
  const adapter = memoryAdapter()
  const runner = createRunner({ adapter, opened: Promise.resolve(), connector, clock: systemClock, isTrusted: () => true, log: () => {}, onChange: () => {} })
  cleanups.push(runner.close)
  const upstreamOfItem = () => {
    const [item] = adapter.items()
    if (item?.kind !== 'MCP_SERVER') throw new Error('nothing is loaded')
    return item.upstream
  }
  return { runner, adapter, upstreamOfItem }
}

/** The first report that tells of the entry in one of these states. */
const reported = ({ feed }: FakeSession, entryId: string, ...states: string[]) => (
  feed.report(({ sessions }) => sessions.some(({ entries }) => entries.some((entry) => entry.entryId === entryId && states.includes(entry.state)))))
/** Lets time pass until it is there. For what nobody trusts any more: trust would run out meanwhile. */
async function inTime<Result>(clock: HandClock, work: Promise<Result>): Promise<Result> {
  const done = work.then((result) => ({ result }))
  for (;;) {
    clock.advance(1000)
    const answer = await Promise.race([done, new Promise<null>((resolve) => setImmediate(() => resolve(null)))])
    if (answer !== null) return answer.result
  }
}

const rowOf = ({ sessions }: StatusReport, entryId: string) => sessions.flatMap(({ entries }) => entries).find((entry) => entry.entryId === entryId)

describe('S13: a revocation on a worker', () => {
  it('closes the gate before anything else, then ends the connection, then the session has STOPPED', async () => {
    const steps: string[] = []
    let finishClosing = () => {}
    const upstream: Upstream = {
      ...upstreamOf('x'), note: () => null, policyChanged: () => {},
      close: () => { steps.push('close'); return new Promise<void>((resolve) => { finishClosing = resolve }) },
    }
    const { runner, upstreamOfItem, adapter } = runnerOf({ connect: async () => upstream })
    runner.start(aim, body)
    await runner.settled(null)
    const held = upstreamOfItem()
    runner.stop(aim.key, immediate, 2)
    expect(steps).toEqual([])
    expect(held.tools()).toEqual([])
    await expect(held.callTool('x', {})).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await new Promise((resolve) => setImmediate(resolve))
    expect([steps, adapter.list(), runner.report()]).toMatchObject([['close'], [], [{ state: 'STOPPING', reason: 'REVOKED', refusedCalls: 1 }]])
    finishClosing()
    await runner.settled(null)
    expect(runner.rows()).toEqual([])
    expect(runner.report()).toMatchObject([{ entryId: '1', revision: 1, state: 'STOPPED', reason: expect.stringMatching(/^REVOKED: ended after \d+ ms$/) as string, refusedCalls: 1 }])
  })

  it('fails the call in flight of a process, and leaves none behind, grandchildren that ignore SIGTERM included', async () => {
    const pidFile = join(mkdtempSync(join(tmpdir(), 'pilothouse-')), 'pids')
    const script = `(trap "" TERM; exec sleep 1000) & echo $! > ${pidFile}; echo $$ >> ${pidFile}; exec ${process.execPath} ${serverScript('everything')} stdio`
    const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : [])
    const { runner, upstreamOfItem } = runnerOf(createConnector({ clock: systemClock, graceMs: 200 }))
    const transport = { kind: 'STDIO' as const, command: '/bin/sh', args: ['-c', script], env: [{ name: 'PATH', value: '/usr/bin:/bin' }], cwd: null }
    runner.start(aim, { ...body, target: { ...target, transport } })
    await runner.settled(null)
    expect(pids().map(isAlive)).toEqual([true, true])
    const call = expect(upstreamOfItem().callTool('trigger-long-running-operation', { duration: 60, steps: 1 })).rejects.toMatchObject({ code: 'WITHDRAWN' })
    runner.stop(aim.key, immediate, 2)
    await call
    await runner.settled(2)
    expect([pids().map(isAlive), runner.report().map(({ state }) => state)]).toEqual([[false, false], ['STOPPED']])
  })

  it('tells of what could not be ended: SURVIVED, with the reason', async () => {
    const upstream: Upstream = { ...upstreamOf('x'), note: () => null, policyChanged: () => {}, close: () => Promise.reject(new SurvivorError('process group 7 is still there')) }
    const { runner } = runnerOf({ connect: async () => upstream })
    runner.start(aim, body)
    await runner.settled(null)
    runner.stop(aim.key, immediate, 2)
    await runner.settled(2)
    expect(runner.report()).toMatchObject([{ state: 'SURVIVED', reason: 'REVOKED: process group 7 is still there' }])
  })

  it('tells of what is left of a start that was given up, and of one that failed: SURVIVED', async () => {
    const survivor = new SurvivorError('process group 7 is still there')
    const survived = [{ state: 'SURVIVED', reason: 'REVOKED: process group 7 is still there' }]
    const givenUp = runnerOf({ connect: (_target, _env, signal) => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(survivor)) }) }).runner
    givenUp.start(aim, body)
    givenUp.stop(aim.key, immediate, 2)
    await givenUp.settled(2)
    expect(givenUp.report()).toMatchObject(survived)
    const failed = runnerOf({ connect: () => Promise.reject(survivor) }).runner
    failed.start(aim, body)
    await failed.settled(null)
    expect(failed.report()).toMatchObject([{ state: 'FAILED', reason: 'process group 7 is still there' }])
    failed.stop(aim.key, immediate, 2)
    await failed.settled(2)
    expect(failed.report()).toMatchObject(survived)
  })

  it('is told of a process that outlives SIGKILL in its handshake', async () => {
    const pids: number[] = []
    const kill = vi.spyOn(process, 'kill').mockImplementation((pid) => { pids.push(pid); return true })
    try {
      const transport = { kind: 'STDIO' as const, command: '/bin/sleep', args: ['1000'], env: [], cwd: null }
      const connecting = createConnector({ clock: systemClock, graceMs: 0, connectTimeoutMs: 50 }).connect({ ...target, transport }, {}, new AbortController().signal)
      await expect(connecting).rejects.toBeInstanceOf(SurvivorError)
    } finally {
      kill.mockRestore()
      for (const pid of new Set(pids)) process.kill(pid, 'SIGKILL')
    }
  })

  it('of a server that is slow to start: STOPPING until nothing of the start is left, and then it never comes', async () => {
    let answer = () => {}
    const reached = new Promise<void>((resolve) => { answer = resolve })
    const held: Array<() => void> = []
    const slow = createServer((_, response) => { held.push(() => response.end()); answer() }).listen(0, '127.0.0.1')
    await new Promise((resolve) => slow.once('listening', resolve))
    cleanups.push(async () => { slow.closeAllConnections(); slow.close() })
    const opened = await open({})
    const { session, operation, host, states } = opened
    operation.send(delta(cursorAt(2), { mcpServers: [wireServer('1', 'a', { url: `http://127.0.0.1:${(slow.address() as AddressInfo).port}/` })] }))
    await reached
    operation.send(delta(cursorAt(3), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(3))
    for (const release of held) release()
    expect([states(), host.list()]).toEqual([[], []])
    expect(rowOf(await reported(opened, '1', 'STOPPED'), '1')).toMatchObject({ reason: expect.stringContaining('DELETED') as string })
    expect(host.list()).toEqual([])
  })

  it('counts the calls that are refused since, whether they meet the gate or only the name', async () => {
    const a = await startServer({ name: 'x' })
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const { session, operation, host, feed } = opened
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(2))
    await Promise.all([1, 2, 3].map(() => expect(host.callTool('a-x')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })))
    await expect(host.callTool('other-x')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    const report = await feed.report((each) => rowOf(each, '1')?.refusedCalls === 3)
    expect(rowOf(report, '1')).toMatchObject({ state: 'STOPPED' })
    expect(a.calls).toEqual([])
  })
})

it('S13: a host whose listener throws keeps no gate open', async () => {
  const [a, b] = [await startServer({ name: 'x' }), await startServer({ name: 'y' })]
  const { session, operation, host, feed, states } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url })] })
  host.onToolsChanged(() => { throw new Error('of the host') })
  const list = host.list
  host.list = () => { throw new Error('of the adapter') }
  operation.send(delta(cursorAt(2), {}, [removed('1', 'a'), removed('2', 'b')]))
  await session.settled(cursorAt(2))
  for (const tool of ['a-x', 'b-y']) await expect(host.callTool(tool)).rejects.toMatchObject({ name: 'ToolCallError' })
  expect([states(), a.calls, b.calls]).toEqual([[], [], []])
  await feed.report((each) => rowOf(each, '1')?.state === 'STOPPED' && rowOf(each, '2')?.state === 'STOPPED')
  host.list = list
})

describe('S13: a call loop', () => {
  it('has its last success before the frame of the revocation is through', async () => {
    const a = await startServer({ name: 'x' })
    const { session, operation, host } = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const outcomes: string[] = []
    const loop = (async () => {
      while (outcomes.at(-1) === undefined || outcomes.at(-1) === 'ok') outcomes.push(await host.callTool('a-x').then(() => 'ok', ({ code }: { code: string }) => code))
    })()
    operation.send(delta(cursorAt(2), {}, [removed('1', 'a')]))
    await session.settled(cursorAt(2))
    const served = a.calls.length
    await loop
    await expect(host.callTool('a-x')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    expect([a.calls.length, ['WITHDRAWN', 'UNKNOWN_TOOL'].includes(outcomes.at(-1)!)]).toEqual([served, true])
  })
})

describe('S13: DRAIN', () => {
  /** A session with a call in flight on `a`, which then drains. */
  async function draining(clock = handClock()) {
    const slow = hangingTool('slow')
    const a = await startServer(slow)
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    const call = opened.host.callTool('a-slow').then(() => 'done', ({ message }: Error) => message)
    await slow.started
    opened.operation.send(delta(cursorAt(2), {}, [removed('1', 'a', { reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 20 })]))
    await opened.session.settled(cursorAt(2))
    expect(opened.states()).toEqual(['a@1 STOPPING'])
    return { ...opened, clock, slow, call }
  }

  it('ends at its deadline and not before', async () => {
    const opened = await draining()
    opened.clock.advance(19_999)
    expect(opened.states()).toEqual(['a@1 STOPPING'])
    opened.clock.advance(1)
    expect(await opened.call).toContain('DISABLED')
    await opened.slow.aborted
  })

  it('is reported as STOPPING while a call runs, and as STOPPED when that has ended', async () => {
    let finish = () => {}
    let start = () => {}
    const started = new Promise<void>((resolve) => { start = resolve })
    const a = await startServer({ name: 'slow', run: () => new Promise((resolve) => { finish = () => resolve(text('done')); start() }) })
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] })
    const call = opened.host.callTool('a-slow')
    await started
    opened.operation.send(delta(cursorAt(2), {}, [removed('1', 'a', { reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 600 })]))
    await reported(opened, '1', 'STOPPING')
    finish()
    expect(await call).toEqual(text('done'))
    expect(rowOf(await reported(opened, '1', 'STOPPED'), '1')).toMatchObject({ revision: 1, refusedCalls: 0 })
  })

  it.each<[string, (opened: FakeSession) => void, string]>([
    ['an IMMEDIATE removal', ({ operation }) => operation.send(delta(cursorAt(3), {}, [removed('1', 'a')])), 'DELETED'],
    ['a snapshot without it', ({ operation }) => operation.send(snapshot(cursorAt(3))), 'ABSENT'],
    ['the loss of the right', ({ operation }) => operation.fail('FORBIDDEN', 'no more'), 'no more'],
    ['the end of the token', ({ operation }) => operation.close(4401), 'access token'],
  ])('gives way to %s that comes later: the call fails now', async (_, act, reason) => {
    const opened = await draining()
    act(opened)
    expect(await opened.call).toMatch(new RegExp(reason))
    await opened.slow.aborted
  })

  it('gives way to trust that runs out', async () => {
    const opened = await draining()
    opened.operation.send(delta(cursorAt(3), {}, [], { trustForSeconds: 5 }))
    await opened.session.settled(cursorAt(3))
    opened.clock.advance(5000)
    expect(await opened.call).toContain('Nothing was heard')
  })

  it('of an entry is left alone by the removal of another, and by a later DRAIN', async () => {
    const opened = await draining()
    opened.operation.send(delta(cursorAt(3), {}, [removed('2', 'b'), removed('1', 'a', { mode: 'DRAIN', deadlineSeconds: 1 })]))
    await opened.session.settled(cursorAt(3))
    opened.clock.advance(1000)
    expect(opened.states()).toEqual(['a@1 STOPPING'])
  })
})

describe('S13: a right that is lost', () => {
  it.each<[string, (opened: FakeSession) => void]>([
    ['the operation ends FORBIDDEN', ({ operation }) => operation.fail('FORBIDDEN')],
    ['the socket closes with 4401', ({ operation }) => operation.close(4401)],
    ['the socket closes with 4403', ({ operation }) => operation.close(4403)],
  ])('%s: everything is withdrawn at once, and reported', async (_, lose) => {
    const slow = hangingTool('slow')
    const [a, b] = [await startServer(slow), await startServer({ name: 'y' })]
    const clock = handClock()
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url }), wireServer('2', 'b', { url: b.url })] }, { clock })
    const call = expect(opened.host.callTool('a-slow')).rejects.toMatchObject({ code: 'WITHDRAWN' })
    await slow.started
    lose(opened)
    await call
    const report = await inTime(clock, reported(opened, '2', 'STOPPED'))
    expect(await opened.tools()).toEqual([])
    expect(report.sessions.map(({ id, cursor }) => [id, cursor])).toEqual([['s1', null]])
  })

  it('trust of 5 s runs out 5 s after it was received, by the monotonic clock, and is reported', async () => {
    const clock = handClock()
    const a = await startServer({ name: 'x', run: async () => text('x') })
    const opened = await open({ mcpServers: [wireServer('1', 'a', { url: a.url })] }, { clock })
    opened.operation.send(delta(cursorAt(2), {}, [], { trustForSeconds: 5 }))
    await opened.session.settled(cursorAt(2))
    clock.advance(4999)
    expect(await opened.host.callTool('a-x')).toEqual(text('x'))
    clock.advance(1)
    await expect(opened.host.callTool('a-x')).rejects.toMatchObject({ name: 'ToolCallError' })
    expect(opened.states().filter((state) => state.includes('APPLIED'))).toEqual([])
    const row = rowOf(await inTime(clock, reported(opened, '1', 'STOPPED')), '1')
    expect(row?.reason).toContain('Nothing was heard')
  })
})
