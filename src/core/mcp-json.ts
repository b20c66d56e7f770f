import { type EntryKind } from './entry.js'
import { type McpServerDefinition, type NameValue } from './mcp-server.js'
import { type Finding, type FindingEffect } from './policy.js'

/** One item of an imported text, still in the API's input form, or why it cannot be one. */
export interface ParsedItem {
  name: string
  kind: EntryKind
  /** Input of `registerMcpServer` or `registerAgent`; null when the item makes no sense. */
  definition: unknown
  /** false: the file says that it is switched off, and so it is registered. */
  enabled: boolean
  /** What was dropped, and why an item failed. Nothing of an imported file is ever run (S22). */
  findings: Finding[]
}

/** `FLAT_OR_WRAPPED` unwraps `{"mcpServers": …}`, `{"servers": …}` and their like; `FLAT` is PilotSwarm's form, in which every key is a server. */
export type McpJsonForm = 'FLAT_OR_WRAPPED' | 'FLAT'

/** Of one imported text, in UTF-16 units. */
export const mostImportCharacters = 1_000_000
export const mostImportItems = 500

type JsonObject = Record<string, unknown>

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

const known = new Set([
  'type', 'transport', 'command', 'args', 'env', 'environment', 'cwd', 'url', 'serverUrl', 'httpUrl', 'headers', 'tools', 'excludeTools', 'timeout', 'default', 'description', 'disabled', 'enabled',
])

const remoteTypes: unknown[] = ['http', 'sse', 'streamable-http', 'streamableHttp', 'remote']

function finding(rule: string, effect: FindingEffect, field: string, message: string, mend: string): Finding {
  return { rule, effect, field, message, mend }
}

/**
 * Reads the text of a `.mcp.json`.
 * @returns the items, or the one problem that keeps the whole text from being read
 */
export function parseMcpJson(text: string, form: McpJsonForm): { items: ParsedItem[] } | { problem: string } {
  let root: unknown
  try {
    root = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text)
  } catch (error) {
    return { problem: notJson((error as Error).message) }
  }
  return readMcpServers(root, form)
}

/** The same of what was parsed already. */
export function readMcpServers(root: unknown, form: McpJsonForm): { items: ParsedItem[] } | { problem: string } {
  if (!isObject(root)) return { problem: 'The text is not a JSON object of servers.' }
  const wrapper = form === 'FLAT' ? undefined : wrapperOf(root)
  const servers = wrapper === undefined ? root : root[wrapper] as JsonObject
  const items = Object.entries(servers).map(([name, value]) => toItem(name, value))
  // What stands beside the wrapper (`hooks`, `inputs`) belongs to no server; the first one carries the news.
  if (wrapper !== undefined) items[0]?.findings.unshift(...Object.keys(root).filter((key) => key !== wrapper).map((key) => unknownKey(key, key)))
  return { items }
}

/** The parser's words quote the text, and the text may hold secrets: only the place is handed on (S14). */
function notJson(reason: string): string {
  const position = /position \d+/.exec(reason)?.[0]
  return position === undefined ? 'The text is not JSON.' : `The text is not JSON; look at ${position}.`
}

function wrapperOf(root: JsonObject): string | undefined {
  return ['mcpServers', 'servers', 'context_servers', 'mcp_servers'].find((key) => {
    const inner = root[key]
    // A server that happens to be called mcpServers has a command or a url of its own.
    return isObject(inner) && typeof inner.command !== 'string' && typeof inner.url !== 'string'
  })
}

function unknownKey(field: string, key: string): Finding {
  return finding('unknown-key', 'WARN', field, `${key} means nothing here and is dropped; nothing of it is run.`, `Take ${key} out.`)
}

function toItem(name: string, value: unknown): ParsedItem {
  const item: ParsedItem = { name, kind: 'MCP_SERVER', definition: null, enabled: true, findings: [] }
  if (!isObject(value)) {
    item.findings.push(finding('form', 'DENY', name, 'An entry must be a JSON object.', 'Write the server as {"type": …}.'))
    return item
  }
  for (const key of Object.keys(value).filter((key) => !known.has(key))) {
    item.findings.push(unknownKey(`${name}.${key}`, key))
  }
  const transport = toTransport(value)
  if (transport === null) {
    item.findings.push(finding('form', 'DENY', name, 'It has neither a command nor a url that fits its type.', 'Give it a command (stdio) or a url (http).'))
    return item
  }
  item.definition = {
    description: value.description,
    transport,
    tools: { include: value.tools, exclude: value.excludeTools },
    timeoutMs: value.timeout,
    default: value.default,
  }
  item.enabled = value.disabled !== true && value.enabled !== false
  return item
}

function toTransport(value: JsonObject): JsonObject | null {
  const type = value.type ?? value.transport
  const url = urlOf(value)
  const isRemote = typeof url === 'string' && (type === undefined || remoteTypes.includes(type))
  if (isRemote) return { [type === 'sse' ? 'sse' : 'http']: { url, headers: toPairs(value.headers) } }
  const isLocal = typeof value.command === 'string' && (type === undefined || type === 'stdio' || type === 'local')
  if (!isLocal) return null
  return { stdio: { command: value.command, args: value.args, env: toPairs(value.env ?? value.environment), cwd: value.cwd } }
}

/** Some agents have words of their own for it. */
export function urlOf({ url, httpUrl, serverUrl }: JsonObject): unknown {
  return url ?? httpUrl ?? serverUrl
}

/** `{"A": "b"}` as a list of pairs; whatever else stands there is handed on, for the definition's own parser to refuse. */
function toPairs(map: unknown): unknown {
  if (!isObject(map)) return map
  return Object.entries(map).map(([name, value]) => ({ name, value }))
}

/** The definition as one value of an `mcpServers` map, references unresolved. */
export function toMcpJson(definition: McpServerDefinition): Record<string, unknown> {
  const { transport, tools, timeoutMs } = definition
  const toMap = (list: NameValue[]) => Object.fromEntries(list.map(({ name, value }) => [name, value]))
  return {
    ...(transport.kind === 'STDIO'
      ? {
          type: 'stdio', command: transport.command, args: transport.args,
          ...(transport.env.length > 0 && { env: toMap(transport.env) }), ...(transport.cwd !== null && { cwd: transport.cwd }),
        }
      : {
          type: transport.kind.toLowerCase(), url: transport.url,
          ...(transport.headers.length > 0 && { headers: toMap(transport.headers) }),
        }),
    tools: tools.include,
    ...(tools.exclude.length > 0 && { excludeTools: tools.exclude }),
    ...(timeoutMs !== null && { timeout: timeoutMs }),
    ...(definition.default && { default: true }),
  }
}
