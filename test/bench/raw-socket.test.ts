import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { serverFrame } from '../../bench/frames.js'
import { RawSocket } from '../../bench/raw-socket.js'

const servers: Array<{ close: () => void }> = []
afterEach(() => servers.splice(0).forEach((server) => server.close()))

interface Heard {
  socket: RawSocket
  texts: string[]
  closed: Promise<string>
  /** Resolves when so many texts have come. */
  count: (many: number) => Promise<void>
}

function connect(port: number): Promise<Heard> {
  const texts: string[] = []
  const checks = new Set<() => void>()
  let ended = (_why: string) => {}
  const closed = new Promise<string>((resolve) => { ended = resolve })
  return new Promise((resolve) => {
    const count = (many: number) => new Promise<void>((done) => {
      const check = () => void (texts.length >= many && done())
      checks.add(check)
      check()
    })
    const socket = new RawSocket({
      host: '127.0.0.1', port, path: '/graphql', protocol: 'graphql-transport-ws', closed: (why) => ended(why),
      opened: () => resolve({ socket, texts, closed, count }),
      text: (frame) => {
        texts.push(frame.toString())
        checks.forEach((check) => check())
      },
    })
    void closed.then(() => resolve({ socket, texts, closed, count }))
  })
}

async function webSocketServer(): Promise<{ port: number; accepted: Promise<WebSocket> }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' })
  servers.push(server)
  const accepted = once(server, 'connection').then(([socket]) => socket as WebSocket)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, accepted }
}

describe('the thin WebSocket client', () => {
  it('speaks with a real server: text of every size, pings, close codes', async () => {
    const { port, accepted } = await webSocketServer()
    const client = await connect(port)
    const server = await accepted
    const texts = [0, 1, 125, 126, 65_535, 65_536, 3_000_000].map((size) => 'a'.repeat(size))
    texts.forEach((text) => server.send(text))
    await client.count(texts.length)
    expect(client.texts.map((text) => text.length)).toEqual(texts.map((text) => text.length))

    const heard = once(server, 'message')
    client.socket.send('x'.repeat(70_000))
    expect(String(((await heard) as [Buffer])[0])).toHaveLength(70_000)

    const pong = once(server, 'pong')
    server.ping('are you there')
    expect(String(((await pong) as [Buffer])[0])).toBe('are you there')

    server.close(4429, 'Too many sockets')
    expect(await client.closed).toBe('4429 Too many sockets')
  })

  it('reads frames wherever the network cut them', async () => {
    const frames = Buffer.concat(['first', 'b'.repeat(300), 'c'.repeat(70_000), 'last'].map(serverFrame))
    const cut = createServer((socket: Socket) => void socket.once('data', () => {
      socket.setNoDelay(true)
      socket.write('HTTP/1.1 101 Switching Protocols\r\n')
      const pieces = [...Array.from({ length: 400 }, (_, at) => frames.subarray(at, at + 1)), frames.subarray(400, 60_000), frames.subarray(60_000)]
      const next = () => {
        const piece = pieces.shift()
        if (piece !== undefined) socket.write(piece, () => setImmediate(next))
      }
      socket.write('\r\n', next)
    }))
    servers.push(cut)
    cut.listen(0, '127.0.0.1')
    await once(cut, 'listening')
    const client = await connect((cut.address() as AddressInfo).port)
    await client.count(4)
    expect(client.texts.map((text) => text.length)).toEqual([5, 300, 70_000, 4])
    client.socket.drop()
    await client.closed
  })

  it('says why it did not get in', async () => {
    const refusing = createServer((socket) => void socket.once('data', () => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')))
    servers.push(refusing)
    refusing.listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    expect(await (await connect((refusing.address() as AddressInfo).port)).closed).toBe('HTTP/1.1 503 Service Unavailable')
  })
})
