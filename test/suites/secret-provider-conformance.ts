import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CatalogError } from '../../src/core/errors.js'
import { mostSecretBytes, type ProviderTools, type SecretPlace, type SecretProvider } from '../../src/secrets/provider.js'

/** A provider, and the outside of it. */
export interface ProviderUnderTest {
  provider: SecretProvider
  /** Puts the only value of which this test speaks where the provider has it; answers its place. Called again, it is another value. */
  put: (value: string) => Promise<SecretPlace>
  /** A place at which nothing is. */
  missing: SecretPlace
  /** From now on it cannot be said what is at the place; null: that cannot happen to it. */
  breakIt: ((place: SecretPlace) => Promise<SecretPlace>) | null
  /** Takes the value away; null: it never changes from outside. */
  remove: (() => Promise<void>) | null
  /** Paths that must not be taken, whoever asks. */
  refused: string[]
  /** What must be in no error besides the value: tokens, addresses with an account. */
  canaries: string[]
  close: () => Promise<void>
}

/** What is told of changes: waits for the next one. */
export function changeListener() {
  const changes: string[] = []
  const waiting = new Set<() => void>()
  const warnings: string[] = []
  const tools: ProviderTools = {
    changed: (path) => {
      changes.push(path)
      waiting.forEach((check) => check())
    },
    warn: (error, message) => void warnings.push(`${message}: ${String(error)}`),
  }
  /** Resolves once there were so many. */
  const heard = (count: number) => new Promise<void>((resolve) => {
    const check = () => {
      if (changes.length < count) return
      waiting.delete(check)
      resolve()
    }
    waiting.add(check)
    check()
  })
  return { tools, changes, warnings, heard }
}

const values: Array<[what: string, value: string]> = [
  ['a dollar and what looks like a reference', '$HOME ${secret:other} $$ `id` $(id)'], ['quotes and backslashes', `"'\\\\n\\u0041'"`], ['lines', 'one\ntwo\r\nthree'],
  ['spaces at both ends', '  value\t '], ['JSON', '{"a": [1, null]}'], ['every sort of character', 'é\u0301 שלום 日本 \u{1F511}\u{10FFFF} \u0001\u200b\ufeff'], ['a mark at its beginning', '\ufeffvalue'],
  ['64 KiB', 'é'.repeat(mostSecretBytes / 2)], ['one character', 'x'],
]

/** What every provider promises (src/secrets/provider.ts). A new one is done when this passes. */
export function secretProviderConformance(name: string, start: (tools: ProviderTools) => Promise<ProviderUnderTest>): void {
  describe(`${name} as a provider of secrets`, () => {
    let listener: ReturnType<typeof changeListener>
    let under: ProviderUnderTest
    beforeEach(async () => {
      listener = changeListener()
      under = await start(listener.tools)
    })
    afterEach(async () => {
      await under.provider.close()
      await under.close()
    })

    const refusal = async (place: SecretPlace) => {
      const error = await under.provider.read(place).then(() => null, (refused: unknown) => refused)
      expect(error).toBeInstanceOf(CatalogError)
      const { code, message, details, cause } = error as CatalogError
      const text = [message, JSON.stringify(details), String(cause)].join('\n')
      for (const canary of ['canary-value', ...under.canaries]) expect(text).not.toContain(canary)
      expect(details.field).toBe('name')
      expect(details.mend).toMatch(/^[A-Z].*\.$/)
      return code
    }

    it.each(values)('S14: gives back %s unchanged', async (_, value) => {
      const place = await under.put(value)
      expect(await under.provider.read(place)).toBe(value)
    })

    it('S14: says that nothing is there, with no word of any value', async () => {
      await under.put('canary-value')
      expect(await refusal(under.missing)).toBe('SECRET_NOT_FOUND')
    })

    it('S14: says that it cannot tell, which is something else, with no word of the value', async () => {
      const place = await under.put('canary-value')
      if (under.breakIt === null) return expect(await under.provider.read(place)).toBe('canary-value')
      expect(await refusal(await under.breakIt(place))).toBe('UNAVAILABLE')
    })

    it('notices another value at a path that is in use, and that it went, without being asked', async () => {
      const place = await under.put('canary-value')
      if (under.remove === null) return expect(under.provider.watch).toBeUndefined()
      expect(await under.provider.read(place)).toBe('canary-value')
      under.provider.watch!(new Set([place.path!]))
      await under.put('canary-value-2')
      await listener.heard(1)
      expect(await under.provider.read(place)).toBe('canary-value-2')
      await under.remove()
      await listener.heard(2)
      expect(await refusal(place)).toBe('SECRET_NOT_FOUND')
      expect(new Set(listener.changes)).toEqual(new Set([place.path]))
    })

    it('takes no path that leads elsewhere', () => {
      expect(under.refused.filter((path) => under.provider.pathProblem(path) === null)).toEqual([])
      for (const path of under.refused) expect(under.provider.pathProblem(path)).toMatch(/\.$/)
    })

    it('is silent once it is closed, which may be twice', async () => {
      const place = await under.put('canary-value')
      await under.provider.read(place)
      under.provider.watch?.(new Set([place.path!]))
      await under.provider.close()
      const before = listener.changes.length
      await under.put('canary-value-2')
      await under.provider.close()
      expect(listener.changes).toHaveLength(before)
    })
  })
}

/** Ways out of a folder or of a prefix; no provider of paths takes one. */
export const waysOut = [
  '', '.', '..', '../a', 'a/../../b', 'a/..', './a', '/etc/passwd', '//a', 'a//b', 'a/', 'a\0b', 'a\nb', 'a\\..\\b', '..\\a', 'a\u202eb', 'a\u200bb', 'a\ud800', 'x'.repeat(513),
]
