import { afterAll, beforeAll, expect, it } from 'vitest'
import { RevocationDocument, type RevocationQuery, RevokeEntryDocument } from '../../src/client/index.js'
import { mcpAdapter, type McpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { type RunningServer, startEverything } from '../support/mcp-servers.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
let everything: RunningServer
beforeAll(async () => {
  ;[server, everything] = await Promise.all([startTestServer(), startEverything()])
  await server.allowLoopback()
})
afterAll(() => Promise.all([server.close(), everything.close()]))

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
