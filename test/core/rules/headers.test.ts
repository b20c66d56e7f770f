import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMcpServerDefinition } from '../../../src/core/mcp-server.js'
import { completePolicy } from '../../../src/core/policy-document.js'
import { headers } from '../../../src/core/rules/headers.js'

const judge = (...names: string[]) => headers({
  kind: 'MCP_SERVER', name: 'x',
  definition: parseMcpServerDefinition({ transport: { http: { url: 'https://a.com', headers: names.map((name) => ({ name, value: 'v' })) } } }),
}, completePolicy({}))
const shown = (...names: string[]) => judge(...names).map(({ field, message }) => `${field.replace('definition.transport.http.headers.', '')}: ${message}`)

describe('names of headers', () => {
  it.each(['Authorization', 'X-API-Key', 'x-y_z', 'a', 'Cookie', 'User-Agent', "!#%&'*+.^_`|~-", '0', 'Accept-Language', 'Hostname', 'X-Host', 'Origin-X', 'Upgrade-Insecure-Requests'])(
    '%s is taken', (name) => { expect(judge(name)).toEqual([]) })

  it.each([
    'X Key', ' X', 'X ', 'X:', ':authority', 'X(y)', 'X/Y', 'X@Y', '[x]', '{x}', '"x"', 'X,Y', 'X;Y', '<x>', 'X=1', 'X?', 'X\\', 'Ünsafe', 'X\u00a0', 'Х-Key', '\u200bX', '😀',
  ])('%j is no token', (name) => { expect(shown(name)).toEqual([`${name}: ${JSON.stringify(name)} is not a header name.`]) })

  it.each([
    'Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade',
    'Host', 'Content-Length', 'Content-Type', 'Content-Encoding', 'Accept', 'Expect', 'Origin', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Last-Event-ID',
  ])('%s is the transport\'s own, in any case', (name) => {
    for (const spelt of [name, name.toLowerCase(), name.toUpperCase()]) expect(shown(spelt)).toEqual([`${spelt}: ${spelt} is set by the transport itself.`])
  })

  it.each<[string[], string[]]>([
    [['X-Key', 'X-Key'], ['X-Key']],
    [['X-Key', 'x-key'], ['x-key']],
    [['x-key', 'X-KEY', 'X-Key', 'other'], ['X-Key', 'x-key']],
    [['authorization', 'Authorization'], ['authorization']],
  ])('%j: each once, whatever its case', (names, twice) => {
    expect(shown(...names)).toEqual(twice.map((name) => `${name}: ${name} stands there twice.`))
  })

  it('are taken exactly when Node would send them once', () => {
    fc.assert(fc.property(fc.stringMatching(/^[ -~]{1,6}$/), (name) => {
      let isToken = true
      try { new Headers([[name, 'v']]) } catch { isToken = false }
      // `Headers` trims nothing from names, and knows nothing of hop-by-hop: short names are none of those but TE.
      if (name.toLowerCase() !== 'te') expect(judge(name).length === 0).toBe(isToken)
    }), { numRuns: 500 })
  })
})

describe('what the parser refuses before any rule', () => {
  it.each<[string, { name: string; value: string }, string]>([
    ['CR LF in a value', { name: 'X', value: 'a\r\nHost: evil' }, '0.value'],
    ['LF in a value', { name: 'X', value: 'a\nb' }, '0.value'],
    ['CR in a value', { name: 'X', value: 'a\rb' }, '0.value'],
    ['NUL in a value', { name: 'X', value: 'a\u0000' }, '0.value'],
    ['NEL in a value', { name: 'X', value: 'a\u0085b' }, '0.value'],
    ['CR LF in a name', { name: 'X\r\nHost', value: '' }, '0.name'],
    ['a tab in a name', { name: 'X\t', value: '' }, '0.name'],
    ['no name', { name: '', value: '' }, '0.name'],
    ['a lone surrogate', { name: 'X', value: '\ud800' }, '0.value'],
  ])('%s', (_, header, field) => {
    const parse = () => parseMcpServerDefinition({ transport: { http: { url: 'https://a.com', headers: [header] } } })
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', details: expect.objectContaining({ field: `definition.transport.http.headers.${field}` }) as object }))
  })
})

describe('the rule', () => {
  it('denies, with the field of the transport', () => {
    const definition = parseMcpServerDefinition({ transport: { sse: { url: 'https://a.com', headers: [{ name: 'Host', value: 'canary' }] } } })
    const found = headers({ kind: 'MCP_SERVER', name: 'x', definition }, completePolicy({}))
    expect(found).toEqual([{
      rule: 'headers', effect: 'DENY', field: 'definition.transport.sse.headers.Host', message: 'Host is set by the transport itself.', mend: 'Leave the header out.',
    }])
    expect(JSON.stringify(found)).not.toContain('canary')
  })

  it('has no opinion on the environment of stdio servers', () => {
    const definition = parseMcpServerDefinition({ transport: { stdio: { command: 'c', env: [{ name: 'HOST', value: '' }, { name: 'a b', value: '' }] } } })
    expect(headers({ kind: 'MCP_SERVER', name: 'x', definition }, completePolicy({}))).toEqual([])
  })
})
