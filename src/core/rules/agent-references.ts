import { type AgentDefinition } from '../agent.js'
import { type Rule } from '../policy.js'
import { nameMend, namePattern } from './name.js'

/** An agent names servers; what is not a name can never be one of the set, and is refused at save (S12). */
export const agentReferences: Rule = (subject) => {
  if (subject.kind !== 'AGENT') return []
  return (subject.definition as AgentDefinition).mcpServers.flatMap((reference, at) => namePattern.test(reference) ? [] : [{
    rule: 'agent-references', effect: 'DENY' as const, field: `definition.mcpServers.${at}`,
    message: `${JSON.stringify(reference.slice(0, 80))} is not the name of an MCP server.`,
    mend: nameMend,
  }])
}
