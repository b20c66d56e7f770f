import { describe, expect, it } from 'vitest'
import { type CatalogAdapter, type SessionItem } from '../../src/worker/adapter.js'
import { memoryAdapter } from '../../src/worker/adapters/memory.js'
import { type Connector, type Upstream } from '../../src/worker/connector.js'
import { createRunner } from '../../src/worker/runner.js'
import { type Aim, type Body } from '../../src/worker/slot.js'
import { handClock } from '../support/fake-feed.js'
import { upstreamOf } from '../suites/adapter-conformance.js'

const revoked = { mode: 'IMMEDIATE' as const, deadlineSeconds: 0, reason: 'REVOKED' }

function aim(revision: number, changes: Partial<Aim> = {}): Aim {
  return {
    key: 'MCP_SERVER:a', kind: 'MCP_SERVER', name: 'a', origin: 'catalog', entryId: '1', revision, digest: `d${revision}`, secretVersion: null, note: null, position: revision, ...changes,
  }
}

const body: Body = {
  kind: 'MCP_SERVER', description: '', isDefault: false, baseEnv: {},
  target: { transport: { kind: 'HTTP', url: 'https://x/', headers: [] }, tools: { include: ['*'], exclude: [] }, timeoutMs: null },
}

interface Start {
  /** The server is up, however late, and whether anybody still waits for it. */
  succeed: () => void
  fail: (reason: string) => void
  isClosed: () => boolean
}

/** Starts that end when the test says so and heed no signal: the worst a server can do. */
function handConnector(): Connector & { starts: Start[] } {
  const starts: Start[] = []
  return {
    starts,
    connect: () => new Promise<Upstream>((resolve, reject) => {
      let isClosed = false
      const upstream: Upstream = { ...upstreamOf('x'), note: () => null, policyChanged: () => {}, close: async () => { isClosed = true } }
      starts.push({ succeed: () => resolve(upstream), fail: (reason) => reject(new Error(reason)), isClosed: () => isClosed })
    }),
  }
}

function setUp(adapter: CatalogAdapter = memoryAdapter()) {
  const connector = handConnector()
  const clock = handClock()
  const runner = createRunner({ adapter, opened: Promise.resolve(), connector, clock, isTrusted: () => true, log: () => {}, onChange: () => {} })
  const states = () => runner.rows().map(({ revision, state }) => `${revision} ${state}`)
  return { adapter, connector, clock, runner, states, starts: connector.starts }
}

/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

describe('a late start', () => {
  it('S13: cannot bring back what was removed meanwhile, and is closed', async () => {
    const { adapter, runner, starts } = setUp()
    runner.start(aim(1), body)
    runner.stop('MCP_SERVER:a', revoked, 2)
    starts[0]!.succeed()
    await runner.settled(null)
    expect([adapter.list(), runner.rows(), starts[0]!.isClosed()]).toEqual([[], [], true])
  })

  it('of an older revision loses against a newer one, in whichever order they come up', async () => {
    const { adapter, runner, starts, states } = setUp()
    runner.start(aim(1), body)
    runner.start(aim(2), body)
    starts[1]!.succeed()
    starts[0]!.succeed()
    await runner.settled(null)
    expect([states(), adapter.list().map(({ revision }) => revision), starts.map((start) => start.isClosed())]).toEqual([['2 APPLIED'], [2], [true, false]])
  })

  it('after a removal and a return belongs to the removed one alone', async () => {
    const { adapter, runner, starts } = setUp()
    runner.start(aim(1), body)
    runner.stop('MCP_SERVER:a', revoked, 2)
    runner.start(aim(1, { position: 3 }), body)
    starts[0]!.succeed()
    await turns()
    expect(adapter.list()).toEqual([])
    starts[1]!.succeed()
    await runner.settled(null)
    expect([adapter.list().length, starts.map((start) => start.isClosed())]).toEqual([1, [true, false]])
  })
})

describe('a removal while the adapter takes the entry', () => {
  it('closes the gate at once, and the adapter lets go of it next', async () => {
    const memory = memoryAdapter()
    let go = () => {}
    const taken: SessionItem[] = []
    const slow: CatalogAdapter = {
      ...memory,
      load: async (item) => {
        taken.push(item)
        await new Promise<void>((resolve) => { go = resolve })
        await memory.load(item)
      },
    }
    const { runner, starts } = setUp(slow)
    runner.start(aim(1), body)
    starts[0]!.succeed()
    await turns()
    runner.stop('MCP_SERVER:a', revoked, 2)
    const [item] = taken
    if (item?.kind !== 'MCP_SERVER') throw new Error('nothing was loaded')
    await expect(item.upstream.callTool('x', {})).rejects.toMatchObject({ code: 'WITHDRAWN' })
    expect(item.upstream.tools()).toEqual([])
    go()
    await runner.settled(null)
    expect([memory.list(), starts[0]!.isClosed()]).toEqual([[], true])
  })
})

describe('a start that fails', () => {
  it('is tried again with growing pauses, until it is not wanted any more', async () => {
    const { clock, runner, starts, states } = setUp()
    runner.start(aim(1), body)
    starts[0]!.fail('down')
    await runner.settled(null)
    expect(states()).toEqual(['1 FAILED'])
    clock.advance(1499)
    expect(starts).toHaveLength(1)
    clock.advance(1)
    expect(starts).toHaveLength(2)
    starts[1]!.fail('down')
    await turns()
    runner.stop('MCP_SERVER:a', revoked, 2)
    clock.advance(600_000)
    expect(starts).toHaveLength(2)
  })

  it('keeps the last good revision, then takes the new one when it comes up', async () => {
    const { adapter, clock, runner, starts } = setUp()
    runner.start(aim(1), body)
    starts[0]!.succeed()
    await runner.settled(null)
    runner.start(aim(2), body)
    starts[1]!.fail('down')
    await runner.settled(2)
    expect(runner.rows()).toMatchObject([{ revision: 1, state: 'APPLIED', reason: 'Revision 2 could not start (down); revision 1 keeps running.' }])
    expect(runner.loaded().get('MCP_SERVER:a')).toMatchObject({ revision: 2, digest: 'd2', outcome: 'RUN' })
    clock.advance(60_000)
    starts[2]!.succeed()
    await turns()
    expect([adapter.list()[0]?.revision, starts[0]!.isClosed()]).toEqual([2, true])
  })

  it('because the adapter does not take it closes its connection', async () => {
    const { runner, starts, states } = setUp({ ...memoryAdapter(), load: async () => { throw new Error('no room') } })
    runner.start(aim(1), body)
    starts[0]!.succeed()
    await runner.settled(null)
    expect([states(), starts[0]!.isClosed()]).toEqual([['1 FAILED'], true])
    await runner.close()
  })
})

describe('S13: a catalog entry in the place of a static one', () => {
  const still = (changes: Partial<Aim> = {}) => aim(1, { key: 'static MCP_SERVER:a', origin: 'inline', entryId: null, revision: null, digest: '', position: null, ...changes })
  const told = ({ rows }: ReturnType<typeof setUp>['runner']) => rows().map(({ origin, state }) => `${origin} ${state}`)

  /** An adapter that takes what it is given when the test says so, and both entries: the static one serves, the other's server is up. */
  async function between() {
    const memory = memoryAdapter()
    const taking: Array<() => void> = []
    const all = setUp({ ...memory, load: async (item) => {
      // It holds it from here on, and has not said so yet.
      await memory.load(item)
      await new Promise<void>((resolve) => { taking.push(resolve) })
    } })
    const { runner, starts } = all
    runner.start(still(), body)
    starts[0]!.succeed()
    await turns()
    taking.shift()!()
    await runner.settled(null)
    runner.start(aim(1), body)
    starts[1]!.succeed()
    await turns()
    return { ...all, taking, held: () => memory.list().map(({ origin }) => origin) }
  }

  it('takes it in one step, and gives it back when it is stopped', async () => {
    const { runner, starts, taking, held } = await between()
    expect([told(runner), starts[0]!.isClosed()]).toEqual([['inline APPLIED', 'catalog STARTING'], false])
    taking.shift()!()
    await turns()
    expect([told(runner), held(), starts[0]!.isClosed()]).toEqual([['inline REFUSED', 'catalog APPLIED'], ['catalog'], true])
    runner.stop('MCP_SERVER:a', revoked, 2)
    // The old one is not back before the new one has gone.
    expect(told(runner)).toEqual(['inline STARTING', 'catalog STOPPING'])
    await turns()
    expect([held(), starts[1]!.isClosed()]).toEqual([[], true])
    starts[2]!.succeed()
    await turns()
    taking.shift()!()
    await runner.settled(2)
    expect([told(runner), held()]).toEqual([['inline APPLIED'], ['inline']])
  })

  it('stopped while the adapter takes it leaves the static one in its place, which never stopped', async () => {
    const { runner, starts, taking, held } = await between()
    expect(held()).toEqual(['catalog'])
    runner.stop('MCP_SERVER:a', revoked, 2)
    taking.shift()!()
    await turns()
    taking.shift()!()
    await runner.settled(2)
    expect([told(runner), held(), starts.map((start) => start.isClosed())]).toEqual([['inline APPLIED'], ['inline'], [false, true]])
  })

  it('stays when the static one is stopped meanwhile', async () => {
    const { runner, starts, taking, held } = await between()
    runner.stop('static MCP_SERVER:a', revoked, 2)
    taking.shift()!()
    await turns()
    taking.shift()!()
    await runner.settled(2)
    expect([told(runner), held(), starts.map((start) => start.isClosed())]).toEqual([['catalog APPLIED'], ['catalog'], [true, false]])
  })

  it('overtakes one that is still starting, and one that starts behind it gives way at once', async () => {
    const { runner, starts, adapter } = setUp()
    runner.start(still(), body)
    runner.start(aim(1), body)
    starts[1]!.succeed()
    await turns()
    starts[0]!.succeed()
    await runner.settled(null)
    expect([told(runner), adapter.list().map(({ origin }) => origin), starts[0]!.isClosed()]).toEqual([['inline REFUSED', 'catalog APPLIED'], ['catalog'], true])
    runner.stop('static MCP_SERVER:a', revoked, 2)
    await runner.settled(2)
    runner.start(still(), body)
    expect([told(runner), starts.length]).toEqual([['catalog APPLIED', 'inline REFUSED'], 2])
  })

  it('is not followed by anything when all of it closes', async () => {
    const { runner, starts, taking } = await between()
    taking.shift()!()
    await turns()
    await runner.close()
    expect([runner.rows(), starts.map((start) => start.isClosed())]).toEqual([[], [true, true]])
  })
})

describe('what waits for its moment', () => {
  const reason = 'is applied when the running turn ends'

  it('leaves a start that is under way alone, and is told beside it', async () => {
    const { runner, starts, states, adapter } = setUp()
    runner.start(aim(1), body)
    runner.defer(aim(2), reason)
    expect(runner.rows()).toMatchObject([{ revision: 1, state: 'STARTING', reason: 'Revision 2 is applied when the running turn ends.' }])
    starts[0]!.succeed()
    await runner.settled(2)
    expect([states(), adapter.list().map(({ revision }) => revision)]).toEqual([['1 DEFERRED'], [1]])
    runner.start(aim(2), body)
    starts[1]!.succeed()
    await runner.settled(2)
    expect([states(), runner.rows()[0]!.reason]).toEqual([['2 APPLIED'], null])
  })

  it('gives way to what runs when that is wanted again', async () => {
    const { runner, starts, states, adapter } = setUp()
    runner.start(aim(1), body)
    starts[0]!.succeed()
    await runner.settled(1)
    runner.start(aim(2), body)
    runner.relabel(aim(3, { digest: 'd1' }), body)
    starts[1]!.succeed()
    await runner.settled(3)
    expect([states(), adapter.list().map(({ revision }) => revision), starts.map((start) => start.isClosed())]).toEqual([['3 APPLIED'], [3], [false, true]])
  })

  it('is gone with a removal', async () => {
    const { runner } = setUp()
    runner.defer(aim(1), reason)
    runner.stop('MCP_SERVER:a', revoked, 2)
    await runner.settled(2)
    expect([runner.rows(), runner.report()]).toMatchObject([[], [{ state: 'STOPPED' }]])
  })
})

it('S18: what a server offers is as old as the server, over retries of another revision; one that comes up late or anew is a newcomer', async () => {
  const memory = memoryAdapter()
  let isFull = false
  const { runner, starts, clock } = setUp({ ...memory, load: async (item) => (isFull ? Promise.reject(new Error('no room')) : memory.load(item)) })
  const [tool] = upstreamOf('x').tools()
  const since = () => memory.items().map((item) => (item.kind === 'MCP_SERVER' ? item.upstream.offeredSince('TOOLS', tool!) : null))
  const b = { key: 'MCP_SERVER:b', name: 'b', entryId: '2' }
  runner.start(aim(1), body)
  runner.start(aim(1, b), body)
  starts[0]!.fail('down')
  starts[1]!.succeed()
  await runner.settled(1)
  clock.advance(60_000)
  starts[2]!.succeed()
  await turns()
  expect(since()).toEqual([2, 1])
  isFull = true
  runner.start(aim(2, b), body)
  starts[3]!.succeed()
  await runner.settled(2)
  isFull = false
  clock.advance(60_000)
  starts[4]!.succeed()
  await turns()
  expect([since(), memory.items().map(({ revision }) => revision)]).toEqual([[2, 1], [1, 2]])
  runner.stop('MCP_SERVER:b', revoked, 3)
  runner.start(aim(2, b), body)
  starts[5]!.succeed()
  await runner.settled(null)
  expect(since()).toEqual([2, 3])
})

it('S13: an agent that the adapter does not let go of has SURVIVED', async () => {
  const { runner } = setUp({ ...memoryAdapter(), unload: async () => { throw new Error('the runtime is away') } })
  const definition = { description: '', prompt: 'Help.', tools: null, skills: [], mcpServers: [], inheritDefaultMcpServers: false, model: null }
  runner.start(aim(1, { key: 'AGENT:a', kind: 'AGENT' }), { kind: 'AGENT', definition })
  await runner.settled(null)
  runner.stop('AGENT:a', revoked, 2)
  await runner.settled(2)
  expect(runner.report()).toMatchObject([{ state: 'SURVIVED', reason: 'REVOKED: the runtime is away' }])
})

it('S13: a report begins with what was withdrawn, what still ends before what has ended, so that no bound on rows cuts it', async () => {
  const { runner, starts } = setUp()
  for (const name of ['a', 'b', 'c']) runner.start(aim(1, { key: name, name, entryId: name }), body)
  for (const start of starts.slice(0, 2)) start.succeed()
  await turns()
  runner.stop('a', revoked, 2)
  await turns()
  runner.stop('c', revoked, 3)
  expect(runner.report().map(({ name, state }) => `${name} ${state}`)).toEqual(['c STOPPING', 'a STOPPED', 'b APPLIED'])
  starts[2]!.succeed()
  await runner.settled(null)
})

it('settled waits for what was decided up to that place, and for nothing later', async () => {
  const { runner, starts } = setUp()
  runner.start(aim(1), body)
  runner.start(aim(7, { key: 'MCP_SERVER:b', name: 'b', entryId: '2' }), body)
  starts[0]!.succeed()
  await runner.settled(1)
  expect(runner.rows().map(({ state }) => state)).toEqual(['APPLIED', 'STARTING'])
})
