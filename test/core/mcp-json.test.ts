import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type McpJsonForm, type ParsedItem, parseMcpJson } from '../../src/core/mcp-json.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'

function read(text: unknown, form: McpJsonForm = 'FLAT_OR_WRAPPED'): ParsedItem[] {
  const parsed = parseMcpJson(typeof text === 'string' ? text : JSON.stringify(text), form)
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed.items
}
const problemOf = (text: string) => {
  const parsed = parseMcpJson(text, 'FLAT_OR_WRAPPED')
  return 'problem' in parsed ? parsed.problem : null
}
const transportOf = (item: object) => (read({ x: item })[0]?.definition as { transport?: object } | null)?.transport
const findingsOf = (item: unknown) => read({ x: item })[0]!.findings.map(({ rule, field }) => `${rule} ${field}`)

const server = { type: 'http', url: 'https://a.com' }

describe('the forms of the file', () => {
  it.each<[string, unknown, McpJsonForm, string[]]>([
    ['flat', { a: server, b: server }, 'FLAT_OR_WRAPPED', ['a', 'b']],
    ['wrapped', { mcpServers: { a: server, b: server } }, 'FLAT_OR_WRAPPED', ['a', 'b']],
    ['wrapped by another word', { servers: { a: server } }, 'FLAT_OR_WRAPPED', ['a']],
    ['wrapped as editors and agents do', { context_servers: { a: server } }, 'FLAT_OR_WRAPPED', ['a']],
    ['mcpServers before servers', { servers: { a: server }, mcpServers: { b: server } }, 'FLAT_OR_WRAPPED', ['b']],
    ['nothing', {}, 'FLAT_OR_WRAPPED', []],
    ['nothing, wrapped', { mcpServers: {} }, 'FLAT_OR_WRAPPED', []],
    ['a server that is called mcpServers', { mcpServers: server }, 'FLAT_OR_WRAPPED', ['mcpServers']],
    ['a local server that is called servers', { servers: { command: 'npx' } }, 'FLAT_OR_WRAPPED', ['servers']],
    ['servers that are called command and url', { mcpServers: { command: server, url: server } }, 'FLAT_OR_WRAPPED', ['command', 'url']],
    ['PilotSwarm\'s: every key is a server', { mcpServers: { a: server } }, 'FLAT', ['mcpServers']],
    ['PilotSwarm\'s, flat', { a: server }, 'FLAT', ['a']],
    ['a wrapper that is none', { mcpServers: [] }, 'FLAT_OR_WRAPPED', ['mcpServers']],
  ])('%s', (_, text, form, names) => { expect(read(text, form).map(({ name }) => name)).toEqual(names) })

  it('PilotSwarm\'s form does not unwrap: what looks like a wrapper is a server that makes no sense', () => {
    expect(read({ mcpServers: { a: server } }, 'FLAT')).toEqual([expect.objectContaining({ name: 'mcpServers', definition: null })])
  })

  it('takes a BOM off', () => { expect(read(`\ufeff${JSON.stringify({ a: server })}`)).toHaveLength(1) })

  it.each(['', ' ', '{', '{"a":}', '{a: 1}', "{'a': 1}", '{"a": 1,}', '// x\n{}', '\ufeff\ufeff{}', 'undefined', 'NaN', '{}{}', '---\na: b'])(
    '%j is not JSON', (text) => { expect(problemOf(text)).toMatch(/^The text is not JSON/) })

  it.each(['null', '[]', '[{"a":1}]', '1', '"x"', 'true'])('%s is no map of servers', (text) => {
    expect(problemOf(text)).toBe('The text is not a JSON object of servers.')
  })

  it('S14: says where it broke, never what stands there', () => {
    expect(problemOf('{"a": "x" "b"}')).toBe('The text is not JSON; look at position 10.')
    for (const text of ['{"K": "canary" canary', '{"K": canary}', 'canary', '{"K": "canary\n"}', '{"canary": "canary', '["canary"] canary', '{"K":"\\canary"}']) {
      expect(problemOf(text)).not.toMatch(/canary|"/)
    }
  })
})

describe('the forms of a server', () => {
  it.each<[string, object, object]>([
    ['http by its type', { type: 'http', url: 'u' }, { http: { url: 'u' } }],
    ['http without one', { url: 'u' }, { http: { url: 'u' } }],
    ['streamable-http', { type: 'streamable-http', url: 'u' }, { http: { url: 'u' } }],
    ['streamableHttp', { type: 'streamableHttp', url: 'u' }, { http: { url: 'u' } }],
    ['the word transport', { transport: 'streamable-http', url: 'u' }, { http: { url: 'u' } }],
    ['sse', { type: 'sse', url: 'u' }, { sse: { url: 'u' } }],
    ['sse by the word transport', { transport: 'sse', url: 'u' }, { sse: { url: 'u' } }],
    ['headers', { url: 'u', headers: { B: '1', A: '2' } }, { http: { url: 'u', headers: [{ name: 'B', value: '1' }, { name: 'A', value: '2' }] } }],
    ['httpUrl', { httpUrl: 'u' }, { http: { url: 'u' } }],
    ['serverUrl', { serverUrl: 'u', headers: { A: '1' } }, { http: { url: 'u', headers: [{ name: 'A', value: '1' }] } }],
    ['remote', { type: 'remote', url: 'u' }, { http: { url: 'u' } }],
    ['environment', { command: 'c', environment: { A: '1' } }, { stdio: { command: 'c', env: [{ name: 'A', value: '1' }] } }],
    ['stdio by its type', { type: 'stdio', command: 'c' }, { stdio: { command: 'c' } }],
    ['stdio without one', { command: 'c', args: ['a'], cwd: '/x' }, { stdio: { command: 'c', args: ['a'], cwd: '/x' } }],
    ['local', { type: 'local', command: 'c', env: { A: '1' } }, { stdio: { command: 'c', env: [{ name: 'A', value: '1' }] } }],
    ['a url wins over a command where no type decides', { url: 'u', command: 'c' }, { http: { url: 'u' } }],
    ['the type decides', { type: 'stdio', url: 'u', command: 'c' }, { stdio: { command: 'c' } }],
  ])('%s', (_, item, transport) => { expect(JSON.parse(JSON.stringify(transportOf(item)))).toEqual(transport) })

  it('hands on the rest for the definition\'s own parser', () => {
    const [item] = read({ x: { ...server, tools: ['a'], excludeTools: ['b'], timeout: 500, default: true, description: 'd' } })
    expect(item?.findings).toEqual([])
    expect(parseMcpServerDefinition(item?.definition)).toMatchObject({
      tools: { include: ['a'], exclude: ['b'] }, timeoutMs: 500, default: true, description: 'd', transport: { kind: 'HTTP' },
    })
  })

  it.each<[string, object, string]>([
    ['a number in env', { command: 'c', env: { A: 1 } }, 'definition.transport.stdio.env.0.value'],
    ['a list for env', { command: 'c', env: ['A=1'] }, 'definition.transport.stdio.env.0'],
    ['a text for args', { command: 'c', args: '-y' }, 'definition.transport.stdio.args'],
    ['an object for a header', { url: 'u', headers: { A: { toString: 'x' } } }, 'definition.transport.http.headers.0.value'],
    ['a text for tools', { url: 'u', tools: '*' }, 'definition.tools.include'],
    ['seconds for a timeout', { url: 'u', timeout: 30 }, 'definition.timeoutMs'],
  ])('... which refuses %s', (_, item, field) => {
    const [first] = read({ x: item })
    expect(() => parseMcpServerDefinition(first?.definition)).toThrow(expect.objectContaining({ details: expect.objectContaining({ field }) as object }))
  })

  it.each<[unknown]>([
    [null], [7], ['npx srv'], [true], [[]], [{}], [{ type: 'http' }], [{ type: 'stdio', url: 'u' }], [{ type: 'http', command: 'c' }], [{ type: 'ws', url: 'u' }],
    [{ type: 'STDIO', command: 'c' }], [{ url: 7 }], [{ command: ['npx'] }], [{ command: null, url: null }], [{ type: ['http'], url: 'u' }], [{ type: 1, url: 'u' }],
    [{ type: { toString: 1, valueOf: 1 }, url: 'u' }], [{ type: { toString: 'http' }, url: 'u' }], [{ transport: { http: {} }, url: 'u' }],
  ])('%j makes no sense', (item) => {
    expect(read({ x: item })).toEqual([expect.objectContaining({ name: 'x', kind: 'MCP_SERVER', definition: null })])
    expect(findingsOf(item)).toContain('form x')
  })
})

describe('S22: imports are data', () => {
  it.each([[{ disabled: true }, false], [{ enabled: false }, false], [{ disabled: false }, true], [{}, true], [{ disabled: 'true' }, true]])(
    'what %j says of being switched off is kept: enabled %j', (more, enabled) => {
      const parsed = parseMcpJson(JSON.stringify({ x: { url: 'https://x.example.com', ...more } }), 'FLAT_OR_WRAPPED')
      expect('items' in parsed && parsed.items[0]!.enabled).toBe(enabled)
    })

  it.each(['headersHelper', 'envFile', 'dev', 'hooks', 'preLaunch', 'autoApprove', 'oauth', 'constructor', 'toString', 'workingDirectory'])(
    '%s is dropped with a finding', (key) => {
      const item = { ...server, [key]: '/bin/sh -c "touch /tmp/canary"' }
      expect(findingsOf(item)).toEqual([`unknown-key x.${key}`])
      expect(JSON.stringify(read({ x: item })[0])).not.toContain('canary')
    })

  it('what stands beside the servers is dropped with a finding too', () => {
    const [first, second] = read({ hooks: { SessionStart: 'canary' }, mcpServers: { a: server, b: server }, inputs: [] })
    expect(first?.findings.map(({ rule, field }) => `${rule} ${field}`)).toEqual(['unknown-key hooks', 'unknown-key inputs'])
    expect(second?.findings).toEqual([])
    expect(JSON.stringify(first)).not.toContain('canary')
  })

  it('every dropped key is named, of a server that makes no sense too', () => {
    expect(findingsOf({ hooks: 1, dev: 2 })).toEqual(['unknown-key x.hooks', 'unknown-key x.dev', 'form x'])
  })

  it('S1: what a file would expand reaches the rules as it stands', () => {
    expect(transportOf({ command: '${HOME}/x', args: ['$A'], env: { K: '${env:K}' } }))
      .toEqual({ stdio: { command: '${HOME}/x', args: ['$A'], env: [{ name: 'K', value: '${env:K}' }], cwd: undefined } })
  })
})

describe('hostile keys', () => {
  it('__proto__ is a name like any other', () => {
    const items = read('{"__proto__": {"url": "https://a.com", "headers": {"__proto__": "v"}}, "constructor": {"command": "c", "env": {"__proto__": "v"}}}')
    expect(items.map(({ name }) => name)).toEqual(['__proto__', 'constructor'])
    expect(items[0]?.definition).toMatchObject({ transport: { http: { headers: [{ name: '__proto__', value: 'v' }] } } })
    expect(({} as { url?: string }).url).toBeUndefined()
  })

  it('a __proto__ inside a server gives it nothing', () => {
    expect(read('{"x": {"__proto__": {"command": "sh", "type": "stdio"}}}')).toEqual([expect.objectContaining({ definition: null })])
    expect(findingsOf(JSON.parse('{"url": "u", "__proto__": {"command": "sh"}}'))).toEqual(['unknown-key x.__proto__'])
    expect(read('{"__proto__": {"mcpServers": {"a": {"url": "u"}}}}').map(({ name }) => name)).toEqual(['__proto__'])
  })

  it('never throws, and answers for every key of the file', () => {
    const key = fc.constantFrom('type', 'transport', 'url', 'command', 'env', 'headers', 'mcpServers', 'servers', '__proto__', 'toString', 'x')
    const value = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constantFrom('http', 'stdio', 'sse', 'u', 1, null, true), fc.array(tie('value'), { maxLength: 2 }), fc.dictionary(key, tie('value'), { maxKeys: 4 })),
    })).value
    fc.assert(fc.property(fc.dictionary(key, value), fc.constantFrom<McpJsonForm>('FLAT', 'FLAT_OR_WRAPPED'), (file, form) => {
      const items = read(JSON.stringify(file), form)
      if (form === 'FLAT') expect(items.map(({ name }) => name)).toEqual(Object.keys(JSON.parse(JSON.stringify(file)) as object))
      for (const { definition, findings } of items) if (definition === null) expect(findings).not.toEqual([])
    }))
  })
})
