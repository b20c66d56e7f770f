import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule } from '../policy.js'

/** Which transports may run: the `transports` part of the policy. */
export const transport: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const kind = (subject.definition as McpServerDefinition).transport.kind.toLowerCase() as 'stdio' | 'http' | 'sse'
  const field = `definition.transport.${kind}`
  const outcome = policy.transports[kind]
  if (outcome === 'allow') return []
  if (outcome === 'approve') {
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
