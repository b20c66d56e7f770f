import { matchesPattern, type McpServerDefinition, type StdioTransport } from '../mcp-server.js'
import { type Rule } from '../policy.js'
import { type PreapprovedCommand } from '../policy-document.js'

/** Which transports may run: the `transports` part of the policy, with `stdio.preapproved` besides. */
export const transport: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const definition = (subject.definition as McpServerDefinition).transport
  const kind = definition.kind.toLowerCase() as 'stdio' | 'http' | 'sse'
  const field = `definition.transport.${kind}`
  const outcome = policy.transports[kind]
  if (outcome === 'allow') return []
  if (outcome === 'approve') {
    if (definition.kind === 'STDIO' && policy.stdio.preapproved.some((command) => isPreapproved(definition, command))) return []
    return [{
      rule: 'transport', effect: 'NEEDS_APPROVAL', field,
      message: `${kind} servers need an approval.`, mend: 'Wait for the approval, or use a transport that the policy allows.',
    }]
  }
  return [{
    rule: 'transport', effect: 'DENY', field,
    message: `The policy does not allow ${kind} servers.`,
    mend: `Use a transport that the policy allows, or ask an admin to set transports.${kind}.`,
  }]
}

/** The same command line word for word, started in the worker's own folder, with no variable but those that are listed beside it. */
export function isPreapproved({ command, args, env, cwd }: StdioTransport, item: PreapprovedCommand): boolean {
  const [line, names] = Array.isArray(item) ? [item, []] : [item.command, item.env]
  return cwd === null && line[0] === command && line.length === args.length + 1 && args.every((arg, at) => arg === line[at + 1])
    && env.every(({ name }) => names.some((pattern) => matchesPattern(pattern, name)))
}
