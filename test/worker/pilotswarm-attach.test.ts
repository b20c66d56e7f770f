import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CopilotSession, type SessionConfig } from '@github/copilot-sdk'
import { describe, expect, it } from 'vitest'
import { type CopilotHandle } from '../../src/worker/copilot-client.js'
import { attachResolver } from '../../src/worker/pilotswarm-attach.js'
import { type CapabilityResolver, type SessionCapabilities } from '../../src/worker/pilotswarm-resolver.js'
import { asPilotSwarmWorker } from '../../src/worker/pilotswarm-worker.js'
import { agentItem } from '../suites/adapter-conformance.js'
import { createSwarmStore, SwarmSessions } from '../support/pilotswarm.js'
import { closing } from '../support/shared.js'

const alice = { provider: 'github', subject: 'alice' }
const bob = { provider: 'github', subject: 'bob' }

/** PilotSwarm's session manager with a runtime and a catalog that write down what they are asked. */
async function start() {
  const stateFolder = await mkdtemp(join(tmpdir(), 'pilothouse-attach-'))
  closing({ close: () => rm(stateFolder, { recursive: true, force: true }) })
  const store = closing(await createSwarmStore())
  const asked: string[] = []
  const test = {
    digest: '1' as string | null, agents: [] as ReturnType<typeof agentItem>[], refuses: null as Error | null, isAway: false, onDisconnect: () => {},
    create: async () => {},
  }
  const make = (verb: string) => async (id: string, { mcpServers = {} }: SessionConfig): Promise<CopilotHandle> => {
    asked.push(`${verb} ${id} ${Object.keys(mcpServers).join()}`)
    await test.create()
    if (test.refuses !== null) throw test.refuses
    mkdirSync(join(stateFolder, id), { recursive: true })
    const handle = { sessionId: id, sendAndWait: async () => undefined, disconnect: async () => test.onDisconnect() }
    return handle as unknown as CopilotSession
  }
  const client = { createSession: (config: SessionConfig) => make('create')(config.sessionId ?? '', config), resumeSession: make('resume'), stop: async () => [] }
  const sessions = new SwarmSessions({ client, stateFolder, config: () => ({}) }, store)
  sessions.workerDefaults.baseMcpServers.wiki = { type: 'http', url: 'http://127.0.0.1:1/mcp' }
  const getSession = async (id: string) => {
    if (test.isAway) throw new Error('the CMS is away')
    return store.rows.get(id) ?? null
  }
  const worker = { sessionManager: sessions, catalog: { getSession }, loadedMcpServers: { wiki: {}, other: {} } }
  let tellAgents = (_: string) => {}
  const resolver: CapabilityResolver = {
    resolve: async ({ sessionId, owner, agent, isHostAgent, hostServers }) => {
      asked.push(`resolve ${sessionId} ${owner.subject} ${agent} ${isHostAgent} ${hostServers.join()}`)
      const { digest } = test
      return digest === null ? null : {
        digest, agents: () => test.agents, redact: (text) => text.replaceAll('secret', '[redacted]'),
        configure: ((config: SessionConfig) => ({ ...config, mcpServers: { ...config.mcpServers, [`catalog${digest}`]: {} } })) as SessionCapabilities['configure'],
      }
    },
    release: async (id) => { asked.push(`release ${id}`) },
    session: () => null,
    onAgents: (listener) => {
      tellAgents = listener
      return () => { tellAgents = () => {} }
    },
  }
  store.rows.set('s', { owner: alice })
  return {
    test, sessions, store, worker, resolver,
    turn: (id = 's', agent: string | null = null) => sessions.runTurn(id, { boundAgentName: agent }, 'go'),
    tellAgents: () => tellAgents('s'),
    attach: () => attachResolver(worker, resolver, (line) => asked.push(line)),
    /** What was asked since the last time. */
    asked: () => asked.splice(0),
  }
}

const aTurn = 'resolve s alice null false wiki,other'

describe('a PilotSwarm worker that is attached', () => {
  it('asks before each turn, and configures what is created, beside the static servers; a warm session stays as it is', async () => {
    const { attach, turn, asked } = await start()
    attach()
    await turn()
    expect(asked()).toEqual([aTurn, 'create s wiki,catalog1'])
    await turn()
    expect(asked()).toEqual([aTurn])
  })

  it.each<[string, (sessions: SwarmSessions) => Promise<void>]>([
    ['destroyed or invalidated', (sessions) => sessions.invalidateWarmSession('s')], ['dehydrated or evicted', (sessions) => sessions.dehydrate('s')],
    ['shut down', (sessions) => sessions.shutdown()],
  ])('releases a session that is %s, and configures it anew when it is resumed', async (_, end) => {
    const { attach, turn, asked, sessions, test } = await start()
    attach()
    await turn()
    asked()
    await end(sessions)
    expect(asked()).toEqual(['release s'])
    test.digest = '2'
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog2'])
  })

  it('releases a session whose runtime cannot even disconnect', async () => {
    const { attach, turn, asked, sessions, test } = await start()
    attach()
    await turn()
    asked()
    test.onDisconnect = () => { throw new Error('the process is gone') }
    await sessions.invalidateWarmSession('s')
    expect(asked()).toEqual(['release s'])
  })

  it('releases a session that PilotSwarm let go of without a disconnect, when the next turn of any begins', async () => {
    const { attach, turn, asked, sessions, store } = await start()
    attach()
    await turn()
    asked()
    sessions.warm.delete('s')
    store.rows.set('t', { owner: bob })
    await turn('t')
    expect(asked()).toEqual(['release s', 'resolve t bob null false wiki,other', 'create t wiki,catalog1'])
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog1'])
  })

  it('drops a warm session that was given something else, and keeps what is new', async () => {
    const { attach, turn, asked, test } = await start()
    attach()
    await turn()
    asked()
    test.digest = '2'
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog2'])
  })

  it('takes over sessions that are warm already', async () => {
    const { attach, turn, asked } = await start()
    await turn()
    attach()
    await turn()
    expect(asked()).toEqual(['create s wiki', aTurn, 'resume s wiki,catalog1'])
  })

  it('S23: lets a session start without the catalog, and resumes it with it when there is something', async () => {
    const { attach, turn, asked, test } = await start()
    attach()
    test.digest = null
    await turn()
    await turn()
    expect(asked()).toEqual([aTurn, 'create s wiki', aTurn])
    test.digest = '1'
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog1'])
  })

  it('gives nothing to a session without an owner, and takes it from one whose owner is gone', async () => {
    const { attach, turn, asked, store } = await start()
    attach()
    store.rows.set('nobody', {})
    await turn('nobody')
    expect(asked()).toEqual(['create nobody wiki'])
    await turn()
    asked()
    store.rows.set('s', { owner: null })
    await turn()
    expect(asked()).toEqual(['release s', 'resume s wiki'])
  })

  it('goes on for the owner that it knew while the CMS is away, and starts nothing for somebody unknown', async () => {
    const { attach, turn, asked, store, test } = await start()
    attach()
    await turn()
    asked()
    test.isAway = true
    store.rows.set('t', { owner: bob })
    await turn()
    await turn('t')
    const unknown = (id: string) => `pilotswarm: the owner of the session ${id} is not known anew: the CMS is away`
    expect(asked()).toEqual([unknown('s'), aTurn, unknown('t'), 'create t wiki'])
    // Another agent may be granted less, and nobody can tell.
    await turn('s', 'triage')
    expect(asked()).toEqual([unknown('s'), 'release s', 'resume s wiki'])
  })

  it('makes one session of calls that come at once, and releases it when the last has ended', async () => {
    const { attach, asked, sessions, test } = await start()
    attach()
    let go = () => {}
    const creating = new Promise<void>((resolve) => { test.create = () => { resolve(); return new Promise((wake) => { go = wake }) } })
    const both = Promise.all([0, 0].map((turnIndex) => sessions.getOrCreate('s', {}, { turnIndex })))
    await creating
    go()
    const [a, b] = await both
    expect(a).toBe(b)
    expect(asked()).toEqual([aTurn, aTurn, 'create s wiki,catalog1'])
    await sessions.shutdown()
    expect(asked()).toEqual(['release s'])
  })

  it.each([['resume: secret/x is gone', 'resume: [redacted]/x is gone'], ['no state', 'no state']])('passes on that a session cannot be made: %s', async (said, heard) => {
    const { attach, turn, asked, test } = await start()
    attach()
    const error = test.refuses = Object.assign(new RangeError(said), { code: -32_603 })
    const caught: unknown = await turn().catch((thrown: unknown) => thrown)
    expect(caught).toMatchObject({ message: heard, name: 'RangeError', code: -32_603 })
    expect((caught as Error).stack).not.toContain('secret')
    if (said === heard) expect(caught).toBe(error)
    expect(asked()).toEqual([aTurn, 'create s wiki,catalog1', 'release s'])
  })

  it('lets a session start whatever goes wrong with the catalog\'s side, and says so', async () => {
    const { attach, turn, asked, sessions, test } = await start()
    attach()
    test.agents = [agentItem('triage')]
    Object.freeze(sessions.workerDefaults.agentPromptLookup)
    await turn()
    expect(asked()).toEqual([aTurn, expect.stringMatching(/^pilotswarm: the session s has nothing of the catalog: .*not extensible/), 'release s', 'create s wiki'])
  })

  it('leaves alone what PilotSwarm resumes outside of a turn', async () => {
    const { attach, asked, turn, sessions } = await start()
    attach()
    const resume = async () => (await sessions.ensureClient()).resumeSession('s', {})
    await resume()
    expect(asked()).toEqual(['resume s '])
    await turn()
    await resume()
    expect(asked()).toEqual([aTurn, 'create s wiki,catalog1', 'resume s '])
  })

  it('puts the owner\'s agents into the lookup before the session is made, as they change, and takes them out', async () => {
    const { attach, turn, asked, sessions, test, tellAgents } = await start()
    const { agentPromptLookup } = sessions.workerDefaults
    agentPromptLookup.deployed = { prompt: 'P', kind: 'app-agent' }
    attach()
    test.agents = [agentItem('triage')]
    test.create = async () => expect(Object.keys(agentPromptLookup)).toEqual(['deployed', 'triage'])
    await turn('s', 'triage')
    expect(asked()[0]).toBe('resolve s alice triage false wiki,other')
    test.agents = [agentItem('other')]
    tellAgents()
    expect(Object.keys(agentPromptLookup)).toEqual(['deployed', 'other'])
    delete agentPromptLookup.other
    await turn('s', 'deployed')
    expect(asked()[0]).toBe('resolve s alice deployed true wiki,other')
    expect(Object.keys(agentPromptLookup)).toEqual(['deployed', 'other'])
  })

  it('leaves nothing of a session that starts while the binding is closed', async () => {
    const { attach, turn, asked, resolver } = await start()
    const { resolve } = resolver
    resolver.resolve = async (principal) => {
      await detach()
      return resolve(principal)
    }
    const detach = attach()
    await turn()
    expect(asked()).toEqual(['release s', aTurn, expect.stringContaining('the binding was closed'), 'release s', 'create s wiki'])
  })

  it('leaves what others put around its methods after it, and does nothing within them when it is closed', async () => {
    const { attach, turn, asked, sessions } = await start()
    const detach = attach()
    const inner = sessions.getOrCreate.bind(sessions)
    const outer: typeof inner = (...args) => inner(...args)
    sessions.getOrCreate = outer
    await Promise.all([detach(), detach()])
    expect(Object.getOwnPropertyDescriptor(sessions, 'getOrCreate')?.value).toBe(outer)
    await turn()
    expect(asked()).toEqual(['create s wiki'])
    attach()
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog1'])
  })

  it('passes on every argument, also those of a PilotSwarm that has more of them', async () => {
    const { attach, sessions } = await start()
    const seen: unknown[][] = []
    const client = await sessions.ensureClient()
    const wider = sessions as unknown as Record<'ensureClient' | 'getOrCreate', (...args: unknown[]) => Promise<unknown>>
    wider.ensureClient = async (...args) => { seen.push(args); return client }
    wider.getOrCreate = async (...args) => { seen.push(args) }
    attach()
    await wider.ensureClient('token', 'more')
    await wider.getOrCreate('nobody', {}, {}, 'more')
    expect(seen).toEqual([['token', 'more'], ['nobody', {}, {}, 'more']])
  })

  it('is as it was when the binding is closed, and can be attached again then and not before', async () => {
    const { attach, turn, asked, sessions, test, worker } = await start()
    test.agents = [agentItem('triage')]
    const detach = attach()
    expect(attach).toThrow(/attached to a catalog already/)
    await turn()
    asked()
    await detach()
    expect(asked()).toEqual(['release s'])
    expect([Object.hasOwn(sessions, 'getOrCreate'), Object.hasOwn(sessions, 'ensureClient'), sessions.workerDefaults.agentPromptLookup]).toEqual([false, false, {}])
    await sessions.shutdown()
    await turn()
    expect(asked()).toEqual(['resume s wiki'])
    expect(Object.keys(worker.loadedMcpServers)).toEqual(['wiki', 'other'])
    attach()
    await turn()
    expect(asked()).toEqual([aTurn, 'resume s wiki,catalog1'])
  })
})

describe('what is no worker of a PilotSwarm that is known', () => {
  const method = () => {}
  const sessionManager = { getOrCreate: method, get: method, invalidateWarmSession: method, ensureClient: method, workerDefaults: {} }
  const whole = { sessionManager, loadedMcpServers: {}, catalog: null }
  it.each<[string, object]>([
    ['sessionManager', {}], ['sessionManager', { ...whole, sessionManager: null }], ['loadedMcpServers', { ...whole, loadedMcpServers: undefined }],
    ['catalog', { sessionManager, loadedMcpServers: {} }],
    ...Object.keys(sessionManager).map((name): [string, object] => [`sessionManager.${name}`, { ...whole, sessionManager: { ...sessionManager, [name]: undefined } }]),
  ])('is refused by the name of %s', (name, worker) => {
    expect(() => asPilotSwarmWorker(worker)).toThrow(new RegExp(`has no ${name.replace('.', '\\.')},`))
  })

  it('is not one that has everything', () => { expect(asPilotSwarmWorker(whole)).toBe(whole) })
})
