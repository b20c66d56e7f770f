import { type PermissionHandler, type PermissionRequestResult } from '@github/copilot-sdk'
import { describe, expect, it } from 'vitest'
import { composeHooks, composePermissions } from '../../src/worker/copilot-hooks.js'

const invocation = { sessionId: 's' }
const input = (toolName: string) => ({ toolName, toolArgs: {}, sessionId: 's', timestamp: new Date(0), workingDirectory: '/' })

describe('S13: the check before every call of the runtime', () => {
  const judge = (toolName: string) => {
    if (toolName === 'catalog-broken') throw new Error('secret detail')
    return toolName === 'catalog-gone' ? 'gone' : null
  }
  const asked: string[] = []
  const { onPreToolUse } = composeHooks({ onPreToolUse: ({ toolName }) => { asked.push(toolName) } }, judge)

  it.each([
    ['catalog-gone', 'gone'], ['catalog-broken', 'The catalog could not check this tool.'],
  ])('denies %s at once, without asking the host', (toolName, reason) => {
    expect(onPreToolUse!(input(toolName), invocation)).toEqual({ permissionDecision: 'deny', permissionDecisionReason: reason })
    expect(asked).toEqual([])
  })

  it('leaves everything else to the host', async () => {
    await onPreToolUse!(input('bash'), invocation)
    expect(asked).toEqual(['bash'])
    const denying = composeHooks({ onPreToolUse: async () => ({ permissionDecision: 'deny' }) }, judge)
    expect(await denying.onPreToolUse!(input('bash'), invocation)).toEqual({ permissionDecision: 'deny' })
  })

  it('stands where the host has no hooks, and beside its other ones', () => {
    const onSessionEnd = () => undefined
    expect(composeHooks(undefined, judge).onPreToolUse!(input('catalog-gone'), invocation)).toMatchObject({ permissionDecision: 'deny' })
    expect(composeHooks({ onSessionEnd }, judge)).toMatchObject({ onSessionEnd })
  })
})

describe('the host\'s permission handler', () => {
  const ofMcp = (serverName: string) => ({ kind: 'mcp' as const, serverName, toolName: 't', toolTitle: 't', readOnly: false })
  const answering = (answer: Awaited<ReturnType<PermissionHandler>>) => composePermissions(() => answer, (name) => name === 'catalog')
  const session: PermissionRequestResult = { kind: 'approve-for-session' }

  it.each<[PermissionRequestResult, PermissionRequestResult]>([
    [session, { kind: 'approve-once' }],
    [{ kind: 'approve-for-location', approval: { kind: 'read' }, locationKey: 'k' }, { kind: 'approve-once' }],
    [{ kind: 'approve-permanently', domain: 'd' }, { kind: 'approve-once' }],
    [{ kind: 'approve-once' }, { kind: 'approve-once' }],
    [{ kind: 'reject' }, { kind: 'reject' }],
    [{ kind: 'no-result' }, { kind: 'no-result' }],
  ])('answers %j for a tool of the catalog with %j', async (said, counts) => {
    expect(await answering(said)(ofMcp('catalog'), invocation)).toEqual(counts)
    const context = { source: 'host' } as never
    expect(await answering({ kind: 'attributed', result: said, decisionContext: context })(ofMcp('catalog'), invocation))
      .toEqual({ kind: 'attributed', result: counts, decisionContext: context })
  })

  it('keeps its word for everything else', async () => {
    expect(await answering(session)(ofMcp('mine'), invocation)).toEqual(session)
    expect(await answering(session)({ kind: 'read', intention: 'i', path: '/' }, invocation)).toEqual(session)
  })
})
