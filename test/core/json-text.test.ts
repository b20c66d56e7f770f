import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainJson } from '../../src/core/json-text.js'

describe('JSON as editors take it', () => {
  it.each<[string, string, unknown]>([
    ['a note to the end of a line', '{ // why\n "a": 1 }', { a: 1 }],
    ['a note with an end, over lines', '{ /* why\n and "how" */ "a": 1 }', { a: 1 }],
    ['a note between a comma and a bracket', '[1, // last\n]', [1]],
    ['a comma too many', '{"a": [1, 2,], }', { a: [1, 2] }],
    ['what looks like a note in a text', '{"url": "https://a.com//b", "b": "/* c */", "d": "\\"// e,}"}', { url: 'https://a.com//b', b: '/* c */', d: '"// e,}' }],
    ['what looks like a comma too many in a text', '["a,]", "b,}"]', ['a,]', 'b,}']],
    ['blanks of a page', '{\u00a0\u00a0"a":\u200b \u20031}', { a: 1 }],
    ['blanks of a page in a text', '{"a": "b\u00a0c"}', { a: 'b\u00a0c' }],
    ['a quote in a note', '{"a": 1 // don\'t say "b\n}', { a: 1 }],
  ])('%s', (_, text, value) => { expect(JSON.parse(plainJson(text))).toEqual(value) })

  it.each(['{"a": 1 /* never closed }', '/*', '{,}', '[,]', '{"a": "b', '{"a": 1,, "b": 2}', '# note\n{}', "{'a': 1}", '1 / 2', '/*/'])('%j stays no JSON', (text) => {
    expect(() => JSON.parse(plainJson(text)) as unknown).toThrow(SyntaxError)
  })

  it('leaves JSON as it is, and every place where it was', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 4 }), (value, indent) => {
      expect(plainJson(JSON.stringify(value, null, indent))).toBe(JSON.stringify(value, null, indent))
    }), { numRuns: 200 })
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '/', '*', ',', '}', ']', '{', '\n', ' ', 'a', '\u00a0') }), (text) => {
      const plain = plainJson(text)
      expect(plain.length).toBe(text.length)
      expect(plain.split('\n').map(({ length }) => length)).toEqual(text.split('\n').map(({ length }) => length))
      expect(plainJson(plain)).toBe(plain)
    }), { numRuns: 500 })
  })

  it.each(['/* ', '/', '"\\', ', ', '"', ' ', '\u00a0', '[,', ',\n  '])('takes time in proportion to the text: %j', (part) => {
    const text = part.repeat(300_000 / part.length)
    expect(plainJson(text).length).toBe(text.length)
  })
})
