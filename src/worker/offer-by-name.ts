import { type SessionServer } from './adapter.js'
import { heldError, ToolCallError } from './errors.js'
import { type UpstreamTool } from './link.js'
import { type Offers } from './offers.js'
import { publicToolName } from './tool-name.js'

/** What a server offers, under the name or the URI that it is offered by. */
export interface Offered<Item> {
  publicName: string
  item: Item
  server: SessionServer
}

export interface ByName<Item> {
  /** Servers in the order of loading, what they offer in their own. */
  offered: Map<string, Offered<Item>>
  /** What is not offered, each with what has its name. */
  withheld: Array<{ claim: Offered<Item>; holder: Offered<Item> }>
}

/**
 * Several servers can come to one name ("a" with "b-x", "a-b" with "x"): whoever offered it first keeps it for as long as it
 * does, static servers before those of the catalog, which cannot push them aside. The others' is withheld, so that a name
 * never leads to a newcomer (S18).
 * @param servers in the order of loading, which decides between those that are equally old
 */
export function offerByName<Kind extends keyof Offers>(
  kind: Kind, servers: Iterable<SessionServer>, itemsOf: (server: SessionServer) => ReadonlyArray<Offers[Kind]>,
  nameOf: (item: Offers[Kind], server: SessionServer) => string,
): ByName<Offers[Kind]> {
  const claims = [...servers].flatMap((server) => itemsOf(server).map((item) => ({
    publicName: nameOf(item, server), item, server, isStatic: server.entryId === null, since: server.upstream.offeredSince(kind, item),
  })))
  const holders = new Map<string, typeof claims[number]>()
  for (const claim of claims) {
    const holder = holders.get(claim.publicName)
    const isBefore = holder === undefined || (claim.isStatic === holder.isStatic ? claim.since < holder.since : claim.isStatic)
    if (isBefore) holders.set(claim.publicName, claim)
  }
  const holderOf = ({ publicName }: Offered<Offers[Kind]>) => holders.get(publicName)!
  return {
    offered: new Map(claims.filter((claim) => holderOf(claim) === claim).map((claim) => [claim.publicName, claim])),
    withheld: claims.filter((claim) => holderOf(claim) !== claim).map((claim) => ({ claim, holder: holderOf(claim) })),
  }
}

/** The tools of all servers as `<server>-<tool>`. */
export function toolsByName(servers: Iterable<SessionServer>): ByName<UpstreamTool> {
  return offerByName('TOOLS', servers, ({ upstream }) => upstream.tools(), (tool, server) => publicToolName(server.name, tool.name))
}

/** Why there is no tool of that public name. */
export function noTool(name: string, servers: Iterable<SessionServer>): ToolCallError {
  const isHeld = [...servers].some((server) => server.upstream.heldTools().some((tool) => publicToolName(server.name, tool) === name))
  return isHeld ? heldError(name) : new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name} in this session.`)
}

/** What is offered in the order of the session, in which servers keep their place. */
export function inSessionOrder<Item>({ offered }: ByName<Item>): Array<Offered<Item>> {
  return [...offered.values()].sort((a, b) => a.server.order - b.server.order)
}

/** What is to be said of servers whose tools are withheld. */
export function withheldTools(servers: Iterable<SessionServer>): Map<string, string> {
  const tools = new Map<string, string[]>()
  for (const { claim: { server, item, publicName }, holder } of toolsByName(servers).withheld) {
    tools.set(server.name, [...tools.get(server.name) ?? [], `${item.name} (${publicName} is a tool of ${holder.server.name})`])
  }
  return new Map([...tools].map(([name, all]) => [name, `Withheld: ${all.join(', ')}.`]))
}
