import { matchesPattern, type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding, type RuleSubject } from '../policy.js'
import { type ServerMatcher } from '../policy-document.js'

/** The WHATWG parser, present in Node and browsers; declared here because `core` is checked without either's types. */
declare const URL: { new (text: string): { protocol: string; hostname: string; port: string; pathname: string; search: string } }

/**
 * Which MCP servers may be at all: the `mcpServers` part of the policy. Deny wins. Where the allowlist names URLs, a remote server has to match one
 * of them, and where it names command lines a stdio server one of those: a name is a convenience, and anybody can choose it.
 * (Claude Code, "Control MCP server access for your organization": allowedMcpServers, deniedMcpServers.)
 */
export const serverLists: Rule = (subject, { mcpServers: { allow, deny } }) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  const kind = transport.kind.toLowerCase()
  const field = (matcher: ServerMatcher | null) => matcher !== null && 'serverName' in matcher ? 'name' : `definition.transport.${kind}.${kind === 'stdio' ? 'command' : 'url'}`
  const denied = deny.find((matcher) => matchesServer(matcher, subject, 'DENY')) ?? null
  if (denied !== null) return [finding(field(denied), `The policy denies ${shown(denied)}.`, 'Use another server, or ask an admin to change mcpServers.deny.')]
  if (allow === null) return []
  const telling = allow.filter((matcher) => (transport.kind === 'STDIO' ? 'serverCommand' : 'serverUrl') in matcher)
  const deciding = telling.length > 0 ? telling : allow.filter((matcher) => 'serverName' in matcher)
  if (deciding.some((matcher) => matchesServer(matcher, subject, 'ALLOW'))) return []
  const what = transport.kind === 'STDIO' ? 'This command line' : 'This URL'
  return [finding(field(null), `${what} is not on the list of what is allowed.`, 'Use a server that is on the list, or ask an admin to add it to mcpServers.allow.')]
}

function finding(field: string, message: string, mend: string): RuleFinding {
  return { rule: 'server-lists', effect: 'DENY', field, message, mend }
}

function shown(matcher: ServerMatcher): string {
  if ('serverUrl' in matcher) return `URLs like ${matcher.serverUrl}`
  return 'serverCommand' in matcher ? `the command line ${JSON.stringify(matcher.serverCommand)}` : `servers named ${matcher.serverName}`
}

/** Whether an item of a list means that server. In a denylist what a URL leaves out (a port, a path) may be anything; in an allowlist nothing. */
export function matchesServer(matcher: ServerMatcher, { name, definition }: Pick<RuleSubject, 'name' | 'definition'>, list: 'ALLOW' | 'DENY'): boolean {
  if ('serverName' in matcher) return matchesPattern(matcher.serverName, name)
  const { transport } = definition as McpServerDefinition
  if ('serverCommand' in matcher) {
    if (transport.kind !== 'STDIO') return false
    const given = [transport.command, ...transport.args]
    return given.length === matcher.serverCommand.length && given.every((part, at) => part === matcher.serverCommand[at])
  }
  return transport.kind !== 'STDIO' && matchesUrl(matcher.serverUrl, transport.url, list)
}

interface UrlParts {
  scheme: string
  host: string
  /** null: none is named. */
  port: string | null
  path: string | null
}

/** Split before anything is matched, so that no `*` reaches from a host into a path, or out of it. */
function partsOf(pattern: string): UrlParts | null {
  const parts = /^([a-z*][a-z0-9+.-]*):\/\/(\[[0-9a-f:.*]+\]|[^/?#:@[\]\s\\]+)(?::(\d{1,5}|\*))?(\/[^\s#\\]*)?$/i.exec(pattern)
  if (parts === null) return null
  const [, scheme, host, port, path] = parts
  return { scheme: scheme!.toLowerCase(), host: plainHost(host!), port: port ?? null, path: path ?? null }
}

/** What `mcpServers` takes as `serverUrl`: scheme, host, and if need be port and path, each with `*` for any run of characters. */
export function isUrlPattern(text: string): boolean {
  const parts = partsOf(text)
  return parts !== null && (parts.scheme === 'http' || parts.scheme === 'https' || parts.scheme === '*')
}

/** Hosts ignore case, and a name with and without its last dot is one host. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}

const defaultPorts: Record<string, string> = { http: '80', https: '443' }

function matchesUrl(pattern: string, text: string, list: 'ALLOW' | 'DENY'): boolean {
  const wanted = partsOf(pattern)
  const given = urlOf(text)
  if (wanted === null || given === null) return false
  if (!matchesPattern(wanted.scheme, given.scheme) || !matchesPattern(wanted.host, given.host)) return false
  const isDeny = list === 'DENY'
  if (wanted.port === null ? !isDeny && given.port !== defaultPorts[given.scheme] : wanted.port !== '*' && wanted.port !== given.port) return false
  return wanted.path === null ? isDeny || given.path === '/' : matchesPattern(wanted.path, given.path)
}

function urlOf(text: string): { scheme: string; host: string; port: string; path: string } | null {
  try {
    const { protocol, hostname, port, pathname, search } = new URL(text)
    const scheme = protocol.slice(0, -1)
    return { scheme, host: plainHost(hostname), port: port === '' ? defaultPorts[scheme] ?? '' : port, path: pathname + search }
  } catch {
    return null
  }
}
