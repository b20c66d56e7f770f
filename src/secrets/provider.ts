import { CatalogError } from '../core/errors.js'
import { type OwnerRef } from '../core/owner.js'

/** Which secret is meant, and where its value is. */
export interface SecretPlace {
  owner: OwnerRef
  name: string
  version: number
  /** Where an outside provider has it, in that provider's own words; null: in `sealed`. */
  path: string | null
  /** The envelope as it is stored, of which nothing is believed before it opens; null: an outside provider has the value. */
  sealed: unknown
}

/** What a provider tells besides values. */
export interface ProviderTools {
  /** The value at a path may be another one now. Twice does no harm. */
  changed: (path: string) => void
  /** What whoever runs the server should know; it holds no value and no token. */
  warn: (error: unknown, message: string) => void
}

/**
 * Where values are kept. A new one is a file here, a line in index.ts, and done when test/suites/secret-provider-conformance.ts passes.
 * Values are text of 1 byte to 64 KiB in UTF-8 and come back unchanged, whatever characters they have.
 */
export interface SecretProvider {
  /**
   * @throws CatalogError SECRET_NOT_FOUND when it is known that nothing is there; UNAVAILABLE when that cannot be said right now. Both hold no
   * part of a value, of a token, or of what an outside server answered
   */
  read: (place: SecretPlace) => Promise<string>
  /** Why a secret must not lie at that path, as one sentence with the mend; null: it may. Says nothing of whether something is there. */
  pathProblem: (path: string) => string | null
  /** From now on, and until the next call, `changed` is told of these paths and of no others. Left out: values never change from outside. */
  watch?: (paths: ReadonlySet<string>) => void
  /** Ends everything that runs by itself. */
  close: () => Promise<void>
}

export const mostSecretBytes = 65_536

/** SECRET_NOT_FOUND: it is known that nothing is there. */
export function secretNotFound({ name }: Pick<SecretPlace, 'name'>, why: string, mend: string): CatalogError {
  return new CatalogError('SECRET_NOT_FOUND', `The secret ${name} has no value: ${why}.`, { field: 'name', mend })
}

/** UNAVAILABLE: whether there is a value cannot be said, or it cannot be read. */
export function secretUnavailable({ name }: Pick<SecretPlace, 'name'>, why: string, mend: string): CatalogError {
  return new CatalogError('UNAVAILABLE', `The secret ${name} cannot be read: ${why}.`, { field: 'name', mend })
}

/** Half of a pair of surrogates stands for no character, and UTF-8 has no way to write it. */
const isText = (value: string) => !/\p{Cs}/u.test(value)

/** Why a text can be no value, never with a part of it; null: it can. */
export function valueProblem(value: string): string | null {
  if (value === '') return 'it is empty'
  if (Buffer.byteLength(value) > mostSecretBytes) return 'it is larger than 64 KiB'
  return isText(value) ? null : 'it is no text that UTF-8 can hold'
}

/** A value as an outside provider has it, if it can be one. */
export function asValue(place: Pick<SecretPlace, 'name'>, text: string): string {
  const problem = valueProblem(text)
  if (problem === null) return text
  if (text === '') throw secretNotFound(place, 'what its provider has is empty', 'Put a value there.')
  throw secretUnavailable(place, `of what its provider has, ${problem}`, 'Put a text of at most 64 KiB there.')
}

/**
 * What must hold for every path below something, before it is looked at: no way up, no second way to write one, nothing that cannot be seen.
 * @returns the parts, or a problem
 */
export function partsOf(path: string): { parts: string[] } | { problem: string } {
  if (path === '' || path.length > 512) return { problem: 'The path must have 1 to 512 characters.' }
  if (/[\p{C}\p{Zl}\p{Zp}\\]/u.test(path)) return { problem: 'The path must hold no backslash and no invisible characters.' }
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return { problem: 'The path must be relative, and none of its parts may be empty, "." or "..".' }
  }
  return { parts }
}
