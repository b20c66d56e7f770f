import { matchesPattern, type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'

/** RFC 9110 section 5.6.2, `token`. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Hop-by-hop names (RFC 9110 section 7.6.1), framing, and what the MCP transport itself sets. */
const reserved = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'host', 'content-length', 'content-type', 'content-encoding', 'accept', 'expect', 'origin',
  'mcp-session-id', 'mcp-protocol-version', 'last-event-id',
])

/** RFC 9110 section 5.5 without obs-text: other characters are sent as something else than what was approved. */
const fieldValue = /^[\t\x20-\x7e]*$/

/** What a server may be sent: names that are tokens, not reserved, not denied by the policy, each once whatever its case; values of plain text. */
export const headers: Rule = (subject, policy) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  if (transport.kind === 'STDIO') return []
  const field = `definition.transport.${transport.kind.toLowerCase()}.headers`
  const findings: RuleFinding[] = []
  const seen = new Set<string>()
  for (const { name, value } of transport.headers) {
    const lower = name.toLowerCase()
    const say = (message: string, mend: string) =>
      findings.push({ rule: 'headers', effect: 'DENY', field: `${field}.${name}`, message, mend })
    if (!token.test(name)) say(`${JSON.stringify(name)} is not a header name.`, 'Use letters, digits and -.')
    else if (reserved.has(lower) || /^(?:sec|proxy)-/.test(lower)) say(`${name} is set by the transport itself.`, 'Leave the header out.')
    else if (seen.has(lower)) say(`${name} stands there twice.`, 'Name each header once; names ignore case.')
    else if (policy.headers.deny.some((pattern) => matchesPattern(pattern.toLowerCase(), lower))) {
      say(`The policy denies the header ${name}.`, 'Leave the header out, or ask an admin to change headers.deny.')
    }
    if (!fieldValue.test(value)) say(`The value of ${name} holds characters that a header cannot carry.`, 'Use plain ASCII, percent-encoded where it needs more.')
    else if (value !== value.trim()) say(`The value of ${name} begins or ends with a blank, which is not sent.`, 'Take the blank away.')
    seen.add(lower)
  }
  return findings
}
