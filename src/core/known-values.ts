import { withoutKnown } from './known-spans.js'
import { type Needle, needlesOf, shortestValue } from './needle.js'
import { createNeedleFinder, type NeedleFinder } from './needle-finder.js'
import { redactDeep } from './redact-deep.js'
import { createRedactingStream, type RedactingStream } from './redacting-stream.js'

/** Secret values that somebody here holds, and must not show. */
export interface KnownValues {
  /**
   * From now on the value is taken out, until what this returns was called as often as `add`: a value that two connections use, or that was
   * replaced and is still in use by one, stays known. Calling the same one twice counts once.
   */
  add: (value: string) => () => void
  /** The text with the mask for each value in it; the same text where there is none. */
  redact: (text: string) => string
  /** The same for results in JSON, see `redactDeep`; a number that holds a value becomes a string, whatever the type says. */
  redactDeep: <Value>(value: Value) => Value
  /** The same for a text that comes in pieces. */
  stream: () => RedactingStream
}

/**
 * Takes whole values out of texts (S14), each for the same mask, which says nothing of it. Found are values of 8 characters or more, as they are
 * and with any of their characters escaped as in JSON (`\"`, `\/`, `\u0022`) or percent-encoded, up to two such layers one in the other, with `+` for blanks;
 * in hex; and in base64 of either alphabet, alone or amid other bytes (`user:value`), in one line or several: of that the whole run of letters goes.
 * Lines of a value are known alone too, see `needlesOf`.
 *
 * Not found: values under 8 characters; what was compressed, encrypted, hashed, cut into pieces, turned round or changed in case or Unicode form; other
 * encodings (base32, HTML entities, UTF-16, quoted-printable, arrays of numbers); base64 in base64 and three escapings one in the other; and parts of a value other than
 * its lines. A server that means to give a value away can: this is for the many that do by accident.
 */
export function createKnownValues(): KnownValues {
  const held = new Map<string, { needles: Needle[]; number: number | null; uses: number }>()
  let finder: NeedleFinder | null = null
  let numbers = new Set<number>()
  let isDigits = false
  let isCurrent = true

  /** Made anew when it is needed, because values come and go several at a time. */
  const current = () => {
    if (!isCurrent) {
      const needles = [...held.values()].flatMap((one) => one.needles)
      finder = held.size === 0 ? null : createNeedleFinder(needles)
      // Few values are, and a result may hold a hundred thousand numbers.
      isDigits = needles.some(({ text }) => /^[\d.e+-]+$/.test(text))
      numbers = new Set([...held.values()].flatMap(({ number }) => number ?? []))
      isCurrent = true
    }
    return finder
  }
  const redact = (text: string) => {
    const found = current()
    return found === null || text.length < shortestValue ? text : withoutKnown(found, text)
  }
  return {
    add: (value) => {
      if (value.length < shortestValue) return () => {}
      const one = held.get(value) ?? { needles: needlesOf(value), number: numberOf(value), uses: 0 }
      one.uses += 1
      held.set(value, one)
      isCurrent = false
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        one.uses -= 1
        if (one.uses > 0) return
        held.delete(value)
        isCurrent = false
      }
    },
    redact,
    redactDeep: <Value>(value: Value) => (current() === null ? value : redactDeep(value, { text: redact, isKnown: (number) => numbers.has(Number(number)) || (isDigits && redact(String(number)) !== String(number)) }) as Value),
    stream: () => createRedactingStream(current),
  }
}

/** What a value of digits is when it is read as a number; null: it is not one, or too small to be told from others. */
function numberOf(value: string): number | null {
  const number = /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : 0
  return Math.abs(number) >= 10 ** (shortestValue - 1) ? number : null
}
