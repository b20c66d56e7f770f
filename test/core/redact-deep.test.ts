import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKnownValues } from '../../src/core/known-values.js'
import { secretForms } from '../support/secret-forms.js'

const mask = '[redacted]'
const secret = 'canary-0123"é'
const known = createKnownValues()
for (const value of [secret, '12345678', '98765432109876543210', '00000000']) known.add(value)

const base64 = (text: string) => Buffer.from(text).toString('base64')
const encodedMask = base64(mask)

describe('S14: known values in results', () => {
  it.each<[string, unknown, unknown]>([
    ['texts', { content: [{ type: 'text', text: `is ${secret}!` }] }, { content: [{ type: 'text', text: `is ${mask}!` }] }],
    ['texts of JSON stay JSON', { text: JSON.stringify({ a: secret }) }, { text: `{"a":"${mask}"}` }],
    ['structured content', { structuredContent: { a: [{ b: secret }] } }, { structuredContent: { a: [{ b: mask }] } }],
    ['names of fields', { env: { [secret]: 1, b: 2 } }, { env: { [mask]: 1, b: 2 } }],
    ['progress', { progress: 1, total: 2, message: `at ${secret}` }, { progress: 1, total: 2, message: `at ${mask}` }],
    ['addresses', { uri: `file:///${encodeURIComponent(secret)}` }, { uri: `file:///${mask}` }],
    ['a text alone', secret, mask],
    ['numbers', { a: 12345678, b: -12345678.5, c: 1234567 }, { a: mask, b: mask, c: 1234567 }],
    ['numbers that lost digits', JSON.parse('{"a":98765432109876543210}'), { a: mask }],
    ['numbers too small to be known', { a: 0, b: 1, c: NaN, d: -0 }, { a: 0, b: 1, c: NaN, d: -0 }],
    ['contents of files', { uri: 'file:///a', blob: base64(`\u0000 ${secret}`) }, { uri: 'file:///a', blob: encodedMask }],
    ['JSON in files', { uri: 'file:///a', blob: base64('{"a":"canary-0123\\"\\u00e9"}') }, { uri: 'file:///a', blob: encodedMask }],
    ['pictures', { type: 'image', mimeType: 'image/png', data: base64(`\u0001${secret}`) }, { type: 'image', mimeType: 'image/png', data: encodedMask }],
    ['a file that is none', { uri: 'file:///a', blob: `no base64: ${secret}` }, { uri: 'file:///a', blob: `no base64: ${mask}` }],
    ['a blob that is no file', { blob: base64(secret) }, { blob: mask }],
    ['data that are no file', { data: base64(secret) }, { data: mask }],
    ['data that are no text', { data: { a: secret }, mimeType: 'x' }, { data: { a: mask }, mimeType: 'x' }],
  ])('%s', (_, value, expected) => expect(known.redactDeep(value)).toStrictEqual(expected))

  it('leaves the rest the same object', () => {
    const kept = { a: [1, 'x', null, { b: true }], blob: base64('x'), uri: 'y' }
    const value = { kept, text: secret }
    expect(known.redactDeep(kept)).toBe(kept)
    const redacted = known.redactDeep(value)
    expect(redacted.kept).toBe(kept)
    expect(value.text).toBe(secret)
    const when = [new Date(), new Map([[secret, 1]]), undefined, null, true, Symbol.iterator]
    expect(known.redactDeep(when)).toBe(when)
    expect(createKnownValues().redactDeep(value)).toBe(value)
  })

  it('takes nothing that a field is called for more than a name', () => {
    const value = JSON.parse(`{"__proto__":{"a":${JSON.stringify(secret)}},"constructor":1}`) as object
    const redacted = known.redactDeep(value)
    expect(Object.getPrototypeOf(redacted)).toBe(Object.prototype)
    expect(JSON.stringify(redacted)).toBe(`{"__proto__":{"a":"${mask}"},"constructor":1}`)
  })

  it('does not look without end: what is too deep is not shown', () => {
    const deep = JSON.parse(`${'['.repeat(5000)}"${'canary-0123'}"${']'.repeat(5000)}`) as unknown
    const told = JSON.stringify(known.redactDeep(deep))
    expect(told).toBe(`${'['.repeat(64)}"${mask}"${']'.repeat(64)}`)
  })

  it('holds no form of a value anywhere', () => {
    const form = fc.constantFrom(...Object.values(secretForms)).map((form) => form(secret))
    const leaf = fc.oneof(form, fc.string(), fc.double(), fc.constant(null))
    const { tree } = fc.letrec((tie) => ({ tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree')), fc.dictionary(fc.oneof(form, fc.string()), tie('tree'))) }))
    const forms = Object.values(secretForms).map((form) => form(secret))
    fc.assert(fc.property(tree, (value) => {
      const strings: string[] = []
      JSON.stringify(known.redactDeep(value), (name, item: unknown) => {
        strings.push(name, typeof item === 'string' ? item : '')
        return item
      })
      expect(forms.filter((form) => strings.join('\n').includes(form))).toEqual([])
    }))
  })
})
