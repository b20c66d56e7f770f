import { type AgentDefinition } from '../agent.js'
import { type RuleFinding, type Rule } from '../policy.js'
import { nameMend, namePattern } from './name.js'

/**
 * An agent names servers and skills. What is not a server's name can never be one of the set (S12); and a skill is looked up in folders, so
 * what reads as a path could lead out of them (S16). Both are refused at save.
 */
export const agentReferences: Rule = (subject) => {
  if (subject.kind !== 'AGENT') return []
  const { mcpServers, skills } = subject.definition as AgentDefinition
  return [
    ...mcpServers.flatMap((reference, at) => namePattern.test(reference) ? [] : [refused('mcpServers', at, `${shown(reference)} is not the name of an MCP server.`, nameMend)]),
    ...skills.flatMap((skill, at) => isPathLike(skill) ? [refused('skills', at, `${shown(skill)} is a path, not the name of a skill.`, 'Write the name alone, without / and \\.')] : []),
  ]
}

/** Whether a name would mean a place if it were joined to a folder's path. */
export function isPathLike(name: string): boolean {
  return /[/\\\0]/.test(name) || name === '.' || name === '..'
}

const shown = (reference: string) => JSON.stringify(reference.slice(0, 80))

function refused(list: 'mcpServers' | 'skills', at: number, message: string, mend: string): RuleFinding {
  return { rule: 'agent-references', effect: 'DENY', field: `definition.${list}.${at}`, message, mend }
}
