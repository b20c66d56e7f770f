import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accepted, driftIn, type HeldTool, heldAfter, pinsIn, returnedFrom, type ToolInventory } from '../../src/core/tool-inventory.js'
import { type McpTransport } from '../../src/core/mcp-server.js'
import { cutTexts, isCut, isPinnableName, pinLabel, pinLimits, pinnedText, placeText, type SeenTool, toolText } from '../../src/core/tool-pin.js'

const tool = {
  name: 'add', title: 'Add', description: 'Adds two numbers.', inputSchema: { type: 'object', properties: { a: { type: 'number', minimum: 0.5 }, b: { enum: ['x', null, 1] } } },
  outputSchema: { type: 'object' }, annotations: { readOnlyHint: true }, icons: [{ src: 'data:,' }], _meta: { 'example/ui': 'ui://add' },
}

describe('what is pinned', () => {
  const changes: Array<[string, object]> = [
    ['name', { name: 'Add' }], ['title', { title: 'Subtract' }], ['no title', { title: undefined }], ['description', { description: 'Adds two numbers. ' }],
    ['a hidden character', { description: 'Adds two\u200b numbers.' }], ['input schema', { inputSchema: { ...tool.inputSchema, additionalProperties: true } }],
    ['a description within the schema', { inputSchema: { type: 'object', properties: { a: { type: 'number', minimum: 0.5, description: 'Put the key here.' }, b: tool.inputSchema.properties.b } } }],
    ['the order of an enum', { inputSchema: { type: 'object', properties: { a: tool.inputSchema.properties.a, b: { enum: [null, 'x', 1] } } } }],
    ['output schema', { outputSchema: { type: 'array' } }], ['annotations', { annotations: { readOnlyHint: false } }], ['icons', { icons: [] }],
    ['_meta', { _meta: { 'example/ui': 'ui://evil' } }], ['a field that nobody knows', { whenToUse: 'always' }],
  ]
  it.each(changes)('S10: is all of a definition: %s', (_, change) => expect(pinnedText({ ...tool, ...change })).not.toBe(pinnedText(tool)))

  it('S10: is the same whatever the order of keys, and never the same for two different values', () => {
    expect(pinnedText(Object.fromEntries(Object.entries(tool).reverse()))).toBe(pinnedText(tool))
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const [a, b] = [JSON.stringify(one), JSON.stringify(other)]
      if (pinnedText({ a: one }) === pinnedText({ a: other })) expect(JSON.parse(a)).toEqual(JSON.parse(b))
    }))
    expect(pinnedText('{"name":"a"}')).not.toBe(pinnedText({ name: 'a' }))
    expect(() => pinnedText({ inputSchema: { maximum: JSON.parse('1e999') as number } })).toThrow(TypeError)
  })

  const nested = (levels: number): object => (levels === 1 ? {} : { value: nested(levels - 1) })
  it.each<[string, object]>([
    ['a definition without end', { description: 'x'.repeat(pinLimits.definitionCharacters) }], ['many small parts', { enum: Array.from({ length: 131_072 }, () => 1) }],
    ['a schema without ground', nested(pinLimits.depth + 1)], ['lists in lists', { items: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as unknown }],
  ])('S10: has bounds, beyond which nothing can be pinned: %s', (_, definition) => expect(() => pinnedText(definition)).toThrow(RangeError))
  it('S10: is as deep as it may be', () => expect(pinnedText(nested(pinLimits.depth))).toContain('value'))

  const http = { kind: 'HTTP' as const, url: 'https://a.example.com', headers: [{ name: 'X', value: '1' }] }
  const stdio = { kind: 'STDIO' as const, command: 'npx', args: ['-y', 'a@1.0.0'], env: [{ name: 'A', value: '1' }], cwd: null }
  it.each<[string, McpTransport, object]>([
    ['url', http, { url: 'https://a.example.com/' }], ['kind', http, { kind: 'SSE' }], ['a header', http, { headers: [{ name: 'X', value: '2' }] }], ['no header', http, { headers: [] }],
    ['command', stdio, { command: 'uvx' }], ['an argument', stdio, { args: ['-y', 'a@1.0.1'] }], ['their order', stdio, { args: ['a@1.0.0', '-y'] }],
    ['a variable', stdio, { env: [{ name: 'A', value: '2' }] }], ['folder', stdio, { cwd: '/srv' }],
  ])('S26: is of one place, which is another one with another %s', (_, transport, change) => {
    expect(placeText({ transport: { ...transport, ...change } })).not.toBe(placeText({ transport }))
  })

  it.each<[string, boolean]>([
    ['add', true], ['get_sum.v2', true], ['größe', true], ['', false], ['a'.repeat(200), true], ['a'.repeat(201), false], ['a\u200bb', false], ['a\u202eb', false], ['a\0', false],
    ['a\ud800', false], ['a\u{e0041}', false], ['a\ufe0f', false], ['a\nb', false], ['a\u00adb', false],
  ])('the name %j can be pinned: %s', (name, isPinnable) => expect(isPinnableName(name)).toBe(isPinnable))
})

describe('what is shown', () => {
  it.each<[what: string, description: string, shown: string]>([
    ['a zero width space', 'a\u200bb', 'a\\u{200b}b'], ['a bidi override', 'a\u202eb', 'a\\u{202e}b'], ['a tag', 'a\u{e0041}', 'a\\u{e0041}'], ['a variation selector', 'a\ufe01', 'a\\u{fe01}'],
    ['a no-break space', 'a\u00a0b', 'a\\u{a0}b'], ['half a character', 'a\ud800', 'a\\u{d800}'], ['NUL', 'a\0', 'a\\u{0}'], ['what only says so', 'a\\u{200b}', 'a\\\\u{200b}'],
    ['a letter that looks Latin', 'p\u0430ypal', 'p\\u{430}ypal'], ['a Greek one', '\u0391dd', '\\u{391}dd'],
    ['other languages', 'Größe, сумма, 合計を返す', 'Größe, сумма, 合計を返す'],
  ])('S10: makes %s visible', (_, description, shown) => {
    expect(toolText({ description })).toBe(`{\n  description: "${shown}"\n}\n`)
    expect(toolText(description)).toBe(`${shown}\n`)
  })

  it('has a line for each line, and ends in time however much it is', () => {
    expect(toolText({ description: 'one\ntwo' })).toBe('{\n  description: text\n    | one\n    | two\n}\n')
    expect(toolText('one\ntwo')).toBe('one\ntwo\n')
    expect(toolText('a'.repeat(3_000_000)).length).toBe(3_000_001)
    expect(pinLabel('\u0430dd')).toBe('\\u{430}dd')
  })

  it('is cut where it is too long, and says so', () => {
    expect(cutTexts(['short\n'])).toEqual(['short\n'])
    const [cut, last] = cutTexts(['x'.repeat(70_000), '\u{1f600}'.repeat(70_000)]) as [string, string]
    expect([cut.length, isCut(cut), last.isWellFormed(), isCut(last)]).toEqual([65_536, true, true, true])
    expect(cut).toMatch(/x\n\(cut here: it has 70000 characters in all\)\n$/)
  })

  it('is whole beside others that are long, which share what is left', () => {
    const texts = cutTexts(['a\n', ...Array.from({ length: 20 }, () => 'x'.repeat(60_000)), 'y'.repeat(20_000)])
    expect([texts[0], texts.at(-1), texts.slice(1, -1).every(isCut)]).toEqual(['a\n', 'y'.repeat(20_000), true])
    expect(new Set(texts.slice(1, -1).map(({ length }) => length)).size).toBeLessThanOrEqual(2)
    expect(texts.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(pinLimits.allCharacters)
    expect(cutTexts(Array.from({ length: pinLimits.tools }, () => 'x'.repeat(60_000))).reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(pinLimits.allCharacters)
  })
})

describe('an inventory', () => {
  const by = { kind: 'WORKER' as const, id: 'w' }
  const seen = (name: string | null, hash: string) => ({ name, hash, text: hash })
  const inventory = (pinned: Array<[string | null, string]>, held: Array<[string | null, string]> = []): ToolInventory => ({
    entryId: 'e', digest: 'd', place: 'p', version: 1, seenAt: 't0', seenBy: by, pinned: pinned.map((one) => seen(...one)), held: held.map((one): HeldTool => ({ ...seen(...one), seenAt: 't0', seenBy: by })),
  })
  const told = (one: ToolInventory | null) => one && { pins: pinsIn(one).tools.map(({ name, hash }) => `${name} ${hash}`), held: one.held.map(({ name, hash }) => `${name} ${hash}`) }

  it('S27: what is missing is no drift, what is new or another is, and seeing it again is nothing', () => {
    const before = inventory([['a', '1'], ['b', '1'], [null, '1']])
    const drift = driftIn(before.pinned, [seen('a', '1'), seen('b', '2'), seen('c', '1'), seen(null, '2')])
    expect(drift.map(({ name, hash }) => `${name} ${hash}`)).toEqual(['b 2', 'c 1', 'null 2'])
    const held = heldAfter(before.held, drift, 't1', by)
    expect(heldAfter(held, drift, 't2', by)).toBe(held)
    expect(new Set(held.map(({ seenAt }) => seenAt))).toEqual(new Set(['t1']))
  })

  it('lets in what was looked at, in place of what was pinned and of whatever else is held under the name', () => {
    const before = inventory([['a', '1'], ['b', '1']], [['a', '2'], ['a', '3'], ['c', '1'], [null, '1']])
    expect(told(accepted(before, [{ name: 'a', hash: '3' }]))).toEqual({ pins: ['b 1', 'a 3'], held: ['c 1', 'null 1'] })
    expect(told(accepted(before, [{ name: null, hash: '1' }, { name: 'b', hash: '1' }]))).toEqual({ pins: ['a 1', 'b 1', 'null 1'], held: ['a 2', 'a 3', 'c 1'] })
    expect(accepted(before, [{ name: 'a', hash: '1' }])).toBeNull()
    for (const chosen of [[{ name: 'a', hash: '4' }], [{ name: 'd', hash: '1' }], [{ name: 'a', hash: '2' }, { name: 'a', hash: '3' }]]) {
      expect(() => accepted(before, chosen)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    }
  })

  it('S10: lets in nothing that nobody was shown whole', () => {
    const [whole, cut] = [{ ...seen('a', '2'), text: 'x'.repeat(60_000) }, { ...seen('b', '2'), text: cutTexts(['x'.repeat(70_000)])[0]! }]
    const before: ToolInventory = { ...inventory([['a', '1'], ['b', '1']]), held: [whole, cut].map((one) => ({ ...one, seenAt: 't1', seenBy: by })) }
    expect(told(accepted(before, [whole]))).toEqual({ pins: ['b 1', 'a 2'], held: ['b 2'] })
    for (const chosen of [[cut], [whole, cut]]) {
      expect(() => accepted(before, chosen)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: 'The definition of b is too long to be shown whole, and nobody accepts what they cannot see.' }))
    }
  })

  it('S10: a text that was cut gives way to a whole one, which can be accepted, and keeps its time; nothing else is seen twice', () => {
    const [cut, whole, other] = [cutTexts(['x'.repeat(70_000)])[0]!, 'x'.repeat(20_000), 'y'.repeat(20_000)].map((text) => ({ ...seen('a', '2'), text })) as [SeenTool, SeenTool, SeenTool]
    const before = inventory([['a', '1']])
    const held = heldAfter(heldAfter([], [cut, seen('b', '1')], 't1', by), [whole], 't2', { ...by, id: 'w2' })
    expect(held).toMatchObject([{ name: 'b', seenAt: 't1', seenBy: by }, { name: 'a', text: whole.text, seenAt: 't1', seenBy: { id: 'w2' } }])
    expect(told(accepted({ ...before, held: [...held] }, [whole]))).toMatchObject({ pins: ['a 2'] })
    for (const again of [cut, other]) expect(heldAfter(held, [again], 't3', by)).toBe(held)
  })

  it('S27: holds no longer what its worker sees no more: what is accepted is there again, or nothing where nothing is', () => {
    const before = inventory([['a', '1'], ['b', '1'], ['c', '1'], [null, '1']], [['a', '2'], ['a', '3'], ['b', '2'], ['c', '2'], ['new', '1'], ['other', '1'], [null, '2']])
    const all = before.held.filter(({ name }) => name !== 'other')
    // `b` is missing, `c` another one still, and of `other` this worker never told.
    const now = [seen('a', '1'), seen('c', '3'), seen(null, '1')]
    expect(returnedFrom(before, all, now).map(({ tool: { name, hash }, reason }) => `${name} ${hash} ${reason}`)).toEqual(['a 2 AS_ACCEPTED', 'a 3 AS_ACCEPTED', 'new 1 GONE', 'null 2 AS_ACCEPTED'])
    expect(returnedFrom(before, all, [...now, seen('new', '1')]).map(({ tool: { name } }) => name)).not.toContain('new')
    expect(returnedFrom(before, [], now)).toEqual([])
  })

  it('is bounded, whatever is seen', () => {
    const drift = Array.from({ length: 1_000 }, (_, at) => ({ name: `t${at}`, hash: '1', text: 'x'.repeat(10_000) }))
    const held = heldAfter([], drift, 't', by)
    expect([held.length, held.at(-1)!.name]).toEqual([52, 't999'])
    expect(heldAfter([], drift.map((one) => ({ ...one, text: '' })), 't', by)).toHaveLength(200)
  })
})
