import { type MCPServerConfig, type SessionConfig } from '@github/copilot-sdk'
import { type SessionRelay, type SessionServer } from './adapter.js'
import { type UpstreamTool } from './connector.js'
import { type Offered } from './offer-by-name.js'
import { publicToolName, toolPrefix } from './tool-name.js'

type OfferedTool = Offered<UpstreamTool>

/** How the runtime knows the catalog's servers and their tools. */
export interface CopilotNames {
  /** The servers that the runtime is to have for these of the session, by its names for them. */
  mcpServers: (relay: SessionRelay, servers: readonly SessionServer[], offered: readonly OfferedTool[]) => Record<string, MCPServerConfig>
  /** A tool as the model and the hooks see it. */
  wireName: (serverName: string, toolName: string) => string
  /** A tool as an agent's list names it. */
  reference: (tool: OfferedTool) => string
  /** Whether the runtime's server of that name comes, or came, from the catalog. */
  isCatalogServer: (runtimeName: string) => boolean
  /** The name without the catalog's part, of a tool that nobody but the catalog can have; null: it is somebody else's. */
  publicNameOf: (wireName: string) => string | null
  /** Why the session cannot have a server of that name; null: it can, and its name is the catalog's from now on. */
  admit: (serverName: string) => string | null
  /** The runtime's server that goes with this one and has to be stopped; null: none. */
  ownServer: (serverName: string) => string | null
}

/** The runtime's one server for all of the catalog's. */
export const catalogServer = 'catalog'

/**
 * One server for all: tools are `catalog-<server>-<tool>`, and come and go without a call to the runtime.
 * @throws TypeError when the host uses the name itself
 */
export function namesOfOne({ mcpServers = {}, tools = [] }: SessionConfig): CopilotNames {
  const isTaken = (name: string) => name === catalogServer || name.startsWith(`${catalogServer}-`)
  const server = Object.keys(mcpServers).find((name) => isTaken(runtimeName(name)))
  if (server !== undefined) throw new TypeError(`config.mcpServers: ${server} would have the name of the catalog's server or of its tools; name it differently.`)
  const tool = tools.find(({ name }) => isTaken(name.toLowerCase()))
  if (tool !== undefined) throw new TypeError(`config.tools: ${tool.name} would have the name of a tool of the catalog; name it differently.`)
  return {
    mcpServers: ({ url }) => ({ [catalogServer]: { type: 'http', url, tools: ['*'] } }),
    wireName: (serverName, toolName) => reduced(`${catalogServer}-${publicToolName(serverName, toolName)}`),
    reference: ({ publicName }) => `${catalogServer}/${publicName}`,
    isCatalogServer: (name) => name === catalogServer,
    publicNameOf: (wireName) => (wireName.startsWith(`${catalogServer}-`) ? wireName.slice(catalogServer.length + 1) : null),
    admit: () => null,
    ownServer: () => null,
  }
}

/**
 * A server for each: tools are `<server>-<tool>`, and servers come and go by resident resume. The names that the host uses
 * stay its own (S18).
 */
export function namesPerServer({ mcpServers = {}, tools = [] }: SessionConfig): CopilotNames {
  const ofHost = Object.keys(mcpServers)
  /** Names that the session had since it began: what is left of their tools is the catalog's. */
  const known = new Set<string>()
  return {
    mcpServers: (relay, servers, offered) => Object.fromEntries(servers.map(({ name, upstream }): [string, MCPServerConfig] => {
      const own = offered.filter(({ server }) => server.name === name).map(({ item }) => item.name)
      // What is withheld would stand over another server's tool.
      return [toolPrefix(name), { type: 'http', url: relay.urlOf(name), tools: own.length === upstream.tools().length ? ['*'] : own }]
    })),
    wireName: (serverName, toolName) => reduced(publicToolName(serverName, toolName)),
    reference: ({ server, item }) => `${toolPrefix(server.name)}/${item.name}`,
    isCatalogServer: (name) => known.has(name),
    publicNameOf: (wireName) => ([...known].some((name) => wireName.startsWith(`${name}-`)) ? wireName : null),
    admit: (serverName) => {
      const name = runtimeName(serverName)
      const server = ofHost.find((each) => overlap(runtimeName(each), name))
      if (server !== undefined) return `The host gave the session an MCP server ${server}, whose name and tools stay its own.`
      const tool = tools.find((each) => each.name.toLowerCase().startsWith(`${name}-`))
      if (tool !== undefined) return `The host gave the session a tool ${tool.name}, which stays its own.`
      known.add(toolPrefix(serverName))
      return null
    },
    ownServer: (serverName) => toolPrefix(serverName),
  }
}

const longestWireName = 64

/** What the runtime makes of a tool's name. Two names can become one by it. */
function reduced(name: string): string {
  return toolPrefix(name).slice(0, longestWireName)
}

/** As the runtime reduces it, without the case, which tells nobody apart. */
function runtimeName(serverName: string): string {
  return toolPrefix(serverName).toLowerCase()
}

/** Whether tools of the two could have one name: "a" with a tool "b-x", "a-b" with a tool "x". */
function overlap(a: string, b: string): boolean {
  return `${a}-`.startsWith(`${b}-`) || `${b}-`.startsWith(`${a}-`)
}
