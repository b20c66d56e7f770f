/** Where a text stops being JSON. */
export interface JsonFault {
  /** From 1. */
  line: number
  /** From 1, in UTF-16 units. */
  column: number
  /** For people: what is missing or too much. It never quotes the text, which may hold secrets (S14). */
  message: string
}

type Awaited = 'VALUE' | 'VALUE_OR_END' | 'NAME' | 'NAME_OR_END' | 'COLON' | 'COMMA_OR_END' | 'NOTHING'

const messages: Record<Awaited, string> = {
  VALUE: 'a value is missing here',
  VALUE_OR_END: 'a value or ] is missing here',
  NAME: 'a name in double quotes is missing here; no comma may stand before }',
  NAME_OR_END: 'a name in double quotes or } is missing here',
  COLON: 'a colon is missing here',
  COMMA_OR_END: 'a comma, or the closing bracket, is missing here',
  NOTHING: 'the text goes on after its end',
}

const blank = /[ \t\n\r]*/y
const literal = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/**
 * The first place at which a text is no JSON (RFC 8259); null: it is JSON. Every engine words and places this in its own way, or not at all, so it is looked
 * for here once `JSON.parse` has refused. Depth costs no stack, and time is in proportion to the text.
 */
export function jsonFault(text: string): JsonFault | null {
  const open: string[] = []
  let awaited: Awaited = 'VALUE'
  let at = afterMatch(blank, text, 0)
  while (at < text.length) {
    const character = text[at]!
    const isEnd = character === '}' || character === ']'
    let next: number
    if (isEnd && isEndAwaited(awaited) && open.at(-1) === (character === '}' ? '{' : '[')) {
      open.pop()
      next = at + 1
      awaited = afterValue(open)
    } else if ((character === '{' || character === '[') && isValueAwaited(awaited)) {
      open.push(character)
      next = at + 1
      awaited = character === '{' ? 'NAME_OR_END' : 'VALUE_OR_END'
    } else if (character === ',' && awaited === 'COMMA_OR_END') {
      next = at + 1
      awaited = open.at(-1) === '{' ? 'NAME' : 'VALUE'
    } else if (character === ':' && awaited === 'COLON') {
      next = at + 1
      awaited = 'VALUE'
    } else {
      const isName: boolean = awaited === 'NAME' || awaited === 'NAME_OR_END'
      if (!isName && !isValueAwaited(awaited)) return faultAt(text, at, hintOf(character) ?? messages[awaited])
      const end = character === '"' ? endOfText(text, at) : isName ? at : afterMatch(literal, text, at)
      if (typeof end !== 'number') return faultAt(text, end.at, end.message)
      if (end === at) return faultAt(text, at, hintOf(character) ?? messages[awaited])
      next = end
      awaited = isName ? 'COLON' : afterValue(open)
    }
    at = afterMatch(blank, text, next)
  }
  return awaited === 'NOTHING' ? null : faultAt(text, text.length, 'the text ends before it is complete')
}

const isValueAwaited = (awaited: Awaited) => awaited === 'VALUE' || awaited === 'VALUE_OR_END'
const isEndAwaited = (awaited: Awaited) => awaited === 'COMMA_OR_END' || awaited === 'NAME_OR_END' || awaited === 'VALUE_OR_END'
const afterValue = (open: readonly string[]): Awaited => (open.length === 0 ? 'NOTHING' : 'COMMA_OR_END')

/** Where the match ends that begins at a place; the place itself when there is none. */
function afterMatch(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

function endOfText(text: string, start: number): number | { at: number; message: string } {
  let at = start + 1
  while (at < text.length) {
    const character = text[at]!
    if (character === '"') return at + 1
    if (character < ' ') return { at, message: 'a text ends with its line; close it with a double quote, and write a line end as \\n' }
    if (character !== '\\') at += 1
    else {
      const end = afterMatch(escaped, text, at)
      if (end === at) return { at, message: 'no escape of JSON; write a backslash as \\\\' }
      at = end
    }
  }
  return { at: start, message: 'this text is never closed with a double quote' }
}

/** What people write who think of another language. */
function hintOf(character: string): string | null {
  if ('\'`\u2018\u2019\u201c\u201d'.includes(character)) return 'texts stand in straight double quotes'
  return character === '/' || character === '#' ? 'JSON has no comments; take it out' : null
}

function faultAt(text: string, at: number, message: string): JsonFault {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n'), message }
}
