import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { commandLineOf, definitionText, shellQuoted, visibleText } from '../../src/core/definition-text.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'

const stdio = (command: string, args: string[], more: object = {}) => parseMcpServerDefinition({ transport: { stdio: { command, args } }, ...more })

describe('the exact command line', () => {
  it.each<[string, string]>([
    ['srv@1.2.3', 'srv@1.2.3'], ['a b', "'a b'"], ['', "''"], ["it's", "'it'\\''s'"], ['$(id)', "'$(id)'"], ['a\\b', "'a\\b'"], ['--x=1,2', '--x=1,2'], ['*', "'*'"],
    ['\u202egpj.exe', "$'\\U0000202egpj.exe'"], ['a\u200b', "$'a\\U0000200b'"], ['\u0430pi', "$'\\U00000430pi'"], ["\u{1f600}'\\", "$'\\U0001f600\\'\\\\'"], ['~', "'~'"],
  ])('S18: %j is shown as %s', (argument, shown) => { expect(shellQuoted(argument)).toBe(shown) })

  it('is what a shell takes it to be', () => {
    const commands = fc.sample(fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 12 }), { minLength: 1, maxLength: 40 }), { numRuns: 20, seed: 5 })
    const lines = commands.map((args) => `printf '%s\\0' ${args.map(shellQuoted).join(' ')}`).join('\n')
    const printed = execFileSync('/bin/sh', ['-c', lines], { encoding: 'utf8' })
    expect(printed.split('\0').slice(0, -1)).toEqual(commands.flat())
  })

  it('is never cut short', () => {
    const args = Array.from({ length: 256 }, (_, at) => `${at}-${'x'.repeat(200)}`)
    expect(commandLineOf('MCP_SERVER', stdio('npx', args))).toBe(['npx', ...args].join(' '))
    expect(commandLineOf('MCP_SERVER', parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } } }))).toBeNull()
    expect(commandLineOf('AGENT', parseAgentDefinition({ prompt: 'Help.' }))).toBeNull()
  })
})

describe('a definition as text', () => {
  it.each<[string, string]>([
    ['\u200b', '\\u{200b}'], ['\u202e', '\\u{202e}'], ['\u00ad', '\\u{ad}'], ['\ufe0f', '\\u{fe0f}'], ['\u{e0041}', '\\u{e0041}'], ['\u3164', '\\u{3164}'], ['\u034f', '\\u{34f}'],
    ['\u00a0', '\\u{a0}'], ['\u3000', '\\u{3000}'], ['\u2028', '\\u{2028}'], ['\u0007', '\\u{7}'], ['\t', '\\u{9}'], ['\ue000', '\\u{e000}'], ['a b\u00e9\u4e2d', 'a b\u00e9\u4e2d'], ['\\u{200b}', '\\\\u{200b}'],
  ])('S10: what nobody sees is seen: %j', (text, shown) => { expect(visibleText(text)).toBe(shown) })

  it('has one value on a line, and texts of several lines as lines', () => {
    expect(definitionText(parseAgentDefinition({ description: 'd"', prompt: 'One.\n\n  Two\u200b.', mcpServers: ['a'] }))).toBe([
      '{', '  description: "d\\""', '  inheritDefaultMcpServers: false', '  mcpServers: [', '    "a"', '  ]', '  model: null', '  prompt: text', '    | One.', '    | ',
      '    |   Two\\u{200b}.', '  skills: []', '  tools: null', '}', '',
    ].join('\n'))
  })

  it('S25: two texts are equal only for equal definitions', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.toWellFormed())
    const definitions = fc.record({ prompt: texts, tools: fc.option(fc.array(texts, { maxLength: 2 })), description: fc.oneof(texts, fc.constant('a\nb'), fc.constant('a\\nb')) })
    fc.assert(fc.property(definitions, definitions, (one, other) => {
      const [left, right] = [one, other].map((each) => ({ ...parseAgentDefinition({ prompt: 'x' }), ...each }))
      expect(definitionText(left!) === definitionText(right!)).toBe(JSON.stringify(left) === JSON.stringify(right))
    }))
  })
})
