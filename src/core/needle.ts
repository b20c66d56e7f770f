import { bytesOf, encodeBase64 } from './base64.js'

/** Shorter values would tear ordinary words apart. */
export const shortestValue = 8

/** A text to look for. */
export interface Needle {
  text: string
  /** It is the middle of something in base64, all of which goes with it. */
  isBase64: boolean
}

/**
 * What one value may look like where escapes are undone (`viewsOf`): as it is, without blanks around it; with either kind of line end; with the
 * `+` of forms; in hex; and in base64 of either alphabet wherever in the encoded text it lies, as it is, as JSON and as URLs have it. The same for each
 * line of its own that says enough to be known by: 8 characters without a blank (`-----BEGIN PRIVATE KEY-----` has some), letters of both cases or with
 * digits among them. So a PEM key is known by any of its lines.
 */
export function needlesOf(value: string): Needle[] {
  const trimmed = value.trim()
  const whole = trimmed.length < shortestValue ? value : trimmed
  const lines = whole.split(/[\r\n]|\\[rn]/).map((line) => line.trim()).filter((line) => line !== whole && isDistinctive(line))
  const unix = whole.replaceAll('\r\n', '\n')
  return [...new Set([whole, unix, unix.replaceAll('\n', '\r\n'), ...lines])].flatMap(formsOf)
}

function isDistinctive(line: string): boolean {
  return line.length >= shortestValue && !/\s/.test(line) && [/\d/, /[a-z]/, /[A-Z]/].filter((kind) => kind.test(line)).length > 1
}

function formsOf(text: string): Needle[] {
  const bytes = bytesOf(text)
  const hex = [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
  const cores = [...new Set([bytes, bytesOf(JSON.stringify(text).slice(1, -1)), encodeURIComponent(text.toWellFormed())])].flatMap(coresOf)
  return [
    ...[text, text.replaceAll(' ', '+'), hex, hex.toUpperCase()].map((form) => ({ text: form, isBase64: false })),
    ...cores.flatMap((core) => [core, core.replaceAll('+', '-').replaceAll('/', '_')]).map((form) => ({ text: form, isBase64: true })),
  ]
}

/** The letters that are the bytes' alone, whatever stands before and after, for each of the three places that a byte can have in base64. */
function coresOf(bytes: string): string[] {
  return [0, 1, 2].map((before) => {
    const bits = 8 * before
    return encodeBase64('\0'.repeat(before) + bytes).slice(Math.ceil(bits / 6), Math.floor((bits + 8 * bytes.length) / 6))
  })
}
