import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/catalog/context.js'
import { type McpServerDefinition } from '../../src/core/mcp-server.js'
import { grantsOf, type SessionScope } from '../../src/worker/grants.js'
import { scopeOf } from '../../src/worker/session-static.js'
import { loadStaticLayer } from '../../src/worker/static-layer.js'
import { applyEvent, type CatalogView, type ViewApproval } from '../../src/worker/view.js'
import { cursorAt, type Entries, openPolicy, snapshot, wireAgent, wireServer } from '../support/fake-feed.js'

const viewOf = (entries: Entries, policy: { revision: number; document: object } = openPolicy): CatalogView => (
  applyEvent(null, snapshot(cursorAt(1), entries, { policy: policy }), 1).view)
const scope: SessionScope = { agent: null, grants: 'SET', staticAgent: null, protectedKeys: new Set(), staticServerNames: new Set(), overridableKeys: new Set() }
const namesOf = (view: CatalogView, changes: Partial<SessionScope>) => grantsOf(view, { ...scope, ...changes })
  .filter(({ entry }) => entry.kind === 'MCP_SERVER').map(({ entry }) => entry.name)
const fateOf = (view: CatalogView, name: string, changes: Partial<SessionScope> = {}) => grantsOf(view, { ...scope, ...changes }).find(({ entry }) => entry.name === name)?.fate

describe('which servers a session is given', () => {
  const view = viewOf({
    mcpServers: [wireServer('1', 'c'), wireServer('2', 'a'), wireServer('3', 'base', { default: true })],
    agents: [wireAgent('4', 'lone', { mcpServers: ['c', 'gone'] }), wireAgent('5', 'heir', { mcpServers: ['c'], inheritDefaultMcpServers: true })],
  })

  it.each<[string, Partial<SessionScope>, string[]]>([
    ['without an agent all', {}, ['a', 'base', 'c']],
    ['with an agent those it names', { agent: 'lone', grants: 'AGENT' }, ['c']],
    ['with one that inherits, the default ones too', { agent: 'heir', grants: 'AGENT' }, ['base', 'c']],
    ['with SET all, agent or not', { agent: 'lone', grants: 'SET' }, ['a', 'base', 'c']],
    ['with an agent that is not there none', { agent: 'nobody', grants: 'AGENT' }, []],
    ['with a static agent those it names, whatever the catalog\'s agent of that name says',
      { agent: 'lone', grants: 'AGENT', staticAgent: { mcpServers: ['a'], inheritDefaultMcpServers: false } }, ['a']],
  ])('%s', (_, changes, expected) => { expect(namesOf(view, changes)).toEqual(expected) })

  it('S12: an agent runs without the servers its owner lacks, and names them', () => {
    const noted = grantsOf(view, scope).find(({ key }) => key === 'AGENT:lone')
    expect(noted).toMatchObject({ fate: { outcome: 'RUN' }, note: 'Runs without gone: there is no MCP server of that name for this owner.' })
    expect(grantsOf(view, { ...scope, staticServerNames: new Set(['gone']) }).find(({ key }) => key === 'AGENT:lone')?.note).toBeNull()
  })
})

describe('what may run', () => {
  const url = (text: string) => ({ transport: { __typename: 'RemoteTransport' as const, kind: 'HTTP' as const, url: text, headers: [] } })
  const header = (value: string) => ({
    transport: { __typename: 'RemoteTransport' as const, kind: 'HTTP' as const, url: 'https://x.example.com/', headers: [{ name: 'Authorization', value }] },
  })

  it('an ordinary server', () => { expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a')] }), 'a')).toEqual({ outcome: 'RUN' }) })

  it('not what has the name of a static one', () => {
    expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a')] }), 'a', { protectedKeys: new Set(['MCP_SERVER:a']) }))
      .toEqual({ outcome: 'REFUSE', reason: 'The name belongs to the static configuration of this worker.' })
  })

  describe('what has the name of a static one, where the policy lists it', () => {
    const layer = loadStaticLayer({ inline: {
      mcpServers: { a: { url: 'https://s/' }, 'My.Tools': { url: 'https://s/' }, 'x-y': { url: 'https://s/' }, 'x.y': { url: 'https://s/' } },
      customAgents: [{ name: 'helper', prompt: 'Static.', mcpServers: ['a'] }],
    } })
    const listing = (overridable: unknown, more = {}) => ({ revision: 2, document: { ...openPolicy.document, static: { overridable }, ...more } })
    const scopeWith = (agent: string | null = null) => scopeOf({ agent, grants: null, layer }, new Set(layer.mcpServers.keys()))
    const judged = (name: string, policy: ReturnType<typeof listing>, changes = {}) => {
      const kind = name === 'helper' ? { agents: [wireAgent('1', name)] } : { mcpServers: [wireServer('1', name, changes)] }
      const found = grantsOf(viewOf(kind, policy), scopeWith()).find(({ entry }) => entry.name === name)!
      return `${found.fate.outcome} ${found.replacesStatic}`
    }

    it.each<[string, unknown, string]>([
      ['a', ['a'], 'RUN true'], ['helper', ['helper'], 'RUN false'], ['other', ['other'], 'RUN false'], ['a', ['b', 'a'], 'RUN true'],
      ['a', [], 'REFUSE false'], ['a', null, 'REFUSE false'], ['helper', ['a'], 'REFUSE false'],
      // Exact names: no pattern, no other spelling, nothing around it.
      ['a', ['*'], 'REFUSE false'], ['a', ['a*', 'A', ' a', 'MCP_SERVER:a', '/a/', 'ab'], 'REFUSE false'],
      // What only looks like a static one would not take its place, but stand beside it.
      ['my-tools', ['my-tools', 'My.Tools'], 'REFUSE false'], ['x-y', ['x-y', 'x.y'], 'REFUSE false'],
      // What cannot be read lists nothing.
      ['a', 'a', 'REFUSE false'], ['a', [['a']], 'REFUSE false'], ['a', { 0: 'a' }, 'REFUSE false'],
    ])('%s under %j: %s', (name, overridable, expected) => { expect(judged(name, listing(overridable))).toBe(expected) })

    it('not when a rule denies it all the same, nor under a broken document', () => {
      expect(judged('a', listing(['a']), url('http://10.0.0.1/'))).toBe('REFUSE true')
      expect(judged('a', listing(['a'], { unreadable: true }))).toBe('REFUSE false')
    })

    it('a catalog agent takes the grants of the static one with its name, and only then', () => {
      const entries = { mcpServers: [wireServer('1', 'b')], agents: [wireAgent('2', 'helper', { mcpServers: ['b'] })] }
      const servers = (overridable: string[]) => grantsOf(viewOf(entries, listing(overridable)), scopeWith('helper')).map(({ key }) => key)
      expect([servers(['helper']), servers([])]).toEqual([['AGENT:helper', 'MCP_SERVER:b'], ['AGENT:helper']])
    })
  })

  it('not what today\'s policy denies, with its finding', () => {
    expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a', url('http://10.0.0.1/'))] }), 'a'))
      .toMatchObject({ outcome: 'REFUSE', reason: expect.stringMatching(/^Policy revision 1: \[url\] .*10\.0\.0\.1/) as string })
  })

  it('not what would need an approval, nor anything under a policy that cannot be read', () => {
    const entries = { mcpServers: [wireServer('1', 'a')] }
    expect(fateOf(viewOf(entries, { revision: 2, document: { ...openPolicy.document, transports: { stdio: 'deny', http: 'approve', sse: 'deny' } } }), 'a')?.outcome).toBe('REFUSE')
    expect(fateOf(viewOf(entries, { revision: 2, document: 'broken' as never }), 'a')?.outcome).toBe('REFUSE')
  })

  describe('S5: what needs an approval, only with one for exactly what came', () => {
    const policy = { revision: 2, document: { ...openPolicy.document, transports: { stdio: 'approve', http: 'deny', sse: 'deny' } } }
    const transport = { __typename: 'StdioTransport' as const, command: 'npx', args: ['-y', 'srv@1.2.3'], env: [], cwd: null }
    const definition: McpServerDefinition = {
      description: 'not part of it', transport: { kind: 'STDIO', command: 'npx', args: ['-y', 'srv@1.2.3'], env: [], cwd: null },
      tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
    }
    const digest = digestOf('MCP_SERVER', definition)
    const fate = (approval: ViewApproval | null | undefined, changes: object = {}) => (
      fateOf(viewOf({ mcpServers: [{ ...wireServer('1', 'a', { transport, digest, ...changes }), ...(approval !== undefined && { approval: approval as never }) }] }, policy), 'a'))

    it('runs with its own', () => {
      expect(fate({ digest, state: 'APPROVED' })).toEqual({ outcome: 'RUN' })
      expect(fate({ digest, state: 'APPROVED' }, { description: 'another' })).toEqual({ outcome: 'RUN' })
    })

    const other = 'What was approved is another definition.'
    it.each<[string, ViewApproval | null | undefined, object, string]>([
      ['none', null, {}, 'It came without an approval.'],
      ['a server that knows none', undefined, {}, 'It came without an approval.'],
      ['one that waits', { digest, state: 'PENDING' }, {}, 'It waits for approval.'],
      ['one that was refused', { digest, state: 'REJECTED' }, {}, 'It was rejected.'],
      ['one in other letters', { digest, state: 'approved' }, {}, 'It is not approved.'],
      ['one of something else', { digest: digestOf('MCP_SERVER', { ...definition, timeoutMs: 500 }), state: 'APPROVED' }, {}, other],
      ['another argument', { digest, state: 'APPROVED' }, { transport: { ...transport, args: ['-y', 'srv@1.2.4'] } }, other],
      ['another package, whatever digest is sent beside it', { digest: 'x', state: 'APPROVED' }, { transport: { ...transport, args: ['-y', 'evil@1.2.3'] }, digest: 'x' }, other],
      ['another variable', { digest, state: 'APPROVED' }, { transport: { ...transport, env: [{ name: 'A', value: '1' }] } }, other],
      ['another selection of tools', { digest, state: 'APPROVED' }, { tools: { include: ['*'], exclude: ['x'] } }, other],
    ])('does not with %s', (_, approval, changes, lack) => {
      expect(fate(approval, changes)).toEqual({ outcome: 'REFUSE', reason: expect.stringMatching(new RegExp(`^Policy revision 2: \\[transport\\] .*${lack}$`)) as string })
    })

    it('nor when the policy denies it by now', () => {
      const denying = { revision: 3, document: { ...openPolicy.document, transports: { stdio: 'deny', http: 'deny', sse: 'deny' } } }
      const entries = { mcpServers: [{ ...wireServer('1', 'a', { transport, digest }), approval: { digest, state: 'APPROVED' as never } }] }
      expect(fateOf(viewOf(entries, denying), 'a')).toMatchObject({ outcome: 'REFUSE', reason: expect.stringContaining('does not allow stdio') as string })
    })
  })

  it.each(['${user:GITHUB}', 'Bearer ${secret:TOKEN}'])('what holds %s, which is leased when it starts', (value) => {
    expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a', header(value))] }), 'a')).toEqual({ outcome: 'RUN' })
  })
})
