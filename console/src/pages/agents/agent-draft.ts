import { ownerOfScope, scopeOf } from '../../data/scope.js'
import { type NamedOwner } from '../../data/viewer.js'
import { audienceInput } from '../../entries/audience-input.js'
import { type AgentDefinitionInput, type AgentPartsFragment, type ApplyMoment, type RegisterAgentInput, type UpdateAgentInput, type Visibility } from '../../generated/graphql.js'

/** RUNTIME: the runtime decides which tools there are. */
export type ToolsMode = 'RUNTIME' | 'ONLY' | 'NONE'

/** What the fields hold while somebody types. Skills and tools are texts with one name a line. */
export interface AgentDraft {
  /** A scope of data/scope.ts. */
  owner: string
  name: string
  description: string
  prompt: string
  model: string
  mcpServers: readonly string[]
  skills: string
  toolsMode: ToolsMode
  tools: string
  inheritDefaultMcpServers: boolean
  visibility: Visibility
  audience: readonly NamedOwner[]
  apply: ApplyMoment
  locked: boolean
}

export const emptyDraft = (owner: string): AgentDraft => ({
  owner, name: '', description: '', prompt: '', model: '', mcpServers: [], skills: '', toolsMode: 'RUNTIME', tools: '', inheritDefaultMcpServers: false,
  visibility: owner === 'deployment' ? 'PUBLIC' : 'PRIVATE', audience: [], apply: 'NEXT_TURN', locked: false,
})

export function draftOf(agent: AgentPartsFragment, viewerId: string): AgentDraft {
  const { name, description, prompt, inheritDefaultMcpServers, visibility, apply, locked, tools } = agent
  return {
    name, description, prompt, inheritDefaultMcpServers, visibility, apply, locked,
    owner: scopeOf(agent.owner, viewerId), model: agent.model ?? '', mcpServers: agent.mcpServers, skills: agent.skills.join('\n'),
    toolsMode: tools == null ? 'RUNTIME' : tools.length === 0 ? 'NONE' : 'ONLY', tools: (tools ?? []).join('\n'),
    audience: agent.audience,
  }
}

/** Names, one a line; lines of nothing are none. */
export const namesIn = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '')

/** Names out of a list that was copied from somewhere: by lines, spaces or commas, with the marks of YAML and JSON around them. */
export const namesPasted = (text: string): string[] => text.split(/[\s,[\]]+/).map((part) => part.replace(/^["'](.*)["']$/, '$1')).filter((part) => part !== '' && part !== '-' && part !== '*')

export function definitionOf({ description, prompt, model, mcpServers, skills, toolsMode, tools, inheritDefaultMcpServers }: AgentDraft): AgentDefinitionInput {
  return {
    description, prompt, inheritDefaultMcpServers, mcpServers: [...mcpServers], skills: namesIn(skills), model: model.trim() === '' ? null : model.trim(),
    tools: toolsMode === 'RUNTIME' ? null : toolsMode === 'NONE' ? [] : namesIn(tools),
  }
}

export function registerInputOf(draft: AgentDraft): RegisterAgentInput {
  const { name, visibility, apply, locked } = draft
  return { name, visibility, apply, locked, owner: ownerOfScope(draft.owner) ?? { kind: 'USER' }, audience: audienceInput(draft), definition: definitionOf(draft) }
}

export function updateInputOf(draft: AgentDraft, id: string, expectedRevision: number): UpdateAgentInput {
  const { owner: _, ...input } = registerInputOf(draft)
  return { id, expectedRevision, ...input }
}
