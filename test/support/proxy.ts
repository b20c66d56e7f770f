import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  /** The same address, reached through the proxy. */
  through: (url: string) => string
  /** Cuts every connection as a broken network does, and lets nobody through until `restore`. */
  interrupt: () => void
  /**
   * Tells nobody: connections stay open at both ends, and what is sent on them is lost, for good, as when a router on the way
   * forgot them. Who comes meanwhile gets a connection of the same kind. `restore` helps only those who come after it.
   */
  silence: () => void
  /** Lets through who waits, and whoever comes. */
  restore: () => void
  close: () => Promise<void>
}

/** A piece of network on loopback between a client and the server at `url`. */
export async function startProxy(url: string): Promise<Proxy> {
  const { port, hostname } = new URL(url)
  const open = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  let waiting: Array<() => void> | null = null
  let isSilent = false

  /** `onGone`: what the other end hears of it. */
  const hold = (socket: Socket, onGone: () => void) => {
    open.add(socket)
    // An error is how a connection that was cut ends.
    socket.on('error', () => { if (!silent.has(socket)) onGone() })
    socket.on('close', () => {
      open.delete(socket)
      if (!silent.has(socket)) onGone()
    })
  }
  const swallow = (socket: Socket) => {
    silent.add(socket)
    socket.unpipe()
    socket.resume()
  }
  const join = (client: Socket) => {
    const upstream = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    hold(client, () => upstream.destroy())
    hold(upstream, () => client.destroy())
    client.pipe(upstream)
    upstream.pipe(client)
  }
  // Half open, or it would answer the end of one that is silent.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (isSilent) {
      hold(client, () => {})
      return swallow(client)
    }
    if (waiting === null) return join(client)
    hold(client, () => {})
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
    silence: () => {
      isSilent = true
      open.forEach(swallow)
    },
    restore: () => {
      const arrived = waiting ?? []
      waiting = null
      isSilent = false
      arrived.forEach((enter) => enter())
    },
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
