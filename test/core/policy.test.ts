import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Definition, type EntryKind } from '../../src/core/entry.js'
import { CatalogError } from '../../src/core/errors.js'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { evaluate, type FindingEffect, findingEffects, verdictKind, type VerdictKind } from '../../src/core/policy.js'
import { completePolicy, defaultPolicy, deliveredPolicy, denyingPolicy, type Policy, parsePolicyDocument, type PolicyDocument, policyDocumentSchema, readPolicy, writtenPolicy } from '../../src/core/policy-document.js'

const policyOf = (document: PolicyDocument = {}, revision = 3): Policy => ({ revision, document: completePolicy(document) })
const subject = (transport: object, name = 'x') =>
  ({ kind: 'MCP_SERVER' as EntryKind, name, definition: parseMcpServerDefinition({ transport }) as Definition })
const http = (url = 'https://example.com/mcp', headers: object[] = []) => subject({ http: { url, headers } })
const sse = subject({ sse: { url: 'https://example.com/sse' } })
const stdio = subject({ stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } })
const agent = { kind: 'AGENT' as EntryKind, name: 'a', definition: parseAgentDefinition({ prompt: 'Do ${it}.' }) }

function refusal(document: unknown): { code: string; field: unknown } {
  try {
    parsePolicyDocument(document)
  } catch (error) {
    if (error instanceof CatalogError) return { code: error.code, field: error.details.field }
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the document', () => {
  it.each<[string, PolicyDocument, object]>([
    ['nothing set', {}, defaultPolicy],
    ['one transport', { transports: { sse: 'allow' } }, { ...defaultPolicy, transports: { stdio: 'approve', http: 'allow', sse: 'allow' } }],
    ['an empty part', { transports: {}, urls: {} }, defaultPolicy],
    ['one kind of exception', { urls: { insecureHttp: ['127.0.0.1'] } }, { ...defaultPolicy, urls: { insecureHttp: ['127.0.0.1'], privateNetworks: [] } }],
  ])('is completed from the default: %s', (_, document, full) => {
    expect(completePolicy(parsePolicyDocument(document))).toEqual(full)
    expect(readPolicy(5, document)).toEqual({ revision: 5, document: full })
  })

  it.each([['the default', defaultPolicy], ['what denies everything', denyingPolicy]])('as it is written out can be read and set again: %s', (_, full) => {
    const written = writtenPolicy(full)
    expect(completePolicy(parsePolicyDocument(JSON.parse(JSON.stringify(written))))).toEqual(full)
    expect(readPolicy(1, written).document).toEqual(full)
  })

  it('has the default that domain.md promises', () => {
    expect(defaultPolicy).toMatchObject({
      transports: { stdio: 'approve', http: 'allow', sse: 'deny' }, mcpServers: { allow: null, deny: [] }, urls: { insecureHttp: [], privateNetworks: [] },
      approval: { allowSelf: false, approvers: 'admins' }, staleAfterSeconds: 600,
    })
  })

  it.each<[unknown, string]>([
    [null, 'document'], [undefined, 'document'], ['{}', 'document'], [[], 'document'], [7, 'document'],
    [{ transport: {} }, 'document.transport'],
    [{ transports: { ftp: 'allow' } }, 'document.transports.ftp'],
    [{ urls: { privateNetwork: [] } }, 'document.urls.privateNetwork'],
    [JSON.parse('{"__proto__": {"transports": {"stdio": "allow"}}}'), 'document.__proto__'],
    [JSON.parse('{"urls": {"constructor": 1}}'), 'document.urls.constructor'],
    [{ transports: null }, 'document.transports'],
    [{ transports: { http: 'ALLOW' } }, 'document.transports.http'],
    [{ transports: { http: null } }, 'document.transports.http'],
    [{ transports: { http: true } }, 'document.transports.http'],
    [{ urls: { insecureHttp: 'localhost' } }, 'document.urls.insecureHttp'],
    [{ urls: { insecureHttp: ['ok', ''] } }, 'document.urls.insecureHttp.1'],
    [{ urls: { privateNetworks: [null] } }, 'document.urls.privateNetworks.0'],
    [{ urls: { privateNetworks: ['a\nb'] } }, 'document.urls.privateNetworks.0'],
    [{ urls: { privateNetworks: ['x'.repeat(254)] } }, 'document.urls.privateNetworks.0'],
    [{ urls: { privateNetworks: Array.from({ length: 1001 }, () => 'a') } }, 'document.urls.privateNetworks'],
  ])('refuses %j at its field', (document, field) => { expect(refusal(document)).toEqual({ code: 'INVALID_INPUT', field }) })

  it.each<[unknown]>([
    [null], [undefined], [''], ['{}'], [[]], [0], [{ transports: 'allow' }], [{ transports: { http: 'maybe' } }], [{ surprise: 1 }],
    [{ urls: { insecureHttp: [1] } }],
  ])('S23: %j in the store is unreadable, never a default', (stored) => {
    const policy = readPolicy(9, stored)
    expect(policy).toEqual({ revision: 9, document: null })
    for (const one of [http(), sse, stdio, agent]) {
      expect(evaluate(one, [policy])).toEqual({
        kind: 'DENY', policyRevision: 9, findings: [expect.objectContaining({ rule: 'policy', field: 'policy' })],
      })
    }
  })

  it('S23: what workers are told then denies every transport', () => {
    for (const one of [http(), sse, stdio]) expect(evaluate(one, [{ revision: 0, document: denyingPolicy }]).kind).toBe('DENY')
    expect(denyingPolicy.urls).toEqual({ insecureHttp: [], privateNetworks: [] })
    // A worker denies agents, too; and whoever takes the parts alone finds each of them.
    const told = JSON.parse(JSON.stringify(deliveredPolicy(null))) as object
    for (const one of [http(), sse, stdio, agent]) expect(evaluate(one, [readPolicy(4, told)]).kind).toBe('DENY')
    expect(told).toMatchObject(writtenPolicy(denyingPolicy))
    expect(evaluate(agent, [readPolicy(4, JSON.parse(JSON.stringify(deliveredPolicy(defaultPolicy))))]).kind).toBe('ALLOW')
  })
})

describe('docs/policy.md', () => {
  const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => JSON.parse(text!) as object)

  it('prints the whole default, and documents that parse', () => {
    expect(blocks[0]).toEqual(writtenPolicy(defaultPolicy))
    expect(blocks.map((block) => parsePolicyDocument(block))).toEqual(blocks)
  })

  it('has a row for each part', () => {
    const told = [...page.matchAll(/^\| `([a-z]\w+(?:\.\w+)?)` \|/gm)].map(([, name]) => name!)
    const parts = Object.entries(defaultPolicy).flatMap(([part, value]) => (typeof value === 'object' ? Object.keys(value as object).map((name) => `${part}.${name}`) : part))
    expect(told.filter((name) => name === 'staleAfterSeconds' || name.includes('.'))).toEqual(parts)
  })
})

describe('policy.schema.json', () => {
  const published = z.fromJSONSchema(JSON.parse(readFileSync(new URL('../../policy.schema.json', import.meta.url), 'utf8')) as never)

  it.each<[string, unknown, boolean]>([
    ['nothing set', {}, true], ['the default', writtenPolicy(defaultPolicy), true],
    ['matchers', { mcpServers: { allow: [], deny: [{ serverUrl: 'https://*.example.com/*' }, { serverCommand: ['npx', '-y', 'srv@1.2.3'] }, { serverName: 'old-*' }] } }, true],
    ['command lines', { stdio: { preapproved: [['npx', '-y', 'srv@1.2.3'], { command: ['/srv/mcp/tool'], env: ['API_KEY'] }] } }, true],
    ['an unknown part', { transport: {} }, false], ['an unknown line', { transports: { ftp: 'allow' } }, false], ['no list', { mcpServers: { allow: null } }, false],
    ['two matchers in one', { mcpServers: { deny: [{ serverName: 'a', serverUrl: 'https://a.example.com' }] } }, false], ['too long a trust', { staleAfterSeconds: 601 }, false],
  ])('says of %s what setPolicy says', (_, document, isValid) => {
    expect([published.safeParse(document).success, policyDocumentSchema.safeParse(document).success]).toEqual([isValid, isValid])
  })
})

describe('the verdict', () => {
  it.each<[string, ReturnType<typeof http>, PolicyDocument, VerdictKind]>([
    ['http to a public https host is allowed', http(), {}, 'ALLOW'],
    ['sse is denied', sse, {}, 'DENY'],
    ['sse may be allowed', sse, { transports: { sse: 'allow' } }, 'ALLOW'],
    ['stdio needs an approval', stdio, {}, 'NEEDS_APPROVAL'],
    ['stdio may be denied', stdio, { transports: { stdio: 'deny' } }, 'DENY'],
    ['http may need an approval', http(), { transports: { http: 'approve' } }, 'NEEDS_APPROVAL'],
    ['a private network is denied', http('https://10.2.3.4/'), {}, 'DENY'],
    ['... except where listed', http('https://10.2.3.4/'), { urls: { privateNetworks: ['10.2.0.0/16'] } }, 'ALLOW'],
    ['plain http is denied', http('http://example.com/'), {}, 'DENY'],
    ['DENY wins over NEEDS_APPROVAL', subject({ stdio: { command: '$SHELL' } }), {}, 'DENY'],
    ['... and over an allowed transport', subject({ http: { url: 'https://example.com' } }, 'Not A Name'), {}, 'DENY'],
    ['agents have no transport', agent, { transports: { stdio: 'deny', http: 'deny', sse: 'deny' } }, 'ALLOW'],
  ])('%s', (_, one, document, kind) => {
    const verdict = evaluate(one, [policyOf(document)])
    expect(verdict.kind).toBe(kind)
    expect(verdict.policyRevision).toBe(3)
    expect(verdict.findings.length > 0).toBe(kind !== 'ALLOW')
  })

  it('says first what denies, so that nobody waits for the approval of what is refused', () => {
    const findings = evaluate(subject({ stdio: { command: 'npx', args: ['-y', 'srv'], env: [{ name: 'PATH', value: 'x' }] } }), [policyOf(), policyOf({ transports: { stdio: 'approve' } })]).findings
    expect(findings.map(({ rule }) => rule)).toEqual(['stdio', 'env', 'transport'])
  })

  it('says of each finding whether it refuses or waits, and is what the strongest of them makes of it', () => {
    const both = evaluate(subject({ stdio: { command: 'npx', args: ['-y', 'srv'], env: [{ name: 'PATH', value: 'x' }] } }), [policyOf()])
    expect([both.kind, both.findings.map(({ rule, effect }) => `${rule} ${effect}`)]).toEqual(['DENY', ['stdio DENY', 'env DENY', 'transport NEEDS_APPROVAL']])
    // A team's policy may deny what the deployment's lets wait: both are told.
    const team = evaluate(stdio, [policyOf(), policyOf({ transports: { stdio: 'deny' } })])
    expect([team.kind, team.findings.map(({ effect }) => effect)]).toEqual(['DENY', ['DENY', 'NEEDS_APPROVAL']])
    const effects = fc.array(fc.constantFrom<FindingEffect>('DENY', 'NEEDS_APPROVAL', 'WARN'), { maxLength: 5 })
    fc.assert(fc.property(effects, (given) => {
      const [strongest] = findingEffects.filter((effect) => given.includes(effect))
      expect(verdictKind(given.map((effect) => ({ effect })))).toBe(strongest === undefined || strongest === 'WARN' ? 'ALLOW' : strongest)
    }))
    const outcome = fc.constantFrom('allow' as const, 'approve' as const, 'deny' as const)
    const documents = fc.array(fc.record({ transports: fc.record({ stdio: outcome, http: outcome, sse: outcome }) }), { minLength: 1, maxLength: 2 })
    const subjects = fc.constantFrom(http(), http('http://10.1.1.1/', [{ name: 'Host', value: 'x' }]), sse, stdio, agent, subject({ stdio: { command: 'npx', args: ['-y', 'srv'] } }))
    fc.assert(fc.property(documents, subjects, ([first, ...rest], one) => {
      const { kind, findings } = evaluate(one, [policyOf(first), ...rest.map((document) => policyOf(document))])
      expect(kind).toBe(findings.some(({ effect }) => effect === 'DENY') ? 'DENY' : findings.length > 0 ? 'NEEDS_APPROVAL' : 'ALLOW')
    }))
  })

  it('collects every finding of every rule, each with field and mend', () => {
    const bad = subject({ sse: { url: 'http://user:pw@127.0.0.1/$X#f', headers: [{ name: 'Host', value: '$A' }, { name: 'no good', value: '' }] } }, 'Ünsafe')
    const { kind, findings } = evaluate(bad, [policyOf()])
    expect(kind).toBe('DENY')
    expect(findings.map(({ rule, field }) => `${rule} ${field}`)).toEqual([
      'name name', 'transport definition.transport.sse', ...Array.from({ length: 4 }, () => 'url definition.transport.sse.url'),
      'headers definition.transport.sse.headers.Host', 'headers definition.transport.sse.headers.no good',
      'dollar definition.transport.sse.url', 'dollar definition.transport.sse.headers.Host', 'raw-secret definition.transport.sse.url',
    ])
    for (const finding of findings) expect(Object.keys(finding).sort()).toEqual(['effect', 'field', 'mend', 'message', 'rule'])
    for (const { mend } of findings) expect(mend).not.toBe('')
    expect(JSON.stringify(findings)).not.toContain('pw')
  })

  it('S23: a stricter document never allows more', () => {
    const outcomes = ['allow', 'approve', 'deny'] as const
    const strictness: Record<VerdictKind, number> = { ALLOW: 0, NEEDS_APPROVAL: 1, DENY: 2 }
    const outcome = fc.constantFrom(...outcomes)
    const lists = fc.subarray(['127.0.0.1', '10.0.0.0/8', 'localhost', '*.internal'])
    const document = fc.record({ transports: fc.record({ stdio: outcome, http: outcome, sse: outcome }), urls: fc.record({ insecureHttp: lists, privateNetworks: lists }) })
    const stricter = (one: (typeof outcomes)[number], by: number) => outcomes[Math.min(2, outcomes.indexOf(one) + by)]!
    const subjects = fc.constantFrom(http(), http('http://127.0.0.1/'), http('http://10.1.1.1/'), http('https://a.internal'), sse, stdio, agent)
    fc.assert(fc.property(document, subjects, fc.nat(2), fc.nat(3), (wide, one, by, kept) => {
      const { stdio, http, sse } = wide.transports
      const narrow: PolicyDocument = {
        transports: { stdio: stricter(stdio, by), http: stricter(http, by), sse: stricter(sse, by) },
        urls: { insecureHttp: wide.urls.insecureHttp.slice(0, kept), privateNetworks: wide.urls.privateNetworks.slice(0, kept) },
      }
      expect(strictness[evaluate(one, [policyOf(narrow)]).kind]).toBeGreaterThanOrEqual(strictness[evaluate(one, [policyOf(wide)]).kind])
    }))
  })
})

describe('exceptions in urls', () => {
  it.each([
    ['insecureHttp', '127.0.0.1', true], ['insecureHttp', 'mcp.corp', true], ['insecureHttp', '*.example.com', true], ['insecureHttp', '[::1]', true],
    ['insecureHttp', '10.0.0.0/8', false], ['insecureHttp', 'http://x', false], ['insecureHttp', 'x:80', false], ['insecureHttp', '*', false], ['insecureHttp', 'a b', false],
    ['privateNetworks', '10.2.0.0/16', true], ['privateNetworks', 'fd00::/8', true], ['privateNetworks', 'localhost', true],
    ['privateNetworks', '10.2.0.0/99', false], ['privateNetworks', '/8', false], ['privateNetworks', '', false],
  ])('S28: %s: %j is taken: %j', (part, item, isTaken) => {
    const parse = () => parsePolicyDocument({ urls: { [part]: [item] } })
    if (isTaken) expect(parse()).toEqual({ urls: { [part]: [item] } })
    else expect(parse).toThrow(`document.urls.${part}.0`)
  })
})
