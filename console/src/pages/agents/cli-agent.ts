import { agentMdText } from '../../../../src/core/agent-md-text.js'
import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type Scope } from '../../data/scope.js'
import { type NamedOwner } from '../../data/viewer.js'
import { cliShare } from '../../entries/cli-share.js'
import { type AgentDraft, definitionOf } from './agent-draft.js'

const optionsOf = (owner: Scope, onConflict: string): string => ` --owner ${shellQuoted(owner)}${onConflict === 'fail' ? '' : ` --on-conflict ${onConflict}`}`

/** A command that reads the file. The CLI knows by `.md` that it is an agent; a name that looks like an option gets a folder before it. */
export function cliImportFile(fileName: string, owner: Scope, onConflict = 'fail'): string {
  return `pilothouse import ${shellQuoted(fileName.startsWith('-') ? `./${fileName}` : fileName)}${fileName.endsWith('.md') ? '' : ' --format agent-md'}${optionsOf(owner, onConflict)}`
}

/** A command that reads an `.agent.md` from standard input. The quotes keep the shell from filling in anything; no line of the text ends it. */
export function cliImportAgent(text: string, owner: Scope, onConflict = 'fail'): string {
  const lines = new Set(text.split('\n'))
  let end = 'EOF'
  while (lines.has(end)) end += '_'
  return `pilothouse import - --format agent-md${optionsOf(owner, onConflict)} <<'${end}'\n${text.replace(/\n$/, '')}\n${end}`
}

/** What saves an agent, and then says who uses it where that is not as it would be anyway; `lost`: the fields that an `.agent.md` cannot say. */
export function cliSaveAgent(draft: AgentDraft, owner: Pick<NamedOwner, 'kind' | 'id'>, viewerId: string, isNew: boolean): { line: string; lost: string[] } {
  const { description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers, model } = definitionOf(draft)
  const { text, lost } = agentMdText({
    name: draft.name, description: description ?? '', prompt, tools: tools ?? null, skills: skills ?? [], mcpServers: mcpServers ?? [], inheritDefaultMcpServers: inheritDefaultMcpServers === true, model: model ?? null,
  })
  const line = cliImportAgent(text, draft.owner, isNew ? 'fail' : 'update')
  const isDefault = draft.visibility === (owner.kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE')
  const share = isNew && isDefault ? null : cliShare({ name: draft.name, owner }, draft, viewerId)
  return { line: share === null ? line : `${line}\n${share}`, lost }
}
