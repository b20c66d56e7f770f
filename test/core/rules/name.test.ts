import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { name } from '../../../src/core/rules/name.js'

const judge = (text: string) => name({ kind: 'AGENT', name: text, definition: parseAgentDefinition({ prompt: 'p' }) }, completePolicy({}))

describe('S18: names do not deceive', () => {
  it.each(['a', '0', 'github', 'a-b_c', 'x'.repeat(40), '0-', 'a__b', 'constructor', 'null'])('%s is one', (text) => { expect(judge(text)).toEqual([]) })

  it.each([
    '', ' ', 'A', 'GitHub', '-a', '_a', '__proto__', 'a b', 'a ', ' a', 'a\n', '\na', 'a\u0000', 'a.b', 'a/b', '../a', 'a:b', 'a@b', 'a*', '*', '$a', '${a}', 'x'.repeat(41),
    'gith\u00fcb', 'g\u0456thub', 'git\u200bhub', 'github\u202e', '\uff47ithub', 'g\u0131thub', 'gi\u0307thub', '\ud800', '😀', '<b>', 'a"b', "a'b", 'a;b', '0'.repeat(10_000),
  ])('%j is none', (text) => {
    const [found] = judge(text)
    expect(found).toMatchObject({ rule: 'name', effect: 'DENY', field: 'name' })
    // Hidden characters show as escapes or not at all, and nobody's log is flooded.
    expect(found!.message.length).toBeLessThan(600)
  })

  it('two names that are taken look different in any font', () => {
    const letters = /^[a-z0-9_-]+$/
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 45 }), (text) => {
      if (judge(text).length === 0) expect(text.normalize('NFKC').toLowerCase()).toBe(text)
      else expect(letters.test(text) && text.length <= 40 && !/^[_-]/.test(text)).toBe(false)
    }))
  })
})
