import { type AgentDefinition } from '../agent.js'
import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'

/** Unseen, turning the text round, without a meaning that everybody knows, or a blank that is no space (Unicode 15, general categories and Default_Ignorable_Code_Point). */
const deceiving = /[\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}/u
const longBlank = / {17}/

/**
 * Whoever approves has to see what runs: no character that hides, turns the text round or looks like a space, no run of blanks that pushes the rest
 * out of sight. Prompts and descriptions are for reading and are not judged here; names of entries, headers and tools have alphabets of their own.
 */
export const visibleText: Rule = ({ kind, definition }) => (
  kind === 'AGENT' ? textsOfAgent(definition as AgentDefinition) : textsOfServer(definition as McpServerDefinition)
).flatMap(([field, text, what]) => {
  const character = deceiving.exec(text)?.[0]
  if (character !== undefined) {
    return [finding(field, `${what} holds U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}, which nobody can see or tell from another.`, 'Leave the character out.')]
  }
  return longBlank.test(text) ? [finding(field, `${what} holds more than 16 blanks in a row, which push the rest out of sight.`, 'Write fewer blanks.')] : []
})

function finding(field: string, message: string, mend: string): RuleFinding {
  return { rule: 'visible-text', effect: 'DENY', field: `definition.${field}`, message, mend }
}

type Text = [field: string, text: string, what: string]

function textsOfServer({ transport }: McpServerDefinition): Text[] {
  const path = `transport.${transport.kind.toLowerCase()}`
  // Header values are plain ASCII anyway; the names of variables and headers are shown as they are in the field.
  if (transport.kind !== 'STDIO') return [[`${path}.url`, transport.url, 'The URL']]
  return [
    [`${path}.command`, transport.command, 'The command'], ...transport.args.map((arg, at): Text => [`${path}.args.${at}`, arg, 'The argument']),
    ...transport.cwd === null ? [] : [[`${path}.cwd`, transport.cwd, 'The working folder'] satisfies Text],
    ...transport.env.map(({ name, value }): Text => [`${path}.env.${name}`, value, 'The value']),
  ]
}

function textsOfAgent({ tools, skills, model }: AgentDefinition): Text[] {
  const listed = (name: string, list: readonly string[] | null) => (list ?? []).map((text, at): Text => [`${name}.${at}`, text, 'The name'])
  return [...listed('tools', tools), ...listed('skills', skills), ...model === null ? [] : [['model', model, 'The name'] satisfies Text]]
}
