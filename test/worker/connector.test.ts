import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type McpTransport, type NameValue } from '../../src/core/mcp-server.js'
import { freePort } from '../../src/db/free-port.js'
import { systemClock } from '../../src/worker/clock.js'
import { createConnector, type Upstream, type UpstreamTarget } from '../../src/worker/connector.js'
import { handClock } from '../support/fake-feed.js'
import { hangingTool, isAlive, serverScript, startEverything, startSilentServer, startTestMcpServer, text } from '../support/mcp-servers.js'
import { unhandledIn } from '../support/rejections.js'
import { closing } from '../support/shared.js'

const http = (url: string, headers: NameValue[] = []): McpTransport => ({ kind: 'HTTP', url, headers })
const stdio = (command: string, args: string[], env: NameValue[] = []): McpTransport => ({ kind: 'STDIO', command, args, env, cwd: null })
const targetOf = (transport: McpTransport, changes: Partial<UpstreamTarget> = {}): UpstreamTarget => ({ transport, tools: { include: ['*'], exclude: [] }, timeoutMs: null, ...changes })

async function connect(target: UpstreamTarget, { baseEnv = {}, connectTimeoutMs = 20_000, graceMs = 2000, clock = systemClock, signal = new AbortController().signal } = {}): Promise<Upstream> {
  return closing(await createConnector({ clock, connectTimeoutMs, graceMs }).connect(target, baseEnv, signal))
}

const namesOf = (upstream: Upstream) => upstream.tools().map(({ name }) => name)

describe('the official everything server', () => {
  it.each(['streamableHttp', 'sse'] as const)('over %s', async (mode) => {
    const { url } = closing(await startEverything(mode))
    const upstream = await connect(targetOf({ kind: mode === 'sse' ? 'SSE' : 'HTTP', url, headers: [] }))
    expect(namesOf(upstream)).toContain('echo')
    expect(await upstream.callTool('get-sum', { a: 2, b: 3 })).toMatchObject({ content: [{ type: 'text', text: expect.stringContaining('5') as string }] })
  })

  it('over stdio, with the environment it is given and no other', async () => {
    const upstream = await connect(targetOf(stdio(process.execPath, [serverScript('everything'), 'stdio'], [{ name: 'MINE', value: 'own' }, { name: 'BOTH', value: 'own' }])), { baseEnv: { BASE: 'b', BOTH: 'b' } })
    const { content } = await upstream.callTool('get-env', {})
    expect(JSON.parse((content[0] as { text: string }).text)).toEqual({ BASE: 'b', BOTH: 'own', MINE: 'own' })
  })
})

describe('tools', () => {
  it('are listed over all pages', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const { url } = closing(await startTestMcpServer(names.map((name) => ({ name })), { pageSize: 2 }))
    expect(namesOf(await connect(targetOf(http(url))))).toEqual(names)
  })

  it('whose pages are too much together are not listed, whatever each of them is', async () => {
    const description = 'd'.repeat(1_000_000)
    const { url } = closing(await startTestMcpServer(Array.from({ length: 12 }, (_, at) => ({ name: `t${at}`, description })), { pageSize: 1 }))
    await expect(connect(targetOf(http(url)))).rejects.toThrow('its answers to tools/list have more than 10485760 characters in all')
  })

  it('S28: are listed if and only if they can be called', async () => {
    const server = closing(await startTestMcpServer([{ name: 'read' }, { name: 'read-secret' }, { name: 'write' }]))
    const upstream = await connect(targetOf(http(server.url), { tools: { include: ['read*'], exclude: ['*secret'] } }))
    expect(namesOf(upstream)).toEqual(['read'])
    await expect(upstream.callTool('read-secret', {})).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    await expect(upstream.callTool('write', {})).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    expect(await upstream.callTool('read', {})).toEqual(text('read'))
    expect(server.calls).toEqual(['read'])
  })

  it('S10: are listed again when they change before the connection stands, however long it is waited for then', async () => {
    const [tools, lists] = [[{ name: 'a' }], [] as number[]]
    const { url } = closing(await startTestMcpServer(tools, { beforeListed: async (tell) => {
      if (lists.push(tools.length) > 1) return
      tools.push({ name: 'b' })
      await tell({ method: 'notifications/tools/list_changed' })
    } }))
    const upstream = await connect(targetOf(http(url)))
    await expect.poll(() => namesOf(upstream)).toEqual(['a', 'b'])
    expect(lists).toEqual([1, 2])
  })

  it('follow the server\'s list_changed', async () => {
    const server = closing(await startTestMcpServer([{ name: 'old' }]))
    const upstream = await connect(targetOf(http(server.url), { tools: { include: ['*'], exclude: ['hidden'] } }))
    const changed = new Promise<void>((resolve) => upstream.onToolsChanged(resolve))
    await server.setTools([{ name: 'new' }, { name: 'hidden' }])
    await changed
    expect(namesOf(upstream)).toEqual(['new'])
    await expect(upstream.callTool('old', {})).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
  })
})

describe('calls', () => {
  it('end after the definition\'s timeout, and the server is told', async () => {
    const slow = hangingTool('slow')
    const { url } = closing(await startTestMcpServer([slow]))
    const upstream = await connect(targetOf(http(url), { timeoutMs: 100 }))
    await expect(upstream.callTool('slow', {})).rejects.toMatchObject({ code: 'TIMEOUT', message: 'No answer within 100 ms.' })
    await slow.aborted
  })

  it('are cancelled on the server too', async () => {
    const slow = hangingTool('slow')
    const { url } = closing(await startTestMcpServer([slow]))
    const upstream = await connect(targetOf(http(url)))
    const caller = new AbortController()
    const call = expect(upstream.callTool('slow', {}, { signal: caller.signal })).rejects.toThrow()
    await slow.started
    caller.abort()
    await Promise.all([call, slow.aborted])
  })

  it('give a tool\'s own failure as a result, and a protocol error as UPSTREAM without the values it was sent', async () => {
    const { url } = closing(await startTestMcpServer([
      { name: 'fails', run: async () => ({ ...text('no'), isError: true }) },
      { name: 'throws', run: async () => { throw new Error('saw canary-token') } },
    ]))
    const upstream = await connect(targetOf(http(url, [{ name: 'Authorization', value: 'Bearer canary-token' }])))
    expect(await upstream.callTool('fails', {})).toMatchObject({ isError: true })
    await expect(upstream.callTool('throws', {})).rejects.toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('[redacted]') as string })
  })

  it('carry the definition\'s headers', async () => {
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    await connect(targetOf(http(server.url, [{ name: 'X-Key', value: 'v' }])))
    expect(server.requests.every((headers) => headers['x-key'] === 'v')).toBe(true)
  })
})

describe('a lost connection', () => {
  it('is made again on the next call, when the server forgot the session or came back elsewhere in time', async () => {
    const first = await startTestMcpServer([{ name: 'old' }])
    const upstream = await connect(targetOf(http(first.url)))
    await first.close()
    await expect(upstream.callTool('old', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    closing(await startTestMcpServer([{ name: 'old' }, { name: 'new' }], { port: first.port }))
    expect(await upstream.callTool('old', {})).toEqual(text('old'))
    expect(namesOf(upstream)).toEqual(['old', 'new'])
  })

  it('is made again in the background too, so that changes of tools arrive', async () => {
    const clock = handClock()
    const first = await startTestMcpServer([{ name: 'old' }])
    const upstream = await connect(targetOf(http(first.url)), { clock })
    await first.close()
    await expect(upstream.callTool('old', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    closing(await startTestMcpServer([{ name: 'new' }], { port: first.port }))
    const changed = new Promise<void>((resolve) => upstream.onToolsChanged(resolve))
    await clock.armed()
    clock.advance(60_000)
    await changed
    expect(namesOf(upstream)).toEqual(['new'])
  })

  it('of a process that ended starts it anew', async () => {
    const pidFile = join(mkdtempSync(join(tmpdir(), 'pilothouse-')), 'pid')
    const script = `require('node:fs').appendFileSync(${JSON.stringify(pidFile)}, process.pid + '\\n'); process.argv[2] = 'stdio'; import(${JSON.stringify(serverScript('everything'))})`
    const upstream = await connect(targetOf(stdio(process.execPath, ['-e', script, 'x'])))
    const pid = Number(readFileSync(pidFile, 'utf8'))
    process.kill(pid, 'SIGKILL')
    await upstream.callTool('trigger-long-running-operation', { duration: 60, steps: 1 }).catch(() => {})
    expect(await upstream.callTool('echo', { message: 'hi' })).toMatchObject({ content: [{ text: 'Echo: hi' }] })
    expect(readFileSync(pidFile, 'utf8').trim().split('\n')).toHaveLength(2)
  })
})

describe('a server that does not come up', () => {
  it('is reported with its reason, without the values it was given', async () => {
    const script = 'process.stderr.write("bad key " + process["env"].KEY, () => process.exit(3))'
    await expect(connect(targetOf(stdio(process.execPath, ['-e', script], [{ name: 'KEY', value: 'canary-value' }]))))
      .rejects.toThrow('the process exited with code 3; it said: bad key [redacted]')
    await expect(connect(targetOf(stdio('/no/such/command', [])))).rejects.toThrow('ENOENT')
    await expect(connect(targetOf(http(`http://127.0.0.1:${await freePort()}/mcp?key=canary-query`)))).rejects.toThrow('ECONNREFUSED')
  })

  it('is given up after the timeout', async () => {
    const { url } = closing(await startSilentServer())
    for (const kind of ['HTTP', 'SSE'] as const) {
      await expect(connect(targetOf({ kind, url, headers: [] }), { connectTimeoutMs: 200 })).rejects.toThrow('no answer within 200 ms')
    }
  })
})

describe('starts that wait for others', () => {
  it('S13: end at once when they are given up, and hold up nobody behind them', async () => {
    const slow = targetOf(http(closing(await startSilentServer()).url))
    const connector = createConnector({ clock: systemClock })
    const starting = new AbortController()
    const starts = Array.from({ length: 10 }, () => expect(connector.connect(slow, {}, starting.signal)).rejects.toThrow())
    const queued = new AbortController()
    const waiting = expect(connector.connect(slow, {}, queued.signal)).rejects.toThrow('revoked')
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    const last = connector.connect(targetOf(http(server.url)), {}, new AbortController().signal)
    queued.abort(new Error('revoked'))
    await waiting
    starting.abort()
    await Promise.all(starts)
    expect(namesOf(closing(await last))).toEqual(['a'])
  })
})

describe('S17: a start that is given up in the moment in which it is asked for begins nothing, and ends no process of a host', () => {
  it.each(['HTTP', 'SSE', 'STDIO'] as const)('over %s', async (kind) => {
    const server = closing(await startTestMcpServer([{ name: 'a' }]))
    const mark = join(mkdtempSync(join(tmpdir(), 'pilothouse-')), 'ran')
    const transport = kind === 'STDIO' ? stdio('/bin/sh', ['-c', `echo > ${mark}; exec cat`]) : { kind, url: server.url, headers: [] }
    const caller = new AbortController()
    expect(await unhandledIn(async () => {
      const start = connect(targetOf(transport), { signal: caller.signal })
      caller.abort()
      await expect(start).rejects.toThrow()
    })).toEqual([])
    expect([server.requests.length, existsSync(mark)]).toEqual([0, false])
  })
})

describe('processes', () => {
  /** A shell that notes the pid of a child which ignores SIGTERM, and then becomes `command`. */
  function tree(command: string): { transport: McpTransport; pids: () => number[]; noted: (count: number) => Promise<void> } {
    const folder = mkdtempSync(join(tmpdir(), 'pilothouse-'))
    const pidFile = join(folder, 'pids')
    const script = `(trap "" TERM; exec sleep 1000) & echo $! > ${pidFile}; echo $$ >> ${pidFile}; exec ${command}`
    const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : [])
    const noted = async (count: number) => {
      const changes = watch(folder)
      while (pids().length < count) await once(changes, 'change')
      changes.close()
    }
    return { transport: stdio('/bin/sh', ['-c', script], [{ name: 'PATH', value: '/usr/bin:/bin' }]), pids, noted }
  }

  it('are gone when the server is stopped, grandchildren that ignore SIGTERM included', async () => {
    const { transport, pids } = tree(`${process.execPath} ${serverScript('everything')} stdio`)
    const upstream = await connect(targetOf(transport), { graceMs: 200 })
    expect(pids().map(isAlive)).toEqual([true, true])
    await upstream.close()
    expect(pids().map(isAlive)).toEqual([false, false])
  })

  it('are gone too when they went into a group of their own, with what they started there', async () => {
    const pidFile = join(mkdtempSync(join(tmpdir(), 'pilothouse-')), 'pids')
    const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : [])
    const stray = `trap "" TERM; echo $$ >> ${pidFile}; sleep 1000 & echo $! >> ${pidFile}; wait`
    const script = `
      const { spawn } = require('node:child_process')
      spawn('/bin/sh', ['-c', ${JSON.stringify(stray)}], { detached: true, stdio: 'ignore' }).unref()
      import(${JSON.stringify(pathToFileURL(serverScript('everything')).href)})`
    const upstream = await connect(targetOf(stdio(process.execPath, ['-e', script, 'everything', 'stdio'], [{ name: 'PATH', value: '/usr/bin:/bin' }])), { graceMs: 200 })
    while (pids().length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(pids().map(isAlive)).toEqual([true, true])
    await upstream.close()
    expect(pids().map(isAlive)).toEqual([false, false])
  })

  it('are gone when the start is given up', async () => {
    const { transport, pids } = tree('sleep 1000')
    await expect(connect(targetOf(transport), { connectTimeoutMs: 500, graceMs: 200 })).rejects.toThrow('no answer within 500 ms')
    expect(pids().map(isAlive)).toEqual([false, false])
  })

  it('are gone when the caller loses interest, before the call returns', async () => {
    const { transport, pids, noted } = tree('sleep 1000')
    const caller = new AbortController()
    const start = connect(targetOf(transport), { graceMs: 200, signal: caller.signal })
    await noted(2)
    caller.abort()
    await expect(start).rejects.toThrow()
    expect(pids().map(isAlive)).toEqual([false, false])
  })
})
