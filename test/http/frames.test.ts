import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createFrameWriter, waitingBytes } from '../../src/http/frames.js'
import { type Encoded } from '../../src/feed/fan-out.js'

it('F2: sockets share one buffer, and each reads its own id, also those that the network keeps waiting', async () => {
  const httpServer = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(httpServer, 'listening')
  const { port } = httpServer.address() as AddressInfo
  const ids = ['one', 'two', 'ten', 'ünd', '"q"', 'a much longer id', 'one']
  const pairs: Array<{ id: string; client: WebSocket; served: WebSocket }> = []
  for (const id of ids) {
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    const [[served]] = await Promise.all([once(httpServer, 'connection') as Promise<[WebSocket]>, once(client, 'open')])
    pairs.push({ id, client, served })
  }
  const told = pairs.map(({ client }) => {
    const messages: string[] = []
    client.on('message', (data: Buffer) => messages.push(data.toString()))
    return messages
  })
  for (const { client } of pairs) client.pause()
  const text = (size: number, at: number) => JSON.stringify({ data: { at, filler: 'é'.repeat(size) } })
  const batches = [1, 20, 40_000, 3_000_000, 3].map((size, at): Encoded[] => [
    { sequence: 2 * at, isBookmark: false, json: Buffer.from(text(size, 2 * at)) }, { sequence: 2 * at + 1, isBookmark: false, json: Buffer.from(text(size, 2 * at + 1)) },
  ])
  const writers = pairs.map(({ id, served }) => createFrameWriter(served, id))
  for (const batch of batches) {
    for (const write of writers) expect(write(batch)).toBeGreaterThan(0)
    for (const write of writers) write(batch.slice(0, 1))
  }
  expect(pairs.some(({ served }) => waitingBytes(served) > 0)).toBe(true)
  for (const { client } of pairs) client.resume()
  for (const [at, { client }] of pairs.entries()) while (told[at]!.length < 15) await once(client, 'message')
  const read = told.map((messages) => messages.map((message) => JSON.parse(message) as { id: string; type: string; payload: { data: { at: number } } }))
  for (const [at, messages] of read.entries()) {
    expect(messages.map(({ id, type, payload }) => [id, type, payload.data.at]))
      .toEqual([0, 1, 0, 2, 3, 2, 4, 5, 4, 6, 7, 6, 8, 9, 8].map((number) => [ids[at], 'next', number]))
  }
  for (const { client } of pairs) client.terminate()
  await new Promise((resolve) => httpServer.close(resolve))
})
