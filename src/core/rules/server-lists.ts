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

/** Whether an item of a list means that server. In a denylist what a pattern leaves out (a port, a path, a query) may be anything; in an allowlist nothing. */
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
  query: string | null
}

/** Split before anything is matched, so that no `*` reaches from a host into a path, from a path into a query, or back. */
function partsOf(pattern: string): UrlParts | null {
  const parts = /^([a-z*][a-z0-9+.-]*):\/\/(\[[0-9a-f:.*]+\]|[^/?#:@[\]\s\\]+)(?::(\d{1,5}|\*))?(\/[^\s?#\\]*)?(?:\?([^\s#\\]*))?$/i.exec(pattern)
  if (parts === null || (parts[4] === undefined && parts[5] !== undefined)) return null
  const [, scheme, written, port, path, query] = parts
  const host = written!.includes('*') ? plainHost(written!) : understoodHost(written!)
  return host === null ? null : { scheme: scheme!.toLowerCase(), host, port: port ?? null, path: path ?? null, query: query ?? null }
}

/**
 * What speaks against a `serverUrl` of `mcpServers`, or null: scheme, host, and if need be port, path and query, each with `*` for any run of
 * characters. A host with `*` is compared as it is written, so it has to be written as hosts are sent: in ASCII.
 */
export function urlPatternProblem(text: string): string | null {
  const parts = partsOf(text)
  if (parts === null || !['http', 'https', '*'].includes(parts.scheme)) return 'is no URL pattern: write https://*.example.com/*'
  if (!/[^\x20-\x7e]/.test(parts.host)) return null
  const labels = parts.host.split('.').map((label) => (label.includes('*') ? label : understoodHost(label) ?? label))
  return `names a host that no URL has in this form: write ${labels.every((label) => !/[^\x20-\x7e]/.test(label)) ? labels.join('.') : 'it in ASCII (xn--…)'}`
}

/** Hosts ignore case, and a name with and without its last dot is one host. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}

/** As the parser understands it: names in punycode, addresses in their one spelling. null: this is no host. */
function understoodHost(host: string): string | null {
  try {
    return plainHost(new URL(`https://${host}`).hostname)
  } catch {
    return null
  }
}

const defaultPorts: Record<string, string> = { http: '80', https: '443' }

function matchesUrl(pattern: string, text: string, list: 'ALLOW' | 'DENY'): boolean {
  const wanted = partsOf(pattern)
  const given = urlOf(text)
  if (wanted === null || given === null) return false
  if (!matchesPattern(wanted.scheme, given.scheme) || !matchesPattern(wanted.host, given.host)) return false
  const isDeny = list === 'DENY'
  if (wanted.port === null ? !isDeny && given.port !== defaultPorts[given.scheme] : wanted.port !== '*' && wanted.port !== given.port) return false
  return isDeny ? isDeniedPath(wanted, given) : isAllowedPath(wanted, given)
}

interface PathAndQuery { path: string; query: string }

/** What servers differ in: escaped slashes, dots and NULs, letters of too many bytes, dots with parameters behind. */
const ambiguous = /%(?:25)*(?:2f|5c|2e|00|c[01])|\/\.{1,2};/i

/** Exactly as written. Where servers differ in what they understand, nothing is allowed; a `*` at the end is for the query, too. */
function isAllowedPath(wanted: UrlParts, given: PathAndQuery): boolean {
  if (ambiguous.test(given.path)) return false
  const path = wanted.path ?? '/'
  if (!matchesPattern(path, given.path)) return false
  return wanted.query === null ? given.query === '' || path.endsWith('*') : matchesPattern(wanted.query, given.query)
}

/** In every form that some server reads as the denied one: percent-encoded, with more slashes, with or without one at the end, with parameters (`;x=1`). A query left out may be any. */
function isDeniedPath(wanted: UrlParts, given: PathAndQuery): boolean {
  if (wanted.path === null) return true
  const pattern = folded(wanted.path)
  const plain = folded(given.path)
  const paths = [plain, plain.replace(/;[^/]*/g, '')].map(withoutDots)
  if (!paths.some((path) => matchesPattern(pattern, path) || matchesPattern(pattern, `${path}/`))) return false
  return wanted.query === null || matchesPattern(wanted.query, given.query) || matchesPattern(decoded(wanted.query), decoded(given.query))
}

function folded(path: string): string {
  return decoded(path).replace(/[/\\]+/g, '/').replace(/\/$/, '')
}

function withoutDots(path: string): string {
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') kept.length = Math.max(1, kept.length - 1)
    else if (part !== '.') kept.push(part)
  }
  return kept.join('/')
}

/** Until nothing is left to decode, since some servers decode twice. What is no character of UTF-8 stays. */
function decoded(text: string): string {
  const once = text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run
    }
  })
  return once === text ? text : decoded(once)
}

function urlOf(text: string): { scheme: string; host: string; port: string } & PathAndQuery | null {
  try {
    const { protocol, hostname, port, pathname, search } = new URL(text)
    const scheme = protocol.slice(0, -1)
    return { scheme, host: plainHost(hostname), port: port === '' ? defaultPorts[scheme] ?? '' : port, path: pathname, query: search.slice(1) }
  } catch {
    return null
  }
}
