import { once } from 'node:events'
import { print } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { CatalogChangedDocument, RegisterAgentDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { startTestServer, type TestServer } from '../support/server.js'

let server: TestServer
beforeAll(async () => { server = await startTestServer({ maxWaitingBytes: 65_536 }) })
afterAll(() => server.close())

it('F4: what waits for a stalled subscriber is bounded; it is closed with 4420 and resumes by cursor', async () => {
  const user = await server.user('stalled')
  const { id } = await server.register(user, 'chatty')
  const healthy = await user.watch()
  const { cursor } = await healthy.nextSnapshot()
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${user.token}` } }))
  await once(socket, 'message')
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: print(CatalogChangedDocument), variables: { owner: { kind: 'USER' } } } }))
  await once(socket, 'message')
  // The reader stops: bytes pile up in the kernel first, then at the server.
  socket.pause()
  const description = 'x'.repeat(3_900)
  const headers = Array.from({ length: 60 }, (_, at) => ({ name: `X-${at}`, value: 'y'.repeat(950) }))
  let revision = 1
  while (server.app.hub.size() > 1) {
    const { updateMcpServer } = await user.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: revision, definition: { description: description + revision, transport: { http: { url: 'https://c.example.com', headers } } } },
    })
    revision = updateMcpServer.mcpServer.revision
    expect(revision, 'a stalled subscriber was never dropped').toBeLessThan(200)
  }
  const closed = once(socket, 'close')
  socket.resume()
  expect((await closed)[0]).toBe(4420)
  const last = await server.register(user, 'last')
  await healthy.reached(last.cursor)
  const resumed = await user.watch({ kind: 'USER' }, cursor)
  const delta = await resumed.nextDelta()
  expect(delta.upserted.map(({ name, revision: at }) => [name, at])).toEqual([['chatty', revision], ['last', 1]])
  expect(resumed.view().get('MCP_SERVER:last')).toBe(healthy.view().get('MCP_SERVER:last'))
})

it('F4: first events wait for their turn: a client that does not read gets one at a time, and all of them once it reads', async () => {
  const user = await server.user('greedy')
  await user.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'a', definition: { prompt: 'x'.repeat(190_000) } } })
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${user.token}` } }))
  await once(socket, 'message')
  const before = server.app.hub.size()
  socket.pause()
  const aliases = Array.from({ length: 8 }, (_, at) => `p${at}: prompt`).join(' ')
  const operations = 40
  for (let id = 0; id < operations; id++) {
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: `subscription { catalogChanged(owner: { kind: USER }) { ... on CatalogSnapshot { agents { ${aliases} } } } }` } }))
  }
  // Time for the server to do more, told by answers to somebody else.
  for (let at = 0; at < 20; at++) await server.register(server.admin, `tick-${at}`)
  expect(server.app.hub.size() - before).toBeLessThan(10)
  const served = new Set<string>()
  socket.on('message', (data: Buffer) => served.add(/^\{"id":"(\d+)"/.exec(data.toString('utf8', 0, 20))?.[1] ?? ''))
  socket.resume()
  while (served.size < operations) await once(socket, 'message')
  const closed = once(socket, 'close')
  socket.close()
  await closed
})
