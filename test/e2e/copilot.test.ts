import { type CopilotSession } from '@github/copilot-sdk'
import { expect, it } from 'vitest'
import { DeleteEntryDocument, type OwnerInput, RegisterAgentDocument } from '../../src/client/index.js'
import { copilotAdapter } from '../../src/worker/adapters/copilot.js'
import { createCatalogWorker, type WorkerSession } from '../../src/worker/index.js'
import { describeCopilot, ofCatalog } from '../support/copilot-suite.js'
import { hangingTool, startTestMcpServer } from '../support/mcp-servers.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

describeCopilot('a Copilot session and the real catalog', ({ runtime }) => {
  const tool = hangingTool('close')
  const { server, tickets } = shared({ server: startLoopbackServer, tickets: () => startTestMcpServer([{ name: 'lookup' }, tool]) })

  const open = async (owner: OwnerInput): Promise<{ copilot: CopilotSession; session: WorkerSession }> => {
    const worker = closing(await createCatalogWorker({ url: server.url, token: (await server.worker([owner])).token, workerId: `worker of ${owner.id}` }))
    const adapter = copilotAdapter({ client: runtime.client, config: runtime.config() })
    const session = await worker.openSession({ id: `session of ${owner.id}`, owner, adapter })
    return { copilot: adapter.session(), session }
  }
  const of = ({ id }: Person): OwnerInput => ({ kind: 'USER', id })
  const registerAgent = async (who: Person, name: string, mcpServers: string[], audience: OwnerInput[] = []) => {
    const { registerAgent: { cursor } } = await who.client.execute(RegisterAgentDocument, {
      input: { owner: { kind: 'USER' }, name, definition: { prompt: `You are ${name}.`, mcpServers, tools: [] }, audience, apply: 'NOW' },
    })
    return cursor
  }

  it('S13: what is registered is offered in the next request; deleted in mid-call, the call fails and the next request of that turn lacks it', async () => {
    const [alice, bob] = await Promise.all([server.user('alice'), server.user('bob')])
    const [hers, his] = [await open(of(alice)), await open(of(bob))]
    expect(ofCatalog((await runtime.ask(hers.copilot)).requests[0]?.offered)).toEqual([])

    const { id, cursor } = await server.register(alice, 'tickets', { url: tickets.url, apply: 'NOW' })
    await hers.session.settled(cursor)
    const script = runtime.model.script({ call: 'catalog-tickets-lookup' }, { call: 'catalog-tickets-close' }, { call: 'catalog-tickets-lookup' }, { text: 'over' })
    const turn = hers.copilot.sendAndWait({ prompt: script.prompt })
    await tool.started
    const { deleteEntry } = await alice.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    await hers.session.settled(deleteEntry.cursor)
    expect((await turn)?.data.content).toBe('over')
    expect(script.requests.map(({ offered }) => ofCatalog(offered))).toEqual([
      ['catalog-tickets-close', 'catalog-tickets-lookup'], ['catalog-tickets-close', 'catalog-tickets-lookup'], [], [],
    ])
    const [found, ended, refused] = script.results()
    expect([found?.text, ended?.text]).toEqual(['lookup', expect.stringContaining('not available any more')])
    expect(refused?.text).toMatch(/does not exist|not available/)
    expect(ofCatalog((await runtime.ask(his.copilot)).requests[0]?.offered)).toEqual([])
    expect(tickets.calls).toEqual(['lookup', 'close'])
  })

  it('S12: an agent that is shared at run time is chosen by others and runs with their servers, without the sharer\'s', async () => {
    const [carol, dave] = await Promise.all([server.user('carol'), server.user('dave')])
    await server.team('crew', [[carol, 'MAINTAINER'], [dave, 'MEMBER']])
    await server.register(carol, 'private', { url: tickets.url, apply: 'NOW' })
    await server.register(dave, 'own', { url: tickets.url, apply: 'NOW' })
    const his = await open(of(dave))
    await his.session.settled(await registerAgent(carol, 'triage', ['private', 'own'], [{ kind: 'TEAM', id: 'crew' }]))
    await his.copilot.rpc.agent.select({ name: 'triage' })
    const script = await runtime.ask(his.copilot, { call: 'catalog-own-lookup' }, { call: 'catalog-private-lookup' })
    expect(script.requests[0]?.system).toContain('You are triage.')
    expect(ofCatalog(script.requests[0]?.offered)).toEqual(['catalog-own-close', 'catalog-own-lookup'])
    expect(script.results()[0]?.text).toBe('lookup')
    expect(script.results()[1]?.text).toMatch(/does not exist|not available/)
    expect(his.session.effective.find(({ name }) => name === 'triage')?.reason).toContain('Runs without private')
  })
})
