import { type Definition, type EntryKind } from './entry.js'
import { type McpServerDefinition } from './mcp-server.js'

/**
 * What nobody would see, or would see as something else: controls, format and bidi characters, surrogates, private and unassigned
 * code points, line ends of every kind, what fonts leave out, and white space that is no plain space.
 */
const hidden = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu

const codePoint = (character: string) => character.codePointAt(0)!.toString(16)

/** Hidden characters as `\u{200b}`. Backslashes are doubled, so that a text which merely says so is told apart. */
export function visibleText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(hidden, (character) => `\\u{${codePoint(character)}}`)
}

/** Whether something in it would not be seen, or seen as something else. */
export function hasHidden(text: string): boolean {
  return text.search(hidden) >= 0
}

/**
 * One argument as a POSIX shell takes it; as `$'…'`, in escapes of bash, when it holds anything but printable ASCII: also what
 * only looks like a Latin letter is to be seen.
 */
export function shellQuoted(argument: string): string {
  if (/^[\w./:=@%+,-]+$/.test(argument)) return argument
  if (/^[ -~]*$/.test(argument)) return `'${argument.replaceAll("'", "'\\''")}'`
  const escaped = argument.replaceAll(/[\\']/g, '\\$&').replaceAll(/[^ -~]/gu, (character) => `\\U${codePoint(character).padStart(8, '0')}`)
  return `$'${escaped}'`
}

/** The exact command line of a stdio server, whole; null for everything else. */
export function commandLineOf(kind: EntryKind, definition: Definition): string | null {
  if (kind !== 'MCP_SERVER') return null
  const { transport } = definition as McpServerDefinition
  return transport.kind === 'STDIO' ? [transport.command, ...transport.args].map(shellQuoted).join(' ') : null
}

/** A definition for people to read and compare: keys sorted, one value a line, texts of several lines with `| ` before each. */
export function definitionText(definition: object): string {
  return linesOf(definition, '').join('\n') + '\n'
}

function linesOf(value: unknown, indent: string): string[] {
  const deeper = `${indent}  `
  if (typeof value === 'string' && value.includes('\n')) return ['text', ...value.split('\n').map((line) => `${deeper}| ${visibleText(line)}`)]
  if (value === null || typeof value !== 'object') return [typeof value === 'string' ? `"${visibleText(value).replaceAll('"', '\\"')}"` : String(value)]
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  const members = Array.isArray(value)
    ? value.map((item) => linesOf(item, deeper))
    : Object.keys(value).sort().map((key) => {
      const [first, ...rest] = linesOf((value as Record<string, unknown>)[key], deeper)
      return [`${key}: ${first}`, ...rest]
    })
  if (members.length === 0) return [`${open}${close}`]
  return [open, ...members.flatMap(([first, ...rest]) => [`${deeper}${first}`, ...rest]), `${indent}${close}`]
}
