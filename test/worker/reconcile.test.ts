import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ApplyMoment } from '../../src/core/entry.js'
import { type McpServerDefinition } from '../../src/core/mcp-server.js'
import { placeOfValues } from '../../src/core/secret.js'
import { type Fate, type Grant } from '../../src/worker/grants.js'
import { type Situation, waitText } from '../../src/worker/moment.js'
import { type Action, type LoadedEntry, maxMcpServersPerSession, reconcile, type ReconcileInput } from '../../src/worker/reconcile.js'
import { type Removal, removalKey, type ViewEntry } from '../../src/worker/view.js'

const run: Fate = { outcome: 'RUN' }
const refuse: Fate = { outcome: 'REFUSE', reason: 'denied' }
const failing: Fate = { outcome: 'FAIL', reason: 'needs user:A' }

interface GrantChanges {
  id?: string; revision?: number; digest?: string; fate?: Fate; note?: string | null; kind?: 'AGENT'; apply?: ApplyMoment; replacesStatic?: boolean; secretVersion?: number | null; definition?: object
}

function grant(name: string, changes: GrantChanges = {}): Grant {
  const { id = `id-${name}`, revision = 1, digest = 'd1', fate = run, note = null, kind = 'MCP_SERVER', apply = 'NOW', replacesStatic = false, secretVersion = null, definition = {} } = changes
  const entry = { kind, id, name, revision, digest, apply, secretVersion, definition } as unknown as ViewEntry
  return { key: `${kind}:${name}`, entry, fate, note, replacesStatic }
}

/** As it is once it came up: what is aimed at with RUN runs. */
function loaded(changes: Partial<LoadedEntry> = {}): LoadedEntry {
  const { outcome = 'RUN', digest = 'd1' } = changes
  return { entryId: 'id-a', revision: 1, digest, secretVersion: null, outcome, reason: null, runningDigest: outcome === 'RUN' ? digest : null, runningPlace: null, deferred: null, ...changes }
}

function held(name: string, changes: Partial<LoadedEntry> = {}): [string, LoadedEntry] {
  return [`MCP_SERVER:${name}`, loaded({ entryId: `id-${name}`, ...changes })]
}

function input(grants: Grant[], entries: Array<[string, LoadedEntry]>, changes: Partial<ReconcileInput> = {}): ReconcileInput {
  return {
    grants, loaded: new Map(entries), removals: new Map(), position: 9, maxMcpServers: maxMcpServersPerSession,
    viewKeys: new Set(grants.map(({ key }) => key)), situation: 'IDLE', ...changes,
  }
}

const gone = (name: string, changes: Partial<Removal> = {}): ReadonlyMap<string, Removal> => new Map([[removalKey(`MCP_SERVER:${name}`, `id-${name}`), {
  key: `MCP_SERVER:${name}`, id: `id-${name}`, reason: 'DELETED', mode: 'IMMEDIATE', deadlineSeconds: null, position: 7, ...changes,
}]])

const brief = (actions: Action[]) => actions.map((action) => `${action.type} ${action.key.replace('MCP_SERVER:', '')}@${action.revision}`)

describe('one entry', () => {
  /** held outcome (null: nothing) x granted fate (null: not granted) x what changed -> actions. */
  it.each<[string, LoadedEntry['outcome'] | null, Fate | null, { revision?: number; digest?: string }, string[]]>([
    ['nothing, run', null, run, {}, ['LOAD a@1']],
    ['nothing, refuse', null, refuse, {}, ['REFUSE a@1']],
    ['nothing, fail', null, failing, {}, ['REFUSE a@1']],
    ['runs, unchanged', 'RUN', run, {}, []],
    ['runs, told anew', 'RUN', run, { revision: 2 }, ['RELABEL a@2']],
    ['runs, changed', 'RUN', run, { revision: 2, digest: 'd2' }, ['REPLACE a@2']],
    ['runs, refused now', 'RUN', refuse, { revision: 2 }, ['UNLOAD a@1', 'REFUSE a@2']],
    ['runs, cannot start now', 'RUN', failing, { revision: 2, digest: 'd2' }, ['REFUSE a@2']],
    ['runs, gone', 'RUN', null, {}, ['UNLOAD a@1']],
    ['refused, same', 'REFUSE', refuse, {}, []],
    ['refused, newer', 'REFUSE', refuse, { revision: 2 }, ['REFUSE a@2']],
    ['refused, may run', 'REFUSE', run, {}, ['LOAD a@1']],
    ['refused, cannot start', 'REFUSE', failing, {}, ['REFUSE a@1']],
    ['refused, gone', 'REFUSE', null, {}, ['UNLOAD a@1']],
    ['failed, same', 'FAIL', failing, {}, []],
    ['failed, may run', 'FAIL', run, {}, ['REPLACE a@1']],
    ['failed, refused', 'FAIL', refuse, {}, ['REFUSE a@1']],
    ['failed, gone', 'FAIL', null, {}, ['UNLOAD a@1']],
  ])('%s', (_, outcome, fate, change, expected) => {
    const reason = outcome === 'REFUSE' ? 'denied' : outcome === 'FAIL' ? 'needs user:A' : null
    const loaded = outcome === null ? [] : [held('a', { outcome, reason })]
    expect(brief(reconcile(input(fate === null ? [] : [grant('a', { fate, ...change })], loaded)))).toEqual(expected)
  })

  it('another entry under the name: the old one ends first and never goes on', () => {
    expect(brief(reconcile(input([grant('a', { id: 'other' })], [held('a')])))).toEqual(['UNLOAD a@1', 'LOAD a@1'])
  })

  it('a note that changes is told, and restarts nothing', () => {
    const agent: [string, LoadedEntry] = ['AGENT:a', loaded()]
    expect(brief(reconcile(input([grant('a', { kind: 'AGENT', note: 'Runs without b' })], [agent])))).toEqual(['RELABEL AGENT:a@1'])
  })

  it('what cannot start keeps the last good one, what is refused does not', () => {
    const keeps = (fate: Fate) => reconcile(input([grant('a', { fate, revision: 2 })], [held('a')])).flatMap((action) => (action.type === 'REFUSE' ? [[action.state, action.keepsLastGood]] : []))
    expect(keeps(failing)).toEqual([['FAILED', true]])
    expect(keeps(refuse)).toEqual([['REFUSED', false]])
  })
})

describe('a secret version', () => {
  const has = (changes: Partial<LoadedEntry> = {}) => held('a', { secretVersion: 5, ...changes })
  const deferred = { revision: 2, reason: waitText.NEXT_SESSION }

  /** What is held, what is granted (version 5 and revision 1, unless said otherwise) -> actions. */
  it.each<[string, [string, LoadedEntry] | null, GrantChanges, string[]]>([
    ['the same', has(), {}, []],
    ['another', has(), { secretVersion: 6 }, ['ROTATE a@1']],
    ['another, in a turn and for later sessions alone', has(), { secretVersion: 6, apply: 'NEXT_SESSION' }, ['ROTATE a@1']],
    ['the same at another revision, of which nobody knows what is confirmed', has(), { revision: 2 }, ['RELABEL a@2', 'ROTATE a@2']],
    ['the same at a revision that waits', has(), { revision: 2, digest: 'd2', apply: 'NEXT_SESSION' }, ['DEFER a@2', 'ROTATE a@2']],
    ['the same at a revision that waits already', has({ deferred }), { revision: 2, digest: 'd2', apply: 'NEXT_SESSION' }, []],
    ['another at a revision that waits already', has({ deferred }), { revision: 2, digest: 'd2', apply: 'NEXT_SESSION', secretVersion: 6 }, ['ROTATE a@2']],
    ['none at a revision that waits', has(), { revision: 2, digest: 'd2', apply: 'NEXT_SESSION', secretVersion: null }, ['DEFER a@2', 'ROTATE a@2']],
    ['another with another content', has(), { revision: 2, digest: 'd2', secretVersion: 6 }, ['REPLACE a@2']],
    ['of what comes', null, {}, ['LOAD a@1']],
  ])('S24, S26: %s', (_, entry, changes, expected) => {
    expect(brief(reconcile(input([grant('a', { secretVersion: 5, ...changes })], entry === null ? [] : [entry], { situation: 'IN_TURN' })))).toEqual(expected)
  })

  it('that changed is acted on at the place of the event that told it', () => {
    expect(reconcile(input([grant('a', { secretVersion: 6 })], [has()], { position: 12 }))).toMatchObject([{ type: 'ROTATE', secretVersion: 6, position: 12 }])
  })
})

describe('an entry whose moment has not come', () => {
  const turnEnd = { revision: 2, reason: waitText.TURN_END }
  const later = { revision: 2, reason: waitText.NEXT_SESSION }

  /** what is held (null: nothing) x what is granted (null: nothing) x where the session stands -> actions. */
  it.each<[string, Partial<LoadedEntry> | null, GrantChanges | null, Situation, string[]]>([
    ['new, in a turn', null, { revision: 2 }, 'IN_TURN', ['DEFER a@2']],
    ['new, NOW in a turn', null, { revision: 2, apply: 'NOW' }, 'IN_TURN', ['LOAD a@2']],
    ['new, between turns', null, { revision: 2 }, 'IDLE', ['LOAD a@2']],
    ['new, for the next session', null, { revision: 2, apply: 'NEXT_SESSION' }, 'IDLE', ['DEFER a@2']],
    ['new, for the next session, in one that opens', null, { revision: 2, apply: 'NEXT_SESSION' }, 'OPENING', ['LOAD a@2']],
    ['changed, in a turn', {}, { revision: 2, digest: 'd2' }, 'IN_TURN', ['DEFER a@2']],
    ['changed, for the next session', {}, { revision: 2, digest: 'd2', apply: 'NEXT_SESSION' }, 'IDLE', ['DEFER a@2']],
    ['told anew, in a turn', {}, { revision: 2 }, 'IN_TURN', ['RELABEL a@2']],
    ['waits, and still does', { deferred: turnEnd }, { revision: 2, digest: 'd2' }, 'IN_TURN', []],
    ['waits alone, and still does', { outcome: 'DEFER', revision: 2, digest: 'd2', deferred: turnEnd }, { revision: 2, digest: 'd2' }, 'IN_TURN', []],
    ['waits, changed again', { deferred: turnEnd }, { revision: 3, digest: 'd3' }, 'IN_TURN', ['DEFER a@3']],
    ['waits, for the next session from now on', { deferred: turnEnd }, { revision: 2, digest: 'd2', apply: 'NEXT_SESSION' }, 'IN_TURN', ['DEFER a@2']],
    ['waits, NOW from now on', { deferred: later }, { revision: 3, digest: 'd2', apply: 'NOW' }, 'IN_TURN', ['REPLACE a@3']],
    ['waits, as it was again', { deferred: turnEnd }, { revision: 3 }, 'IN_TURN', ['RELABEL a@3']],
    ['waits, the turn ends', { deferred: turnEnd }, { revision: 2, digest: 'd2' }, 'IDLE', ['REPLACE a@2']],
    ['waits alone, the turn ends', { outcome: 'DEFER', revision: 2, digest: 'd2', deferred: turnEnd }, { revision: 2, digest: 'd2' }, 'IDLE', ['LOAD a@2']],
    ['waits for the next session, the turn ends', { deferred: later }, { revision: 2, digest: 'd2', apply: 'NEXT_SESSION' }, 'IDLE', []],
    ['waits, gone', { deferred: turnEnd }, null, 'IN_TURN', ['UNLOAD a@1']],
    ['waits alone, gone', { outcome: 'DEFER', revision: 2, digest: 'd2', deferred: turnEnd }, null, 'IN_TURN', ['UNLOAD a@2']],
    ['waits, refused', { deferred: turnEnd }, { revision: 3, digest: 'd3', fate: refuse }, 'IN_TURN', ['UNLOAD a@1', 'REFUSE a@3']],
    ['waits alone, refused', { outcome: 'DEFER', revision: 2, digest: 'd2', deferred: turnEnd }, { revision: 3, digest: 'd3', fate: refuse }, 'IN_TURN', ['REFUSE a@3']],
    ['waits, cannot start', { deferred: turnEnd }, { revision: 3, digest: 'd3', fate: failing }, 'IN_TURN', ['REFUSE a@3']],
    ['refused, may run, in a turn', { outcome: 'REFUSE', reason: 'denied' }, { revision: 2 }, 'IN_TURN', ['DEFER a@2']],
    ['failed with an earlier one running, may run, in a turn', { outcome: 'FAIL', revision: 2, digest: 'd2', runningDigest: 'd1', reason: 'needs user:A' },
      { revision: 3, digest: 'd3' }, 'IN_TURN', ['DEFER a@3']],
    ['failed with an earlier one running, that one again, in a turn', { outcome: 'FAIL', revision: 2, digest: 'd2', runningDigest: 'd1', reason: 'needs user:A' },
      { revision: 3 }, 'IN_TURN', ['RELABEL a@3']],
    ['failed with an earlier one running, refused', { outcome: 'FAIL', revision: 2, digest: 'd2', runningDigest: 'd1', reason: 'needs user:A' },
      { revision: 3, fate: refuse }, 'IN_TURN', ['UNLOAD a@2', 'REFUSE a@3']],
    ['cannot come up with an earlier one running, that one again', { digest: 'd2', revision: 2, runningDigest: 'd1' }, { revision: 3 }, 'IN_TURN', ['RELABEL a@3']],
  ])('%s', (_, entry, change, situation, expected) => {
    const grants = change === null ? [] : [grant('a', { apply: 'NEXT_TURN', ...change })]
    expect(brief(reconcile(input(grants, entry === null ? [] : [held('a', entry)], { situation })))).toEqual(expected)
  })

  it('another entry under the name: the old one ends now, the new one waits', () => {
    expect(brief(reconcile(input([grant('a', { id: 'other', apply: 'NEXT_TURN' })], [held('a')], { situation: 'IN_TURN' })))).toEqual(['UNLOAD a@1', 'DEFER a@1'])
  })
  it.each<[string, Situation, string[]]>([
    ['at once', 'IDLE', ['UNLOAD a@1', 'LOAD a@2']], ['in a turn', 'IN_TURN', ['DEFER a@2', 'ROTATE a@2']],
  ])('S24: what has values for a place that is another one now serves no more, %s', (_, situation, expected) => {
    const definitionAt = (url: string, value = '${secret:A}') => ({ transport: { kind: 'HTTP', url, headers: [{ name: 'X', value }] } }) as unknown as McpServerDefinition
    const running = held('a', { runningPlace: placeOfValues(definitionAt('https://a.example.com/')), secretVersion: 1 })
    const of = (definition: McpServerDefinition) => reconcile(input([grant('a', { apply: 'NEXT_TURN', revision: 2, digest: 'd2', secretVersion: 1, definition })], [running], { situation }))
    expect(brief(of(definitionAt('https://a.example.com/other')))).toEqual(expected)
    expect(of(definitionAt('https://a.example.com/', 'no reference'))).toContainEqual(expect.objectContaining(situation === 'IDLE' ? { type: 'UNLOAD', mode: 'IMMEDIATE', reason: 'MOVED' } : { type: 'ROTATE', isMoved: true }))
    expect(of(definitionAt('https://a.example.com/', 'Bearer ${secret:A}')).filter((action) => action.type === 'UNLOAD' || (action.type === 'ROTATE' && action.isMoved))).toEqual([])
  })
  it('takes no place of those that a session may have, if that session will never start it', () => {
    const grants = [grant('a', { apply: 'NEXT_SESSION' }), grant('b')]
    expect(brief(reconcile(input(grants, [], { maxMcpServers: 1 })))).toEqual(['DEFER a@1', 'LOAD b@1'])
  })
  it('keeps its place with what runs of it', () => {
    const grants = [grant('a'), grant('b', { apply: 'NEXT_SESSION', revision: 2, digest: 'd2' })]
    expect(brief(reconcile(input(grants, [held('b')], { maxMcpServers: 1 })))).toEqual(['REFUSE a@1', 'DEFER b@2'])
  })
})

describe('how something ends', () => {
  const ending = (changes: Partial<ReconcileInput>, grants: Grant[] = []) => {
    const [action] = reconcile(input(grants, [held('a')], changes))
    return action?.type === 'UNLOAD' ? [action.mode, action.deadlineSeconds, action.reason, action.position] : null
  }

  it('as the event says, at its place', () => {
    expect(ending({ removals: gone('a') })).toEqual(['IMMEDIATE', 0, 'DELETED', 7])
    expect(ending({ removals: gone('a', { mode: 'DRAIN', deadlineSeconds: 5, reason: 'DISABLED' }) })).toEqual(['DRAIN', 5, 'DISABLED', 7])
  })
  it('after 30 s of draining when no deadline is given', () => { expect(ending({ removals: gone('a', { mode: 'DRAIN' }) })?.[1]).toBe(30) })
  it('at once when it is not in the set and nobody said how it left', () => { expect(ending({})).toEqual(['IMMEDIATE', 0, 'NOT_GRANTED', 9]) })
  it('draining when it is in the set and this session just lost the grant', () => {
    expect(ending({ viewKeys: new Set(['MCP_SERVER:a']) })).toEqual(['DRAIN', 30, 'NOT_GRANTED', 9])
  })
  it('at once when policy refuses it', () => { expect(ending({}, [grant('a', { fate: refuse })])).toEqual(['IMMEDIATE', 0, 'denied', 9]) })
})

describe('at most fifty servers', () => {
  const many = Array.from({ length: 52 }, (_, index) => `s${String(index).padStart(2, '0')}`)

  it('the rest is refused, by name, with the reason', () => {
    const actions = reconcile(input(many.map((name) => grant(name)), []))
    expect(actions.filter(({ type }) => type === 'LOAD')).toHaveLength(50)
    expect(actions.filter(({ type }) => type === 'REFUSE')).toMatchObject([
      { key: 'MCP_SERVER:s50', reason: expect.stringContaining('at most 50') as string }, { key: 'MCP_SERVER:s51' },
    ])
  })
  it('a newcomer never pushes out one that runs', () => {
    const running = many.slice(2).map((name) => held(name))
    expect(brief(reconcile(input(many.slice(1).map((name) => grant(name)), running)))).toEqual(['REFUSE s01@1'])
  })
  it('a place that comes free is taken by the next', () => {
    const loaded = [...many.slice(0, 50).map((name) => held(name)), held('s50', { outcome: 'REFUSE', reason: 'A session has at most 50 MCP servers; bind an agent that names the ones it needs.' })]
    expect(brief(reconcile(input(many.slice(1, 51).map((name) => grant(name)), loaded)))).toEqual(['UNLOAD s00@1', 'LOAD s50@1'])
  })
  it('agents, refused ones and static ones: the first two do not count, the last do', () => {
    expect(brief(reconcile(input([grant('x', { kind: 'AGENT' }), grant('r', { fate: refuse }), grant('a')], [], { maxMcpServers: 1 })))).toEqual(['REFUSE r@1', 'LOAD AGENT:x@1', 'LOAD a@1'])
    expect(brief(reconcile(input([grant('a')], [], { maxMcpServers: 0 })))).toEqual(['REFUSE a@1'])
    // It stands where a static one stood.
    expect(brief(reconcile(input([grant('a', { replacesStatic: true }), grant('b')], [], { maxMcpServers: 0 })))).toEqual(['REFUSE b@1', 'LOAD a@1'])
  })
})

describe('properties', () => {
  const fate = fc.constantFrom(run, run, run, refuse, failing)
  const grants = fc.uniqueArray(fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), id: fc.constantFrom('1', '2'), revision: fc.integer({ min: 1, max: 3 }), digest: fc.constantFrom('d1', 'd2'), fate,
    apply: fc.constantFrom('NOW' as const, 'NEXT_TURN' as const, 'NEXT_SESSION' as const),
  }), { selector: ({ name }) => name }).map((list) => list.map(({ name, ...rest }) => grant(name, rest)).sort((a, b) => (a.key < b.key ? -1 : 1)))

  /** What a session that does what it is told holds afterwards. */
  function enact(loaded: ReadonlyMap<string, LoadedEntry>, actions: Action[]): Map<string, LoadedEntry> {
    const after = new Map(loaded)
    for (const action of actions) {
      if (action.type === 'UNLOAD') {
        after.delete(action.key)
        continue
      }
      const before = after.get(action.key)
      if (action.type === 'ROTATE') {
        after.set(action.key, { ...before!, secretVersion: action.secretVersion })
        continue
      }
      const { id: entryId, revision, digest } = action.entry
      const runningDigest = before?.runningDigest ?? null
      const secretVersion = action.entry.kind === 'MCP_SERVER' ? action.entry.secretVersion : null
      const aim = { entryId, revision, digest, secretVersion, runningPlace: null, deferred: null }
      if (action.type === 'DEFER') {
        const goesOn = before?.outcome === 'RUN' || before?.outcome === 'FAIL' ? before : { ...aim, runningDigest, outcome: 'DEFER' as const, reason: null }
        after.set(action.key, { ...goesOn, deferred: { revision, reason: action.reason } })
      } else if (action.type === 'REFUSE') {
        after.set(action.key, { ...aim, runningDigest, outcome: action.keepsLastGood ? 'FAIL' : 'REFUSE', reason: action.reason })
      } else after.set(action.key, { ...aim, runningDigest: digest, outcome: 'RUN', reason: action.note })
    }
    return after
  }

  it('whatever was loaded, once is enough; it ends at what is granted; removals come first; starts come last', () => {
    fc.assert(fc.property(grants, grants, fc.integer({ min: 0, max: 4 }), fc.constantFrom('IDLE' as const, 'IN_TURN' as const), (before, now, maxMcpServers, situation) => {
      const loaded = enact(new Map(), reconcile(input(before, [], { maxMcpServers })))
      const actions = reconcile({ ...input(now, []), loaded, maxMcpServers, situation })
      const after = enact(loaded, actions)
      expect(reconcile({ ...input(now, []), loaded: after, maxMcpServers, situation })).toEqual([])
      expect([...after.keys()].sort()).toEqual(now.map(({ key }) => key))
      expect([...after.values()].filter(({ outcome }) => outcome === 'RUN' || outcome === 'FAIL').length).toBeLessThanOrEqual(maxMcpServers)
      const ranks = actions.map(({ type }) => ({ UNLOAD: 0, REFUSE: 1, RELABEL: 1, ROTATE: 1, DEFER: 1, LOAD: 2, REPLACE: 2 })[type])
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
    }))
  })

  it('the order in which things were loaded does not matter, and what is unchanged is never named', () => {
    fc.assert(fc.property(grants, (list) => {
      const loaded = [...enact(new Map(), reconcile(input(list, [])))]
      expect(reconcile(input(list, loaded.reverse()))).toEqual([])
      expect(reconcile(input([], loaded))).toEqual(reconcile(input([], [...loaded].reverse())))
    }))
  })
})
