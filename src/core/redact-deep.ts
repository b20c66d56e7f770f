import { decodeBase64, encodeBase64 } from './base64.js'
import { mask } from './redact.js'

/** What is nested deeper nobody made to be read, and it is not looked into: the mask stands for it. */
const deepest = 64
const encodedMask = encodeBase64(mask)

export interface Redaction {
  text: (text: string) => string
  /** Whether a number has a value in its digits, or is one that was read as a number, and so may have lost some. */
  isKnown: (number: number | bigint) => boolean
}

/**
 * Takes known values out of whatever JSON can hold: out of strings, names of fields, and the digits of numbers, for which the mask stands then
 * as a string. Contents in base64 (`blob` beside `uri`, `data` beside `mimeType`) are looked at encoded and decoded, and wholly replaced by the mask in
 * base64, because half a file is none and readers refuse what is not base64. Two names that become the same leave one field.
 * What has no value in it is the same object as before. Of an object only the fields that JSON shows are looked at; one that has a value becomes a plain one.
 */
export function redactDeep(value: unknown, redaction: Redaction, depth = 0): unknown {
  if (typeof value === 'string') return redaction.text(value)
  if (typeof value === 'number' || typeof value === 'bigint') return redaction.isKnown(value) ? mask : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return mask
  if (Array.isArray(value)) {
    const items = value.map((item) => redactDeep(item, redaction, depth + 1))
    return items.every((item, index) => Object.is(item, value[index])) ? value : items
  }
  const fields = Object.entries(value)
  const redacted = fields.map(([name, field]): [string, unknown] => [
    redaction.text(name), isEncoded(name, value) ? redactEncoded(field as string, redaction) : redactDeep(field, redaction, depth + 1),
  ])
  return redacted.every(([name, field], index) => name === fields[index]![0] && Object.is(field, fields[index]![1])) ? value : Object.fromEntries(redacted)
}

function isEncoded(name: string, all: object): boolean {
  const has = (field: string) => typeof (all as Record<string, unknown>)[field] === 'string'
  return (name === 'blob' && has('blob') && has('uri')) || (name === 'data' && has('data') && has('mimeType'))
}

/** Decoded, a byte is read as one character: what is not ASCII is found in the encoded text, where it is not escaped as well. */
function redactEncoded(text: string, redaction: Redaction): string {
  const bytes = decodeBase64(text)
  if (bytes === null) return redaction.text(text)
  return redaction.text(text) === text && redaction.text(bytes) === bytes ? text : encodedMask
}
