import { agentMdText } from '../../../../src/core/agent-md-text.js'
import { cliLine, unless } from '../../data/cli-line.js'
import { type Scope } from '../../data/scope.js'
import { type NamedOwner } from '../../data/viewer.js'
import { saveLines } from '../../entries/cli-args.js'
import { type AgentDraft, definitionOf } from './agent-draft.js'

const optionsOf = (owner: Scope, onConflict: string) => ({ owner, 'on-conflict': unless('fail', onConflict) })

/** A name for a file that nobody has chosen yet. */
export const exampleFile = 'planner.agent.md'

/** A command that reads the file. The CLI knows by `.md` that it is an agent. */
export function cliImportFile(fileName: string, owner: Scope, onConflict = 'fail'): string {
  return cliLine('import', [fileName], { format: fileName.endsWith('.md') ? undefined : 'agent-md', ...optionsOf(owner, onConflict) })
}

/** A command that reads an `.agent.md` from standard input. The quotes keep the shell from filling in anything; no line of the text ends it. */
export function cliImportAgent(text: string, owner: Scope, onConflict = 'fail'): string {
  const lines = new Set(text.split('\n'))
  let end = 'EOF'
  while (lines.has(end)) end += '_'
  return `${cliLine('import', ['-'], { format: 'agent-md', ...optionsOf(owner, onConflict) })} <<'${end}'\n${text.replace(/\n$/, '')}\n${end}`
}

/** What saves an agent; `before`: as it was opened, null: it is a new one. `lost`: what neither an `.agent.md` nor `change` can say. */
export function cliSaveAgent(draft: AgentDraft, owner: Pick<NamedOwner, 'kind' | 'id'>, viewerId: string, before: AgentDraft | null): { line: string; lost: string[] } {
  const { description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers, model } = definitionOf(draft)
  const { text, lost } = agentMdText({
    name: draft.name, description: description ?? '', prompt, tools: tools ?? null, skills: skills ?? [], mcpServers: mcpServers ?? [], inheritDefaultMcpServers: inheritDefaultMcpServers === true, model: model ?? null,
  })
  const importing = cliImportAgent(text, draft.owner, before === null ? 'fail' : 'update')
  const line = saveLines(importing, owner, viewerId, draft, before, { model: model ?? undefined, 'no-tools': draft.toolsMode === 'NONE' })
  return { line, lost: lost.filter((field) => field !== 'model' && field !== 'tools') }
}
