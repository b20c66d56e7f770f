import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKnownValues } from '../../src/core/known-values.js'
import { secretForms } from '../support/secret-forms.js'

const mask = '[redacted]'

function knowing(...values: string[]) {
  const known = createKnownValues()
  for (const value of values) known.add(value)
  return known
}

const letters = fc.oneof(fc.string({ unit: 'binary', minLength: 8, maxLength: 200 }), fc.string({ unit: fc.constantFrom(...'$"\'\\\n\t%+ /&=:.aZ09é😀ÿ'), minLength: 8, maxLength: 40 }), fc.base64String({ minLength: 8, maxLength: 80 }))
const value = letters.map((text) => text.toWellFormed().trim()).filter((text) => text.length >= 8)
/** Nothing in it goes on a value or its form. */
const around = fc.string({ unit: fc.constantFrom(...' ,;<>(){}[]"é\n'), maxLength: 20 })

describe('S14: known values', () => {
  it.each(Object.entries(secretForms))('are one mask, whatever stands around them: %s', (_, form) => {
    fc.assert(fc.property(value, around, around, (secret, before, after) => {
      expect(knowing(secret).redact(`${before}${form(secret)}${after}`)).toBe(`${before}${mask}${after}`)
    }), { numRuns: 60 })
  })

  it.each([
    ['a tail that is another\'s head', ['abcdefgh-1', 'gh-1ijklmn'], 'x abcdefgh-1ijklmn y', `x ${mask} y`],
    ['one in the other', ['inner-secret', 'an-inner-secret-of-it'], 'an-inner-secret-of-it inner-secret', `${mask} ${mask}`],
    ['one after the other', ['first-secret', 'second-secret'], 'first-secretsecond-secret', `${mask}${mask}`],
    ['a value that overlaps itself', ['abcabcabc'], 'xabcabcabcabcx', `x${mask}x`],
    ['the same letter', ['aaaaaaaa'], 'a'.repeat(20), mask],
    ['eight characters', ['12345678'], 'pin 12345678.', `pin ${mask}.`],
    ['seven are none', ['1234567'], 'pin 1234567.', 'pin 1234567.'],
    ['nothing is none', [''], 'text', 'text'],
    ['regular expressions', ['.*.*.*.*.*', '(a+)+$^[x'], 'a .*.*.*.*.* b (a+)+$^[x', `a ${mask} b ${mask}`],
    ['what replacements read', ['$&$1$`$$$'], 'x$&$1$`$$$y', `x${mask}y`],
    ['blanks around it', ['  canary-0123 \n'], 'is "canary-0123"', `is "${mask}"`],
    ['basic authentication', ['hunter2hunter2'], `Authorization: Basic ${Buffer.from('me:hunter2hunter2').toString('base64')}, sorry`, `Authorization: Basic ${mask}, sorry`],
    ['a JSON web token\'s middle', ['hunter2hunter2'], `eyJh.${Buffer.from('{"sub":"hunter2hunter2"}').toString('base64url')}.sig`, `eyJh.${mask}.sig`],
    ['only some letters escaped', ['canary/0123'], 'c%61nary%2f0123 \\u0063anary\\/0123 can\\x61ry/0123', `${mask} ${mask} ${mask}`],
    ['what is no escape', ['100%_sure\\done'], 'is 100%_sure\\done?', `is ${mask}?`],
    ['what is no UTF-8', ['canary-0123'], '%ffcanary-012%33%c3%28%', `%ff${mask}%c3%28%`],
    ['base64 in lines', ['canary-0123'], `in:\n${'QUJD'.repeat(18)}Y2Fu\r\n  YXJ5LTAxMjM=\n`, `in:\n${mask}\n`],
    ['base64 whose last bits are in the next line', ['canary-0123'], `${'QUJD'.repeat(16)}Y2FuYXJ5LTAxMj\nM=\nQUJD`, `${mask}\nQUJD`],
    ['base64 whose first bits are in the line before', ['canary-0123'], `ab\n${'QUJD'.repeat(15)}QUJDOm\nNhbmFyeS0wMTIz\n`, `ab\n${mask}\n`],
    ['lines of words with other ends', ['two words\nor three'], 'two words\r\nor three', mask],
    ['other values are left alone', ['canary-0123'], 'canary-0124 canary-012', 'canary-0124 canary-012'],
  ])('%s', (_, values, text, expected) => expect(knowing(...values).redact(text)).toBe(expected))

  it('lines of a key are known alone, and what names it is not', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkq'.repeat(4)}\nhkiG9w0BAQEFAASC\nplain words here\nordinary\n-----END PRIVATE KEY-----\n`
    for (const known of [knowing(key), knowing(key.replaceAll('\n', '\r\n')), knowing(`{"private_key":"${key.replaceAll('\n', '\\n')}"}`)]) {
      expect(known.redact('bad line hkiG9w0BAQEFAASC')).toBe(`bad line ${mask}`)
      expect(known.redact(key)).not.toMatch(/MIIE|hkiG/)
    }
    for (const text of ['-----BEGIN PRIVATE KEY-----', 'plain words here', 'ordinary']) expect(knowing(key).redact(text)).toBe(text)
    expect(knowing(key).redact(`1 ${key.trim()} 2`)).toBe(`1 ${mask} 2`)
  })

  it('overlapping values leave nothing of either', () => {
    const part = fc.string({ unit: fc.constantFrom(...'ab\\%"2'), minLength: 4, maxLength: 6 })
    fc.assert(fc.property(part, part, part, fc.constantFrom(...Object.entries(secretForms).filter(([name]) => !/hex|base64/.test(name))), (head, both, tail, [, form]) => {
      expect(knowing(head + both, both + tail).redact(`(${form(head + both + tail)})`)).toBe(`(${mask})`)
    }))
  })

  it('texts without one are the same texts', () => {
    fc.assert(fc.property(value, fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.base64String(), fc.webUrl()), (secret, text) => {
      expect(knowing(`☃${secret}`).redact(text)).toBe(text)
    }))
  })

  it('are known until each of their users let go, once', () => {
    const known = createKnownValues()
    const [one, other, old] = [known.add('canary-0123'), known.add('canary-0123'), known.add('canary-old-4')]
    one()
    one()
    expect(known.redact('canary-0123 canary-old-4')).toBe(`${mask} ${mask}`)
    old()
    expect(known.redact('canary-0123 canary-old-4')).toBe(`${mask} canary-old-4`)
    other()
    expect(known.redact('canary-0123')).toBe('canary-0123')
    known.add('canary-0123')
    other()
    expect(known.redact('canary-0123')).toBe(mask)
  })

  it('takes time in proportion to the text, whatever the text is', () => {
    const values = Array.from({ length: 50 }, (_, index) => `github_pat_${String(index).padStart(40, 'x1')}`)
    const known = knowing(...values, 'a'.repeat(100))
    const parts = ['plain words and\n', '\\', '%', '%41', '\\u0041', '\\\\u005c', '%255c', 'a', 'github_pat_', values[7]!, `${values[7]} `, Buffer.from(values[7]!).toString('base64'), '=', '\n', `${'A'.repeat(76)}\r\n`]
    const began = performance.now()
    for (const part of parts) known.redact(part.repeat(2 ** 17 / part.length))
    // What grows with the square takes longer by far; a text takes some 5 ms.
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  it('takes it also where text and value repeat themselves for long, whole and in pieces', () => {
    const known = knowing(`${'a'.repeat(32_768)}b${'a'.repeat(32_000)}`)
    const began = performance.now()
    expect(known.redact('a'.repeat(2 ** 18))).toBe('a'.repeat(2 ** 18))
    const stream = known.stream()
    for (let piece = 0; piece < 4; piece += 1) stream.push('a'.repeat(2 ** 16))
    // Letter by letter at each place it would be minutes.
    expect(performance.now() - began).toBeLessThan(10_000)
    const repeated = knowing(`${'ab'.repeat(40)}c`, 'abababababab')
    expect(repeated.redact(`x${'ab'.repeat(90)}c y`)).toBe(`x${mask} y`)
    expect(knowing(`${'ab'.repeat(40)}c`).redact(`x${'ab'.repeat(90)}c y`)).toBe(`x${'ab'.repeat(50)}${mask} y`)
  })
})
