import { describe, expect, it } from 'vitest'
import { type Block, blockFinding, blockOn, targetOf } from '../../src/core/block.js'
import { type Definition, type EntryKind, entryStatus, type Revoked } from '../../src/core/entry.js'
import { type OwnerRef, systemPrincipal } from '../../src/core/owner.js'
import { parseAgentDefinition } from '../../src/core/agent.js'
import { parseMcpServerDefinition } from '../../src/core/mcp-server.js'
import { type VerdictKind } from '../../src/core/policy.js'

const me: OwnerRef = { kind: 'USER', id: 'me' }
const http = (url: string) => parseMcpServerDefinition({ transport: { http: { url } } })
const stdio = (command: string, args: string[] = [], more: object = {}) => parseMcpServerDefinition({ transport: { stdio: { command, args, ...more } } })
const revoked = (target: string | null, digest = 'd1', isRestored = false): Revoked => ({
  at: '2026-01-01T00:00:00.000Z', by: systemPrincipal, reason: 'It leaked.', digest, target,
  restored: isRestored ? { at: '2026-01-02T00:00:00.000Z', by: systemPrincipal } : null,
})
const block = (definition: Definition, more: Partial<Block> = {}): Block => (
  { entryId: 'srv_1', name: 'tickets', owner: me, revoked: revoked(targetOf('MCP_SERVER', definition)), ...more })
const entry = (definition: Definition, more: object = {}) => ({ kind: 'MCP_SERVER' as EntryKind, owner: me, definition, digest: 'other', ...more })

describe('S13: what was revoked is refused however it is written', () => {
  const origin = http('https://t.example.com/mcp')
  const line = stdio('npx', ['-y', 'srv@1.2.3'])
  it.each<[string, Definition, Definition, boolean]>([
    ['the same', origin, http('https://t.example.com/mcp'), true],
    ['another path', origin, http('https://t.example.com/other'), true],
    ['a query', origin, http('https://t.example.com/mcp?x=1'), true],
    ['upper case', origin, http('HTTPS://T.EXAMPLE.COM/mcp'), true],
    ['the port that https has anyway', origin, http('https://t.example.com:443/mcp'), true],
    ['a dot at the end', origin, http('https://t.example.com./mcp'), true],
    ['a percent-encoded host', origin, http('https://%74.example.com/mcp'), true],
    ['somebody before an @', origin, http('https://a:b@t.example.com/mcp'), true],
    ['as sse', origin, parseMcpServerDefinition({ transport: { sse: { url: 'https://t.example.com/sse' } } }), true],
    ['full-width letters', http('https://t.example.com/'), http('https://ｔ.example.com/'), true],
    ['a decimal address', http('https://127.0.0.1/'), http('https://2130706433/'), true],
    ['another port', origin, http('https://t.example.com:8443/mcp'), false],
    ['another scheme', origin, http('http://t.example.com/mcp'), false],
    ['another host', origin, http('https://u.example.com/mcp'), false],
    ['a host below it', origin, http('https://a.t.example.com/mcp'), false],
    ['what is no URL', origin, http('t.example.com'), false],
    ['the same command line', line, stdio('npx', ['-y', 'srv@1.2.3']), true],
    ['... with other variables and another folder', line, stdio('npx', ['-y', 'srv@1.2.3'], { env: [{ name: 'A', value: 'b' }], cwd: '/srv' }), true],
    ['another version', line, stdio('npx', ['-y', 'srv@1.2.4']), false],
    ['one argument instead of two', line, stdio('npx', ['-y srv@1.2.3']), false],
    ['a URL that spells it', line, http('https://npx/-y/srv@1.2.3'), false],
  ])('%s', (_, was, is, isRefused) => {
    expect(blockOn(entry(is), [block(was)]) !== null).toBe(isRefused)
  })

  it.each<[string, object, boolean]>([
    ['the same definition elsewhere in the list', { digest: 'd1', definition: http('https://new.example.com/') }, true],
    ['somebody else\'s', { owner: { kind: 'USER', id: 'you' } }, false],
    ['a team of the same id', { owner: { kind: 'TEAM', id: 'me' } }, false],
  ])('%s', (_, more, isRefused) => { expect(blockOn(entry(origin, more), [block(origin)]) !== null).toBe(isRefused) })

  it('agents are known by their content alone, and no agent is any server', () => {
    const agent = parseAgentDefinition({ prompt: 'Help.' })
    expect(targetOf('AGENT', agent)).toBeNull()
    const ban = block(origin, { revoked: revoked(null, 'agent-digest') })
    expect(blockOn(entry(agent, { kind: 'AGENT', digest: 'agent-digest' }), [ban])).toBe(ban)
    expect(blockOn(entry(agent, { kind: 'AGENT' }), [ban])).toBeNull()
    expect(blockOn(entry(http('no url')), [ban])).toBeNull()
  })

  it('what is still revoked comes before what was restored', () => {
    const [back, gone] = [block(origin, { entryId: 'srv_2', revoked: revoked('https://t.example.com', 'd2', true) }), block(origin)]
    expect(blockOn(entry(origin), [back, gone])).toBe(gone)
    expect(blockOn(entry(origin), [back])).toBe(back)
  })

  it.each<[EntryKind, Definition, string]>([
    ['MCP_SERVER', origin, 'definition.transport.http.url'],
    ['MCP_SERVER', line, 'definition.transport.stdio.command'],
    ['AGENT', parseAgentDefinition({ prompt: 'Help.' }), 'definition'],
  ])('the finding for %s names the field and the mend', (kind, definition, field) => {
    expect(blockFinding({ kind, definition }, block(origin))).toMatchObject({
      rule: 'revoked', effect: 'DENY', field, message: expect.stringContaining('tickets') as string, mend: expect.stringContaining('srv_1') as string,
    })
    const restored = block(origin, { revoked: revoked('https://t.example.com', 'd2', true) })
    expect(blockFinding({ kind, definition }, restored)).toMatchObject({ rule: 'revoked', effect: 'NEEDS_APPROVAL', field, message: expect.stringContaining('waits for approval') as string })
  })
})

describe('the status', () => {
  const status = (enabled: boolean, kind: VerdictKind, of: Revoked | null) => entryStatus(enabled, { kind, findings: [], policyRevision: 1 }, of)
  it.each<[boolean, VerdictKind, Revoked | null, string]>([
    [true, 'ALLOW', null, 'ACTIVE'],
    [true, 'ALLOW', revoked('x'), 'REVOKED'],
    [false, 'ALLOW', revoked('x'), 'REVOKED'],
    [false, 'DENY', revoked('x'), 'REVOKED'],
    [true, 'ALLOW', revoked('x', 'd', true), 'PENDING_APPROVAL'],
    [true, 'NEEDS_APPROVAL', revoked('x', 'd', true), 'PENDING_APPROVAL'],
    [false, 'ALLOW', revoked('x', 'd', true), 'DISABLED'],
    [true, 'DENY', revoked('x', 'd', true), 'POLICY_DENIED'],
  ])('enabled %s, %s, %j: %s', (enabled, verdict, of, expected) => { expect(status(enabled, verdict, of)).toBe(expected) })
})
