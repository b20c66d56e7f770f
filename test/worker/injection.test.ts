import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createKnownValues } from '../../src/core/known-values.js'
import { type McpTransport, type RemoteTransport } from '../../src/core/mcp-server.js'
import { LeaseError, ToolCallError } from '../../src/worker/errors.js'
import { createInjectedFetch } from '../../src/worker/injected-fetch.js'
import { inject } from '../../src/worker/inject.js'
import { createInjection, renewal } from '../../src/worker/injection.js'
import { type Lease } from '../../src/worker/leaser.js'
import { type Link } from '../../src/worker/link.js'
import { redactedLink } from '../../src/worker/redacted-link.js'
import { handClock } from '../support/fake-feed.js'

const never = new AbortController().signal
const remote = (value: string): RemoteTransport => ({ kind: 'HTTP', url: 'https://x.example.com/', headers: [{ name: 'X', value }, { name: 'Plain', value: 'no secret' }] })
const process = (value: string): McpTransport => ({ kind: 'STDIO', command: 'node', args: [], cwd: null, env: [{ name: 'X', value }, { name: 'PLAIN', value: '1' }] })
const named = (values: Record<string, string>) => new Map(Object.entries(values))

describe('a value in the place of a reference', () => {
  it.each<[string, Record<string, string>, string]>([
    ['${secret:A}', { 'secret:A': 'plain' }, 'plain'],
    ['Bearer ${secret:A}', { 'secret:A': 'x y' }, 'Bearer x y'],
    ['${user:A}:${secret:A}${user:A}', { 'user:A': '1', 'secret:A': '2' }, '1:21'],
    ['${secret:A}', { 'secret:A': "$& $1 $` $' $$ ${HOME} ${secret:A} $HOME" }, "$& $1 $` $' $$ ${HOME} ${secret:A} $HOME"],
    ['${secret:A}', { 'secret:A': 'tab\tand é' }, 'tab\tand é'],
    ['${secret:A}', { 'secret:A': '' }, ''],
  ])('S24: %s with %o is what was set', (value, values, expected) => {
    expect(inject(remote(value), named(values))).toEqual([{ name: 'X', value: expected }])
    expect(inject(process(value), named(values))).toEqual([{ name: 'X', value: expected }])
  })

  it.each(['kanari\nx', 'kanari\rx', 'kanari\0', 'kanari\u0007', 'kanari\u007f', 'kanari☃', ' kanari', 'kanari ', 'kanari\ud800'])('S14: %j cannot be a header, and the reason does not show it', (value) => {
    const refusal = () => inject(remote('${secret:A}${user:B}'), named({ 'secret:A': value, 'user:B': value }))
    expect(refusal).toThrow('The value of secret:A, user:B cannot go into header:X')
    expect(refusal).not.toThrow('kanari')
  })
  it.each(['nul\0', 'half \ud800'])('S14: %j cannot be a variable', (value) => { expect(() => inject(process('${secret:A}'), named({ 'secret:A': value }))).toThrow('cannot go into env:X') })
  it('a line end can be one', () => { expect(inject(process('${secret:A}'), named({ 'secret:A': '-----BEGIN\nX\n' }))[0]!.value).toBe('-----BEGIN\nX\n') })
  it('a value that was not leased is none', () => { expect(() => inject(remote('${secret:A}'), named({ 'user:A': 'x' }))).toThrow('secret:A was not among the leased values') })
})

describe('what is injected', () => {
  /** Leases that are answered by the test, in the order in which they were asked for. */
  function setUp(transport: McpTransport = remote('${secret:A}')) {
    const asked: Array<{ answer: (value: string, version?: number) => void; fail: (error: Error) => void }> = []
    const [known, clock] = [createKnownValues(), handClock()]
    const injection = createInjection({
      transport, known, clock,
      source: { lease: () => new Promise<Lease>((resolve, reject) => asked.push({
        answer: (value, secretVersion = 1) => resolve({ revision: 1, secretVersion, values: named({ 'secret:A': value }), untilMs: clock.nowMs() + 60_000 }), fail: reject,
      })) },
    })
    return { injection, asked, known, clock, current: () => injection.injected().map(({ value }) => value).join() }
  }
  const silence = new LeaseError('UNAVAILABLE', 'no answer')

  it.each<[string, number[], number[]]>([
    ['in the order of the questions', [0, 1], [1, 2]], ['the other way round', [1, 0], [1, 2]],
    ['the other way round, of one version', [1, 0], [1, 1]],
  ])('S26: of two leases that are answered %s is the one that was asked for later', async (_, order, versions) => {
    const { injection, asked, current } = setUp()
    const both = [injection.renew(never), injection.renew(never)]
    for (const index of order) {
      asked[index]!.answer(`value-${index}-of-two`, versions[index])
      await both[index]
    }
    expect(current()).toBe('value-1-of-two')
  })

  it('S26: is never of a smaller version than before, whoever answers late', async () => {
    const { injection, asked, current } = setUp()
    for (const [value, version] of [['newer-value', 2], ['older-value', 1]] as const) {
      const renewed = injection.renew(never)
      asked.at(-1)!.answer(value, version)
      await renewed
    }
    expect(current()).toBe('newer-value')
  })

  it('starts other connections for a minute without an answer, and never after a refusal', async () => {
    const { injection, asked, clock } = setUp()
    const start = async (end: (question: typeof asked[number]) => void) => {
      const started = injection.renewToStart(never)
      end(asked.at(-1)!)
      await started
    }
    await expect(start(({ fail }) => fail(silence))).rejects.toThrow('no answer')
    await start(({ answer }) => answer('value'))
    clock.advance(59_999)
    await start(({ fail }) => fail(silence))
    await expect(start(({ fail }) => fail(new LeaseError('DENIED', 'not yours')))).rejects.toThrow('not yours')
    clock.advance(1)
    await expect(start(({ fail }) => fail(silence))).rejects.toThrow('no answer')
  })

  it('S14: is taken out of texts from before it is used until the last connection is gone, values that were replaced too', async () => {
    const { injection, asked, known } = setUp(remote('Bearer ${secret:A}'))
    for (const value of ['first-value', 'second-value']) {
      const renewed = injection.renew(never)
      asked.at(-1)!.answer(value)
      await renewed
    }
    expect(known.redact('first-value second-value')).toBe('[redacted] [redacted]')
    const late = injection.renew(never)
    injection.close()
    // A silent catalog holds up nobody, and what it says later is not heard.
    await expect(late).rejects.toThrow('closed')
    asked.at(-1)!.answer('third-value')
    await new Promise((resolve) => setImmediate(resolve))
    expect(known.redact('first-value second-value third-value')).toBe('first-value second-value third-value')
    expect(() => injection.injected()).toThrow('No value was leased')
  })

  it('S24: is nothing once it was forgotten, whatever is answered late', async () => {
    const { injection, asked, known } = setUp()
    const late = injection.renew(never)
    injection.forget()
    asked[0]!.answer('late-value')
    await expect(late).rejects.toThrow('let go')
    expect(() => injection.injected()).toThrow('No value was leased')
    expect(known.redact('late-value')).toBe('late-value')
  })

  it('S26: starts another connection though that was refused, if what was asked for later came meanwhile', async () => {
    const { injection, asked, current } = setUp()
    const [started, renewed] = [injection.renewToStart(never), injection.renew(never)]
    asked[1]!.answer('newer-value', 2)
    await renewed
    asked[0]!.fail(new LeaseError('DENIED', 'not then'))
    await started
    expect(current()).toBe('newer-value')
  })

  it('S14: is taken out after it was replaced, however often connections were made again since', async () => {
    const { injection, asked, known } = setUp()
    for (const value of ['first-value', ...Array.from({ length: 40 }, () => 'second-value')]) {
      const started = injection.renewToStart(never)
      asked.at(-1)!.answer(value)
      await started
    }
    expect(known.redact('first-value second-value')).toBe('[redacted] [redacted]')
  })

  it('of a process is started anew for another value, and only for that', async () => {
    const { injection, asked, current } = setUp(process('${secret:A}'))
    const renewing = (value: string) => {
      const renewed = renewal(injection, 'STDIO')
      asked.at(-1)!.answer(value)
      return renewed
    }
    const begun = injection.renewToStart(never)
    asked.at(-1)!.answer('value')
    await begun
    expect([await renewing('value'), await renewing('another'), current()]).toEqual(['IN_USE', 'NEEDS_START', 'value'])
  })
})

describe('a request', () => {
  const open: Array<{ close: () => void; closeAllConnections: () => void }> = []
  afterEach(() => { for (const server of open.splice(0)) { server.closeAllConnections(); server.close() } })
  async function listen(handle: (request: IncomingMessage) => { status: number; location?: string }) {
    const seen: Array<string | string[] | undefined> = []
    const server = createServer((request, response) => {
      seen.push(request.headers['x-key'])
      const { status, location } = handle(request)
      response.writeHead(status, location === undefined ? {} : { location }).end()
    }).listen(0, '127.0.0.1')
    open.push(server)
    await once(server, 'listening')
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('S9, S24: carries the value of its moment within the origin, and nowhere else', async () => {
    const elsewhere = await listen(() => ({ status: 200 }))
    const home = await listen(() => ({ status: 200 }))
    let value = 'first'
    const send = createInjectedFetch(fetch, `${home.url}/mcp`, () => [{ name: 'X-Key', value }])
    await send(`${home.url}/mcp`, { method: 'POST', headers: { 'x-key': '${secret:A}' } })
    value = 'second'
    await send(new URL(`${home.url}/hop`))
    await send(`${elsewhere.url}/mcp`)
    await send(home.url.replace('127.0.0.1', 'localhost')).catch(() => {})
    expect([home.seen.slice(0, 2), elsewhere.seen]).toEqual([['first', 'second'], [undefined]])
    expect(home.seen.slice(2).filter((header) => header !== undefined)).toEqual([])
  })
})

describe('what a server says', () => {
  const known = createKnownValues()
  known.add('canary-value')
  const link = (part: Partial<Link>) => redactedLink({ instructions: 'use canary-value', ...part } as Link, known)

  it('S14: is told without the values: instructions, lists, results, progress, errors', async () => {
    const lists = { TOOLS: [{ name: 'a', description: 'canary-value', inputSchema: { type: 'object', default: 'canary-value' } }, { name: 'canary-value' }], RESOURCES: [{ uri: 'x://canary-value', name: 'r' }] }
    const told: unknown[] = []
    const safe = link({
      list: ((kind: keyof typeof lists) => Promise.resolve(lists[kind])) as unknown as Link['list'],
      request: (async (_: string, params: { name: string }, { onProgress }: { onProgress?: (progress: object) => void }) => {
        onProgress?.({ progress: 1, message: 'canary-value' })
        if (params.name === 'fail') throw new ToolCallError('UPSTREAM', 'no: canary-value', -32000)
        return { content: [{ type: 'text', text: '{"a":"canary-value"}' }], structuredContent: { 'canary-value': [Buffer.from('canary-value').toString('base64')] } }
      }) as unknown as Link['request'],
    })
    const limits = { timeoutMs: 1, signal: never, onProgress: (progress: unknown) => told.push(progress) }
    told.push(safe.instructions, await safe.list('TOOLS'), await safe.list('RESOURCES'), await safe.request('tools/call', { name: 'a' }, limits))
    told.push(await safe.request('tools/call', { name: 'fail' }, limits).catch((error: unknown) => (error as Error).message))
    expect(JSON.stringify(told)).not.toMatch(/canary-value|Y2FuYXJ5/)
    // What cannot be named cannot be had, and is not listed.
    expect(told.slice(2, 4)).toEqual([[{ name: 'a', description: '[redacted]', inputSchema: { type: 'object', default: '[redacted]' } }], []])
    expect(told.at(-1)).toBe('no: [redacted]')
  })
})
