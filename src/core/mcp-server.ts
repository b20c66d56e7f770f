import { z } from 'zod'
import { freeText, line, parseInput, withinSize } from './parse.js'
import { referencesIn, type SecretReference } from './secret-ref.js'

/** What an MCP server is, declaratively. Stored, hashed, judged and delivered in exactly this shape. */
export interface McpServerDefinition {
  /** Free text for people; the one field that is not part of the digest. */
  description: string
  transport: McpTransport
  tools: ToolSelection
  /** Milliseconds that one tool call may take; null means the worker's default. */
  timeoutMs: number | null
  /** PilotSwarm's tag: the server joins the default set that agents may inherit. */
  default: boolean
}

export interface NameValue {
  name: string
  value: string
}

export interface StdioTransport {
  kind: 'STDIO'
  command: string
  args: string[]
  env: NameValue[]
  cwd: string | null
}

export interface RemoteTransport {
  kind: 'HTTP' | 'SSE'
  url: string
  headers: NameValue[]
}

export type McpTransport = StdioTransport | RemoteTransport
export type TransportKind = McpTransport['kind']

/** Names, with `*` for any run of characters. Exclude wins. `include` left out means every tool; `[]` means none. */
export interface ToolSelection {
  include: string[]
  exclude: string[]
}

const pairs = z.array(z.strictObject({ name: line(200, 1), value: line(8192) }))
  .max(64, 'has more than 64 items')
  .nullish()
  .transform((list) => [...(list ?? [])].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)))

const stdioInput = z.strictObject({
  command: line(1024, 1),
  args: z.array(line(8192)).max(256, 'has more than 256 items').nullish().transform((list) => list ?? []),
  // Of two values for one variable nobody could say which one runs.
  env: pairs.refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'names one variable twice'),
  cwd: line(1024, 1).nullish().transform((cwd) => cwd ?? null),
})
const remoteInput = z.strictObject({ url: line(2048, 1), headers: pairs })

const toolPatterns = z.array(line(128, 1)).max(256, 'has more than 256 items').nullish()

const definitionInput = z.strictObject({
  description: freeText(4000).nullish().transform((text) => text ?? ''),
  transport: z.strictObject({ stdio: stdioInput.nullish(), http: remoteInput.nullish(), sse: remoteInput.nullish() })
    .transform((transport, context): McpTransport => {
      const { stdio, http, sse } = transport
      if ([stdio, http, sse].filter(Boolean).length !== 1) context.addIssue('needs exactly one of stdio, http and sse')
      if (stdio) return { kind: 'STDIO', ...stdio }
      return sse ? { kind: 'SSE', ...sse } : { kind: 'HTTP', url: http?.url ?? '', headers: http?.headers ?? [] }
    }),
  tools: z.strictObject({ include: toolPatterns, exclude: toolPatterns }).nullish()
    .transform((tools): ToolSelection => ({ include: tools?.include ?? ['*'], exclude: tools?.exclude ?? [] })),
  timeoutMs: z.int('is not a whole number of milliseconds').min(100, 'is under 100 ms').max(3_600_000, 'is over an hour')
    .nullish().transform((timeoutMs) => timeoutMs ?? null),
  default: z.boolean().nullish().transform((value) => value ?? false),
})

/** Of the whole canonical text, 64 Ki: the longest real ones have a few thousand. */
const mostCharacters = 65_536

/**
 * Parses the input form (`transport: { http: { url } }`) into a definition with every default filled in.
 * Headers and environment come out sorted by name, so that their order never changes the digest.
 * @throws CatalogError INVALID_INPUT with the field's path; of a definition with more than 65 536 characters in all the path is `prefix`
 */
export function parseMcpServerDefinition(input: unknown, prefix = 'definition'): McpServerDefinition {
  return withinSize(parseInput(definitionInput, input, prefix), mostCharacters, prefix)
}

/** The part of a definition that is approved, pinned and hashed: every field except the description. */
export function mcpServerContent(definition: McpServerDefinition): Omit<McpServerDefinition, 'description'> {
  const { description: _, ...content } = definition
  return content
}

/** Headers or environment with the injection point of each. */
export function injectionPoints(transport: McpTransport): Array<NameValue & { injectionPoint: string }> {
  if (transport.kind === 'STDIO') return transport.env.map((pair) => ({ ...pair, injectionPoint: `env:${pair.name}` }))
  return transport.headers.map((pair) => ({ ...pair, injectionPoint: `header:${pair.name}` }))
}

export function secretReferences(definition: McpServerDefinition): SecretReference[] {
  return injectionPoints(definition.transport).flatMap((point) => referencesIn(point.value, point.injectionPoint))
}

/** Whether a tool of that name is offered and callable: one function for both, so that neither can say more (S28). */
export function isToolSelected(tools: ToolSelection, name: string): boolean {
  return tools.include.some((pattern) => matchesPattern(pattern, name))
    && !tools.exclude.some((pattern) => matchesPattern(pattern, name))
}

/** `*` stands for any run of characters; everything else is literal and case-sensitive. Linear in both lengths. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === text
  if (!text.startsWith(head)) return false
  let position = head.length
  const tail = rest.pop() ?? ''
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found < 0) return false
    position = found + part.length
  }
  return text.length - tail.length >= position && text.endsWith(tail)
}
