export interface Span {
  start: number
  end: number
}

/** A text as somebody reads it who undoes an escaping, and where each part of it came from. */
export interface TextView {
  text: string
  /** What `text.slice(start, end)` was written as, in the text the view was made of. Of at least one character. */
  origin: (start: number, end: number) => Span
}

/** JSON in JSON, percent in percent, and each in the other. */
const deepest = 2
/** A line that base64 was broken after is longer; most lines of prose have a blank earlier. */
const shortestFullLine = 16
const simpleEscapes = new Map(['n\n', 't\t', 'r\r', 'b\b', 'f\f', '""', "''", '//', '\\\\'].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]))

/**
 * The text itself, and the text with the escapes of JSON and of URLs undone, up to two of them one in the other. Undoing instead of escaping
 * what is looked for: no two encoders escape the same characters, but all are undone alike.
 */
export function viewsOf(text: string): TextView[] {
  const views: TextView[] = [asIs(text)]
  let outer = views
  for (let depth = 0; depth < deepest; depth += 1) {
    const inner: TextView[] = []
    for (const view of outer) {
      for (const next of [unescaped(view, '\\', readBackslash), unescaped(view, '%', readPercent)]) {
        if (next !== null && ![...views, ...inner].some((known) => known.text === next.text)) inner.push(next)
      }
    }
    views.push(...inner)
    outer = inner
  }
  return views
}

/** The text with the ends of long lines taken out, as whoever decodes base64 does; null: it has none. Origins are in the view's text. */
export function withoutLineEnds(text: string): TextView | null {
  if (!/[\r\n]/.test(text)) return null
  const edit = createEdit(asIs(text))
  for (let at = text.indexOf('\n'); at >= 0;) {
    const start = text[at - 1] === '\r' ? at - 1 : at
    let end = at + 1
    if (isAfterLongLine(text, start)) {
      while (/\s/.test(text[end] ?? '')) end += 1
      edit.replace(start, end, '')
    }
    at = text.indexOf('\n', end)
  }
  // Half a line end, of a text that goes on.
  const last = text.length - 1
  if (text[last] === '\r' && isAfterLongLine(text, last)) edit.replace(last, text.length, '')
  return edit.done()
}

function asIs(text: string): TextView {
  return { text, origin: (start, end) => ({ start, end }) }
}

export function isBase64Letter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 47 && code <= 57) || code === 43 || code === 45 || code === 95
}

/**
 * Where the escape begins that `at` may be in the middle of; `at` where it is in none. Looks at the letters alone that can follow a
 * backslash or percent sign, so it may begin too early, never too late.
 */
export function escapeStart(text: string, at: number): number {
  let start = at
  for (let back = at - 1; back >= 0 && /[\\%ux0-9a-f]/i.test(text[back]!); back -= 1) if (text[back] === '\\' || text[back] === '%') start = back
  return start
}

/** Reads the escape at a mark. */
type Read = (text: string, at: number) => number

/** What a `Read` says: a code point and the characters it is written with in one number, because there may be a million of them. */
const nothing = -1
const reading = (code: number, width: number) => code * 16 + width

function unescaped(view: TextView, mark: string, read: Read): TextView | null {
  const { text } = view
  if (!text.includes(mark)) return null
  const edit = createEdit(view)
  for (let at = text.indexOf(mark); at >= 0;) {
    const found = read(text, at)
    const end = at + (found === nothing ? 1 : found & 15)
    if (found !== nothing) edit.replace(at, end, String.fromCodePoint(found >> 4))
    at = text.indexOf(mark, end)
  }
  return edit.done()
}

/** Replaces from left to right, and keeps what came from where. */
function createEdit({ text, origin }: TextView) {
  const starts: number[] = []
  const ends: number[] = []
  const viewStarts: number[] = []
  const viewEnds: number[] = []
  let made = ''
  let copied = 0
  /** What the character at that place of the made text was. */
  const unitAt = (index: number): Span => {
    let low = 0
    for (let high = starts.length; low < high;) {
      const middle = (low + high) >> 1
      if (viewStarts[middle]! <= index) low = middle + 1
      else high = middle
    }
    if (low > 0 && index < viewEnds[low - 1]!) return { start: starts[low - 1]!, end: ends[low - 1]! }
    const start = low === 0 ? index : ends[low - 1]! + index - viewEnds[low - 1]!
    return { start, end: start + 1 }
  }
  return {
    replace: (start: number, end: number, by: string) => {
      made += text.slice(copied, start)
      copied = end
      starts.push(start)
      ends.push(end)
      viewStarts.push(made.length)
      made += by
      viewEnds.push(made.length)
    },
    done: (): TextView | null => (starts.length === 0 ? null : {
      text: made + text.slice(copied), origin: (start, end) => origin(unitAt(start).start, unitAt(end - 1).end),
    }),
  }
}

function readBackslash(text: string, at: number): number {
  const next = text.charCodeAt(at + 1)
  const simple = simpleEscapes.get(next)
  if (simple !== undefined) return reading(simple, 2)
  const digits = next === 0x75 ? 4 : next === 0x78 ? 2 : 0
  const code = digits === 0 ? nothing : hexAt(text, at + 2, digits)
  return code < 0 ? nothing : reading(code, 2 + digits)
}

/** One character, of as many bytes as UTF-8 gives it. */
function readPercent(text: string, at: number): number {
  const lead = hexAt(text, at + 1, 2)
  if (lead < 0 || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4) return nothing
  const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  let code = size === 1 ? lead : lead & (0xff >> (size + 1))
  for (let byte = 1; byte < size; byte += 1) {
    const follower = text.charCodeAt(at + 3 * byte) === 0x25 ? hexAt(text, at + 3 * byte + 1, 2) : -1
    if ((follower & 0xc0) !== 0x80) return nothing
    code = (code << 6) | (follower & 0x3f)
  }
  return code > 0x10ffff ? nothing : reading(code, 3 * size)
}

function isAfterLongLine(text: string, at: number): boolean {
  for (let back = 1; back <= shortestFullLine; back += 1) if (!isBase64Letter(text.charCodeAt(at - back))) return false
  return true
}

/** −1: these are not so many hexadecimal digits. */
function hexAt(text: string, at: number, digits: number): number {
  let value = 0
  for (let index = at; index < at + digits; index += 1) {
    const code = text.charCodeAt(index)
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 65 && code <= 70 ? code - 55 : code >= 97 && code <= 102 ? code - 87 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}
