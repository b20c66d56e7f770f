import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/core/canonical.js'
import { CatalogError } from '../../src/core/errors.js'
import { parseMcpJson, toMcpJson } from '../../src/core/mcp-json.js'
import {
  injectionPoints, isToolSelected, matchesPattern, mcpServerContent, type McpServerDefinition, parseMcpServerDefinition, secretReferences,
} from '../../src/core/mcp-server.js'

const http = { http: { url: 'https://a.com' } }
const stdio = { stdio: { command: 'npx' } }

function refusedField(input: unknown): unknown {
  try {
    parseMcpServerDefinition(input)
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'INVALID_INPUT') return error.details.field
    throw error
  }
  return 'nothing'
}

describe('parsing', () => {
  it('fills in every default', () => {
    const rest = { description: '', tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false }
    expect(parseMcpServerDefinition({ transport: http })).toEqual({ ...rest, transport: { kind: 'HTTP', url: 'https://a.com', headers: [] } })
    expect(parseMcpServerDefinition({ transport: { sse: http.http } })).toEqual({ ...rest, transport: { kind: 'SSE', url: 'https://a.com', headers: [] } })
    expect(parseMcpServerDefinition({ transport: stdio })).toEqual({ ...rest, transport: { kind: 'STDIO', command: 'npx', args: [], env: [], cwd: null } })
  })

  it('takes null for what is left out', () => {
    const absent = { description: null, tools: null, timeoutMs: null, default: null }
    expect(parseMcpServerDefinition({ ...absent, transport: { http: { ...http.http, headers: null }, stdio: null, sse: null } }))
      .toEqual(parseMcpServerDefinition({ transport: http }))
    expect(parseMcpServerDefinition({ ...absent, transport: { stdio: { command: 'npx', args: null, env: null, cwd: null } } }))
      .toEqual(parseMcpServerDefinition({ transport: stdio }))
    expect(parseMcpServerDefinition({ transport: http, tools: { include: null, exclude: null } }).tools).toEqual({ include: ['*'], exclude: [] })
  })

  it('tells no tools from all tools', () => {
    expect(parseMcpServerDefinition({ transport: http, tools: { include: [] } }).tools.include).toEqual([])
  })

  it('sorts headers and variables by name, whatever the locale thinks', () => {
    const pairs = ['b', 'B', 'a', 'Z', '_', 'é'].map((name) => ({ name, value: name }))
    const sorted = ['B', 'Z', '_', 'a', 'b', 'é']
    const remote = parseMcpServerDefinition({ transport: { http: { url: 'https://a.com', headers: pairs } } }).transport
    const local = parseMcpServerDefinition({ transport: { stdio: { command: 'c', env: pairs } } }).transport
    expect(injectionPoints(remote).map(({ injectionPoint }) => injectionPoint)).toEqual(sorted.map((name) => `header:${name}`))
    expect(injectionPoints(local).map(({ injectionPoint }) => injectionPoint)).toEqual(sorted.map((name) => `env:${name}`))
  })

  it('lists the references of headers and variables', () => {
    const headers = [{ name: 'B', value: '${secret:K}:${user:U}' }, { name: 'A', value: 'Bearer ${user:U}' }, { name: 'C', value: 'plain' }]
    expect(secretReferences(parseMcpServerDefinition({ transport: { http: { url: 'https://a.com', headers } } }))).toEqual([
      { scope: 'USER', name: 'U', injectionPoint: 'header:A' },
      { scope: 'OWNER', name: 'K', injectionPoint: 'header:B' }, { scope: 'USER', name: 'U', injectionPoint: 'header:B' },
    ])
    expect(secretReferences(parseMcpServerDefinition({ transport: { stdio: { command: 'c', env: [{ name: 'T', value: '${secret:K}' }] } } })))
      .toEqual([{ scope: 'OWNER', name: 'K', injectionPoint: 'env:T' }])
  })
})

describe('refusals name their field', () => {
  const many = (length: number, item: unknown) => Array.from({ length }, () => item)
  /** Whose canonical text has so many characters. */
  function inAll(characters: number): unknown {
    const args = many(8, 'a'.repeat(8000)) as string[]
    const build = () => ({ transport: { stdio: { command: 'c', args } } })
    args.push('a'.repeat(characters - canonicalJson(parseMcpServerDefinition(build())).length - '"",'.length))
    return build()
  }
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'definition'], ['null', null, 'definition'], ['a list', [], 'definition'], ['a text', 'x', 'definition'],
    ['no transport', {}, 'definition.transport'],
    ['none of the transports', { transport: {} }, 'definition.transport'],
    ['nulls for all of them', { transport: { stdio: null, http: null, sse: null } }, 'definition.transport'],
    ['two transports', { transport: { ...http, ...stdio } }, 'definition.transport'],
    ['three transports', { transport: { ...http, ...stdio, sse: http.http } }, 'definition.transport'],
    ['an unknown transport', { transport: { ...http, ws: {} } }, 'definition.transport.ws'],
    ['an unknown key', { transport: http, headersHelper: 'id' }, 'definition.headersHelper'],
    ['a key __proto__', JSON.parse('{"transport":{"http":{"url":"https://a.com"}},"__proto__":{}}'), 'definition.__proto__'],
    ['an unknown key of http', { transport: { http: { ...http.http, auth: 1 } } }, 'definition.transport.http.auth'],
    ['an unknown key of stdio', { transport: { stdio: { ...stdio.stdio, envFile: 'x' } } }, 'definition.transport.stdio.envFile'],
    ['an unknown key of a header', { transport: { http: { ...http.http, headers: [{ name: 'a', value: '', secret: true }] } } }, 'definition.transport.http.headers.0.secret'],
    ['no command', { transport: { stdio: { args: [] } } }, 'definition.transport.stdio.command'],
    ['an empty command', { transport: { stdio: { command: '' } } }, 'definition.transport.stdio.command'],
    ['a list for a command', { transport: { stdio: { command: ['npx'] } } }, 'definition.transport.stdio.command'],
    ['a number for an argument', { transport: { stdio: { command: 'c', args: ['a', 1] } } }, 'definition.transport.stdio.args.1'],
    ['an empty folder', { transport: { stdio: { command: 'c', cwd: '' } } }, 'definition.transport.stdio.cwd'],
    ['one variable twice', { transport: { stdio: { command: 'c', env: [{ name: 'A', value: '1' }, { name: 'A', value: '2' }] } } }, 'definition.transport.stdio.env'],
    ['a map for headers', { transport: { http: { ...http.http, headers: { a: 'b' } } } }, 'definition.transport.http.headers'],
    ['no url', { transport: { http: {} } }, 'definition.transport.http.url'],
    ['an empty url', { transport: { sse: { url: '' } } }, 'definition.transport.sse.url'],
    ['a long command', { transport: { stdio: { command: 'c'.repeat(1025) } } }, 'definition.transport.stdio.command'],
    ['a long argument', { transport: { stdio: { command: 'c', args: ['a'.repeat(8193)] } } }, 'definition.transport.stdio.args.0'],
    ['many arguments', { transport: { stdio: { command: 'c', args: many(257, 'a') } } }, 'definition.transport.stdio.args'],
    ['many headers', { transport: { http: { ...http.http, headers: many(65, { name: 'a', value: '' }) } } }, 'definition.transport.http.headers'],
    ['a long url', { transport: { http: { url: `https://${'a'.repeat(2041)}` } } }, 'definition.transport.http.url'],
    ['a long description', { transport: http, description: 'd'.repeat(4001) }, 'definition.description'],
    ['an empty tool', { transport: http, tools: { include: [''] } }, 'definition.tools.include.0'],
    ['a long tool', { transport: http, tools: { exclude: ['t'.repeat(129)] } }, 'definition.tools.exclude.0'],
    ['many tools', { transport: http, tools: { include: many(257, 't') } }, 'definition.tools.include'],
    ['a list for tools', { transport: http, tools: ['*'] }, 'definition.tools'],
    ['a short timeout', { transport: http, timeoutMs: 99 }, 'definition.timeoutMs'],
    ['a long timeout', { transport: http, timeoutMs: 3_600_001 }, 'definition.timeoutMs'],
    ['a broken timeout', { transport: http, timeoutMs: 100.5 }, 'definition.timeoutMs'],
    ['no number for a timeout', { transport: http, timeoutMs: NaN }, 'definition.timeoutMs'],
    ['a text for a timeout', { transport: http, timeoutMs: '1000' }, 'definition.timeoutMs'],
    ['one character too many in all', inAll(65_537), 'definition'],
    ['long arguments and long values', { transport: { stdio: { command: 'c', args: many(256, 'a'.repeat(8192)), env: many(64, 0).map((_, at) => ({ name: `A${at}`, value: 'v'.repeat(8192) })) } } }, 'definition'],
    ['a text for default', { transport: http, default: 'true' }, 'definition.default'],
  ])('%s', (_, input, field) => { expect(refusedField(input)).toBe(field) })

  it.each<[string, (text: string) => unknown, string]>([
    ['a command', (text) => ({ transport: { stdio: { command: text } } }), 'definition.transport.stdio.command'],
    ['an argument', (text) => ({ transport: { stdio: { command: 'c', args: [text] } } }), 'definition.transport.stdio.args.0'],
    ['a folder', (text) => ({ transport: { stdio: { command: 'c', cwd: text } } }), 'definition.transport.stdio.cwd'],
    ['the name of a variable', (text) => ({ transport: { stdio: { command: 'c', env: [{ name: text, value: '' }] } } }), 'definition.transport.stdio.env.0.name'],
    ['the value of a variable', (text) => ({ transport: { stdio: { command: 'c', env: [{ name: 'A', value: text }] } } }), 'definition.transport.stdio.env.0.value'],
    ['a url', (text) => ({ transport: { http: { url: text } } }), 'definition.transport.http.url'],
    ['the name of a header', (text) => ({ transport: { sse: { url: 'u', headers: [{ name: text, value: '' }] } } }), 'definition.transport.sse.headers.0.name'],
    ['the value of a header', (text) => ({ transport: { http: { url: 'u', headers: [{ name: 'A', value: text }] } } }), 'definition.transport.http.headers.0.value'],
    ['a tool', (text) => ({ transport: http, tools: { include: [text] } }), 'definition.tools.include.0'],
  ])('S18: control characters, line ends and lone surrogates in %s', (_, build, field) => {
    for (const bad of ['\u0000', '\t', '\n', '\r', '\u001b', '\u007f', '\u0085', '\u009b', '\u2028', '\u2029', '\ud800', '\udc00', '\udc00\ud800']) {
      expect(refusedField(build(`a${bad}b`)), JSON.stringify(bad)).toBe(field)
    }
    expect(refusedField(build('a\u{1f600}é b'))).toBe('nothing')
  })

  it('a description may have lines, and nothing else of the kind', () => {
    for (const bad of ['\u0000', '\b', '\u001b', '\u007f', '\ud800']) expect(refusedField({ transport: http, description: bad })).toBe('definition.description')
    expect(refusedField({ transport: http, description: 'a\r\n\tb' })).toBe('nothing')
  })

  it.each<[string, unknown]>([
    ['the longest of everything', {
      description: 'd'.repeat(4000), timeoutMs: 3_600_000, tools: { include: many(256, 't'.repeat(128)) },
      transport: { stdio: { command: 'c'.repeat(1024), args: many(256, 'a'), cwd: '/'.repeat(1024), env: many(64, 0).map((_, at) => ({ name: `A${at}`, value: at === 0 ? 'v'.repeat(8192) : '' })) } },
    }],
    ['the longest in all', inAll(65_536)],
    ['the shortest', { timeoutMs: 100, transport: { stdio: { command: 'c', args: [''], env: [{ name: 'A', value: '' }] } } }],
    ['a url at its bound', { transport: { http: { url: 'u'.repeat(2048) } } }],
  ])('%s is taken', (_, input) => { expect(refusedField(input)).toBe('nothing') })

  it('S14: no refusal repeats a value', () => {
    const canary = 'canary'
    for (const input of [
      { transport: { http: { url: 'u', headers: [{ name: 'A', value: `${canary}\n` }] } } }, { transport: { http: { url: { canary } } } },
      { transport: { stdio: { command: 'c', env: [{ name: 'A', value: [canary] }] } } }, { transport: http, timeoutMs: canary },
    ]) expect(() => parseMcpServerDefinition(input)).toThrow(expect.not.objectContaining({ message: expect.stringContaining(canary) as string }))
  })
})

/** What the pattern means, said by a regular expression. */
const oracle = (pattern: string, text: string) =>
  new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('.*')}$`, 's').test(text)

describe('S28: a tool is listed if and only if it is callable', () => {
  it.each<[string, string, boolean]>([
    ['*', '', true], ['*', 'anything', true], ['', '', true], ['', 'a', false], ['a', 'a', true], ['a', 'A', false], ['a', 'ab', false],
    ['a*', 'a', true], ['a*', 'ab', true], ['a*', 'ba', false], ['*a', 'ba', true], ['*a', 'ab', false], ['a*a', 'a', false], ['a*a', 'aa', true],
    ['a*b*a', 'aba', true], ['a*b*a', 'aa', false], ['**', 'x', true], ['a**b', 'ab', true], ['*ab*ab', 'ab', false], ['*ab*ab', 'abab', true],
    ['a.c', 'abc', false], ['a.c', 'a.c', true], ['[a]', 'a', false], ['a?', 'ab', false], ['(a|b)', 'a', false], ['\\*', 'x', false], ['a*', 'a\nb', true],
  ])('%j on %j: %s', (pattern, text, matches) => { expect(matchesPattern(pattern, text)).toBe(matches) })

  const letters = (chars: string[]) => fc.string({ unit: fc.constantFrom(...chars), maxLength: 10 })
  const pattern = letters(['a', 'b', '*', '.', '\\'])
  const text = letters(['a', 'b', '.', '\n', '*'])

  it('patterns say what the same regular expression says', () => {
    fc.assert(fc.property(pattern, text, (pattern, text) => { expect(matchesPattern(pattern, text)).toBe(oracle(pattern, text)) }), { numRuns: 2000 })
  })

  it('an item without * is that name and no other', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (name, other) => {
      fc.pre(!name.includes('*'))
      expect([matchesPattern(name, name), matchesPattern(name, other)]).toEqual([true, name === other])
    }))
  })

  it('hostile patterns stay cheap', () => {
    const started = performance.now()
    expect(matchesPattern('a*'.repeat(64), 'a'.repeat(100_000) + 'b')).toBe(true)
    expect(matchesPattern(`${'*a'.repeat(64)}*b`, 'a'.repeat(100_000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })

  it.each<[string, object, string[]]>([
    ['everything by default', {}, ['read', 'write', 'read_all']],
    ['nothing at all', { include: [] }, []],
    ['what is listed', { include: ['read*'] }, ['read', 'read_all']],
    ['exclude wins', { include: ['read*'], exclude: ['read_all'] }, ['read']],
    ['... over the same item', { include: ['read'], exclude: ['read'] }, []],
    ['... over everything', { exclude: ['*'] }, []],
    ['... by pattern', { exclude: ['*_all', 'w*'] }, ['read']],
    ['a typo selects nothing', { include: ['Read'] }, []],
  ])('%s', (_, tools, selected) => {
    const parsed = parseMcpServerDefinition({ transport: http, tools }).tools
    expect(['read', 'write', 'read_all'].filter((name) => isToolSelected(parsed, name))).toEqual(selected)
  })

  it('excluding more never offers more, including more never less', () => {
    const list = fc.array(pattern, { maxLength: 4 })
    fc.assert(fc.property(list, list, pattern, text, (include, exclude, more, name) => {
      const now = isToolSelected({ include, exclude }, name)
      if (isToolSelected({ include, exclude: [...exclude, more] }, name)) expect(now).toBe(true)
      if (now) expect(isToolSelected({ include: [...include, more], exclude }, name)).toBe(true)
    }))
  })
})

describe('as an item of .mcp.json', () => {
  it.each<[string, object, object]>([
    ['the least of http', { transport: http }, { type: 'http', url: 'https://a.com', tools: ['*'] }],
    ['the least of stdio', { transport: stdio }, { type: 'stdio', command: 'npx', args: [], tools: ['*'] }],
    ['everything', {
      description: 'not part of it', tools: { include: ['a'], exclude: ['b'] }, timeoutMs: 100, default: true,
      transport: { sse: { url: 'https://a.com', headers: [{ name: 'B', value: '${user:T}' }, { name: 'A', value: '' }] } },
    }, { type: 'sse', url: 'https://a.com', headers: { A: '', B: '${user:T}' }, tools: ['a'], excludeTools: ['b'], timeout: 100, default: true }],
  ])('%s', (_, input, item) => { expect(toMcpJson(parseMcpServerDefinition(input))).toEqual(item) })

  it('comes back as it went, in both forms', () => {
    const text = fc.stringMatching(/^[ -~é]{1,8}$/)
    const pairs = fc.uniqueArray(fc.record({ name: fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1', '10', '9')), value: text }), { selector: ({ name }) => name, maxLength: 4 })
    const patterns = fc.option(fc.array(text, { maxLength: 3 }))
    const remote = fc.record({ url: text, headers: pairs })
    const definition = fc.record({
      transport: fc.oneof(remote.map((http) => ({ http })), remote.map((sse) => ({ sse })),
        fc.record({ command: text, args: fc.array(text), env: pairs, cwd: fc.option(text) }).map((stdio) => ({ stdio }))),
      tools: fc.option(fc.record({ include: patterns, exclude: patterns })), timeoutMs: fc.option(fc.integer({ min: 100, max: 3_600_000 })), default: fc.boolean(),
    })
    fc.assert(fc.property(definition, fc.constantFrom('a', '__proto__', '1'), fc.boolean(), (input, name, isFlat) => {
      const before: McpServerDefinition = parseMcpServerDefinition(input)
      const servers = `{${JSON.stringify(name)}:${JSON.stringify(toMcpJson(before))}}`
      const read = parseMcpJson(isFlat ? servers : `{"mcpServers":${servers}}`, isFlat ? 'FLAT' : 'FLAT_OR_WRAPPED')
      if ('problem' in read) throw new Error(read.problem)
      expect(read.items).toEqual([expect.objectContaining({ name, findings: [] })])
      expect(mcpServerContent(parseMcpServerDefinition(read.items[0]!.definition))).toEqual(mcpServerContent(before))
    }))
  })
})
