import { describe, expect, it } from 'vitest'
import { type AdapterContext, type CatalogAdapter, type SessionRelay } from '../../../src/worker/adapter.js'
import { copilotAdapter, type CopilotAdapterOptions } from '../../../src/worker/adapters/copilot.js'
import { adapterConformance, agentItem, serverItem, upstreamOf } from '../../suites/adapter-conformance.js'
import { fakeCopilot } from '../../support/copilot-fake.js'

function relayOf(): SessionRelay {
  const url = 'http://127.0.0.1:1/canary-secret'
  return { url, urlOf: (name) => `${url}/${name}`, load: () => {}, unload: () => {}, withheld: () => new Map(), close: async () => {} }
}

function contextOf(refused: string[] = []) {
  const context = {
    sessionId: 's1', agent: null, openRelay: async () => relayOf(), turnBegan: () => {}, turnEnded: () => {}, callRefused: (name: string) => { refused.push(name) },
  }
  return context satisfies AdapterContext
}

adapterConformance('copilot', () => copilotAdapter({ client: fakeCopilot().client, config: {} }))
adapterConformance('copilot, a session long', () => {
  const adapter = copilotAdapter({ client: fakeCopilot().client, config: {} })
  let begun: Promise<void> | null = null
  const begin = () => begun ??= adapter.open!(contextOf()).then(() => adapter.ready!())
  const afterwards = <Method extends 'load' | 'unload'>(method: Method) => async (...args: Parameters<CatalogAdapter[Method]>) => {
    await begin()
    await (adapter[method] as (...all: unknown[]) => Promise<void>)(...args)
  }
  return { ...adapter, load: afterwards('load'), unload: afterwards('unload') }
})

describe('the copilot adapter', () => {
  async function started(options: Partial<CopilotAdapterOptions> = {}, prepare: (adapter: CatalogAdapter) => Promise<void> = async () => {}) {
    const fake = fakeCopilot()
    const refused: string[] = []
    const adapter = copilotAdapter({ client: fake.client, config: {}, ...options })
    await adapter.open!(contextOf(refused))
    await prepare(adapter)
    return { fake, adapter, refused, ready: () => adapter.ready!() }
  }
  const rejecting = (...names: string[]) => ({ customAgents = [] }: { customAgents?: Array<{ name: string }> }) => {
    if (customAgents.some(({ name }) => names.includes(name))) throw new Error('invalid agent')
  }
  const hookOf = ({ configs }: ReturnType<typeof fakeCopilot>) => (toolName: string) => configs.at(-1)!.hooks!.onPreToolUse!(
    { toolName, toolArgs: {}, sessionId: 'c1', timestamp: new Date(0), workingDirectory: '/' }, { sessionId: 'c1' })

  it.each<[string, Partial<CopilotAdapterOptions>, string]>([
    ['a server called catalog', { config: { mcpServers: { catalog: { type: 'http', url: 'http://x/' } } } }, 'config.mcpServers: catalog'],
    ['one that the runtime would reduce to it', { config: { mcpServers: { 'Catalog.x': { type: 'http', url: 'http://x/' } } } }, 'config.mcpServers: Catalog.x'],
    ['a tool that looks like one of the catalog', { config: { tools: [{ name: 'catalog-a-b' }] } }, 'config.tools: catalog-a-b'],
    ['a cold resume of nothing', { resume: true }, 'config.sessionId'],
  ])('refuses %s', (_, options, message) => {
    expect(() => copilotAdapter({ client: fakeCopilot().client, config: {}, ...options })).toThrow(message)
  })

  it('binds one session', async () => {
    const { adapter } = await started()
    await expect(adapter.open!(contextOf())).rejects.toThrow('binds one session')
  })

  it('S17: opens without an agent that the runtime does not take, and says which', async () => {
    const { fake, adapter, ready } = await started({}, async (one) => {
      for (const [order, name] of ['a', 'bad', 'c'].entries()) await one.load(agentItem(name, { order }))
    })
    fake.onConfig = rejecting('bad')
    await ready()
    expect(adapter.list().map(({ name, reason }) => [name, reason])).toEqual([['a', null], ['bad', 'invalid agent'], ['c', null]])
    expect(fake.configs.at(-1)!.customAgents!.map(({ name }) => name)).toEqual(['a', 'c'])
  })

  it('S17: an agent that the runtime does not take leaves the earlier one, and the others, as they were', async () => {
    const { fake, adapter, ready } = await started({}, (one) => one.load(agentItem('a')))
    await ready()
    fake.onConfig = rejecting('b')
    await expect(adapter.load(agentItem('b', { order: 1 }))).rejects.toThrow('invalid agent')
    expect(adapter.list().map(({ name }) => name)).toEqual(['a'])
    fake.onConfig = ({ customAgents = [] }) => { if (customAgents[0]?.prompt === 'bad') throw new Error('invalid prompt') }
    const { definition } = agentItem('a')
    await expect(adapter.load(agentItem('a', { revision: 2, definition: { ...definition, prompt: 'bad' } }))).rejects.toThrow('invalid prompt')
    expect(adapter.list()).toMatchObject([{ name: 'a', revision: 1 }])
    expect(fake.configs.at(-1)!.customAgents).toMatchObject([{ prompt: 'Help.' }])
  })

  it('one resume serves all the changes of tools that wait for it, and none is made where no agent names them', async () => {
    const [named, other] = [upstreamOf('x'), upstreamOf('y')]
    const { fake, adapter, ready } = await started({}, async (one) => {
      await one.load(serverItem('a', { upstream: named }))
      await one.load(serverItem('b', { upstream: other }))
      await one.load(agentItem('helper', { definition: { ...agentItem('helper').definition, mcpServers: ['a'], tools: [] } }))
    })
    await ready()
    fake.asked.length = 0
    other.change('y', 'z')
    for (let times = 0; times < 20; times += 1) named.change('x', `x${times}`)
    await expect.poll(() => fake.configs.at(-1)!.customAgents![0]!.tools).toEqual(['catalog/a-x', 'catalog/a-x19'])
    expect(fake.asked).toEqual(['resume helper'])
    await adapter.close!()
  })

  it('says nothing of the relay\'s address, whatever the runtime quotes', async () => {
    const { fake, adapter, ready } = await started()
    await ready()
    fake.onConfig = ({ mcpServers }) => { throw new Error(`no answer from ${JSON.stringify(mcpServers)}`) }
    await expect(adapter.load(agentItem('a'))).rejects.toThrow('no answer from {"catalog":{"type":"http","url":"http://127.0.0.1:1/[redacted]"')
  })

  it('what fails in the background is said, and made up for before the next message', async () => {
    const upstream = upstreamOf('x')
    const { fake, adapter, ready } = await started({}, async (one) => {
      await one.load(serverItem('a', { upstream }))
      await one.load(agentItem('helper', { order: 1, definition: { ...agentItem('helper').definition, mcpServers: ['a'], tools: [] } }))
    })
    await ready()
    fake.onConfig = () => { throw new Error('the runtime is away') }
    upstream.change('y')
    await expect.poll(() => adapter.list()[1]?.reason).toContain('the runtime is away')
    fake.onConfig = () => {}
    fake.asked.length = 0
    await (adapter).session().send('hello')
    expect(fake.asked).toEqual(['resume helper', 'send'])
    expect(adapter.list()[1]?.reason).toBeNull()
  })

  it('S13: denies every call of what the session does not have, from memory, and tells the session', async () => {
    const upstream = upstreamOf('x')
    const { fake, adapter, ready, refused } = await started({}, (one) => one.load(serverItem('a', { upstream })))
    await ready()
    const hook = hookOf(fake)
    expect([hook('catalog-a-x'), hook('bash')]).toEqual([undefined, undefined])
    // A gate that closes shows no tools, before anything else is done.
    upstream.change()
    expect(hook('catalog-a-x')).toMatchObject({ permissionDecision: 'deny' })
    await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
    expect([hook('catalog-a-x'), hook('catalog-'), hook('catalog-never-was')].map((answer) => (answer as { permissionDecision: string }).permissionDecision))
      .toEqual(['deny', 'deny', 'deny'])
    expect(refused).toEqual(['a-x', 'a-x', '', 'never-was'])
  })

  it('S18: knows the names that the runtime makes of tools, and calls none that two servers come to', async () => {
    const [first, second] = [upstreamOf('b.c', 'd e', 'x'.repeat(80)), upstreamOf('c')]
    const { fake, adapter, ready } = await started({}, async (one) => {
      await one.load(serverItem('a', { upstream: first }))
      await one.load(serverItem('a-b', { order: 1, upstream: second }))
    })
    await ready()
    const hook = hookOf(fake)
    expect([hook('catalog-a-d-e'), hook(`catalog-a-${'x'.repeat(54)}`)]).toEqual([undefined, undefined])
    expect(hook('catalog-a-b-c')).toMatchObject({ permissionDecision: 'deny', permissionDecisionReason: expect.stringContaining('a and a-b') as string })
    expect(adapter.list().map(({ reason }) => reason)).toEqual(Array(2).fill(expect.stringContaining('catalog-a-b-c')))
    await adapter.unload('MCP_SERVER', 'a-b', 'IMMEDIATE')
    expect(hook('catalog-a-b-c')).toBeUndefined()
    // What the relay withholds is nothing that the runtime has.
    second.change('y')
    first.change('b-x')
    await adapter.load(serverItem('a-b', { order: 1, upstream: upstreamOf('x') }))
    expect(hook('catalog-a-b-x')).toBeUndefined()
  })

  it('S18: with a server for each, a name that another server comes to is not called until the runtime has left that out', async () => {
    const [first, second] = [upstreamOf('x'), upstreamOf('y')]
    const { fake, adapter, ready } = await started({ names: 'PER_SERVER' }, async (one) => {
      await one.load(serverItem('a-b', { order: 0, upstream: first }))
      await one.load(serverItem('a', { order: 1, upstream: second }))
    })
    await ready()
    let take = () => {}
    const asked = new Promise<void>((resolve) => {
      fake.onConfig = () => {
        resolve()
        return new Promise((go) => { take = go })
      }
    })
    // The runtime knows the server with all its tools, and may have heard of the new one already.
    second.change('y', 'b-x')
    await asked
    const hook = hookOf(fake)
    expect([hook('a-b-x'), hook('a-y')]).toEqual([{ permissionDecision: 'deny', permissionDecisionReason: 'a-b-x is the name of tools of a-b and a.' }, undefined])
    take()
    await adapter.session().send('hello')
    expect([hook('a-b-x'), fake.configs.at(-1)?.mcpServers?.a]).toMatchObject([undefined, { tools: ['y'] }])
  })

  it('S13: with a server for each, DRAIN leaves the runtime alone until the next message, and IMMEDIATE does not', async () => {
    const { fake, adapter, ready } = await started({ names: 'PER_SERVER' }, async (one) => {
      for (const [order, name] of ['a', 'b'].entries()) await one.load(serverItem(name, { order }))
    })
    await ready()
    fake.asked.length = 0
    await adapter.unload('MCP_SERVER', 'a', 'DRAIN')
    expect([fake.asked, hookOf(fake)('a-tool')]).toMatchObject([[], { permissionDecision: 'deny' }])
    await adapter.session().send('hello')
    expect([fake.asked, Object.keys(fake.configs.at(-1)!.mcpServers!)]).toEqual([['resume', 'send'], ['b']])
    await adapter.unload('MCP_SERVER', 'b', 'IMMEDIATE')
    expect(fake.asked.slice(2)).toEqual(['stop b', 'resume'])
  })

  it('leaves nothing when it closes, also when it never began', async () => {
    const { fake, adapter, ready } = await started()
    await adapter.close!()
    expect(fake.asked).toEqual([])
    const second = await started()
    await second.ready()
    await second.adapter.close!()
    expect(second.fake.asked).toEqual(['create', 'disconnect'])
    void ready
  })
})
