import { type SessionServer } from './adapter.js'
import { publicToolName } from './tool-name.js'

/** A tool or a prompt under the name it is offered by. */
export interface Offered<Item> {
  publicName: string
  item: Item
  server: SessionServer
}

export interface ByName<Item> {
  offered: Map<string, Offered<Item>>
  /** What is not offered and why, by the name of its server. */
  withheld: Map<string, string[]>
}

/** Those that nobody in the catalog can push aside come first; else whoever was loaded first. */
export function byPrecedence(servers: Iterable<SessionServer>): SessionServer[] {
  const isStatic = ({ entryId }: SessionServer) => entryId === null
  const all = [...servers]
  return [...all.filter(isStatic), ...all.filter((one) => !isStatic(one))]
}

/**
 * Two servers can come to one name ("a" with "b-x", "a-b" with "x"): whoever was loaded first keeps it, static servers
 * before those of the catalog, and the other's is withheld, so that a name never leads to a newcomer (S18).
 * @param servers in the order of loading
 */
export function offerByName<Item extends { name: string }>(
  servers: Iterable<SessionServer>, itemsOf: (server: SessionServer) => readonly Item[],
  nameOf: (serverName: string, itemName: string) => string = publicToolName,
): ByName<Item> {
  const offered = new Map<string, Offered<Item>>()
  const withheld = new Map<string, string[]>()
  for (const server of byPrecedence(servers)) {
    for (const item of itemsOf(server)) {
      const publicName = nameOf(server.name, item.name)
      const winner = offered.get(publicName)
      if (winner === undefined) offered.set(publicName, { publicName, item, server })
      else withheld.set(server.name, [...withheld.get(server.name) ?? [], `${item.name} (${publicName} is a tool of ${winner.server.name})`])
    }
  }
  return { offered, withheld }
}

/** What is offered in the order of the session, in which servers keep their place. */
export function inSessionOrder<Item>({ offered }: ByName<Item>): Array<Offered<Item>> {
  return [...offered.values()].sort((a, b) => a.server.order - b.server.order)
}

/** What is to be said of servers whose tools are withheld. */
export function withheldTools(servers: Iterable<SessionServer>): Map<string, string> {
  const { withheld } = offerByName(servers, ({ upstream }) => upstream.tools())
  return new Map([...withheld].map(([name, tools]) => [name, `Withheld: ${tools.join(', ')}.`]))
}
