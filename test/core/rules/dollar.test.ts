import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentDefinition } from '../../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { evaluate } from '../../../src/core/policy.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { dollar } from '../../../src/core/rules/dollar.js'

const policy = completePolicy({ transports: { stdio: 'allow', http: 'allow', sse: 'allow' } })
const judge = (transport: object, name = 'x') => {
  const subject = { kind: 'MCP_SERVER' as const, name, definition: parseMcpServerDefinition({ transport }) }
  return { found: dollar(subject, policy), verdict: evaluate(subject, [{ revision: 1, document: policy }]) }
}
const fields = (transport: object) => judge(transport).found.map(({ field }) => field)

const url = 'https://example.com/mcp'
/** Every place in which a runtime might expand something, with the field that must be named. */
const places: Array<[string, (value: string) => object, string]> = [
  ['a command', (value) => ({ stdio: { command: value } }), 'definition.transport.stdio.command'],
  ['an argument', (value) => ({ stdio: { command: 'npx', args: ['-y', value] } }), 'definition.transport.stdio.args.1'],
  ['a folder', (value) => ({ stdio: { command: 'npx', cwd: value } }), 'definition.transport.stdio.cwd'],
  ['a variable', (value) => ({ stdio: { command: 'npx', env: [{ name: 'KEY', value }] } }), 'definition.transport.stdio.env.KEY'],
  ['a URL', (value) => ({ http: { url: `https://example.com/${value}` } }), 'definition.transport.http.url'],
  ['a URL of sse', (value) => ({ sse: { url: value } }), 'definition.transport.sse.url'],
  ['a header', (value) => ({ http: { url, headers: [{ name: 'X-Key', value }] } }), 'definition.transport.http.headers.X-Key'],
  ['a header of sse', (value) => ({ sse: { url, headers: [{ name: 'X-Key', value }] } }), 'definition.transport.sse.headers.X-Key'],
]
const valuePlaces = places.filter(([place]) => /variable|header/.test(place))
const plainPlaces = places.filter((place) => !valuePlaces.includes(place))

const hostile = [
  '${PATH}', '${DATABASE_URL}', '$VAR', '$PATH', '$$', '$', 'a$', '$1', '$(id)', '$((1))', '${env:X}', '${env:PATH}', '${input:token}',
  '${X:-default}', '${X:-${PATH}}', '${X:=y}', '${X:?y}', '${X:+y}', '${!X}', '${#X}', '${X//a/b}', '\\$VAR', '\\${PATH}', '$${PATH}', '%PATH%$',
  '${workspaceFolder}', '${userHome}', '${secrets.X}', '${{ secrets.X }}', '$env:PATH', '${secret:', '${secret', '${user:}', '${secret:}', '${secret: X}',
  '${secret:X }', '${secret:X:-y}', '${secret:X${PATH}}', '${SECRET:X}', '${Secret:X}', '${User:X}', '${secret:-X}', '${secret:.X}', '${secret:X/Y}',
  '${secret:X}$', '$${secret:X}', '${secret:X}${PATH}', '${PATH}${user:X}', '${${secret:X}}', '${sec${secret:A}ret:B}', '$${secret:A}{PATH}',
  '${sec${user:A}ret:PATH}', '${secret:X}}${Y', '${owner:X}', '${secret:ü}', `\${secret:${'a'.repeat(65)}}`, '${secret:X\u200b}', '$\u007bPATH}',
]

describe('S1: nothing that a runtime would expand is taken', () => {
  it.each(places)('in %s', (_, build, field) => {
    for (const value of hostile) {
      const { found, verdict } = judge(build(value))
      expect(found.map((one) => one.field), value).toEqual([field])
      expect([found[0]?.effect, verdict.kind], value).toEqual(['DENY', 'DENY'])
    }
  })

  it.each([
    ['of a variable', { stdio: { command: 'npx', env: [{ name: 'A', value: '' }, { name: '${PATH}', value: '' }] } }, 'definition.transport.stdio.env.${PATH}'],
    ['of a header', { http: { url, headers: [{ name: 'A', value: '' }, { name: 'X-$HOME', value: '' }] } }, 'definition.transport.http.headers.X-$HOME'],
    ['of a header, though it is a reference', { sse: { url, headers: [{ name: '${user:X}', value: '' }] } }, 'definition.transport.sse.headers.${user:X}'],
  ])('in the name %s', (_, transport, field) => { expect(fields(transport)).toEqual([field]) })

  it('in the name of an entry', () => { expect(judge({ http: { url } }, '${path}').verdict.kind).toBe('DENY') })

  it('and every place is reported', () => {
    expect(fields({ stdio: { command: '$A', args: ['ok', '$B', '$C'], cwd: '$D', env: [{ name: '$E', value: '$F' }, { name: 'OK', value: 'ok' }] } })).toEqual([
      'command', 'args.1', 'args.2', 'cwd', 'env.$E', 'env.$E',
    ].map((field) => `definition.transport.stdio.${field}`))
  })
})

const wellFormed = [
  '${secret:X}', '${user:X}', '${secret:my-token.v2_b}', `\${secret:${'a'.repeat(64)}}`, '${user:0}', 'Bearer ${user:TOKEN}', '${secret:A}:${user:B}',
  '${secret:A}${secret:A}', '{${secret:A}}', 'a}${user:b}{', '${secret:PATH}',
]

describe('S1: references stand in values of headers and environment alone', () => {
  it.each(valuePlaces)('taken in %s', (_, build) => {
    for (const value of [...wellFormed, '', 'plain', '{PATH}', '%PATH%', '`id`', '\uff04PATH', '#{PATH}']) expect(judge(build(value)).found, value).toEqual([])
  })

  it.each(plainPlaces)('refused in %s', (_, build, field) => {
    for (const value of wellFormed) expect(fields(build(value)), value).toEqual([field])
  })

  it('leave no $ behind, wherever they are taken', () => {
    const piece = fc.constantFrom('$', '{', '}', '${', 'secret:', 'user:', 'env:', 'X', ':-', '${secret:A}', '${user:B}', 'PATH', '\\')
    fc.assert(fc.property(fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')), (value) => {
      const isTaken = judge({ http: { url, headers: [{ name: 'A', value }] } }).found.length === 0
      // What a worker puts in place of a reference holds no $ of ours; whatever else is left must not either.
      const resolved = value.replace(/\$\{(secret|user):\w+\}/g, '')
      expect(isTaken).toBe(!resolved.includes('$'))
    }))
  })
})

describe('what is free text', () => {
  it.each(hostile)('%s in a description or prompt', (text) => {
    const server = { kind: 'MCP_SERVER' as const, name: 'x', definition: parseMcpServerDefinition({ description: text, transport: { http: { url } } }) }
    const agent = { kind: 'AGENT' as const, name: 'x', definition: parseAgentDefinition({ description: text, prompt: text }) }
    expect([...dollar(server, policy), ...dollar(agent, policy)]).toEqual([])
  })
})
