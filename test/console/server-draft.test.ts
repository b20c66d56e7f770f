import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMcpJson } from '../../src/core/mcp-json.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { placeFindings } from '../../console/src/pages/integrations/place-findings.js'
import { freeSecretName, offerOf } from '../../console/src/pages/integrations/secret-offer.js'
import { definitionOf, draftOfItem, emptyDraft, lineOf, mcpJsonText, type ServerDraft } from '../../console/src/pages/integrations/server-draft.js'

const stdio: ServerDraft = { ...emptyDraft, kind: 'STDIO', command: 'npx', args: ['', '-y'], env: [{ name: '', value: '' }, { name: 'A.B', value: 'x' }, { name: '0', value: 'y' }], include: ['', 'read', '*'] }
const http: ServerDraft = { ...emptyDraft, headers: [{ name: 'X', value: '1' }, { name: 'X', value: '2' }, { name: '', value: 'z' }] }

describe('findings under the field that they concern', () => {
  it.each<[string, ServerDraft, string]>([
    ['name', stdio, 'name'],
    ['owner', stdio, 'owner'],
    ['audience.0', stdio, 'audience'],
    ['definition.description', stdio, 'description'],
    ['definition.transport', stdio, 'transport'],
    ['definition.transport.stdio', stdio, 'transport'],
    ['definition.transport.stdio.command', stdio, 'command'],
    ['definition.transport.stdio.cwd', stdio, 'cwd'],
    ['definition.transport.stdio.args', stdio, 'args'],
    ['definition.transport.stdio.args.1', stdio, 'args.1'],
    ['definition.transport.stdio.args.9', stdio, 'args'],
    ['definition.transport.stdio.env', stdio, 'env'],
    ['definition.transport.stdio.env.A.B', stdio, 'env.1'],
    // By the parser's number: the empty row is not sent. By its name: a variable may be called like a number.
    ['definition.transport.stdio.env.0.value', stdio, 'env.1'],
    ['definition.transport.stdio.env.0', stdio, 'env.2'],
    ['definition.transport.http.headers.X', http, 'headers.1'],
    ['definition.transport.http.headers.2.name', http, 'headers.2'],
    ['definition.transport.http.url', http, 'url'],
    ['definition.tools.include.0', stdio, 'include.1'],
    ['definition.tools.exclude', stdio, 'exclude'],
    // What fits no field is said of the whole.
    ['definition', stdio, 'whole'],
    ['definition.transport.http.url', stdio, 'whole'],
    ['entryId', stdio, 'whole'],
    ['__proto__', stdio, 'whole'],
    ['constructor', stdio, 'whole'],
  ])('%s', (field, draft, place) => {
    const finding = { rule: 'r', effect: 'DENY' as const, field, message: 'm' }
    expect(placeFindings([finding], draft)(place)).toEqual([finding])
  })
})

describe('a draft', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value.isWellFormed())
  const filled = text.filter((value) => value !== '')
  const pairs = fc.uniqueArray(fc.record({ name: filled, value: text }), { maxLength: 3, selector: ({ name }) => name })
    // A file has a map of them, whose numbers come first.
    .map((list) => Object.entries(Object.fromEntries(list.map(({ name, value }) => [name, value]))).map(([name, value]) => ({ name, value })))
  const shared = { name: filled, description: text, include: fc.array(filled, { maxLength: 3 }), exclude: fc.array(filled, { maxLength: 2 }), timeoutMs: fc.constantFrom('', '100', '3600000'), isDefault: fc.boolean(), isEnabled: fc.boolean() }
  const drafts = fc.oneof(
    fc.record({ ...shared, kind: fc.constant('STDIO' as const), command: filled, args: fc.array(text, { maxLength: 4 }), env: pairs, cwd: text }),
    fc.record({ ...shared, kind: fc.constantFrom('HTTP' as const, 'SSE' as const), url: filled, headers: pairs }),
  ).map((part): ServerDraft => ({ ...emptyDraft, ...part }))

  it('is the same after a way through a .mcp.json', () => {
    fc.assert(fc.property(drafts, (draft) => {
      const parsed = parseMcpJson(mcpJsonText([draft]), 'FLAT_OR_WRAPPED')
      expect('items' in parsed ? parsed.items.map(draftOfItem) : parsed).toEqual([{ draft, findings: [] }])
    }), { numRuns: 300 })
  })

  it('is taken as the API takes it, without rows that are empty', () => {
    expect(parseMcpServerDefinition(definitionOf(stdio))).toMatchObject({ transport: { args: ['', '-y'], env: [{ name: '0' }, { name: 'A.B' }] }, tools: { include: ['read', '*'] } })
    expect(lineOf(stdio)).toBe("npx '' -y")
  })
})

describe('an offer to store a secret', () => {
  const finding = (rule: string, message = '') => ({ rule, effect: 'DENY' as const, field: 'f', message })
  it.each<[string, string, string, 'headers' | 'env', string, object | null]>([
    ['a header with its scheme', 'raw-secret', 'Authorization', 'headers', 'Bearer abc', { value: 'abc', prefix: 'Bearer ', name: 'gh-authorization', isStanding: false }],
    ['a header without one', 'raw-secret', 'X-Api-Key', 'headers', 'abc', { value: 'abc', prefix: '', name: 'gh-x-api-key' }],
    ['a variable', 'raw-secret', 'API_KEY', 'env', 'Bearer abc', { value: 'Bearer abc', prefix: '', name: 'API_KEY' }],
    ['a variable without a name', 'raw-secret', '$$', 'env', 'abc', { name: 'secret' }],
    ['what a shell would fill in', 'dollar', 'Authorization', 'headers', 'Bearer ${GH_TOKEN}', { value: null, prefix: 'Bearer ', name: 'GH_TOKEN' }],
    ['what an editor would ask for', 'dollar', 'X', 'env', '${input:gh-token}', { value: null, name: 'gh-token' }],
    ['a value beside a reference: nothing by one click', 'raw-secret', 'X', 'env', '${secret:A}abc', null],
    ['another rule', 'env', 'X', 'env', 'abc', null],
  ])('%s', (_, rule, name, list, value, offer) => {
    const made = offerOf(finding(rule), { name, value }, list, 'gh')
    if (offer === null) expect(made).toBeNull()
    else expect(made).toMatchObject(offer)
  })

  it('is for the reference that has no value yet', () => {
    const made = offerOf(finding('secret-unknown', 'The owner has no secret B yet, so X is not filled.'), { name: 'X', value: '${secret:A} ${user:B}' }, 'env', 'gh')
    expect(made).toMatchObject({ name: 'B', scope: 'user', isStanding: true, value: null })
  })

  it('never takes a name that is taken', () => { expect([freeSecretName('a', new Set()), freeSecretName('a', new Set(['a', 'a-2']))]).toEqual(['a', 'a-3']) })
})
