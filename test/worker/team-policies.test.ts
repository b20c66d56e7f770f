import { describe, expect, it } from 'vitest'
import { type PolicyDocument } from '../../src/core/policy-document.js'
import { holdsTools } from '../../src/core/team-policy.js'
import { createLaunchGuard, mostTools } from '../../src/worker/launch-guard.js'
import { createLaunchers } from '../../src/worker/launchers.js'
import { policiesOf } from '../../src/worker/team-policies.js'
import { applyEvent, type CatalogView } from '../../src/worker/view.js'
import { cursorAt, delta, openPolicy, snapshot, wireServer } from '../support/fake-feed.js'
import { createRandom } from '../support/random.js'

const owner = { kind: 'TEAM' as const, id: 'crew', displayName: 'Crew' }
const mcpServers = [wireServer('1', 'own'), wireServer('2', 'teams', { owner })]
const told = (document: unknown, revision = 1, teamId = 'crew') => ({ teamPolicies: [{ teamId, revision, document }] })
const deployment = (tools: PolicyDocument['tools'], revision = 2) => ({ revision, document: { ...openPolicy.document, tools } })

const standing = (view: CatalogView, name: string) => {
  const entry = view.entries.get(`MCP_SERVER:${name}`)!
  return { isHeld: holdsTools(policiesOf(view, entry)), most: mostTools(createLaunchGuard(entry, () => view, createLaunchers(''))) }
}

describe('a team\'s policy', () => {
  it('narrows what its entries are held to, and nobody else\'s; a delta replaces it, and a snapshot without it ends it', () => {
    const first = applyEvent(null, snapshot(cursorAt(1), { mcpServers }, { policy: deployment({ drift: 'accept', maxPerMcpServer: 9 }), ...told({ tools: { drift: 'hold', maxPerMcpServer: 3 } }) }), 1).view
    expect([standing(first, 'own'), standing(first, 'teams')]).toEqual([{ isHeld: false, most: 9 }, { isHeld: true, most: 3 }])
    const second = applyEvent(first, delta(cursorAt(2), {}, [], told({ tools: { drift: 'accept' } }, 2)), 2).view
    expect([standing(second, 'own'), standing(second, 'teams')]).toEqual([{ isHeld: false, most: 9 }, { isHeld: false, most: 9 }])
    expect(second.teamPolicies).not.toBe(first.teamPolicies)
    // Of another team, or of nothing that concerns policies.
    expect(standing(applyEvent(second, delta(cursorAt(3), {}, [], told({ tools: { drift: 'hold' } }, 1, 'other')), 3).view, 'teams').isHeld).toBe(false)
    expect(applyEvent(second, delta(cursorAt(3), {}), 3).view.teamPolicies).toBe(second.teamPolicies)
    expect(standing(applyEvent(first, snapshot(cursorAt(4), { mcpServers }, { policy: deployment({ drift: 'accept' }) }), 4).view, 'teams').isHeld).toBe(false)
  })

  it('is read over the deployment\'s of the moment, whichever came last', () => {
    const narrowed = applyEvent(null, snapshot(cursorAt(1), { mcpServers }, { policy: deployment({ drift: 'accept' }), ...told({ tools: { drift: 'accept', maxPerMcpServer: 5 } }) }), 1).view
    const changedPolicy = deployment({ drift: 'hold', maxPerMcpServer: 2 }, 3)
    expect(standing(applyEvent(narrowed, delta(cursorAt(2), {}, [], { changedPolicy }), 2).view, 'teams')).toEqual({ isHeld: true, most: 2 })
    // What the team leaves out is as the deployment has it now, also where that allows more.
    const silent = applyEvent(null, snapshot(cursorAt(1), { mcpServers }, { policy: deployment({ drift: 'hold', maxPerMcpServer: 2 }), ...told({ urls: {} }) }), 1).view
    expect(standing(silent, 'teams')).toEqual({ isHeld: true, most: 2 })
    const wider = deployment({ drift: 'accept', maxPerMcpServer: 9 }, 3)
    expect(standing(applyEvent(silent, delta(cursorAt(2), {}, [], { changedPolicy: wider }), 2).view, 'teams')).toEqual({ isHeld: false, most: 9 })
  })

  it('S23: that cannot be read lets nothing of the team\'s start', () => {
    const view = applyEvent(null, snapshot(cursorAt(1), { mcpServers }, told({ unreadable: true })), 1).view
    expect([standing(view, 'own').isHeld, standing(view, 'teams')]).toEqual([false, { isHeld: true, most: 0 }])
    const guard = (name: string) => createLaunchGuard(view.entries.get(`MCP_SERVER:${name}`)!, () => view, createLaunchers(''))
    expect(() => guard('own').check()).not.toThrow()
    expect(() => guard('teams').check()).toThrow('The policy cannot be read')
    expect(() => guard('teams').policies()).toThrow('cannot be read')
  })

  it('S23: never widens, whatever both say', () => {
    const random = createRandom(20)
    const some = <Value>(...values: Value[]) => random.pick(values)
    const tools = () => some<PolicyDocument['tools']>(undefined, { drift: 'hold' }, { drift: 'accept' }, { maxPerMcpServer: some(1, 5, 200) }, { drift: some('hold', 'accept'), maxPerMcpServer: some(1, 5, 200) })
    const urls = () => some<PolicyDocument['urls']>(undefined, { privateNetworks: some([], ['127.0.0.0/8'], ['0.0.0.0/0']) }, { insecureHttp: some([], ['1.example.com']) })
    for (let times = 0; times < 150; times++) {
      const policy = { revision: 2, document: { ...openPolicy.document, tools: tools() ?? {}, urls: urls() ?? {} } } as typeof openPolicy
      const own = { ...told(Object.fromEntries(Object.entries({ tools: tools(), urls: urls() }).filter(([, part]) => part !== undefined))) }
      const servers = ['https://1.example.com/mcp', 'http://1.example.com/mcp', 'https://127.0.0.1/mcp'].map((url, at) => wireServer(`${at}`, `s${at}`, { owner, url }))
      const [without, within] = [{}, own].map((more) => applyEvent(null, snapshot(cursorAt(1), { mcpServers: servers }, { policy, ...more }), 1).view) as [CatalogView, CatalogView]
      for (const { name } of servers) {
        const [alone, both] = [standing(without, name), standing(within, name)]
        expect(both.most).toBeLessThanOrEqual(alone.most)
        if (alone.isHeld) expect(both.isHeld).toBe(true)
        const mayStart = (view: CatalogView) => {
          try {
            createLaunchGuard(view.entries.get(`MCP_SERVER:${name}`)!, () => view, createLaunchers('')).check()
            return true
          } catch {
            return false
          }
        }
        if (!mayStart(without)) expect(mayStart(within)).toBe(false)
      }
    }
  })
})
