import { plainJson } from '../../../../src/core/json-text.js'
import { type McpJsonForm, mostImportCharacters, mostImportItems, type ParsedItem, readMcpServers, urlOf } from '../../../../src/core/mcp-json.js'
import { jsonFault } from '../../parts/json-fault.js'
import { serverOfLine } from './paste-line.js'

type JsonObject = Record<string, unknown>

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

export type Pasted = { items: ParsedItem[]; isLine: boolean } | { problem: string }

/**
 * Reads what people paste: a whole `.mcp.json`, flat or wrapped, also in the `mcp` of an editor's settings; one `"name": { … }` cut out of one; or one server
 * without a name, which is then guessed from where it leads. All of these with comments and commas too many, as editors take them, and in the fence of a
 * Markdown page. And one line: a URL, the command that starts a server, or `claude mcp add …` and its like.
 * @returns at least one item, as of `readMcpServers`, and whether it was one line, which may go on while it is typed; or the one problem, for people, with line
 * and column where the text is no JSON
 */
export function parsePaste(pasted: string): Pasted {
  if (pasted.length > mostImportCharacters) {
    return { problem: `The text has ${pasted.length.toLocaleString('en')} characters, and ${mostImportCharacters.toLocaleString('en')} at most are taken. Paste a part of it.` }
  }
  const text = unfenced(pasted)
  const plain = read(text) === undefined ? plainJson(text) : text
  const braced = wrapped(plain)
  const line = read(plain) === undefined ? serverOfLine(text) : null
  const whole = line ?? read(plain) ?? read(braced)
  if (whole === undefined) return { problem: otherFormat(plain) ?? notJson(braced, braced === plain ? 0 : 1) }
  const [root, form] = rootOf(whole)
  const parsed = readMcpServers(root, form)
  if ('problem' in parsed) return parsed
  if (parsed.items.length === 0) return { problem: 'There is no server in it. Paste the mcpServers part of a .mcp.json, or one server.' }
  if (parsed.items.length > mostImportItems) return { problem: `There are ${parsed.items.length} servers in it, and ${mostImportItems} at most are taken at once. Paste a part of it.` }
  return { ...parsed, isLine: line !== null }
}

/** Without the lines of a Markdown fence around it; the lines stay, empty, so that places stay right. */
function unfenced(text: string): string {
  const fence = /^(\s*)```[^\n`]*(\n[^]*?)```\s*$/.exec(text)
  return fence === null ? text : fence[1]! + fence[2]!
}

const inTheForm = 'Fill in the form below, or paste the same as JSON: {"mcpServers": {"name": {"command": "…", "args": ["…"]}}}.'

/** Formats that have servers too; null: it was meant to be JSON. */
function otherFormat(text: string): string | null {
  const start = text.trimStart().replace(/^(?:#[^\n]*\n\s*)+/, '')
  if (/^(?:\[+[\w."-]+\]+[ \t]*(?:#[^\n]*)?\r?\n|[\w.-]+[ \t]*=)/.test(start)) return `This looks like TOML, which is not read here. ${inTheForm}`
  return /^(?:---[ \t]*\r?\n|- )?[A-Za-z][\w.-]*:(?:[ \t\r\n]|$)/.test(start) ? `This looks like YAML, which is not read here. ${inTheForm}` : null
}

/** @param added characters before the first that was pasted */
function notJson(text: string, added: number): string {
  const { line, column, message } = jsonFault(text)!
  return `The text is not JSON: line ${line}, column ${line === 1 ? Math.max(1, column - added) : column}: ${message}.`
}

/** undefined: no JSON, which null could be. */
function read(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** One or several members, as they stand between the braces of a file. */
function wrapped(text: string): string {
  return text.trimStart().startsWith('"') ? `{${text.trimEnd().replace(/,$/, '')}}` : text
}

function rootOf(whole: unknown): [root: unknown, form: McpJsonForm] {
  const inner = isObject(whole) && isObject(whole.mcp) && !isServer(whole.mcp) ? whole.mcp : whole
  if (!isObject(inner) || !isServer(inner)) return [inner, 'FLAT_OR_WRAPPED']
  const { name, ...server } = inner
  return [{ [typeof name === 'string' ? name : guessedName(server)]: server }, 'FLAT']
}

function isServer(value: JsonObject): boolean {
  return typeof value.command === 'string' || typeof urlOf(value) === 'string'
}

/** Words that say what every server is. */
const common = new Set(['mcp', 'api', 'www', 'server', 'run', 'exec', 'dlx', 'x', 'tool', 'm', 'src', 'dist', 'build', 'index', 'main'])

/** A name that the catalog takes, out of the host of a URL or the package, image or script that a command runs. */
export function guessedName(server: JsonObject): string {
  const { command, args } = server
  const url = urlOf(server)
  if (typeof url === 'string') {
    const host = /^[a-z]+:\/\/([^/?#:@]+)/i.exec(url)?.[1] ?? ''
    const labels = host.split('.')
    return firstName(/^[\d.]+$/.test(host) ? [host] : labels.length > 1 ? labels.slice(0, -1).reverse() : labels)
  }
  const words = (Array.isArray(args) ? args : []).filter((arg): arg is string => typeof arg === 'string' && arg.length <= 200 && !arg.startsWith('-') && !arg.includes('='))
  const program = typeof command === 'string' ? command.slice(-200) : ''
  const named = /(?:^|[\\/])(?:docker|podman|nerdctl)(?:\.exe)?$/.test(program) ? [...words].reverse() : words
  return firstName([...named, program].map(lastPart))
}

/** `@scope/server-github@1.2.3`, `ghcr.io/org/github-mcp-server:v1`, `C:\\servers\\github.js`: github. */
function lastPart(text: string): string {
  const part = text.split(/[\\/]/).filter((each) => each !== '').at(-1) ?? ''
  return part.replace(/(?!^)[@:].*$/, '').replace(/\.(?:[cm]?[jt]s|py|exe|sh)$/i, '')
}

function firstName(candidates: string[]): string {
  const names = candidates.map((candidate) => namePart(candidate).split('-').filter((word) => !common.has(word)).join('-'))
  return names.find((name) => name !== '') ?? 'server'
}

/** The nearest text that is a name of an entry; '' when nothing is left. */
export function namePart(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().replaceAll(/[^a-z0-9_]+/g, '-').replace(/^[-_]+/, '').slice(0, 40).replace(/[-_]+$/, '')
}
