import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deploymentOwner } from '../../src/core/owner.js'
import { createKeyRing, keyIdOf, openValue, rewrapValue, type SealedPlace, type SealedValue, sealValue } from '../../src/secrets/envelope.js'
import { type SecretPlace } from '../../src/secrets/provider.js'
import { createSealedProvider } from '../../src/secrets/sealed.js'
import { secretProviderConformance, waysOut } from '../suites/secret-provider-conformance.js'

const [key, otherKey] = [randomBytes(32), randomBytes(32)]
const ring = createKeyRing(key)
const place: SealedPlace = { owner: deploymentOwner, name: 'token', version: 3 }
const stored = (sealed: unknown): SecretPlace => ({ ...place, path: null, sealed })
const value = 'canary-value-$'

secretProviderConformance('sealed', async () => {
  const provider = createSealedProvider(ring)
  return {
    provider, missing: stored(null), remove: null, refused: waysOut, canaries: [key.toString('base64'), key.toString('hex')], close: async () => {},
    put: async (text) => stored(provider.seal(place, text)),
    breakIt: async () => stored(createSealedProvider(createKeyRing(otherKey)).seal(place, 'canary-value')),
  }
})

describe('an envelope', () => {
  const sealed = sealValue(ring, place, value)
  const flipped = (text: string, at: number) => {
    const bytes = Buffer.from(text, 'base64')
    bytes[at < 0 ? bytes.length + at : at]! ^= 1
    return bytes.toString('base64')
  }

  it('S14: has a key and nonces of its own each time, and shows nothing', () => {
    const again = sealValue(ring, place, value)
    expect(again.value).not.toBe(sealed.value)
    expect(new Set([sealed, again].flatMap((one) => [one.dataKey, one.value]).map((text) => text.slice(0, 16))).size).toBe(4)
    const text = JSON.stringify(sealed)
    for (const part of [value, Buffer.from(value).toString('base64'), key.toString('base64'), key.toString('hex')]) expect(text).not.toContain(part)
    expect(sealed.keyId).toMatch(/^[\da-f]{16}$/)
  })

  it.each<[string, Partial<SealedPlace>]>([
    ['another owner', { owner: { kind: 'TEAM', id: 'deployment' } }], ['an owner of another id', { owner: { kind: 'DEPLOYMENT', id: 'x' } }],
    ['another name', { name: 'token2' }], ['another version', { version: 4 }],
  ])('S14: does not open for %s', (_, other) => {
    expect(openValue(ring, { ...place, ...other }, sealed)).toEqual({ kind: 'ALTERED' })
    expect(rewrapValue(ring, { ...place, ...other }, sealed)).toEqual({ kind: 'ALTERED' })
  })

  it.each<[string, unknown]>([
    ['a bit of the value', { ...sealed, value: flipped(sealed.value, 14) }], ['its nonce', { ...sealed, value: flipped(sealed.value, 0) }], ['its tag', { ...sealed, value: flipped(sealed.value, -1) }],
    ['a bit of the data key', { ...sealed, dataKey: flipped(sealed.dataKey, 20) }], ['the value cut short', { ...sealed, value: sealed.value.slice(0, 40) }], ['no value', { ...sealed, value: '' }],
    ['the halves exchanged', { ...sealed, value: sealed.dataKey, dataKey: sealed.value }], ['the value as data key', { ...sealed, dataKey: sealed.value }],
    ['the data key of another one', { ...sealed, dataKey: sealValue(ring, place, value).dataKey }], ['another format', { ...sealed, format: 2 }],
    ['one field more', { ...sealed, more: 1 }], ['no fields', {}], ['no object', 'text'], ['nothing', null], ['a list', [sealed]],
  ])('S14: with %s altered opens to nothing, not to a part', (_, altered) => {
    expect(openValue(ring, place, altered)).toEqual({ kind: 'ALTERED' })
  })

  it('opens with whichever key sealed it, and names the one that is not there', () => {
    expect(openValue(createKeyRing(otherKey, [key]), place, sealed)).toEqual({ kind: 'OPEN', value })
    expect(openValue(createKeyRing(otherKey), place, sealed)).toEqual({ kind: 'UNKNOWN_KEY', keyId: keyIdOf(key) })
    expect(openValue(createKeyRing(otherKey), place, { ...sealed, keyId: keyIdOf(otherKey) })).toEqual({ kind: 'ALTERED' })
  })

  it('is wrapped anew under the current key, with what it holds as it was', () => {
    const wrapped = rewrapValue(createKeyRing(otherKey, [key]), place, sealed) as { sealed: SealedValue }
    expect(wrapped.sealed).toMatchObject({ keyId: keyIdOf(otherKey), value: sealed.value })
    expect(openValue(createKeyRing(otherKey), place, wrapped.sealed)).toEqual({ kind: 'OPEN', value })
    expect(openValue(ring, place, wrapped.sealed)).toEqual({ kind: 'UNKNOWN_KEY', keyId: keyIdOf(otherKey) })
  })
})

it.each([['nothing', ''], ['more than 64 KiB', 'x'.repeat(65_537)], ['half a character', 'a\ud83d']])('S14: %s is refused as a value, and not repeated', (_, text) => {
  expect(() => createSealedProvider(ring).seal(place, text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'value' }) as object }) as Error)
})

it('S14: who put any text in the place of a key id does not see it in an error', async () => {
  const sealed = { ...sealValue(ring, place, value), keyId: '<b>canary' }
  await expect(createSealedProvider(ring).read(stored(sealed))).rejects.toThrow('a key (of no known form) that the server does not have')
})
