import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'
import { hasDollar, hasStrayDollar } from '../secret-ref.js'

const mend = 'Write the value out, or put a secret into a header or environment value as ${secret:NAME} or ${user:NAME}.'

function finding(field: string, message: string): RuleFinding {
  return { rule: 'dollar', effect: 'DENY', field, message, mend }
}

/**
 * No `$` reaches a runtime (S1): the Copilot runtime expands `$NAME`, `${NAME}` and `${NAME:-x}` from its own environment
 * in every string, with no escape. Only well-formed references stay, and only in values of headers and environment.
 */
export const dollar: Rule = (subject) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  const path = `definition.transport.${transport.kind.toLowerCase()}`
  const plain: Array<[string, string]> = transport.kind === 'STDIO'
    ? [['command', transport.command], ...transport.args.map((arg, at): [string, string] => [`args.${at}`, arg]), ['cwd', transport.cwd ?? '']]
    : [['url', transport.url]]
  const list = transport.kind === 'STDIO' ? 'env' : 'headers'
  const pairs = transport.kind === 'STDIO' ? transport.env : transport.headers
  return [
    ...plain.filter(([, value]) => hasDollar(value)).map(([field]) => finding(`${path}.${field}`, 'No $ may stand here.')),
    ...pairs.filter(({ name }) => hasDollar(name)).map(({ name }) => finding(`${path}.${list}.${name}`, 'No $ may stand in a name.')),
    ...pairs.filter(({ value }) => hasStrayDollar(value))
      .map(({ name }) => finding(`${path}.${list}.${name}`, `The value of ${name} holds a $ that is not a reference.`)),
  ]
}
