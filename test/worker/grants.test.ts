import { describe, expect, it } from 'vitest'
import { grantsOf, type SessionScope } from '../../src/worker/grants.js'
import { applyEvent, type CatalogView } from '../../src/worker/view.js'
import { cursorAt, type Entries, openPolicy, snapshot, wireAgent, wireServer } from '../support/fake-feed.js'

const viewOf = (entries: Entries, policy = openPolicy): CatalogView => applyEvent(null, snapshot(cursorAt(1), entries, { policy }), 1).view
const scope: SessionScope = { agent: null, grants: 'SET', staticAgent: null, protectedKeys: new Set(), staticServerNames: new Set() }
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

  it('not what today\'s policy denies, with its finding', () => {
    expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a', url('http://10.0.0.1/'))] }), 'a'))
      .toMatchObject({ outcome: 'REFUSE', reason: expect.stringMatching(/^Policy revision 1: \[url\] .*10\.0\.0\.1/) as string })
  })

  it('not what would need an approval, nor anything under a policy that cannot be read', () => {
    const entries = { mcpServers: [wireServer('1', 'a')] }
    expect(fateOf(viewOf(entries, { revision: 2, document: { ...openPolicy.document, transports: { stdio: 'deny', http: 'approve', sse: 'deny' } } }), 'a')?.outcome).toBe('REFUSE')
    expect(fateOf(viewOf(entries, { revision: 2, document: 'broken' as never }), 'a')?.outcome).toBe('REFUSE')
  })

  it('no stdio server, whatever the policy says', () => {
    const stdio = wireServer('1', 'a', { transport: { __typename: 'StdioTransport', command: 'node', args: [], env: [], cwd: null } })
    expect(fateOf(viewOf({ mcpServers: [stdio] }), 'a')).toMatchObject({ outcome: 'REFUSE', reason: expect.stringContaining('stdio') as string })
  })

  it.each([
    ['${user:GITHUB}', /^Connect your account: needs user:GITHUB,/],
    ['Bearer ${secret:TOKEN}', /^A secret is missing: needs secret:TOKEN,/],
  ])('S11: what holds %s says what it needs', (value, reason) => {
    expect(fateOf(viewOf({ mcpServers: [wireServer('1', 'a', header(value))] }), 'a'))
      .toEqual({ outcome: 'FAIL', reason: expect.stringMatching(reason) as string })
  })
})
