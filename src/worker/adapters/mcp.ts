import { type AdapterContext, type CatalogAdapter, type SessionAgent, type SessionItem, type SessionServer } from '../adapter.js'
import { type CallOptions, type CallToolResult, type UpstreamTool } from '../connector.js'
import { ToolCallError } from '../errors.js'
import { publicToolName } from '../tool-name.js'

export { ToolCallError, type ToolCallErrorCode } from '../errors.js'

export interface McpTool {
  /** `<server>-<tool>`. */
  name: string
  description: string
  /** JSON Schema of the arguments, as the server gives it. */
  inputSchema: UpstreamTool['inputSchema']
}

/** The session's tools for a host with an agent loop of its own. */
export interface McpAdapter extends CatalogAdapter {
  /** Every tool that can be called now; servers stay in their place, new ones come last. */
  listTools: () => Promise<McpTool[]>
  /**
   * Calls what `listTools` lists. A tool's own failure is a result with `isError`.
   * @throws ToolCallError
   */
  callTool: (name: string, args?: Record<string, unknown>, options?: CallOptions) => Promise<CallToolResult>
  /** The catalog's agents that this session may run. */
  listAgents: () => SessionAgent[]
  /** Told after every change of what `listTools` answers; returns what ends it. */
  onToolsChanged: (listener: () => void) => () => void
}

interface OfferedTool {
  publicName: string
  tool: UpstreamTool
  server: SessionServer
}

/**
 * Two servers can come to one tool name ("a" with "b-x", "a-b" with "x"): whoever was loaded first keeps it, static
 * servers before those of the catalog, and the other's tool is withheld, so that a name never leads to a newcomer (S18).
 */
function offer(servers: Iterable<SessionServer>): { offered: Map<string, OfferedTool>; withheld: Map<string, string[]> } {
  const offered = new Map<string, OfferedTool>()
  const withheld = new Map<string, string[]>()
  const isStatic = ({ entryId }: SessionServer) => entryId === null
  const all = [...servers]
  for (const server of [...all.filter(isStatic), ...all.filter((one) => !isStatic(one))]) {
    for (const tool of server.upstream.tools()) {
      const publicName = publicToolName(server.name, tool.name)
      const winner = offered.get(publicName)
      if (winner === undefined) offered.set(publicName, { publicName, tool, server })
      else withheld.set(server.name, [...withheld.get(server.name) ?? [], `${tool.name} (${publicName} is a tool of ${winner.server.name})`])
    }
  }
  return { offered, withheld }
}

export function mcpAdapter(): McpAdapter {
  /** In the order of loading; a changed entry keeps its place. */
  const servers = new Map<string, SessionServer>()
  const agents = new Map<string, SessionAgent>()
  const listeners = new Set<() => void>()
  const unlisten = new Map<string, () => void>()
  let callRefused: AdapterContext['callRefused'] = () => {}
  const tell = () => { for (const listener of listeners) listener() }
  const byOrder = (a: SessionItem, b: SessionItem) => a.order - b.order

  const loadServer = (server: SessionServer) => {
    unlisten.get(server.name)?.()
    unlisten.set(server.name, server.upstream.onToolsChanged(tell))
    servers.set(server.name, server)
    tell()
  }

  return {
    open: async (context) => { callRefused = context.callRefused },
    load: async (item) => {
      if (item.kind === 'MCP_SERVER') loadServer(item)
      else agents.set(item.name, item)
    },
    unload: async (kind, name) => {
      if (kind === 'AGENT') agents.delete(name)
      else if (servers.delete(name)) {
        unlisten.get(name)?.()
        unlisten.delete(name)
        tell()
      }
    },
    list: () => {
      const { withheld } = offer(servers.values())
      return [...servers.values(), ...agents.values()].sort(byOrder).map(({ kind, name, origin, entryId, revision }) => {
        const tools = kind === 'MCP_SERVER' ? withheld.get(name) : undefined
        return { kind, name, origin, entryId, revision, reason: tools === undefined ? null : `Withheld: ${tools.join(', ')}.` }
      })
    },
    listTools: async () => [...offer(servers.values()).offered.values()]
      .sort((a, b) => byOrder(a.server, b.server))
      .map(({ publicName, tool }) => ({ name: publicName, description: tool.description ?? '', inputSchema: tool.inputSchema })),
    callTool: async (name, args = {}, options = {}) => {
      const found = offer(servers.values()).offered.get(name)
      if (found === undefined) {
        callRefused(name)
        throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name} in this session.`)
      }
      return found.server.upstream.callTool(found.tool.name, args, options)
    },
    listAgents: () => [...agents.values()].sort(byOrder),
    onToolsChanged: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
  }
}
