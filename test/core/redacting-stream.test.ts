import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKnownValues, type KnownValues } from '../../src/core/known-values.js'
import { secretForms } from '../support/secret-forms.js'

const mask = '[redacted]'
const secret = 'canary/0123 "é"'

function knowing(...values: string[]) {
  const known = createKnownValues()
  for (const value of values) known.add(value)
  return known
}

function streamed(known: KnownValues, chunks: string[]): string {
  const stream = known.stream()
  return chunks.map((chunk) => stream.push(chunk)).join('') + stream.flush()
}

/** Cut at every place of the list, taken modulo what there is. */
function cut(text: string, places: number[]): string[] {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length]
  return at.slice(1).map((end, index) => text.slice(at[index], end))
}

describe('S14: known values in a stream', () => {
  it.each(Object.entries(secretForms))('are found across any border: %s', (_, form) => {
    const text = `said ${form(secret)}, twice: ${form(secret)}`
    for (let at = 0; at <= text.length; at += 1) expect(streamed(knowing(secret), cut(text, [at]))).toBe(`said ${mask}, twice: ${mask}`)
    expect(streamed(knowing(secret), text.split(''))).toBe(`said ${mask}, twice: ${mask}`)
  })

  it('says what the whole text says, wherever it is cut', () => {
    const values = [secret, 'gh-1ijklmn', 'abcdefgh-1', 'aaaaaaaaa', '\\u0041bcd%41', 'line-One-1\nline-Two-2', '12345678']
    const form = fc.tuple(fc.constantFrom(...values), fc.constantFrom(...Object.values(secretForms))).map(([value, form]) => form(value))
    const beginning = fc.tuple(form, fc.nat(30)).map(([text, end]) => text.slice(0, end))
    const noise = fc.string({ unit: fc.constantFrom(...'\\%u04125xCcA9aé"= \n', '\\u00', '%25', '\r\n', 'QUJDQUJDQUJDQUJDQUJD'), maxLength: 12 })
    const text = fc.array(fc.oneof(form, beginning, noise, fc.string({ maxLength: 5 })), { maxLength: 8 }).map((pieces) => pieces.join(''))
    fc.assert(fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (text, places) => {
      const known = knowing(...values)
      expect(streamed(known, cut(text, places))).toBe(known.redact(text))
    }), { numRuns: 1000 })
  })

  it('holds back no line that has nothing of a value in it', () => {
    const stream = knowing(secret).stream()
    expect(stream.push('listening on 3000\n')).toBe('listening on 3000\n')
    expect(stream.push('a token: canary')).toBe('a token: ')
    expect(stream.push(' bird, ')).toBe('canary bird, ')
    expect(stream.push('50')).toBe('')
    expect(stream.push('%')).toBe('')
    expect(stream.push(' done')).toBe('50% ')
    expect([stream.flush(), stream.flush()]).toEqual(['done', ''])
  })

  it('is the text itself while nothing is known, and knows what comes later', () => {
    const known = createKnownValues()
    const stream = known.stream()
    expect(stream.push('canary-01')).toBe('canary-01')
    const letGo = known.add('canary-0123')
    expect(stream.push('canary-0')).toBe('')
    expect(stream.push('123.')).toBe(`${mask}.`)
    stream.push('canary-0')
    letGo()
    expect(stream.push('123')).toBe('canary-0123')
  })

  it('takes bytes through a decoder, which keeps a character that was cut', () => {
    const bytes = Buffer.from(`é ${secret} é`)
    for (let at = 0; at <= bytes.length; at += 1) {
      const decoder = new TextDecoder()
      const chunks = [decoder.decode(bytes.subarray(0, at), { stream: true }), decoder.decode(bytes.subarray(at), { stream: true }), decoder.decode()]
      expect(streamed(knowing(secret), chunks)).toBe(`é ${mask} é`)
    }
  })

  it('cuts no value in two where it can hold no more', () => {
    for (let after = 320; after < 380; after += 1) {
      const told = streamed(knowing('canary-0123'), [`${'B'.repeat(30_000)}canary-0123${'B'.repeat(after)}`])
      expect(told).toBe(`${'B'.repeat(30_000)}${mask}${'B'.repeat(after)}`)
    }
  })

  it.each([
    ['letters', 'A'], ['escapes', '%41'], ['backslashes', '\\'], ['a value that never ends', 'a'], ['lines of base64', `${'A'.repeat(76)}\n`], ['padding', '='],
  ])('holds a bounded part of %s without end, and still finds a value after it', (_, part) => {
    const known = knowing('canary-0123', 'aaaaaaaaaaaa')
    const stream = known.stream()
    const chunk = part.repeat(20_000 / part.length)
    let [given, told] = [0, '']
    for (let count = 0; count < 30; count += 1) {
      given += chunk.length
      told += stream.push(chunk)
    }
    // The mask is shorter than what it stands for; nothing else is.
    if (part !== 'a') expect(given - told.length).toBeLessThan(20_000)
    told += stream.push(' canary-') + stream.push('0123 ') + stream.flush()
    expect(told).not.toMatch(/canary|0123|aaaaaaaaaaaa/)
    expect(told.endsWith(`${mask} `)).toBe(true)
  })
})
