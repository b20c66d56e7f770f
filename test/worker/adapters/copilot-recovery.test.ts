import { type ResumeSessionConfig } from '@github/copilot-sdk'
import { expect, it } from 'vitest'
import { type CopilotHandle, type CopilotSessions } from '../../../src/worker/copilot-client.js'
import { type CopilotRuntime } from '../../support/copilot-runtime.js'
import { type LiveCopilot, type LiveOptions } from '../../support/copilot-session.js'
import { describeCopilot } from '../../support/copilot-suite.js'
import { handClock, wireAgent, wireServer } from '../../support/fake-feed.js'
import { startTestMcpServer } from '../../support/mcp-servers.js'
import { shared } from '../../support/shared.js'

const now = { apply: 'NOW' as const }
type Send = (config: ResumeSessionConfig) => Promise<CopilotHandle>
type Spoil = (config: ResumeSessionConfig, send: Send) => Promise<CopilotHandle>

interface Spoiled {
  /** What becomes of the next resume on its way to the runtime; null: it goes as it is. */
  next: Spoil | null
  /** The agents of each resume, in order. */
  resumes: string[][]
  client: CopilotSessions
}

function spoilable(real: CopilotRuntime['client']): Spoiled {
  const spoiled: Spoiled = {
    next: null, resumes: [],
    client: {
      createSession: (config) => real.createSession(config),
      resumeSession: (sessionId, config) => {
        const spoil = spoiled.next ?? ((kept, send) => send(kept))
        spoiled.next = null
        spoiled.resumes.push((config.customAgents ?? []).map(({ name }) => name))
        return spoil(config, (sent) => real.resumeSession(sessionId, sent))
      },
      get rpc() { return real.rpc },
    },
  }
  return spoiled
}

describeCopilot('a resume that fails on the real runtime', ({ runtime, open: openLive }) => {
  const { tickets } = shared({ tickets: () => startTestMcpServer([{ name: 'lookup' }]) })
  const ticketsServer = () => wireServer('1', 'tickets', { url: tickets.url, ...now })
  const helper = wireAgent('2', 'helper', { prompt: 'You are the helper.', mcpServers: ['tickets'], agentTools: [], ...now })
  const other = (revision: number) => wireAgent('3', 'other', { prompt: `You are other ${revision}.`, mcpServers: ['tickets'], agentTools: [], revision, ...now })
  const open = async (options: LiveOptions = {}) => {
    const spoiled = spoilable(runtime.client)
    return { spoiled, ...await openLive({ client: spoiled.client, ...options }) }
  }
  const withHelper: LiveOptions = { agent: 'helper', grants: 'SET' }
  const rowOf = ({ session }: LiveCopilot, wanted: string) => session.effective.find(({ name }) => name === wanted)
  const agentsIn = async ({ copilot }: LiveCopilot) => ({
    ids: (await copilot.rpc.agent.list()).agents.map(({ id }) => id), selected: (await copilot.rpc.agent.getCurrent()).agent?.id,
  })

  it.each<[string, Spoil, string]>([
    ['an agent that is not there is to be selected', (config, send) => send({ ...config, agent: 'nobody' }), 'Custom agent \'nobody\' not found'],
    ['there are two ways to pay', (config, send) => send({ ...config, gitHubToken: 'unused' }), 'Cannot specify both gitHubToken and provider'],
    ['an agent has no name', (config, send) => send({ ...config, customAgents: [{ name: '', prompt: '' }] }), 'did not take the agents helper, other'],
  ])('S17: in the middle of a turn, because %s: the last good configuration is back, the turn ends for its caller, and the session says why', async (_, spoil, reason) => {
    const live = await open({ ...withHelper, entries: { mcpServers: [ticketsServer()], agents: [helper] } })
    const { copilot, spoiled } = live
    const heard: string[] = []
    copilot.on('assistant.message', ({ data }) => { heard.push(data.content) })
    spoiled.next = spoil
    const script = runtime.model.script(
      { call: 'catalog-tickets-lookup', before: () => live.change({ agents: [other(1)] }) }, { call: 'catalog-tickets-lookup' }, { text: 'the end' })
    expect((await copilot.sendAndWait({ prompt: script.prompt }))?.data.content).toBe('the end')
    expect(heard.at(-1)).toBe('the end')
    expect(spoiled.resumes).toEqual([['helper', 'other'], ['helper']])
    expect(rowOf(live, 'other')).toMatchObject({ state: 'FAILED', reason: expect.stringContaining(reason) as string })
    expect(rowOf(live, 'helper')).toMatchObject({ state: 'APPLIED', reason: null })
    expect(await agentsIn(live)).toEqual({ ids: ['helper'], selected: 'helper' })
    expect(script.results().map(({ text }) => text)).toEqual(['lookup', 'lookup'])

    expect(live.adapter.session()).toBe(copilot)
    await live.change({ agents: [other(2)] })
    expect(rowOf(live, 'other')).toMatchObject({ state: 'APPLIED', reason: null })
    const after = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect([after.requests[0]?.system.includes('You are the helper.'), after.results()[0]?.text]).toEqual([true, 'lookup'])
  })

  it('S17: by one malformed entry that silently blocks every change of servers: the session says so, and the next message makes up for it', async () => {
    const live = await open({ names: 'PER_SERVER' })
    live.spoiled.next = (config, send) => send({ ...config, mcpServers: { ...config.mcpServers, bad: { type: 'http' } as never } })
    await live.change({ mcpServers: [ticketsServer()] })
    expect(rowOf(live, 'tickets')?.reason).toBe('The Copilot session has an earlier state: The Copilot runtime did not take the MCP servers tickets.')
    const script = await runtime.ask(live.copilot, { call: 'tickets-lookup' })
    expect([script.requests[0]?.offered.includes('tickets-lookup'), script.results()[0]?.text]).toEqual([true, 'lookup'])
    expect(rowOf(live, 'tickets')).toMatchObject({ state: 'APPLIED', reason: null })
  })

  it.each([
    ['a server without a URL', { bad: { type: 'http' } }, 'mcpServers.bad.url'],
    ['a command that is none', { bad: { type: 'stdio', command: 5 } }, 'mcpServers.bad.command'],
    ['a name with a brace', { 'a}b': { type: 'http', url: 'http://127.0.0.1:1/' } }, 'mcpServers.a}b'],
  ])('%s of the host would silently keep the catalog out, so the session is not opened', async (_, mcpServers, field) => {
    await expect(open({ config: runtime.config({ mcpServers: mcpServers as never }) })).rejects.toThrow(field)
  })

  it('S17: because the runtime is killed meanwhile: the session says so, and goes on with everything when the host has started it again', async () => {
    const clock = handClock()
    const live = await open({ ...withHelper, clock, patienceMs: 1500, entries: { mcpServers: [ticketsServer()], agents: [helper] } })
    const { copilot, spoiled } = live
    await runtime.ask(copilot, { text: 'remember me' })
    spoiled.next = async (config, send) => {
      const resuming = send(config)
      await runtime.kill()
      return resuming
    }
    await live.change({ agents: [other(1)] })
    expect(rowOf(live, 'other')).toMatchObject({ state: 'FAILED', reason: expect.stringMatching(/did not answer within 1500 ms|[Cc]onnection/) as string })

    await runtime.restart()
    const script = await runtime.ask(copilot, { call: 'catalog-tickets-lookup' })
    expect([script.requests[0]?.system.includes('You are the helper.'), script.results()[0]?.text]).toEqual([true, 'lookup'])
    expect(await agentsIn(live)).toEqual({ ids: ['helper'], selected: 'helper' })
    const said = (await copilot.getEvents()).flatMap((event) => (event.type === 'assistant.message' ? [event.data.content] : []))
    expect(said).toContain('remember me')
    // A start that failed is made again, whatever it failed of.
    clock.advance(60_000)
    await expect.poll(() => rowOf(live, 'other'), { timeout: 20_000 }).toMatchObject({ state: 'APPLIED', reason: null })
    expect(await agentsIn(live)).toEqual({ ids: ['helper', 'other'], selected: 'helper' })
  })
})
