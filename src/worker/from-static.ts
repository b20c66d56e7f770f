import { type AgentDefinition } from '../core/agent.js'
import { type McpTransport, type NameValue } from '../core/mcp-server.js'
import { type StaticAgent } from './static-agents.js'
import { type StaticServer } from './static-mcp.js'
import { type UpstreamTarget } from './upstream-options.js'

/** What a static configuration asks for, or why it cannot work (it is loaded without validation, as PilotSwarm does). */
export type StaticTarget = { target: UpstreamTarget } | { problem: string }

/**
 * Reads a static server's configuration the way the Copilot runtime does: `tools` left out or `["*"]` means all, `local`
 * is another word for `stdio`, and a `url` needs a type.
 */
export function targetOfStatic({ config }: StaticServer): StaticTarget {
  const transport = transportOf(config)
  if (typeof transport === 'string') return { problem: transport }
  const include = texts(config.tools)
  return {
    target: {
      transport,
      tools: { include: include ?? ['*'], exclude: texts(config.excludeTools) ?? [] },
      timeoutMs: typeof config.timeout === 'number' && config.timeout > 0 ? config.timeout : null,
    },
  }
}

function transportOf(config: Record<string, unknown>): McpTransport | string {
  const { type, command, url } = config
  if (isText(command) && (type === undefined || type === 'stdio' || type === 'local')) {
    return { kind: 'STDIO', command, args: texts(config.args) ?? [], env: pairs(config.env), cwd: isText(config.cwd) ? config.cwd : null }
  }
  if (isText(url) && (type === 'http' || type === 'sse')) {
    if (!URL.canParse(url)) return 'The url is not an absolute URL.'
    return { kind: type === 'http' ? 'HTTP' : 'SSE', url, headers: pairs(config.headers) }
  }
  return 'It needs a command, or a url with the type http or sse.'
}

/** A static agent as adapters get agents; what only PilotSwarm knows of it (splash, schedules) is left out. */
export function definitionOfStatic(agent: StaticAgent): AgentDefinition {
  return {
    description: agent.description ?? '', prompt: agent.prompt, tools: agent.tools, skills: agent.skills ?? [],
    mcpServers: agent.mcpServers ?? [], inheritDefaultMcpServers: agent.inheritDefaultMcpServers ?? false, model: null,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function texts(value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : null
}

function pairs(value: unknown): NameValue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, text]) => (typeof text === 'string' ? [{ name, value: text }] : []))
}
