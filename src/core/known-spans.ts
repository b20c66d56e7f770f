import { type NeedleFinder } from './needle-finder.js'
import { mask } from './redact.js'
import { isBase64Letter, type Span, type TextView, viewsOf, withoutLineEnds } from './text-view.js'

const equals = 61

/** Where known values stand in the text that the views are of; in order, and apart: what overlaps is one. */
export function knownSpans(finder: NeedleFinder, views: readonly TextView[]): Span[] {
  const found: Span[] = []
  for (const { text, origin } of views) {
    let word: Span = { start: 0, end: 0 }
    const tell = ({ start, end }: Span, isBase64: boolean) => {
      if (!isBase64) return void found.push(origin(start, end))
      // A long run that holds many is measured once.
      if (start >= word.start && end <= word.end) return
      word = { start: base64Start(text, start), end: base64End(text, end) }
      found.push(origin(word.start, word.end))
    }
    finder.find(text, (start, end, isBase64) => tell({ start, end }, isBase64))
    const joined = withoutLineEnds(text)
    if (joined === null) continue
    finder.find(joined.text, (start, end, isBase64) => {
      // The letters beside it hold some of its bits, and may stand in the line before or after.
      const [first, last] = isBase64 ? [letterBefore(joined.text, start), end + Number(isBase64Letter(joined.text.charCodeAt(end)))] : [start, end]
      tell(joined.origin(first, last), isBase64)
    })
  }
  const apart: Span[] = []
  for (const { start, end } of found.sort((a, b) => a.start - b.start)) {
    const last = apart.at(-1)
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end)
    else apart.push({ start, end })
  }
  return apart
}

/** @param spans none of which crosses `end` */
export function masked(text: string, spans: readonly Span[], end = text.length): string {
  if (spans.length === 0) return text.slice(0, end)
  const pieces: string[] = []
  let done = 0
  for (const span of spans) {
    if (span.start >= end) break
    pieces.push(text.slice(done, span.start), mask)
    done = span.end
  }
  return pieces.join('') + text.slice(done, end)
}

/** The same text, not a copy, where no known value stands in it. */
export function withoutKnown(finder: NeedleFinder, text: string): string {
  return masked(text, knownSpans(finder, viewsOf(text)))
}

/** Where a letter of base64 stands before `at`; `at` where none does. */
export function letterBefore(text: string, at: number): number {
  return isBase64Letter(text.charCodeAt(at - 1)) ? at - 1 : at
}

/** Where the base64 begins that `at` is in, or stands after. */
export function base64Start(text: string, at: number): number {
  let start = at
  while (isBase64Letter(text.charCodeAt(start - 1))) start -= 1
  return start
}

function base64End(text: string, at: number): number {
  let end = at
  while (isBase64Letter(text.charCodeAt(end))) end += 1
  while (text.charCodeAt(end) === equals) end += 1
  return end
}
