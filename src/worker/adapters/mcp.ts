import { type AdapterContext, type CatalogAdapter, type SessionAgent, type SessionItem } from '../adapter.js'
import { type CallOptions, type CallToolResult, type UpstreamTool } from '../connector.js'
import { inSessionOrder, noTool, toolsByName, withheldTools } from '../offer-by-name.js'
import { createServerShelf } from '../server-shelf.js'
import { tellEach } from '../tell-each.js'

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

export function mcpAdapter(): McpAdapter {
  const agents = new Map<string, SessionAgent>()
  const listeners = new Set<() => void>()
  let callRefused: AdapterContext['callRefused'] = () => {}
  const shelf = createServerShelf((change) => {
    if (change === 'TOOLS') tellEach(listeners)
  })
  const tools = () => toolsByName(shelf.servers())
  const byOrder = (a: SessionItem, b: SessionItem) => a.order - b.order

  return {
    open: async (context) => { callRefused = context.callRefused },
    load: async (item) => {
      if (item.kind === 'MCP_SERVER') shelf.load(item)
      else agents.set(item.name, item)
    },
    unload: async (kind, name) => {
      if (kind === 'AGENT') agents.delete(name)
      else shelf.unload(name)
    },
    list: () => {
      const withheld = withheldTools(shelf.servers())
      return [...shelf.servers(), ...agents.values()].sort(byOrder).map(({ kind, name, origin, entryId, revision }) => (
        { kind, name, origin, entryId, revision, reason: kind === 'MCP_SERVER' ? withheld.get(name) ?? null : null }
      ))
    },
    listTools: async () => inSessionOrder(tools())
      .map(({ publicName, item }) => ({ name: publicName, description: item.description ?? '', inputSchema: item.inputSchema })),
    callTool: async (name, args = {}, options = {}) => {
      const found = tools().offered.get(name)
      if (found === undefined) {
        callRefused(name)
        throw noTool(name, shelf.servers())
      }
      return found.server.upstream.callTool(found.item.name, args, options)
    },
    listAgents: () => [...agents.values()].sort(byOrder),
    onToolsChanged: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
  }
}
