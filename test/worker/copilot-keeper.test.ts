import { type SessionConfig } from '@github/copilot-sdk'
import { describe, expect, it } from 'vitest'
import { type CopilotSetup } from '../../src/worker/copilot-client.js'
import { createCopilotEvents } from '../../src/worker/copilot-events.js'
import { createKeeper } from '../../src/worker/copilot-keeper.js'
import { fakeCopilot } from '../support/copilot-fake.js'

const setup = (...names: string[]): CopilotSetup => ({
  mcpServers: { catalog: { type: 'http', url: 'http://127.0.0.1:1/x', tools: ['*'] } }, agents: names.map((name) => ({ name, prompt: `I am ${name}.` })),
})

async function started(names: string[] = [], host: SessionConfig = {}, agent: string | null = null, patienceMs?: number) {
  const fake = fakeCopilot()
  const turns: string[] = []
  const events = createCopilotEvents({ began: () => turns.push('began'), ended: () => turns.push('ended') })
  const own = { hooks: { onPreToolUse: () => undefined }, onEvent: events.dispatch }
  const keeper = createKeeper({ client: fake.client, host, own, events, isCold: false, agent: () => agent, patienceMs, redact: (text) => text })
  await keeper.start(setup(...names))
  fake.asked.length = 0
  return { fake, keeper, events, own, turns, apply: (...next: string[]) => keeper.apply(() => setup(...next)) }
}

/** Fails where the agents are these. */
const failing = (...names: string[]) => ({ customAgents = [] }: SessionConfig) => {
  if (customAgents.map(({ name }) => name).join() === names.join()) throw new Error('not these')
}

describe('a change of a live session', () => {
  it('supplies everything again, but not what only a beginning has', async () => {
    const host: SessionConfig = {
      sessionId: 'mine', agent: 'own', model: 'm', systemMessage: { content: 's' }, mcpServers: { own: { type: 'http', url: 'http://x/' } },
      customAgents: [{ name: 'own', prompt: 'p' }],
    }
    const { fake, own, apply } = await started([], host)
    expect(fake.configs[0]).toMatchObject({ sessionId: 'mine', agent: 'own' })
    await apply('a')
    const { sessionId: _sessionId, agent: _agent, ...kept } = host
    expect(fake.configs[1]).toEqual({
      ...kept, ...own, suppressResumeEvent: true,
      mcpServers: { ...host.mcpServers, ...setup().mcpServers }, customAgents: [...host.customAgents!, ...setup('a').agents],
    })
  })

  it('is none when the session has it already', async () => {
    const { fake, apply } = await started(['a'])
    await apply('a')
    expect(fake.asked).toEqual([])
  })

  it('waits for the one before', async () => {
    const { fake, apply } = await started()
    let go = () => {}
    fake.onConfig = () => new Promise((resolve) => { go = resolve })
    const both = [apply('a'), apply('b')]
    await expect.poll(() => fake.asked).toEqual(['resume a'])
    go()
    await expect.poll(() => fake.asked).toEqual(['resume a', 'resume b'])
    go()
    await Promise.all(both)
  })

  it('that fails puts the last good setup back, and the next one goes through', async () => {
    const { fake, apply } = await started(['a'])
    fake.onConfig = failing('a', 'b')
    await expect(apply('a', 'b')).rejects.toThrow('not these')
    expect(fake.asked).toEqual(['resume a,b', 'resume a'])
    await apply('a', 'c')
    expect(fake.asked.at(-1)).toBe('resume a,c')
  })

  it('S13: that fails brings nothing back that was to go', async () => {
    const { fake, keeper } = await started(['a', 'gone'])
    fake.onConfig = failing('a', 'b')
    await expect(keeper.apply(() => ({ mcpServers: {}, agents: setup('a', 'b').agents }))).rejects.toThrow('not these')
    expect([fake.asked, fake.configs.at(-1)!.mcpServers]).toEqual([['resume a,b', 'resume a'], {}])
    await keeper.apply(() => ({ mcpServers: {}, agents: setup('a').agents }))
    expect(fake.asked).toHaveLength(2)
  })

  it('that fails twice over is made up for by the next one, though nothing else changed', async () => {
    const { fake, apply } = await started(['a'])
    fake.onConfig = () => { throw new Error('away') }
    await expect(apply('a', 'b')).rejects.toThrow('away')
    fake.onConfig = () => {}
    await apply('a')
    await apply('a')
    expect(fake.asked).toEqual(['resume a,b', 'resume a', 'resume a'])
  })

  it('that the runtime did not make, or did not make wholly, has failed', async () => {
    const { fake, apply } = await started(['a'])
    fake.ignored.add('b')
    await expect(apply('a', 'b')).rejects.toThrow('did not take the agents b')
    expect(fake.asked).toEqual(['resume a,b', 'resume a'])
  })

  it('lets go of the selected agent before anything else, so that it goes even when the rest fails', async () => {
    const { fake, apply } = await started(['a', 'b'])
    fake.selected = 'a'
    fake.onConfig = failing('b')
    await expect(apply('b')).rejects.toThrow()
    expect([fake.asked[0], fake.selected]).toEqual(['deselect', null])
  })

  it('selects a changed agent anew, and leaves the host\'s choice alone', async () => {
    const { fake, keeper, apply } = await started(['a'])
    fake.selected = 'a'
    await apply('a', 'b')
    expect(fake.asked).toEqual(['resume a,b'])
    await keeper.apply(() => ({ ...setup(), agents: [{ name: 'a', prompt: 'I am another.' }] }))
    expect(fake.asked.slice(1)).toEqual(['resume a', 'select a'])
    fake.selected = 'of the host'
    await apply()
    expect(fake.asked.slice(3)).toEqual(['resume'])
  })

  it('selects the agent that the session is for when it comes, unless another one is', async () => {
    const { fake, apply } = await started([], {}, 'bound')
    await apply('bound')
    expect(fake.asked).toEqual(['resume bound', 'select bound'])
    await apply()
    fake.selected = 'chosen'
    await apply('bound')
    expect(fake.selected).toBe('chosen')
  })

  it('ends a turn whose end came while nobody could hear it', async () => {
    const { fake, apply, events, turns } = await started(['a'])
    events.beginTurn()
    const idle = events.waitForIdle()
    fake.onConfig = failing('b')
    fake.isProcessing = true
    await expect(apply('b')).rejects.toThrow()
    expect(turns).toEqual(['began'])
    fake.isProcessing = false
    await expect(apply('b')).rejects.toThrow()
    expect(await idle.done).toBeUndefined()
    expect(turns).toEqual(['began', 'ended'])
  })

  it('ends such a turn too when only a later change gets through', async () => {
    const { fake, apply, events, turns } = await started(['a'])
    events.beginTurn()
    const idle = events.waitForIdle()
    fake.onConfig = () => { throw new Error('away') }
    await expect(apply('b')).rejects.toThrow('away')
    expect(turns).toEqual(['began'])
    fake.onConfig = () => {}
    await apply('a')
    expect([await idle.done, turns]).toEqual([undefined, ['began', 'ended']])
  })

  it('that the runtime does not answer is given up, and so is the close', async () => {
    const { fake, keeper, apply } = await started([], {}, null, 20)
    fake.onConfig = () => new Promise(() => {})
    await expect(apply('a')).rejects.toThrow('did not answer within 20 ms')
    await expect(apply('a')).rejects.toThrow('did not answer within 20 ms')
    await keeper.close()
    expect(fake.asked).toEqual(['resume a'])
  })

  it('S17: that the runtime does not begin with in time is given up, and what comes too late is disconnected', async () => {
    const fake = fakeCopilot()
    const { events, own } = await started()
    let come = () => {}
    fake.onConfig = () => new Promise((resolve) => { come = resolve })
    const keeper = createKeeper({ client: fake.client, host: {}, own, events, isCold: false, agent: () => null, startTimeoutMs: 20, redact: (text) => text })
    await expect(keeper.start(setup('a'))).rejects.toThrow('did not answer within 20 ms')
    const closed = keeper.close()
    come()
    await closed
    expect(fake.asked).toEqual(['create a', 'disconnect'])
  })

  it('S13: has failed when a server that went is still there', async () => {
    const { fake, keeper } = await started()
    fake.keepsServers = true
    await expect(keeper.apply(() => ({ mcpServers: {}, agents: [] }))).rejects.toThrow('did not let go of the MCP servers catalog')
    fake.keepsServers = false
    await keeper.apply(() => ({ mcpServers: {}, agents: [] }))
  })

  it('of a session that was closed before it began is not made', async () => {
    const { fake, keeper } = await started()
    await keeper.close()
    await expect(keeper.start(setup())).rejects.toThrow('was closed')
    expect(fake.asked).toEqual(['disconnect'])
  })

  it('of a start that is made again leaves the earlier session disconnected', async () => {
    const { fake, keeper } = await started()
    await keeper.start(setup('a'))
    expect(fake.asked).toEqual(['disconnect', 'create a'])
  })

  it('is nothing any more once the session is closed', async () => {
    const { fake, keeper, apply } = await started(['a'])
    await keeper.close()
    await apply('b')
    expect(fake.asked).toEqual(['disconnect'])
    expect(() => keeper.handle()).toThrow('was closed')
  })
})
