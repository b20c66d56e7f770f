import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AgentDefinition, parseAgentDefinition } from '../../src/core/agent.js'
import { canonicalJson, isEqualJson } from '../../src/core/canonical.js'
import { mcpServerContent, type McpServerDefinition, parseMcpServerDefinition } from '../../src/core/mcp-server.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The same value with the keys of every map in another order. */
function reordered(value: Json, reverse: boolean): Json {
  if (Array.isArray(value)) return value.map((item) => reordered(item, !reverse))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, member]): [string, Json] => [key, reordered(member, !reverse)])
  return Object.fromEntries(reverse ? entries.reverse() : [...entries.slice(1), ...entries.slice(0, 1)])
}

describe('canonical text', () => {
  it.each<[unknown, string]>([
    [{ b: 1, a: [2, { d: null, c: 'x' }] }, '{"a":[2,{"c":"x","d":null}],"b":1}'],
    [{ a: undefined, b: false }, '{"b":false}'],
    [{ '10': 0, '9': 0, B: 0, a: 0, é: 0 }, '{"10":0,"9":0,"B":0,"a":0,"é":0}'],
    // By UTF-16 code unit, as RFC 8785 wants it: a surrogate pair sorts before U+FFFD.
    [{ '\ufffd': 0, '\u{1f600}': 0 }, '{"\u{1f600}":0,"\ufffd":0}'],
    [JSON.parse('{"__proto__":{"b":1,"a":2},"a":3}'), '{"__proto__":{"a":2,"b":1},"a":3}'],
    [-0, '0'], ['\n"', '"\\n\\""'], [[], '[]'], [{}, '{}'],
  ])('%j', (value, text) => { expect(canonicalJson(value)).toBe(text) })

  it.each([[undefined], [() => 1], [Symbol('s')], [[undefined]], [NaN], [Infinity], [{ a: -Infinity }]])('refuses what has none: %s', (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
  })

  it('S25: key order and formatting never change it, and it says everything', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const json = JSON.parse(JSON.stringify(value)) as Json
      const text = canonicalJson(json)
      expect(JSON.parse(text)).toEqual(json)
      expect(canonicalJson(reordered(json, true))).toBe(text)
      expect(canonicalJson(reordered(json, false))).toBe(text)
      expect(canonicalJson(JSON.parse(JSON.stringify(json, null, 2)))).toBe(text)
    }))
  })

  it('S25: two texts are equal only for equal values', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (a, b) => {
      const [left, right] = [JSON.parse(JSON.stringify(a)) as Json, JSON.parse(JSON.stringify(b)) as Json]
      const isEqual = canonicalJson(left) === canonicalJson(right)
      if (isEqual) expect(left).toEqual(right)
      else expect(left).not.toEqual(right)
    }))
  })
})

const contentOf = (definition: McpServerDefinition) => canonicalJson(mcpServerContent(definition))

const stdioBase = parseMcpServerDefinition({
  description: 'd', transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }], cwd: '/srv' } },
  tools: { include: ['read*'], exclude: ['read_all'] }, timeoutMs: 5000, default: false,
})
const httpBase = parseMcpServerDefinition({
  transport: { http: { url: 'https://example.com/mcp', headers: [{ name: 'A', value: '1' }] } }, timeoutMs: 5000,
})
const agentBase = parseAgentDefinition({
  description: 'd', prompt: 'Do it.', tools: ['a'], skills: ['s'], mcpServers: ['m', 'n'], inheritDefaultMcpServers: false, model: 'gpt',
})

/** The value with one leaf, item or key changed, in every place there is. */
function* everySingleChange(value: unknown): Generator<unknown> {
  if (typeof value === 'string') yield* [`${value} `, value.toUpperCase() === value ? value.toLowerCase() + 'x' : value.toUpperCase(), '', null]
  else if (typeof value === 'number') yield* [value + 1, -value, null]
  else if (typeof value === 'boolean') yield !value
  else if (value === null) yield* ['', 'null', 0]
  else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      for (const changed of everySingleChange(item)) yield value.with(at, changed)
      yield value.toSpliced(at, 1)
    }
    yield [...(value as unknown[]), 'more']
    if (value.length > 1) yield value.toReversed()
  } else {
    for (const [key, member] of Object.entries(value as object)) {
      for (const changed of everySingleChange(member)) yield { ...(value as object), [key]: changed }
    }
  }
}

describe('equality of JSON', () => {
  it('S25: says of any two values what their canonical forms say', () => {
    const small = fc.jsonValue({ maxDepth: 3 })
    const near = small.chain((value) => fc.tuple(fc.constant(value), fc.oneof(small, fc.constant(JSON.parse(JSON.stringify(value)) as unknown), fc.constantFrom(...everySingleChange(value), value))))
    fc.assert(fc.property(near, ([one, other]) => {
      expect(isEqualJson(one, other)).toBe(canonicalJson(one) === canonicalJson(other))
    }), { numRuns: 2_000 })
  })

  it.each<[unknown, unknown, boolean]>([
    [{ a: undefined }, {}, true], [{}, { a: undefined }, true], [{ a: null }, {}, false], [{ a: undefined, b: 1 }, { b: 1 }, true],
    [[], {}, false], [{}, [], false], [null, {}, false], ['1', 1, false],
  ])('S25: %j and %j: %s', (one, other, expected) => expect(isEqualJson(one, other)).toBe(expected))

  it('S25: keys come in the order of their code units, however many there are', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.string(), { maxLength: 60 }), (keys) => {
      const value: object = Object.fromEntries(keys.map((key) => [`k${key}`, 1]))
      expect(Object.keys(JSON.parse(canonicalJson(value)) as object).sort()).toEqual(Object.keys(value).sort())
      expect(canonicalJson(value)).toBe(`{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:1`).join(',')}}`)
    }))
  })
})

describe('what a digest covers', () => {
  it.each<[string, McpServerDefinition]>([['stdio', stdioBase], ['http', httpBase]])('S25: every field of a %s definition but its description', (_, base) => {
    const { description, ...content } = base
    const changes = [...everySingleChange(content)]
    expect(changes.length).toBeGreaterThan(20)
    for (const changed of changes) expect(contentOf({ ...(changed as McpServerDefinition), description })).not.toBe(contentOf(base))
    expect(contentOf({ ...base, description: 'another' })).toBe(contentOf(base))
  })

  it('S25: every field of an agent, its description too', () => {
    for (const changed of everySingleChange(agentBase)) expect(canonicalJson(changed)).not.toBe(canonicalJson(agentBase))
  })

  it('S25: every single field of any definition there can be', () => {
    const word = fc.string({ minLength: 1, maxLength: 5 }).map((text) => text.toWellFormed().replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '_'))
    const words = fc.array(word, { maxLength: 3 })
    const pairs = fc.uniqueArray(fc.record({ name: word, value: word }), { selector: ({ name }) => name, maxLength: 3 })
    const transport = fc.oneof(
      fc.record({ stdio: fc.record({ command: word, args: words, env: pairs, cwd: fc.option(word) }) }), fc.record({ http: fc.record({ url: word, headers: pairs }) }),
      fc.record({ sse: fc.record({ url: word, headers: pairs }) }))
    const definition = fc.record({
      description: word, transport, tools: fc.record({ include: fc.option(words), exclude: words }), timeoutMs: fc.option(fc.integer({ min: 100, max: 3_600_000 })), default: fc.boolean(),
    }).map((input) => parseMcpServerDefinition(input))
    fc.assert(fc.property(definition, fc.nat(), (one, at) => {
      const { description, ...content } = one
      const changes = [...everySingleChange(content)].filter((changed) => !isEqualJson(changed, content))
      const changed = { description, ...(changes[at % changes.length] as Omit<McpServerDefinition, 'description'>) }
      expect(contentOf(changed)).not.toBe(contentOf(one))
      expect(contentOf({ ...changed, ...content, description: `${description}!` })).toBe(contentOf(one))
      expect(contentOf(reordered(one as unknown as Json, true) as unknown as McpServerDefinition)).toBe(contentOf(one))
    }), { numRuns: 300 })
  })

  it('S25: has a place for every field that a definition has', () => {
    expect(Object.keys(stdioBase).sort()).toEqual(['default', 'description', 'timeoutMs', 'tools', 'transport'])
    expect(Object.keys(stdioBase.transport).sort()).toEqual(['args', 'command', 'cwd', 'env', 'kind'])
    expect(Object.keys(httpBase.transport).sort()).toEqual(['headers', 'kind', 'url'])
    expect(Object.keys(agentBase).sort()).toEqual(
      ['description', 'inheritDefaultMcpServers', 'mcpServers', 'model', 'prompt', 'skills', 'tools'] satisfies Array<keyof AgentDefinition>)
  })

  it.each<[string, object, object]>([
    ['one argument', { stdio: { command: 'npx', args: ['a'] } }, { stdio: { command: 'npx', args: ['b'] } }],
    ['the border between two arguments', { stdio: { command: 'npx', args: ['a b'] } }, { stdio: { command: 'npx', args: ['a', 'b'] } }],
    ['one header name', { http: { url: 'https://a.com', headers: [{ name: 'A', value: '' }] } }, { http: { url: 'https://a.com', headers: [{ name: 'a', value: '' }] } }],
    ['the path', { http: { url: 'https://a.com/x' } }, { http: { url: 'https://a.com/y' } }],
    ['the case of a host', { http: { url: 'https://a.com/' } }, { http: { url: 'https://A.com/' } }],
    ['the transport', { http: { url: 'https://a.com/' } }, { sse: { url: 'https://a.com/' } }],
    ['a folder', { stdio: { command: 'npx' } }, { stdio: { command: 'npx', cwd: '/' } }],
  ])('S5: %s is content', (_, a, b) => {
    expect(contentOf(parseMcpServerDefinition({ transport: a }))).not.toBe(contentOf(parseMcpServerDefinition({ transport: b })))
  })

  it('S5: one tool is content, and so is the difference between all and none', () => {
    const selections = [undefined, { include: [] }, { include: ['a'] }, { include: ['a', 'b'] }, { exclude: ['a'] }]
    const texts = selections.map((tools) => contentOf(parseMcpServerDefinition({ transport: { http: { url: 'https://a.com' } }, tools })))
    expect(new Set(texts).size).toBe(selections.length)
  })

  it('S25: neither the order of headers and variables nor that of keys', () => {
    const pairs = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[A-Za-z-]{1,4}$/), value: fc.stringMatching(/^[ -~]{0,4}$/) }), { selector: ({ name }) => name, maxLength: 6 })
    const shuffled = pairs.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })))
    fc.assert(fc.property(shuffled, fc.boolean(), ([list, other], isHttp) => {
      const build = (some: object[]) => isHttp ? { http: { url: 'https://a.com', headers: some } } : { stdio: { command: 'c', env: some } }
      const a = parseMcpServerDefinition({ transport: build(list), timeoutMs: 100 })
      const b = parseMcpServerDefinition({ timeoutMs: 100, transport: build(other.map(({ name, value }) => ({ value, name }))) })
      expect(contentOf(b)).toBe(contentOf(a))
    }))
  })
})
