import { isEqualJson } from './canonical.js'
import { type AgentMd, parseAgentMd } from './agent-md.js'

/** What of an agent an `.agent.md` has a place for, and the model, for which it has none. */
export interface WrittenAgent {
  name: string
  description: string
  prompt: string
  /** null: the runtime decides; []: none. */
  tools: readonly string[] | null
  skills: readonly string[]
  mcpServers: readonly string[]
  inheritDefaultMcpServers: boolean
  model: string | null
}

const fields = ['name', 'description', 'prompt', 'tools', 'skills', 'mcpServers', 'inheritDefaultMcpServers', 'model'] as const

/**
 * An agent as the text of an `.agent.md`.
 * @returns also the fields that come back in another form when the text is read (`parseAgentMd`): the model, `tools` without a name, which there
 * means that the runtime decides, line ends of a description, space before a prompt
 */
export function agentMdText(agent: WrittenAgent): { text: string; lost: string[] } {
  const { name, description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers } = agent
  const text = [
    // 2: an older loader drops MCP servers.
    '---', 'schemaVersion: 2', 'version: 1', `name: ${quoted(name)}`,
    ...(description === '' ? [] : [`description: ${quoted(oneLine(description))}`]),
    ...listOf('tools', tools ?? []), ...listOf('skills', skills), ...listOf('mcpServers', mcpServers),
    ...(inheritDefaultMcpServers ? ['inheritDefaultMcpServers: true'] : []),
    '---', '', prompt,
  ].join('\n')
  const { agent: read } = parseAgentMd(text, 'agent.agent.md')
  const back: WrittenAgent | null = read === undefined ? null : asWritten(read)
  return { text, lost: fields.filter((field) => back === null || !isEqualJson(back[field], agent[field])) }
}

const asWritten = ({ name, description = '', prompt, tools, skills = [], mcpServers = [], inheritDefaultMcpServers = false }: AgentMd): WrittenAgent =>
  ({ name, description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers, model: null })

const oneLine = (text: string): string => text.split('\n').map((line) => line.trim()).filter((line) => line !== '').join(' ')

const listOf = (key: string, items: readonly string[]): string[] => (items.length === 0 ? [] : [`${key}:`, ...items.map((item) => `  - ${quoted(item)}`)])

/** Plain where it can be: the reader takes off one pair of quotes around the whole, and space around that, and knows no escape. */
function quoted(text: string): string {
  return text === '' || text !== text.trim() || /^["'[|>]|["'\]]$/.test(text) ? `"${text}"` : text
}
