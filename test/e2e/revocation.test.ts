import { expect, it } from 'vitest'
import { RevocationDocument, type RevocationQuery, RevokeEntryDocument, SetEntryEnabledDocument } from '../../src/client/index.js'
import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { hangingTool, startEverything, startTestMcpServer } from '../support/mcp-servers.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server, everything } = shared({ server: startLoopbackServer, everything: () => startEverything() })

/** Calls one after the other until one is refused, and a few more; answers when the last one succeeded. */
async function callUntilRefused(host: McpAdapter): Promise<number> {
  let lastSuccessAt = 0
  for (let refused = 0; refused < 3;) {
    try {
      await host.callTool('everything-echo', { message: 'still there' })
      lastSuccessAt = Date.now()
    } catch {
      refused += 1
    }
  }
  return lastSuccessAt
}

async function untilComplete(who: Person, id: string): Promise<NonNullable<RevocationQuery['revocation']>> {
  for (;;) {
    const { revocation } = await who.client.execute(RevocationDocument, { id })
    if (revocation!.state !== 'PENDING') return revocation!
  }
}

it('S13: revoked under a loop of calls on two workers, the last success lies before the deadline, and the receipt is complete', async () => {
  const alice = await server.user('alice')
  const { token } = await server.worker()
  const workers = await Promise.all(['one', 'two'].map((workerId) => createCatalogWorker({ url: server.url, token, workerId })))
  const hosts = [mcpAdapter(), mcpAdapter()]
  const { id, cursor } = await server.register(alice, 'everything', { url: everything.url })
  const sessions = await Promise.all(workers.map((worker, at) => worker.openSession({ id: `s${at}`, owner: { kind: 'USER', id: alice.id }, adapter: hosts[at]! })))
  await Promise.all(sessions.map((session) => session.settled(cursor)))
  const loops = hosts.map(callUntilRefused)
  const { revokeEntry: { revocation } } = await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })
  const lastSuccesses = await Promise.all(loops)
  const receipt = await untilComplete(alice, revocation.id)
  expect(receipt).toMatchObject({
    state: 'COMPLETE', targetCount: 2, stoppedCount: 2,
    targets: { nodes: [{ worker: { name: 'one' }, sessionId: 's0', state: 'STOPPED' }, { worker: { name: 'two' }, sessionId: 's1', state: 'STOPPED' }] },
  })
  for (const at of lastSuccesses) expect(at).toBeLessThan(Date.parse(receipt.deadline))
  await Promise.all(workers.map((worker) => worker.close()))
})

it('S13: what is drained goes on, and ends at once when it is revoked then; both receipts are complete', async () => {
  const alice = await server.user('draining')
  const { token } = await server.worker()
  const tool = hangingTool('wait')
  const upstream = await startTestMcpServer([tool])
  const worker = await createCatalogWorker({ url: server.url, token, workerId: 'three' })
  const host = mcpAdapter()
  const { id, cursor } = await server.register(alice, 'slow', { url: upstream.url })
  const session = await worker.openSession({ id: 's', owner: { kind: 'USER', id: alice.id }, adapter: host })
  await session.settled(cursor)
  const call = host.callTool('slow-wait', {}).then(() => 'finished', (error: Error) => error.name)
  await tool.started
  const { setEntryEnabled } = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false, deadlineSeconds: 3_600 } })
  await session.settled(setEntryEnabled.cursor)
  await expect(host.callTool('slow-wait', {})).rejects.toMatchObject({ name: 'ToolCallError' })
  expect(setEntryEnabled.revocation).toMatchObject({ mode: 'DRAIN', targetCount: 1 })
  const { revokeEntry } = await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })
  expect(await call).toBe('ToolCallError')
  await tool.aborted
  for (const { id: receiptId } of [setEntryEnabled.revocation!, revokeEntry.revocation]) {
    expect(await untilComplete(alice, receiptId)).toMatchObject({ state: 'COMPLETE', stoppedCount: 1, targets: { nodes: [{ sessionId: 's', state: 'STOPPED' }] } })
  }
  await Promise.all([worker.close(), upstream.close()])
})
