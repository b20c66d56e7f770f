import { expect, it } from 'vitest'
import { DeleteEntryDocument } from '../../src/client/index.js'
import { relayAdapter } from '../../src/worker/adapters/relay.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { connectMcpClient } from '../support/mcp-client.js'
import { startEverything } from '../support/mcp-servers.js'
import { startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server, everything } = shared({ server: startLoopbackServer, everything: () => startEverything() })

it('an unmodified MCP client has what is registered after it connected, and loses it when it is deleted', async () => {
  const carol = await server.user('carol')
  const { token } = await server.worker()
  const worker = await createCatalogWorker({ url: server.url, token, workerId: 'three' })
  const relay = relayAdapter()
  await worker.openSession({ id: 'hers', owner: { kind: 'USER', id: carol.id }, adapter: relay })
  const { client, tools, until, close } = await connectMcpClient(relay.endpoint())
  expect(await tools()).toEqual([])

  const { id } = await server.register(carol, 'everything', { url: everything.url })
  const direct = await connectMcpClient(everything.url)
  // What runs as a task alone could not be called, so it is not listed.
  await until('tools', (await direct.tools()).filter((name) => name !== 'simulate-research-query').map((name) => `everything-${name}`))
  expect(await client.callTool({ name: 'everything-echo', arguments: { message: 'hello' } })).toMatchObject({ content: [{ text: 'Echo: hello' }] })

  await carol.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
  await until('tools', [])
  await expect(client.callTool({ name: 'everything-echo', arguments: { message: 'again' } })).rejects.toMatchObject({ code: -32602 })
  await Promise.all([close(), direct.close()])
  await worker.close()
})
