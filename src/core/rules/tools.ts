import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'

/** MCP 2025-11-25, "Tool Names": ASCII letters, digits, _, -, and dots; a slash is met in the field. `*` is ours. */
const toolPattern = /^[A-Za-z0-9_\-./*]+$/

/**
 * What a selection of tools may say: names that no other can be mistaken for (S18), each once, and no more of them than the policy lets a
 * server offer. What it offers beyond that the worker withholds.
 */
export const tools: Rule = (subject, { tools: { maxPerMcpServer } }) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { tools: { include, exclude } } = subject.definition as McpServerDefinition
  const findings: RuleFinding[] = []
  const say = (field: string, message: string, mend: string) => findings.push({ rule: 'tools', effect: 'DENY', field: `definition.tools.${field}`, message, mend })
  for (const [list, patterns] of [['include', include], ['exclude', exclude]] as const) {
    patterns.forEach((pattern, at) => {
      if (!toolPattern.test(pattern) || pattern.includes('**') || pattern.split('/').some((part) => /^\.*$/.test(part))) {
        say(`${list}.${at}`, `${JSON.stringify(pattern.slice(0, 80))} is not the name of a tool.`, 'Use letters, digits, _, -, . and /, with * for any run of them, and no part that is empty or dots alone.')
      } else if (patterns.indexOf(pattern) < at) {
        say(`${list}.${at}`, `${pattern} stands there twice.`, 'Name each tool once.')
      }
    })
  }
  const named = include.filter((pattern) => !pattern.includes('*')).length
  if (named > maxPerMcpServer) {
    say('include', `${named} tools are named, and a server may offer ${maxPerMcpServer}.`, 'Name fewer, or ask an admin to raise tools.maxPerMcpServer.')
  }
  return findings
}
