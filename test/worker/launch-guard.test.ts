import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/catalog/context.js'
import { createLaunchGuard } from '../../src/worker/launch-guard.js'
import { createLaunchers } from '../../src/worker/launchers.js'
import { applyEvent, type CatalogView, type ViewApproval, type ViewEntry } from '../../src/worker/view.js'
import { cursorAt, openPolicy, snapshot, wireServer } from '../support/fake-feed.js'

const transport = { __typename: 'StdioTransport' as const, command: 'npx', args: ['-y', 'srv@1.2.3'], env: [], cwd: null }
const digest = digestOf('MCP_SERVER', {
  description: '', transport: { kind: 'STDIO', command: 'npx', args: ['-y', 'srv@1.2.3'], env: [], cwd: null }, tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
})
const approved = { digest, state: 'APPROVED' }
const policyOf = (stdio: string, revision = 1) => ({ revision, document: { ...openPolicy.document, transports: { stdio, http: 'allow', sse: 'deny' } } })

function viewOf(approval: ViewApproval | null, changes: object = {}, policy: object = policyOf('approve'), id = '1'): CatalogView {
  const entry = { ...wireServer(id, 'a', { transport, digest, ...changes }), approval: approval as never }
  return applyEvent(null, snapshot(cursorAt(1), { mcpServers: [entry] }, { policy: policy as typeof openPolicy }), 1).view
}
const entryOf = (view: CatalogView): ViewEntry => view.entries.get('MCP_SERVER:a')!

/** The guard of an entry that was approved when it was granted, with what the worker holds by now. */
function guardIn(now: CatalogView | null, granted = viewOf(approved)) {
  return createLaunchGuard(entryOf(granted), () => now, createLaunchers(''))
}

describe('S19: what starts is judged as things are then', () => {
  it('and may start while nothing has changed', () => {
    expect(() => guardIn(viewOf(approved)).check()).not.toThrow()
    expect(() => guardIn(viewOf(null, {}, policyOf('allow'))).check()).not.toThrow()
  })

  const other = { transport: { ...transport, args: ['-y', 'srv@2.0.0'] }, digest: 'other', revision: 2 }
  it('and an earlier revision may, with its own approval, while the next one waits for its moment', () => {
    expect(() => guardIn(viewOf(null, other)).check()).not.toThrow()
    expect(() => guardIn(viewOf({ digest: 'other', state: 'APPROVED' }, other)).check()).not.toThrow()
  })

  it.each<[string, CatalogView | null, RegExp]>([
    ['nothing is held', null, /Nothing of the catalog is held/],
    ['it has left the set', applyEvent(null, snapshot(cursorAt(1)), 1).view, /has left the set/],
    ['another entry has its name', viewOf(approved, {}, policyOf('allow'), '2'), /has left the set/],
    ['the policy denies it', viewOf(approved, {}, policyOf('deny', 7)), /^Policy revision 7: \[transport\] The policy does not allow stdio servers\./],
    ['the policy cannot be read', viewOf(approved, {}, { revision: 8, document: 'broken' }), /cannot be read/],
    ['the approval was taken back', viewOf({ digest, state: 'VOID' }), /Its approval is no longer valid\./],
    ['the approval is gone', viewOf(null), /It came without an approval\./],
  ])('and may not when %s', (_, now, reason) => { expect(() => guardIn(now).check()).toThrow(reason) })

  it('and an earlier revision may not when the policy denies it by now', () => {
    expect(() => guardIn(viewOf(null, other, policyOf('deny'))).check()).toThrow('does not allow stdio')
  })
})

describe('the policy for farewells', () => {
  it('is that of the moment, then the last that was heard', () => {
    let now: CatalogView | null = viewOf(approved)
    const guard = createLaunchGuard(entryOf(now), () => now, createLaunchers(''))
    expect(guard.policies()[0]!.transports.stdio).toBe('approve')
    now = viewOf(approved, {}, policyOf('deny'))
    expect(guard.policies()[0]!.transports.stdio).toBe('deny')
    now = null
    expect(guard.policies()[0]!.transports.stdio).toBe('deny')
    now = viewOf(approved, {}, { revision: 3, document: 1 })
    expect(() => guard.policies()).toThrow('cannot be read')
    now = null
    expect(() => guard.policies()).toThrow('cannot be read')
  })
})
