import { type SessionConfig } from '@github/copilot-sdk'
import { type SessionServer } from './adapter.js'
import { type UpstreamTool } from './connector.js'
import { type AgentSurroundings } from './copilot-agents.js'
import { type CopilotSessions } from './copilot-client.js'
import { type CopilotNames } from './copilot-names.js'
import { heldError } from './errors.js'
import { type Offered, toolsByName } from './offer-by-name.js'

/** What a Copilot session holds of the catalog, as far as names of tools go. */
export interface CopilotOffer {
  names: CopilotNames
  /** In the order of loading. */
  servers: ReadonlyMap<string, SessionServer>
  config: SessionConfig
  builtinTools: readonly string[]
  /** Whether the runtime lets a server of its own have that tool of the session's server. */
  admits: (serverName: string, toolName: string) => boolean
}

/** Empty when the client is not connected yet. */
export async function builtinToolsOf({ client, config: { model } }: { client: CopilotSessions; config: SessionConfig }): Promise<string[]> {
  try {
    const { tools } = await client.rpc.tools.list(model === undefined ? {} : { model })
    return tools.map(({ name }) => name)
  } catch {
    return []
  }
}

/** As the relay offers them. */
export function offeredTools(servers: Iterable<SessionServer>): Array<Offered<UpstreamTool>> {
  return [...toolsByName(servers).offered.values()]
}

/**
 * What the runtime can call, by its names, which are shorter and of fewer characters: several servers can come to one. What
 * is withheld counts for as long as the runtime has not taken the change that leaves it out.
 */
function wireTools({ servers, names, admits }: CopilotOffer): Map<string, Set<string>> {
  const serversByName = new Map<string, Set<string>>()
  const { offered, withheld } = toolsByName(servers.values())
  const stillThere = withheld.map(({ claim }) => claim).filter(({ server, item }) => admits(server.name, item.name))
  for (const { server, item } of [...offered.values(), ...stillThere]) {
    const wireName = names.wireName(server.name, item.name)
    serversByName.set(wireName, (serversByName.get(wireName) ?? new Set()).add(server.name))
  }
  return serversByName
}

/** Changes when the set of tools does. */
export function wireNamesOf(offer: CopilotOffer): string {
  return [...wireTools(offer).keys()].sort().join()
}

/** What an agent's list of tools can speak of. */
export function surroundingsOf({ names, servers, config: { tools = [] }, builtinTools }: CopilotOffer): AgentSurroundings {
  const references = new Map([...servers.keys()].map((name) => [name, new Map<string, string>()]))
  for (const one of offeredTools(servers.values())) references.get(one.server.name)?.set(one.item.name, names.reference(one))
  return {
    toolsOf: (serverName) => references.get(serverName) ?? null,
    defaultServers: [...servers.values()].flatMap(({ name, isDefault }) => (isDefault ? [name] : [])), builtinTools, hostTools: new Set(tools.map(({ name }) => name)),
  }
}

/**
 * Why the runtime must not call a tool of that name; null: nothing is said against it. Gates that are closed show no tools,
 * so this is the second lock in front of the runtime. Of two servers whose tools have one name in the runtime nobody can
 * tell which one it would call, so neither is called (S18).
 * @param onRefused told the name `<server>-<tool>` of what the session does not have
 */
export function judgeTool(offer: CopilotOffer, toolName: string, onRefused: (publicName: string) => void): string | null {
  const publicName = offer.names.publicNameOf(toolName)
  if (publicName === null) return null
  const owners = wireTools(offer).get(toolName)
  if (owners !== undefined) return owners.size > 1 ? `${toolName} is the name of tools of ${[...owners].join(' and ')}.` : null
  onRefused(publicName)
  // What was in the model's last list may be called once more.
  const isHeld = [...offer.servers.values()].some(({ name, upstream }) => upstream.heldTools().some((tool) => offer.names.wireName(name, tool) === toolName))
  return isHeld ? heldError(toolName).message : `${toolName} is not available in this session any more.`
}

/** What is to be said of servers because others come to names of their tools in the runtime, by their names. */
export function contestedNotes(offer: CopilotOffer): Map<string, string> {
  const contested = new Map<string, string[]>()
  for (const [wireName, owners] of wireTools(offer)) {
    if (owners.size > 1) for (const name of owners) contested.set(name, [...contested.get(name) ?? [], wireName])
  }
  return new Map([...contested].map(([name, tools]) => (
    [name, `Refused, because tools of two servers have that name in the Copilot runtime: ${tools.join(', ')}.`]
  )))
}
