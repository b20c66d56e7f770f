import { expect, it } from 'vitest'
import {
  type AppliedState, RevocationDocument, type RevocationQuery, RevocationsDocument, RevokeEntryDocument, SetEntryEnabledDocument, WorkersDocument,
} from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { hangingTool, startTestMcpServer } from '../support/mcp-servers.js'
import { startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const slow = hangingTool('slow')
const { server, tickets } = shared({ server: startLoopbackServer, tickets: () => startTestMcpServer([slow]) })

it('S13: disabled with a long drain and then revoked, a call in flight fails now, and both receipts are complete', async () => {
  const alice = await server.user('alice')
  const { token } = await server.worker()
  const worker = await createCatalogWorker({ url: server.url, token, workerId: 'one' })
  const host = mcpAdapter()
  const session = await worker.openSession({ id: 's', owner: { kind: 'USER', id: alice.id }, adapter: host })
  const { id, cursor } = await server.register(alice, 'tickets', { url: tickets.url })
  await session.settled(cursor)
  await untilReported(id, 'APPLIED')
  const call = expect(host.callTool('tickets-slow')).rejects.toMatchObject({ code: 'WITHDRAWN' })
  await slow.started
  const { setEntryEnabled } = await alice.client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: 1, enabled: false, mode: 'DRAIN', deadlineSeconds: 3600 } })
  await session.settled(setEntryEnabled.cursor)
  expect(session.effective).toMatchObject([{ name: 'tickets', state: 'STOPPING', reason: 'DISABLED' }])
  const { revocations: { nodes: [drain] } } = await server.admin.client.execute(RevocationsDocument, { entryId: id })
  expect(drain).toMatchObject({ mode: 'DRAIN', state: 'PENDING' })
  const { revokeEntry } = await alice.client.execute(RevokeEntryDocument, { input: { id, reason: 'It leaked.' } })
  await Promise.all([call, slow.aborted, session.settled(revokeEntry.cursor)])
  await expect(host.callTool('tickets-slow')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
  const receipts = await Promise.all([drain!.id, revokeEntry.revocation.id].map(untilEnded))
  expect(receipts.map(({ state, targets }) => [state, targets.nodes.map((target) => `${target.sessionId} ${target.state}`)])).toEqual([
    ['COMPLETE', ['s STOPPED']], ['COMPLETE', ['s STOPPED']],
  ])
  await worker.close()
})

/** Until the receipt of what is taken away next knows who had it. */
async function untilReported(entryId: string, state: AppliedState): Promise<void> {
  for (;;) {
    const { workers } = await server.admin.client.execute(WorkersDocument)
    const rows = workers.flatMap(({ sessions }) => sessions.nodes).flatMap(({ entries }) => entries)
    if (rows.some((row) => row.entryId === entryId && row.state === state)) return
  }
}

async function untilEnded(id: string): Promise<NonNullable<RevocationQuery['revocation']>> {
  for (;;) {
    const { revocation } = await server.admin.client.execute(RevocationDocument, { id })
    if (revocation!.state !== 'PENDING') return revocation!
  }
}
