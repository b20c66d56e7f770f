import { z } from 'zod'
import { canonicalJson } from './canonical.js'
import { invalid } from './errors.js'

/**
 * Parses with zod and turns the first issue into INVALID_INPUT with the field's dotted path.
 * @param prefix path of `value` in the whole input, e.g. `definition`; '' for the root.
 * @throws CatalogError INVALID_INPUT
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const unknownKey = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = [prefix, ...(issue?.path ?? []), ...unknownKey].filter((part) => part !== '').map(String).join('.') || 'input'
  const message = unknownKey.length > 0 ? 'is not known here; leave it out' : issue?.message ?? 'is not valid'
  throw invalid(field, `${field}: ${message}`, `Change ${field} so that it fits: ${message}.`)
}

/**
 * A bound on the whole of what was parsed: its fields may each be long, yet together they are stored, recorded, judged and sent to every worker.
 * @param most characters (UTF-16 units) of the canonical form
 * @throws CatalogError INVALID_INPUT with `field`
 */
export function withinSize<Value>(value: Value, most: number, field: string): Value {
  const size = canonicalJson(value).length
  if (size <= most) return value
  throw invalid(field, `${field}: has ${size} characters as JSON, and ${most} at most are taken`, 'Shorten its texts and lists; long settings belong into a file or a server of your own.')
}

/** Control characters and line ends of any kind never belong in a name, a command or an address; newlines and tabs only in free text. */
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
const freeTextControlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/** Lone surrogates are refused because Postgres cannot store them. */
function text(max: number, min: number, refused: RegExp) {
  return z.string()
    .min(min, `needs at least ${min} character${min === 1 ? '' : 's'}`)
    .max(max, `has more than ${max} characters`)
    .refine((value) => !refused.test(value), 'holds a control character')
    .refine((value) => value.isWellFormed(), 'is not well-formed Unicode')
}

/** One line of text with at most `max` characters (UTF-16 units). */
export const line = (max: number, min = 0) => text(max, min, controlCharacters)

/** Free text (prompts, descriptions), newlines and tabs allowed. */
export const freeText = (max: number, min = 0) => text(max, min, freeTextControlCharacters)
