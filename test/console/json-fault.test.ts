import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFault } from '../../console/src/parts/json-fault.js'

describe('where a text stops being JSON', () => {
  it.each<[string, number, number, RegExp]>([
    ['', 1, 1, /ends before it is complete/],
    ['{', 1, 2, /ends before/],
    ['{\n  "a": {\n    "b": 1\n  "c": 2\n}', 4, 3, /comma/],
    ['{"a": 1,}', 1, 9, /no comma may stand before }/],
    ['[1,]', 1, 4, /value is missing/],
    ['{"a" 1}', 1, 6, /colon/],
    ['{"a":}', 1, 6, /value is missing/],
    ['{a: 1}', 1, 2, /name in double quotes/],
    ["{'a': 1}", 1, 2, /straight double quotes/],
    ['{\u201ca\u201d: 1}', 1, 2, /straight double quotes/],
    ['// note\n{}', 1, 1, /no comments/],
    ['{"a": 1 /* note */}', 1, 9, /no comments/],
    ['{"a": "b\n"}', 1, 9, /ends with its line/],
    ['{"a": "C:\\path"}', 1, 10, /backslash/],
    ['{"a": "never', 1, 7, /never closed/],
    ['{} {}', 1, 4, /goes on after its end/],
    ['{"a": [1}', 1, 9, /comma, or the closing bracket/],
    ['{"a": tru}', 1, 7, /value is missing/],
    ['{"a": 01}', 1, 7, /value is missing/],
    ['{"a": NaN}', 1, 7, /value is missing/],
    ['\u00a0{}', 1, 1, /value is missing/],
  ])('%j', (text, line, column, message) => {
    expect(jsonFault(text)).toMatchObject({ line, column, message: expect.stringMatching(message) as string })
  })

  it('finds none in JSON, and one in all else', () => {
    fc.assert(fc.property(fc.json(), (text) => { expect(jsonFault(text)).toBeNull() }))
    const cut = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom('', ',', '}', '"', 'x', ':', '\\', ' ')).map(([text, at, more]) => text.slice(0, at % (text.length + 1)) + more + text.slice((at % (text.length + 1)) + 1))
    fc.assert(fc.property(cut, (text) => { expect(jsonFault(text) === null).toBe(isJson(text)) }), { numRuns: 1_000 })
  })

  it('takes depth and length as they come', () => {
    expect(jsonFault('['.repeat(200_000))).toMatchObject({ line: 1, column: 200_001 })
    expect(jsonFault(`"${'a'.repeat(1_000_000)}`)).toMatchObject({ line: 1, column: 1 })
    expect(jsonFault(`"${'\\n'.repeat(400_000)}"`)).toBeNull()
  })

  it('S14: never says what stands there', () => {
    for (const text of ['{"K": "canary" canary', '{"K": canary}', 'canary', '{"K": "canary\n"}', '{"canary": "canary', '{"K":"\\canary"}']) expect(jsonFault(text)?.message).not.toMatch(/canary/)
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
