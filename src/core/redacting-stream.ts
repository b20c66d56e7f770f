import { base64Start, knownSpans, letterBefore, masked, withoutKnown } from './known-spans.js'
import { type NeedleFinder } from './needle-finder.js'
import { escapeStart, type Span, type TextView, viewsOf, withoutLineEnds } from './text-view.js'

/** Takes known values out of a text that comes in pieces, wherever it is cut. */
export interface RedactingStream {
  /**
   * What can be said by now. Held back is what may be the beginning of a value in any of its forms, and the word at the end, which may be
   * base64; a long word at the end of a line too, which may go on in the next.
   */
  push: (chunk: string) => string
  /** The rest, when nothing follows. */
  flush: () => string
}

/** Characters. Beyond them, and 16 times the longest form of a value, a text is let go in pieces whatever it looks like: it must not fill the memory. */
const mostHeld = 16_384
/** No form has more characters for one of the text that is looked for: `\\u0041`, `%25F0%259F%2598%2580`. */
const widestForm = 16

/**
 * Bytes are decoded before, by what keeps a character that was cut (`setEncoding('utf8')`, `TextDecoder` with `stream: true`).
 * @param current asked at each piece, so that a value counts from the moment it is known; null: none is
 */
export function createRedactingStream(current: () => NeedleFinder | null): RedactingStream {
  let held = ''
  return {
    push: (chunk) => {
      const finder = current()
      const text = held + chunk
      if (finder === null) {
        held = ''
        return text
      }
      const { spans, end } = settled(finder, text)
      held = text.slice(end)
      return masked(text, spans, end)
    },
    flush: () => {
      const finder = current()
      const text = held
      held = ''
      return finder === null ? text : withoutKnown(finder, text)
    },
  }
}

/** What no later piece can change: `text` up to `end`, with the values in it. */
function settled(finder: NeedleFinder, text: string): { spans: Span[]; end: number } {
  const whole = escapeStart(text, text.length)
  const views = viewsOf(text.slice(0, whole))
  const spans = knownSpans(finder, views)
  let end = whole
  for (let open = Math.min(whole, ...views.map((view) => openFrom(finder, view, whole))); ;) {
    end = escapeStart(text, spans.find(({ start, end }) => start < open && open < end)?.start ?? open)
    if (end === open) break
    open = end
  }
  if (text.length - end <= mostHeld + widestForm * finder.longest) return { spans, end }
  const all = knownSpans(finder, viewsOf(text))
  const forced = text.length - widestForm * finder.longest
  return { spans: all, end: all.find(({ start, end }) => start < forced && forced < end)?.end ?? forced }
}

/** Where something begins in a view that may go on in the next piece, as a place in what the view was made of. */
function openFrom(finder: NeedleFinder, { text, origin }: TextView, whole: number): number {
  const joined = withoutLineEnds(text)
  const opens = [text.length - (/={1,2}$/.exec(text)?.[0].length ?? 0), finder.openFrom(text)]
  if (joined !== null) {
    const open = letterBefore(joined.text, finder.openFrom(joined.text))
    if (open < joined.text.length) opens.push(joined.origin(open, open + 1).start)
  }
  const open = base64Start(text, Math.min(...opens))
  return open < text.length ? origin(open, open + 1).start : whole
}
