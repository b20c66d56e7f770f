import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  /** The same address, reached through the proxy. */
  through: (url: string) => string
  /** Cuts every connection as a broken network does, and lets nobody through until `restore`. */
  interrupt: () => void
  /** Lets through who waits, and whoever comes. */
  restore: () => void
  close: () => Promise<void>
}

/** A piece of network on loopback between a client and the server at `url`. */
export async function startProxy(url: string): Promise<Proxy> {
  const { port, hostname } = new URL(url)
  const open = new Set<Socket>()
  let waiting: Array<() => void> | null = null

  const join = (client: Socket) => {
    const upstream = connect(Number(port), hostname)
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      open.add(socket)
      // The other end hears of it too; an error is how a connection that was cut ends.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
  const server = createServer((client) => {
    open.add(client)
    if (waiting === null) return join(client)
    client.on('error', () => client.destroy())
    client.on('close', () => open.delete(client))
    waiting.push(() => join(client))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo

  const cut = () => open.forEach((socket) => socket.resetAndDestroy())
  return {
    through: (target) => target.replace(`${hostname}:${port}`, `127.0.0.1:${address.port}`),
    interrupt: () => {
      waiting = []
      cut()
    },
    restore: () => {
      const arrived = waiting ?? []
      waiting = null
      arrived.forEach((enter) => enter())
    },
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
