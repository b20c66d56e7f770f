import { type CustomAgentConfig } from '@github/copilot-sdk'
import { type AgentDefinition } from '../core/agent.js'
import { toolPrefix } from './tool-name.js'

/** What the session has that an agent's list of tools can speak of. */
export interface AgentSurroundings {
  /** A server's tools by their own names, each as an agent's list names it for the runtime; null: the session lacks it. */
  toolsOf: (serverName: string) => ReadonlyMap<string, string> | null
  /** Servers tagged `default`, for agents that inherit them. */
  defaultServers: readonly string[]
  /** The runtime's own tools, for an agent that leaves its tools to the runtime. */
  builtinTools: readonly string[]
  /** Names of the tools that the host gave the session. */
  hostTools: ReadonlySet<string>
}

export interface RuntimeAgent {
  config: CustomAgentConfig
  /** What of its list of tools it does without; null: nothing. */
  note: string | null
}

/** Names of MCP tools have a dash in the runtime, and patterns have other characters, so this is neither. */
const builtinName = /^[A-Za-z][A-Za-z0-9_]*$/
const mostNamed = 5

/**
 * A catalog agent for the runtime. It refers to servers of the session and never brings one of its own: that would run
 * nested, out of reach of a revocation.
 */
export function runtimeAgent(name: string, definition: AgentDefinition, surroundings: AgentSurroundings): RuntimeAgent {
  const { description, prompt, skills, model } = definition
  const { tools, dropped } = agentTools(definition, surroundings)
  return {
    config: { name, description, prompt, tools, ...(skills.length > 0 && { skills }), ...(model !== null && { model }) },
    note: dropped.length === 0 ? null : droppedNote(dropped),
  }
}

/**
 * The tools of the servers that the agent names, each by its full name, or those of them that its list picks; and besides,
 * what its list holds of built-in tools and of the host's. Whatever could reach further (patterns, tools of other servers)
 * is dropped (S12).
 */
export function agentTools(
  definition: Pick<AgentDefinition, 'tools' | 'mcpServers' | 'inheritDefaultMcpServers'>, surroundings: AgentSurroundings,
): { tools: string[]; dropped: string[] } {
  const { toolsOf, defaultServers, builtinTools, hostTools } = surroundings
  const servers = [...new Set([...definition.mcpServers, ...definition.inheritDefaultMcpServers ? defaultServers : []])]
  const tools: string[] = []
  const dropped: string[] = []
  const picked = new Map<string, string[]>()
  for (const text of definition.tools ?? builtinTools) {
    const pick = builtinName.test(text) || hostTools.has(text) ? null : pickOf(text, servers)
    if (pick === null) tools.push(text)
    else if (pick === 'FOREIGN') dropped.push(text)
    else picked.set(pick.server, [...picked.get(pick.server) ?? [], pick.tool])
  }
  for (const server of servers) {
    const offered = toolsOf(server) ?? new Map<string, string>()
    const names = picked.get(server)
    // A picked tool that the server does not have leaves less, and never all of them.
    tools.push(...names === undefined || names.includes('*') ? offered.values() : names.flatMap((name) => offered.get(name) ?? []))
  }
  return { tools: [...new Set(tools)], dropped }
}

/** `server/tool`, `server/*` or `server-tool`, of one of these servers; of two that fit, the longer name is meant. */
function pickOf(text: string, servers: readonly string[]): { server: string; tool: string } | 'FOREIGN' {
  const starts = servers.flatMap((server) => [`${server}/`, `${toolPrefix(server)}-`].map((start) => ({ server, start })))
  const fitting = starts.filter(({ start }) => text.startsWith(start) && text.length > start.length)
  const [best] = fitting.sort((a, b) => b.start.length - a.start.length)
  if (best === undefined) return 'FOREIGN'
  const tool = text.slice(best.start.length)
  return tool === '*' && !best.start.endsWith('/') ? 'FOREIGN' : { server: best.server, tool }
}

function droppedNote(dropped: readonly string[]): string {
  const named = dropped.slice(0, mostNamed).map((text) => JSON.stringify(text.slice(0, 80))).join(', ')
  const rest = dropped.length > mostNamed ? ` and ${dropped.length - mostNamed} more` : ''
  return `Runs without ${named}${rest}: its tools are built-in ones by their names, and those of the MCP servers that it names.`
}
