import { describe, expect, it } from 'vitest'
import { namesOfHost, type PromptLookup, writeAgents } from '../../src/worker/pilotswarm-agents.js'
import { agentItem } from '../suites/adapter-conformance.js'

const alice = { provider: 'github', subject: 'alice' }
const bob = { provider: 'github', subject: 'bob' }
const prompted = (name: string, prompt: string, revision = 1) => agentItem(name, { revision, definition: { ...agentItem(name).definition, prompt } })
const of = (owner: typeof alice, ...agents: ReturnType<typeof agentItem>[]) => ({ owner, agents })
const deployment = { prompt: 'theirs', kind: 'app-agent' }
const shared = { ...deployment, packageId: 'p1', packageScope: 'shared' as const, packageOwner: null }
const ofBob = { ...deployment, packageId: 'p2', packageScope: 'user' as const, packageOwner: bob }

describe('the lookup of prompts', () => {
  it('has a copy of a catalog agent for its owner, marked as that one\'s alone, and of several owners one for each', () => {
    const lookup: PromptLookup = {}
    writeAgents(lookup, [of(alice, prompted('triage', 'A')), of(bob, prompted('triage', 'B'))])
    const copy = (prompt: string, packageOwner: object) => ({ prompt, kind: 'app-agent', packageId: 'pilothouse:id-triage', packageScope: 'user', packageOwner })
    expect(lookup).toEqual({ triage: { ...copy('A', alice), copies: [copy('A', alice), copy('B', bob)] } })
  })

  it('has the newest revision that a session of the owner has', () => {
    const lookup: PromptLookup = {}
    writeAgents(lookup, [of(alice, prompted('triage', 'new', 2)), of(alice, prompted('triage', 'old', 1))])
    expect(lookup.triage?.copies?.map(({ prompt }) => prompt)).toEqual(['new'])
  })

  it.each<[string, PromptLookup[string] | undefined]>([
    ['nothing', undefined], ['an agent of the deployment', deployment], ['a shared package', shared], ['somebody\'s private package', ofBob],
    ['several copies', { ...deployment, copies: [deployment, shared, ofBob] }],
  ])('is as it was, over %s, when the catalog\'s agents are gone', (_, host) => {
    const before: PromptLookup = { other: deployment, ...host !== undefined && { triage: host } }
    const lookup = structuredClone(before)
    writeAgents(lookup, [of(alice, prompted('triage', 'A'))])
    const { copies, ...first } = lookup.triage!
    expect(copies?.at(-1)?.prompt).toBe('A')
    if (host !== undefined) expect([first.prompt, copies?.length]).toEqual([host.prompt, (host.copies ?? [host]).length + 1])
    writeAgents(lookup, [])
    expect(lookup).toEqual(before)
  })

  it('comes back after PilotSwarm emptied it', () => {
    const lookup: PromptLookup = {}
    writeAgents(lookup, [of(alice, prompted('triage', 'A'))])
    delete lookup.triage
    lookup.triage = structuredClone(shared)
    writeAgents(lookup, [of(alice, prompted('triage', 'A'))])
    expect(lookup.triage?.copies?.map(({ prompt }) => prompt)).toEqual(['theirs', 'A'])
  })

  it('takes names that every object has for names', () => {
    const lookup: PromptLookup = {}
    writeAgents(lookup, [of(alice, prompted('constructor', 'A'))])
    expect(lookup.constructor).toMatchObject({ prompt: 'A' })
    writeAgents(lookup, [])
    expect(Object.keys(lookup)).toEqual([])
  })

  it('tells which names PilotSwarm has for an owner itself', () => {
    const lookup: PromptLookup = { deployed: deployment, shared, private: ofBob, both: { ...ofBob, copies: [ofBob, shared] } }
    writeAgents(lookup, [of(alice, prompted('own', 'A'), prompted('private', 'A'))])
    expect([...namesOfHost(lookup, alice)].sort()).toEqual(['both', 'deployed', 'shared'])
    expect([...namesOfHost(lookup, bob)].sort()).toEqual(['both', 'deployed', 'private', 'shared'])
  })
})
