import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPolicy } from '../../src/core/policy-document.js'
import { applyEvent, type CatalogView } from '../../src/worker/view.js'
import { cursorAt, delta, openPolicy, removed, snapshot, wireAgent, wireServer } from '../support/fake-feed.js'

/** What its document leaves out is as in the default. */
const completed = readPolicy(openPolicy.revision, openPolicy.document)

const start = () => applyEvent(null, snapshot(cursorAt(1), { mcpServers: [wireServer('1', 'a'), wireServer('2', 'b')], agents: [wireAgent('3', 'a')] }), 1).view
const idsByKey = ({ entries }: CatalogView) => Object.fromEntries([...entries].map(([key, { id }]) => [key, id]))

describe('a snapshot', () => {
  it('replaces everything; what is absent is removed IMMEDIATE', () => {
    const { view, removals } = applyEvent(start(), snapshot(cursorAt(2), { mcpServers: [wireServer('2', 'b')] }), 2)
    expect(idsByKey(view)).toEqual({ 'MCP_SERVER:b': '2' })
    expect(removals).toEqual([
      { key: 'MCP_SERVER:a', id: '1', reason: 'ABSENT', mode: 'IMMEDIATE', deadlineSeconds: null, position: 2 },
      { key: 'AGENT:a', id: '3', reason: 'ABSENT', mode: 'IMMEDIATE', deadlineSeconds: null, position: 2 },
    ])
  })

  it('with another entry under a name removes the one that had it', () => {
    const { view, removals } = applyEvent(start(), snapshot(cursorAt(2), { mcpServers: [wireServer('9', 'a'), wireServer('2', 'b')], agents: [wireAgent('3', 'a')] }), 2)
    expect(idsByKey(view)).toMatchObject({ 'MCP_SERVER:a': '9' })
    expect(removals.map(({ id, mode }) => [id, mode])).toEqual([['1', 'IMMEDIATE']])
  })

  it('brings the policy; one that cannot be read denies everything (S23)', () => {
    expect(start().policy).toEqual(completed)
    const broken = snapshot(cursorAt(2), {}, { policy: { revision: 2, document: { transports: 'all' } } })
    expect(applyEvent(start(), broken, 2).view.policy).toEqual({ revision: 2, document: null })
  })
})

describe('a delta', () => {
  it('S5: brings an approval, or takes it, within one revision; what it says again keeps its object', () => {
    const saying = (state: string | null) => ({ ...wireServer('1', 'a'), approval: state === null ? null : { digest: 'd', state: state as never } })
    const apply = (held: CatalogView, state: string | null) => applyEvent(held, delta(cursorAt(2), { mcpServers: [saying(state)] }), 2).view
    const entry = (view: CatalogView) => view.entries.get('MCP_SERVER:a')
    const approved = apply(start(), 'APPROVED')
    expect([entry(approved)?.approval, entry(apply(approved, 'VOID'))?.approval, entry(apply(approved, null))?.approval])
      .toEqual([{ digest: 'd', state: 'APPROVED' }, { digest: 'd', state: 'VOID' }, null])
    expect(entry(apply(approved, 'APPROVED'))).toBe(entry(approved))
  })

  it('needs a snapshot before it', () => {
    expect(() => applyEvent(null, delta(cursorAt(1), {}), 1)).toThrow(TypeError)
  })

  it('removes only what is held under that name with that id', () => {
    const { view, removals } = applyEvent(start(), delta(cursorAt(2), {}, [removed('9', 'a'), removed('2', 'elsewhere')]), 2)
    expect(view.entries).toEqual(start().entries)
    expect(removals).toEqual([])
  })

  it('removes, and says how', () => {
    const { view, removals } = applyEvent(start(), delta(cursorAt(2), {}, [removed('1', 'a', { reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 7 })]), 2)
    expect(Object.keys(idsByKey(view))).toEqual(['MCP_SERVER:b', 'AGENT:a'])
    expect(removals).toEqual([{ key: 'MCP_SERVER:a', id: '1', reason: 'DISABLED', mode: 'DRAIN', deadlineSeconds: 7, position: 2 }])
  })

  it('renames by removing the old name and upserting the same id', () => {
    const { view, removals } = applyEvent(start(), delta(cursorAt(2), { mcpServers: [wireServer('1', 'c')] }, [removed('1', 'a', { reason: 'RENAMED', mode: 'DRAIN' })]), 2)
    expect(idsByKey(view)).toEqual({ 'MCP_SERVER:b': '2', 'AGENT:a': '3', 'MCP_SERVER:c': '1' })
    expect(removals.map(({ key, reason }) => [key, reason])).toEqual([['MCP_SERVER:a', 'RENAMED']])
  })

  it('never leaves one entry under two names, even when the removal of the old one is lacking', () => {
    const { view, removals } = applyEvent(start(), delta(cursorAt(2), { mcpServers: [wireServer('1', 'c')] }), 2)
    expect(Object.keys(idsByKey(view))).not.toContain('MCP_SERVER:a')
    expect(removals.map(({ key }) => key)).toEqual(['MCP_SERVER:a'])
  })

  it('keeps the policy unless it brings one', () => {
    const policy = { revision: 7, document: {} }
    expect(applyEvent(start(), delta(cursorAt(2), {}), 2).view.policy).toEqual(completed)
    expect(applyEvent(start(), delta(cursorAt(2), {}, [], { changedPolicy: policy }), 2).view.policy.revision).toBe(7)
  })
})

describe('what may not go on, not even to finish', () => {
  it('is what a delta removes IMMEDIATE, held or not, and nothing else', () => {
    const { endsNow } = applyEvent(start(), delta(cursorAt(2), {}, [removed('9', 'gone before'), removed('1', 'a', { mode: 'DRAIN' })]), 2)
    expect(['9', '1', '2'].map(endsNow)).toEqual(['DELETED', null, null])
  })
  it('is what a snapshot lacks', () => {
    const { endsNow } = applyEvent(start(), snapshot(cursorAt(2), { mcpServers: [wireServer('2', 'b')] }), 2)
    expect(['1', '2', '9'].map(endsNow)).toEqual(['ABSENT', null, 'ABSENT'])
  })
})

describe('definitions', () => {
  it('are those of core, field for field', () => {
    const stdio = wireServer('1', 'a', {
      description: 'd', timeoutMs: 5, default: true, tools: { include: ['x'], exclude: ['y'] },
      transport: { __typename: 'StdioTransport', command: 'npx', args: ['-y', 's@1'], env: [{ name: 'A', value: '1' }], cwd: '/srv' },
    })
    const agent = wireAgent('2', 'b', { agentTools: ['t'], skills: ['s'], mcpServers: ['a'], inheritDefaultMcpServers: true, model: 'm', description: 'd' })
    const { entries } = applyEvent(null, snapshot(cursorAt(1), { mcpServers: [stdio], agents: [agent] }), 1).view
    expect(entries.get('MCP_SERVER:a')?.definition).toEqual({
      description: 'd', timeoutMs: 5, default: true, tools: { include: ['x'], exclude: ['y'] },
      transport: { kind: 'STDIO', command: 'npx', args: ['-y', 's@1'], env: [{ name: 'A', value: '1' }], cwd: '/srv' },
    })
    expect(entries.get('AGENT:b')?.definition).toEqual({
      description: 'd', prompt: 'Help.', tools: ['t'], skills: ['s'], mcpServers: ['a'], inheritDefaultMcpServers: true, model: 'm',
    })
  })

  it('of a remote server keep their transport', () => {
    const sse = wireServer('1', 'a', { transport: { __typename: 'RemoteTransport', kind: 'SSE', url: 'https://x.example.com/', headers: [{ name: 'A', value: '1' }] } })
    expect(applyEvent(null, snapshot(cursorAt(1), { mcpServers: [sse] }), 1).view.entries.get('MCP_SERVER:a')?.definition)
      .toMatchObject({ transport: { kind: 'SSE', url: 'https://x.example.com/', headers: [{ name: 'A', value: '1' }] } })
  })
})

describe('properties', () => {
  const change = fc.tuple(fc.constantFrom('1', '2', '3'), fc.constantFrom('a', 'b', 'c'), fc.boolean())

  it('a delta twice changes nothing, and one entry has at most one name', () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      let view = start()
      changes.forEach(([id, name, isRemoval], index) => {
        const event = isRemoval ? delta(cursorAt(index + 2), {}, [removed(id, name)]) : delta(cursorAt(index + 2), { mcpServers: [wireServer(id, name)] })
        view = applyEvent(view, event, index + 2).view
        const again = applyEvent(view, event, index + 2)
        expect([...again.view.entries]).toEqual([...view.entries])
        expect(again.removals).toEqual([])
        const ids = [...view.entries.values()].filter(({ kind }) => kind === 'MCP_SERVER').map(({ id }) => id)
        expect(new Set(ids).size).toBe(ids.length)
      })
    }))
  })
})

describe('versions of secrets', () => {
  const transport = { __typename: 'RemoteTransport' as const, kind: 'HTTP' as const, url: 'https://x.example.com/', headers: [{ name: 'X', value: '${user:A}' }] }
  const withSecret = (revision = 1, name = 'a') => wireServer('1', name, { transport, revision, digest: `d${revision}` })
  const told = (version: number, entryId = '1') => ({ secretVersions: [{ entryId, version }] })
  const versionsOf = (view: CatalogView) => [...view.entries.values()].map((entry) => (entry.kind === 'MCP_SERVER' ? entry.secretVersion : null))
  const first = () => applyEvent(null, snapshot(cursorAt(1), { mcpServers: [withSecret(), wireServer('2', 'b')] }, told(3)), 1).view

  it('F5: are what a snapshot says, and what deltas say since; twice is once', () => {
    const held = first()
    expect(versionsOf(held)).toEqual([3, null])
    const event = delta(cursorAt(2), {}, [], told(4))
    const { view } = applyEvent(held, event, 2)
    expect([versionsOf(view), versionsOf(applyEvent(view, event, 3).view), versionsOf(held)]).toEqual([[4, null], [4, null], [3, null]])
    // What did not change keeps its object.
    expect([view.entries.get('MCP_SERVER:a') === held.entries.get('MCP_SERVER:a'), view.entries.get('MCP_SERVER:b') === held.entries.get('MCP_SERVER:b')]).toEqual([false, true])
    expect(versionsOf(applyEvent(view, snapshot(cursorAt(3), { mcpServers: [withSecret()] }, told(5)), 3).view)).toEqual([5])
  })

  it('stay with an entry that comes anew without one, under another name too, and go with its last reference', () => {
    const changed = applyEvent(first(), delta(cursorAt(2), { mcpServers: [withSecret(2, 'z')] }, [removed('1', 'a')]), 2).view
    expect(versionsOf(changed)).toEqual([null, 3])
    expect(versionsOf(applyEvent(changed, delta(cursorAt(3), { mcpServers: [wireServer('1', 'z', { revision: 3 })] }), 3).view)).toEqual([null, null])
  })

  it('leave with the entry', () => {
    const gone = applyEvent(first(), delta(cursorAt(2), {}, [removed('1', 'a')]), 2).view
    expect(versionsOf(applyEvent(gone, delta(cursorAt(3), { mcpServers: [withSecret()] }), 3).view)).toEqual([null, null])
  })
})
