import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type ParsedItem, toMcpJson } from '../../../../src/core/mcp-json.js'
import { type Finding } from '../../data/problem.js'
import { type NamedOwner } from '../../data/viewer.js'
import { audienceInput } from '../../entries/audience-input.js'
import { type ApplyMoment, type IntegrationDetailQuery, type McpServerDefinitionInput, type RegisterMcpServerInput, type TransportKind, type Visibility } from '../../generated/graphql.js'

export interface Pair {
  name: string
  value: string
}

/** An MCP server as a form holds it: whatever was typed, of every transport, so that nothing is lost by a change of mind. */
export interface ServerDraft {
  name: string
  description: string
  kind: TransportKind
  url: string
  headers: Pair[]
  command: string
  args: string[]
  env: Pair[]
  cwd: string
  /** Names of tools; empty: none at all. */
  include: string[]
  exclude: string[]
  /** Digits only; '': the worker's default. */
  timeoutMs: string
  isDefault: boolean
  isEnabled: boolean
  /** null: as the server has it for the owner. */
  visibility: Visibility | null
  audience: readonly NamedOwner[]
  isLocked: boolean
  apply: ApplyMoment
}

export const emptyDraft: ServerDraft = {
  name: '', description: '', kind: 'HTTP', url: '', headers: [], command: '', args: [], env: [], cwd: '', include: ['*'], exclude: [],
  timeoutMs: '', isDefault: false, isEnabled: true, visibility: null, audience: [], isLocked: false, apply: 'NEXT_TURN',
}

export function draftOfEntry(server: NonNullable<IntegrationDetailQuery['mcpServer']>): ServerDraft {
  const { transport, tools } = server
  return {
    ...emptyDraft,
    name: server.name, description: server.description, include: tools.include, exclude: tools.exclude, timeoutMs: server.timeoutMs == null ? '' : String(server.timeoutMs),
    isDefault: server.default, isEnabled: server.enabled, visibility: server.visibility, audience: server.audience, isLocked: server.locked, apply: server.apply,
    ...(transport.__typename === 'RemoteTransport'
      ? { kind: transport.kind, url: transport.url, headers: pairsOf(transport.headers) }
      : { kind: 'STDIO', command: transport.command, args: transport.args, env: pairsOf(transport.env), cwd: transport.cwd ?? '' }),
  }
}

/** Without what the cache of answers adds to each object: an input has no such field. */
const pairsOf = (pairs: readonly Pair[]): Pair[] => pairs.map(({ name, value }) => ({ name, value }))

/** What of a pasted item fits into a form, and findings of what does not. */
export function draftOfItem({ name, definition, enabled, findings }: ParsedItem): { draft: ServerDraft; findings: Finding[] } {
  const left: string[] = []
  const text = (value: unknown, what: string): string => {
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    if (value !== undefined && value !== null) left.push(what)
    return ''
  }
  const list = (value: unknown, what: string): string[] => {
    if (Array.isArray(value)) return value.map((item, at) => text(item, `${what} ${at + 1}`))
    if (value !== undefined && value !== null) left.push(what)
    return []
  }
  const pairs = (value: unknown, what: string): Pair[] => {
    if (!Array.isArray(value) && value != null) left.push(what)
    return Array.isArray(value) ? (value as Array<{ name: string; value: unknown }>).map((pair) => ({ name: pair.name, value: text(pair.value, `${what} ${pair.name}`) })) : []
  }
  const { description, transport, tools, timeoutMs, default: isDefault } = (definition ?? {}) as PastedDefinition
  const { stdio, sse } = transport ?? {}
  const remote = transport?.http ?? sse
  const draft: ServerDraft = {
    ...emptyDraft,
    name, description: text(description, 'description'), kind: stdio ? 'STDIO' : sse ? 'SSE' : 'HTTP',
    url: text(remote?.url, 'url'), headers: pairs(remote?.headers, 'headers'),
    command: text(stdio?.command, 'command'), args: list(stdio?.args, 'args'), env: pairs(stdio?.env, 'env'), cwd: text(stdio?.cwd, 'cwd'),
    include: tools?.include === undefined ? emptyDraft.include : list(tools.include, 'tools'), exclude: list(tools?.exclude, 'excludeTools'),
    timeoutMs: typeof timeoutMs === 'number' ? digitsOf(String(Math.round(timeoutMs))) : '', isDefault: isDefault === true, isEnabled: enabled,
  }
  if (timeoutMs != null && typeof timeoutMs !== 'number') left.push('timeout')
  return { draft, findings: [...findings, ...left.map((field) => ({ rule: 'form', effect: 'WARN' as const, field, message: `${field} is not of the kind that belongs there, and is left out.`, mend: 'Fill it in below.' }))] }
}

/** The input form of a definition, before anything was checked. */
interface PastedDefinition {
  description?: unknown
  transport?: {
    stdio?: Record<'command' | 'args' | 'env' | 'cwd', unknown>
    http?: Record<'url' | 'headers', unknown>
    sse?: Record<'url' | 'headers', unknown>
  }
  tools?: Record<'include' | 'exclude', unknown>
  timeoutMs?: unknown
  default?: unknown
}

/** What may be typed as milliseconds, so that it fits the API's whole numbers; whether it is sensible is the server's to say. */
export function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '').slice(0, 9)
}

/** Rows that were added and not filled in are none. */
export const isFilledPair = ({ name, value }: Pair): boolean => name !== '' || value !== ''
export const isFilledText = (text: string): boolean => text !== ''

export function definitionOf(draft: ServerDraft): McpServerDefinitionInput {
  const { kind, url, command, args, cwd, timeoutMs } = draft
  const remote = { url, headers: draft.headers.filter(isFilledPair) }
  return {
    description: draft.description,
    transport: kind === 'STDIO' ? { stdio: { command, args, env: draft.env.filter(isFilledPair), cwd: cwd === '' ? null : cwd } } : kind === 'SSE' ? { sse: remote } : { http: remote },
    tools: { include: draft.include.filter(isFilledText), exclude: draft.exclude.filter(isFilledText) },
    timeoutMs: timeoutMs === '' ? null : Number(timeoutMs),
    default: draft.isDefault,
  }
}

export function registerInput(draft: ServerDraft, owner: NamedOwner): RegisterMcpServerInput {
  const { name, visibility, isEnabled, isLocked, apply } = draft
  return { owner: { kind: owner.kind, id: owner.id }, name, definition: definitionOf(draft), visibility, audience: audienceInput(draft), enabled: isEnabled, locked: isLocked, apply }
}

/** What stands for null: the server's default for the owner. */
export const visibilityOf = ({ visibility }: Pick<ServerDraft, 'visibility'>, { kind }: Pick<NamedOwner, 'kind'>): Visibility => visibility ?? (kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE')

/** As a `.mcp.json`, for the CLI and for registering several at once. */
export function mcpJsonText(drafts: readonly ServerDraft[]): string {
  const servers = drafts.map((draft) => {
    const { kind, url, headers, command, args, env, cwd, description, timeoutMs, include, exclude, isDefault, isEnabled } = draft
    const transport = kind === 'STDIO' ? { kind, command, args, env: env.filter(isFilledPair), cwd: cwd === '' ? null : cwd } : { kind, url, headers: headers.filter(isFilledPair) }
    const item = toMcpJson({
      description, transport, tools: { include: include.filter(isFilledText), exclude: exclude.filter(isFilledText) }, timeoutMs: timeoutMs === '' ? null : Number(timeoutMs), default: isDefault,
    })
    return [draft.name, { ...(description !== '' && { description }), ...item, ...(!isEnabled && { disabled: true }) }] as const
  })
  return JSON.stringify({ mcpServers: Object.fromEntries(servers) }, null, 2)
}

/** The exact command line; null: it is reached by a URL. */
export function lineOf({ kind, command, args }: ServerDraft): string | null {
  return kind === 'STDIO' ? [command, ...args].map(shellQuoted).join(' ') : null
}
