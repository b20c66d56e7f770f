import { describe, expect, it } from 'vitest'
import { type SessionUpstream } from '../../src/worker/adapter.js'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { type Upstream } from '../../src/worker/connector.js'
import { LeaseError } from '../../src/worker/errors.js'
import { type Renewal } from '../../src/worker/injection.js'
import { createRunner } from '../../src/worker/runner.js'
import { type Aim, type Body } from '../../src/worker/slot.js'
import { handClock } from '../support/fake-feed.js'
import { upstreamOf } from '../suites/adapter-conformance.js'

const key = 'MCP_SERVER:a'
const aim = (revision: number, changes: Partial<Aim> = {}): Aim => ({
  key, kind: 'MCP_SERVER', name: 'a', origin: 'catalog', entryId: '1', revision, digest: `d${revision}`, secretVersion: 1, note: null, position: revision, ...changes,
})
const body: Body = {
  kind: 'MCP_SERVER', description: '', isDefault: false, baseEnv: {},
  target: { transport: { kind: 'HTTP', url: 'https://x/', headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null },
}
const denied = new LeaseError('DENIED', 'Connect your account: a needs user:A.')
const silent = new LeaseError('UNAVAILABLE', 'No answer.')
const outdated = new LeaseError('OUTDATED', 'Its secrets changed just now.')

/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

interface Start {
  up: () => void
  fail: (error: Error) => void
  isClosed: () => boolean
  hasForgotten: () => boolean
  /** Questions whether what runs has the values of the moment. */
  renewals: Array<{ is: (renewal: Renewal) => void; fail: (error: Error) => void }>
  /** The catalog says no when its connection is made again. */
  denied: (error: LeaseError) => void
}

function setUp() {
  const starts: Start[] = []
  const connect = () => new Promise<Upstream>((resolve, reject) => {
    let [isClosed, hasForgotten] = [false, false]
    const listeners: Array<(error: LeaseError) => void> = []
    const renewals: Start['renewals'] = []
    const upstream: Upstream = {
      ...upstreamOf('x'), callTool: () => new Promise(() => {}), note: () => null, policyChanged: () => {}, close: async () => { isClosed = true },
      renewSecrets: () => new Promise((is, fail) => renewals.push({ is, fail })), onDenied: (listener) => { listeners.push(listener) },
      forgetSecrets: () => { hasForgotten = true },
    }
    starts.push({
      up: () => resolve(upstream), fail: reject, isClosed: () => isClosed, hasForgotten: () => hasForgotten, renewals, denied: (error) => listeners.forEach((listener) => listener(error)),
    })
  })
  const [adapter, clock] = [memoryAdapter(), handClock()]
  const runner = createRunner({ adapter, opened: Promise.resolve(), connector: { connect }, clock, isTrusted: () => true, log: () => {}, onChange: () => {} })
  const states = () => runner.rows().map(({ revision, state, reason }) => `${revision} ${state}${reason === null ? '' : `: ${reason}`}`)
  return { adapter, clock, runner, starts, states, upstream: () => (adapter.items()[0] as { upstream: SessionUpstream }).upstream }
}

async function running() {
  const all = setUp()
  all.runner.start(aim(1), body)
  all.starts[0]!.up()
  await all.runner.settled(null)
  return all
}

describe('a changed secret of what runs', () => {
  it('is in use without another start where requests carry it, and settled then', async () => {
    const { runner, starts, states } = await running()
    runner.rotate(key, 2, 2)
    let isSettled = false
    const settled = runner.settled(2).then(() => { isSettled = true })
    await turns()
    expect(isSettled).toBe(false)
    starts[0]!.renewals[0]!.is('IN_USE')
    await settled
    expect([starts.length, states(), runner.loaded().get(key)?.secretVersion]).toEqual([1, ['1 APPLIED'], 2])
  })

  it('starts a process beside the one that runs, which goes on until then, and on when that fails', async () => {
    const { runner, starts, states, clock, upstream } = await running()
    runner.rotate(key, 2, 2)
    starts[0]!.renewals[0]!.is('NEEDS_START')
    await turns()
    starts[1]!.fail(new Error('exited with code 1'))
    await runner.settled(2)
    expect(states()).toEqual(['1 APPLIED: Its secrets changed, and the new ones are not in use yet (exited with code 1); what runs goes on with the earlier ones.'])
    expect([upstream().tools().length, starts[0]!.isClosed()]).toEqual([1, false])
    clock.advance(60_000)
    starts[2]!.up()
    await turns()
    expect([states(), starts.map((start) => start.isClosed())]).toEqual([['1 APPLIED'], [true, false, false]])
  })

  it('goes on as it is without an answer, says so, and asks until there is one', async () => {
    const { runner, starts, states, clock } = await running()
    runner.rotate(key, 2, 2)
    const [{ renewals }] = starts as [Start]
    renewals[0]!.fail(silent)
    await runner.settled(2)
    expect(states()[0]).toContain('not in use yet (No answer); what runs goes on')
    clock.advance(60_000)
    renewals[1]!.is('IN_USE')
    await turns()
    expect([states(), renewals.length]).toEqual([['1 APPLIED'], 2])
    clock.advance(600_000)
    expect(renewals.length).toBe(2)
  })

  it('S24: that is denied stops it at once, its calls and what drains of it too, and no timer brings it back', async () => {
    const { runner, starts, states, clock, upstream } = await running()
    const draining = upstream()
    const call = draining.callTool('hang', {}).catch((error: unknown) => error)
    runner.start(aim(2), body)
    starts[1]!.up()
    await runner.settled(null)
    expect(starts.map((start) => start.isClosed())).toEqual([false, false])
    runner.rotate(key, 2, 3)
    starts[1]!.renewals[0]!.fail(denied)
    await runner.settled(3)
    expect(await call).toMatchObject({ code: 'WITHDRAWN' })
    expect([states(), starts.map((start) => start.isClosed())]).toEqual([['2 FAILED: Connect your account: a needs user:A.'], [true, true]])
    expect(starts.map((start) => start.hasForgotten())).toEqual([true, true])
    expect(runner.report().map(({ state }) => state)).toEqual(['STOPPED', 'FAILED'])
    clock.advance(3_600_000)
    expect(starts.length).toBe(2)
    runner.rotate(key, 3, 4)
    starts[2]!.up()
    await runner.settled(4)
    expect(states()).toEqual(['2 APPLIED'])
  })

  it('S24: that is denied to the next revision stops the one that runs', async () => {
    const { runner, starts, states, adapter } = await running()
    runner.start(aim(2), body)
    starts[1]!.fail(denied)
    await runner.settled(2)
    expect([states(), starts[0]!.isClosed(), adapter.list()]).toEqual([['2 FAILED: Connect your account: a needs user:A.'], true, []])
  })

  it('S24: that is denied when a connection is made again stops it', async () => {
    const { runner, starts, states } = await running()
    starts[0]!.denied(denied)
    await turns()
    await runner.settled(null)
    expect([states(), starts[0]!.isClosed()]).toEqual([['1 FAILED: Connect your account: a needs user:A.'], true])
  })

  it('S26: is what the last question brings, whichever is answered last', async () => {
    const { runner, starts, states } = await running()
    runner.rotate(key, 2, 2)
    runner.rotate(key, 3, 3)
    const [{ renewals }] = starts as [Start]
    renewals[1]!.is('IN_USE')
    await turns()
    renewals[0]!.fail(denied)
    await runner.settled(null)
    expect([states(), starts[0]!.isClosed()]).toEqual([['1 APPLIED'], false])
  })

  it('S13: cannot bring back what was removed meanwhile', async () => {
    const { runner, starts, states, clock } = await running()
    runner.rotate(key, 2, 2)
    runner.stop(key, { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'REVOKED' }, 3)
    starts[0]!.renewals[0]!.is('NEEDS_START')
    await runner.settled(null)
    clock.advance(600_000)
    expect([states(), starts.length, starts[0]!.isClosed()]).toEqual([[], 1, true])
  })
})

describe('a secret that is denied', () => {
  it('S24: gives the name back to the static server that had given way to the entry', async () => {
    const { runner, starts, states } = setUp()
    runner.start(aim(1, { key: `static ${key}`, origin: 'inline', entryId: null, revision: null, secretVersion: null, position: null }), body)
    starts[0]!.up()
    runner.start(aim(1), body)
    starts[1]!.fail(denied)
    await runner.settled(null)
    expect(states()).toEqual(['null APPLIED', '1 FAILED: Connect your account: a needs user:A.'])
    runner.rotate(key, 2, 2)
    starts[2]!.up()
    await runner.settled(null)
    expect(states()).toEqual([expect.stringContaining('null REFUSED: Replaced'), '1 APPLIED'])
    runner.rotate(key, 3, 3)
    starts[2]!.renewals[0]!.fail(denied)
    await turns()
    starts[3]!.up()
    await runner.settled(null)
    expect([states(), starts[2]!.isClosed()]).toEqual([['null APPLIED', '1 FAILED: Connect your account: a needs user:A.'], true])
  })

  it('is not, where the catalog only knows something newer: nothing is said the first time', async () => {
    const { runner, starts, states, clock } = await running()
    runner.rotate(key, 2, 2)
    const [{ renewals }] = starts as [Start]
    renewals[0]!.fail(outdated)
    await runner.settled(2)
    expect(states()).toEqual(['1 APPLIED'])
    clock.advance(60_000)
    renewals[1]!.fail(outdated)
    await turns()
    expect(states()[0]).toContain('not in use yet (Its secrets changed just now)')
  })
})

describe('a changed secret of what starts', () => {
  it('S26: starts it anew, and the values of before never serve', async () => {
    const { runner, starts, adapter } = setUp()
    runner.start(aim(1), body)
    runner.rotate(key, 2, 2)
    starts[1]!.up()
    starts[0]!.up()
    await runner.settled(null)
    expect([adapter.list().length, starts.map((start) => start.isClosed())]).toEqual([1, [true, false]])
  })

  it.each<[string, (runner: ReturnType<typeof setUp>['runner']) => void]>([
    ['another version', (runner) => runner.rotate(key, 2, 2)],
    ['another revision with the same content', (runner) => runner.relabel(aim(2, { digest: 'd1' }), body)],
    ['another content', (runner) => runner.start(aim(2), body)],
  ])('is tried again with %s after it was denied, or the worker knew too little, and not before', async (_, change) => {
    for (const error of [denied, outdated]) {
      const { runner, starts, states, clock } = setUp()
      runner.start(aim(1), body)
      starts[0]!.fail(error)
      await runner.settled(null)
      expect(states()).toEqual([`1 ${error === denied ? 'FAILED' : 'STARTING'}: ${error.message}`])
      if (error === denied) clock.advance(3_600_000)
      expect(starts.length).toBe(1)
      change(runner)
      starts[1]!.up()
      await runner.settled(null)
      expect(states()[0]).toContain('APPLIED')
    }
  })
})
