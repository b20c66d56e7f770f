import { matchesPattern, type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'
import { isSteeringName } from './steering-names.js'

/** IEEE Std 1003.1, 8.1, with small letters. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Names that a stdio server may be given (S4): plain, each once whatever its case, none that steers how programs run, none that the policy denies. */
export const env: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  if (transport.kind !== 'STDIO') return []
  const findings: RuleFinding[] = []
  const seen = new Set<string>()
  const denied = policy.env.deny.map((pattern) => pattern.toUpperCase())
  for (const { name } of transport.env) {
    const upper = name.toUpperCase()
    const say = (message: string, mend: string) =>
      findings.push({ rule: 'env', effect: 'DENY', field: `definition.transport.stdio.env.${name}`, message, mend })
    if (!variableName.test(name)) say(`${JSON.stringify(name)} is not a name of a variable.`, 'Use letters, digits and _, beginning with a letter or _.')
    else if (isSteeringName(name)) say(`${name} steers how programs run, and is never taken from the catalog.`, mendOf(upper))
    else if (denied.some((pattern) => matchesPattern(pattern, upper))) say(`The policy denies ${name}.`, 'Leave it out, or ask an admin to change env.deny.')
    else if (seen.has(upper)) say(`${name} stands there twice.`, 'Name each variable once; some systems ignore case.')
    seen.add(upper)
  }
  return findings
}

/** In a container every variable is the server's own, and nothing of the worker is steered. */
const fromImage = 'run the server from an image, where any variable is its own: `docker run -e NAME=TEXT`.'

function mendOf(upper: string): string {
  if (upper.startsWith('PYTHON')) return `Use options in its place, such as \`python3 -u\` or \`-X utf8\`, or ${fromImage}`
  if (upper === 'KUBECONFIG') return `Most servers take the file as an argument, such as \`--kubeconfig PATH\`: use that, or ${fromImage}`
  return `Leave it out, or ${fromImage}`
}
