import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'

/** RFC 9110 section 5.6.2, `token`. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Hop-by-hop names (RFC 9110 section 7.6.1), framing, and what the MCP transport itself sets. */
const reserved = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'host', 'content-length', 'content-type', 'content-encoding', 'accept', 'expect', 'origin',
  'mcp-session-id', 'mcp-protocol-version', 'last-event-id',
])

/** Names that a server may be sent: tokens, not reserved, each once whatever its case. */
export const headers: Rule = (subject) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  if (transport.kind === 'STDIO') return []
  const field = `definition.transport.${transport.kind.toLowerCase()}.headers`
  const findings: RuleFinding[] = []
  const seen = new Set<string>()
  for (const { name } of transport.headers) {
    const lower = name.toLowerCase()
    const say = (message: string, mend: string) =>
      findings.push({ rule: 'headers', effect: 'DENY', field: `${field}.${name}`, message, mend })
    if (!token.test(name)) say(`${JSON.stringify(name)} is not a header name.`, 'Use letters, digits and -.')
    else if (reserved.has(lower)) say(`${name} is set by the transport itself.`, 'Leave the header out.')
    else if (seen.has(lower)) say(`${name} stands there twice.`, 'Name each header once; names ignore case.')
    seen.add(lower)
  }
  return findings
}
