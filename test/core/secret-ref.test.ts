import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasDollar, hasStrayDollar, referencesIn } from '../../src/core/secret-ref.js'

const found = (value: string) => referencesIn(value, 'env:X').map(({ scope, name }) => `${scope} ${name}`)

describe('references', () => {
  it.each<[string, string[]]>([
    ['', []], ['plain', []],
    ['${secret:KEY}', ['OWNER KEY']], ['${user:KEY}', ['USER KEY']],
    ['Bearer ${user:T}', ['USER T']], ['${secret:A}${user:B}-${secret:A}', ['OWNER A', 'USER B', 'OWNER A']],
    ['${secret:a.b-c_1}', ['OWNER a.b-c_1']], [`\${user:${'n'.repeat(64)}}`, [`USER ${'n'.repeat(64)}`]], ['{${secret:A}}', ['OWNER A']],
  ])('%j are found', (value, references) => {
    expect(found(value)).toEqual(references)
    expect([hasStrayDollar(value), hasDollar(value)]).toEqual([false, references.length > 0])
  })

  it.each([
    '$', '$X', '${X}', '${env:X}', '${secret:}', '${secret:X', '${secret: X}', '${secret:-X}', '${secret:_X}', '${secret:X Y}', '${SECRET:X}', '${team:X}', '${secret:X:-d}',
    `\${secret:${'n'.repeat(65)}}`, '${secret:é}', '${secret:X\n}', '{secret:X}$', '$ {secret:X}', '${ secret:X}',
  ])('S1: %j is none, and its $ is stray', (value) => {
    expect(found(value)).toEqual([])
    expect(hasStrayDollar(value)).toBe(true)
  })

  it.each(['$${secret:X}', '${secret:X}$', '${${secret:X}}', '${secret:${secret:X}}', '${secret:X}${PATH}'])('S1: %j hides a stray $ beside one', (value) => {
    expect(found(value)).toEqual(['OWNER X'])
    expect(hasStrayDollar(value)).toBe(true)
  })

  it('carry the point where they are put in', () => {
    expect(referencesIn('${user:T}', 'header:Authorization')).toEqual([{ scope: 'USER', name: 'T', injectionPoint: 'header:Authorization' }])
  })

  it('S1: a value without stray $ is references and text without $, and reading it twice says the same', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,5}$/)
    const piece = fc.oneof(fc.string().filter((text) => !text.includes('$')), fc.tuple(fc.constantFrom('secret', 'user'), name).map(([scope, name]) => `\${${scope}:${name}}`))
    fc.assert(fc.property(fc.array(piece), (pieces) => {
      const value = pieces.join('')
      expect(hasStrayDollar(value)).toBe(false)
      expect(found(value)).toHaveLength(pieces.filter((text) => text.startsWith('$')).length)
      expect(found(value)).toEqual(found(value))
    }))
  })
})
