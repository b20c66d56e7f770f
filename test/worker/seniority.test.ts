import { describe, expect, it } from 'vitest'
import { type Upstream } from '../../src/worker/connector.js'
import { createGate } from '../../src/worker/gate.js'
import { offerByName } from '../../src/worker/offer-by-name.js'
import { createSeniority, createTicker, type Seniority, type Ticker } from '../../src/worker/seniority.js'
import { gated } from '../../src/worker/slot.js'
import { serverItem, upstreamOf } from '../suites/adapter-conformance.js'
import { handClock } from '../support/fake-feed.js'

const tool = (name: string) => ({ name, inputSchema: { type: 'object' as const } })
const saw = (seniority: Seniority, ...names: string[]) => seniority.saw('TOOLS', names.map(tool))
const since = (seniority: Seniority, ...names: string[]) => names.map((name) => seniority.since('TOOLS', tool(name)))

describe('S18: the time since when a server offers something', () => {
  it('is its arrival for what it brings, and later for what it adds', () => {
    const tick = createTicker()
    const [a, b] = [createSeniority(tick), createSeniority(tick)]
    saw(a, 'x', 'y')
    saw(b, 'x')
    saw(a, 'x', 'y', 'z')
    expect([since(a, 'x', 'y', 'z', 'never'), since(b, 'x')]).toEqual([[1, 1, 3, Infinity], [2]])
    saw(a)
    saw(a, 'x')
    expect(since(a, 'x', 'y')).toEqual([4, Infinity])
  })

  it('is its arrival for what nobody has asked for yet, each kind apart', () => {
    const a = createSeniority(createTicker())
    saw(a, 'x')
    saw(a, 'x', 'y')
    expect([a.since('PROMPTS', { name: 'y' }), since(a, 'y')]).toEqual([1, [2]])
    a.saw('PROMPTS', [])
    a.saw('PROMPTS', [{ name: 'y' }])
    expect([a.since('PROMPTS', { name: 'y' }), a.since('RESOURCES', { name: 'y', uri: 'x:1' })]).toEqual([3, 1])
  })

  it('goes on in another revision for what that keeps; one that comes to nothing changes nothing', () => {
    const a = createSeniority(createTicker())
    saw(a, 'x', 'y')
    const [failed, next] = [a.heir(), a.heir()]
    saw(failed, 'z')
    saw(next, 'z', 'x')
    expect([since(a, 'x', 'y', 'z'), since(next, 'x', 'y', 'z'), next.since('PROMPTS', { name: 'p' })]).toEqual([[1, 1, Infinity], [1, Infinity, 3], 1])
  })
})

describe('S18: of two servers that come to one prompt', () => {
  const everyPrompt = () => 'p'

  /** A server behind its gate, whose prompts the test sets; null: it does not list them. */
  function server(name: string, tick: Ticker, prompts: { now: string[] | null }) {
    const upstream: Upstream = {
      ...upstreamOf(), note: () => null, policyChanged: () => {}, close: async () => {},
      offers: (async () => {
        if (prompts.now === null) throw new Error('too late')
        return prompts.now.map((each) => ({ name: each }))
      }) as unknown as Upstream['offers'],
    }
    return serverItem(name, { upstream: gated(upstream, createGate(handClock(), () => true), createSeniority(tick)) })
  }

  it('the one that failed to list it has lost it to the other, and comes second when it lists it again', async () => {
    const tick = createTicker()
    const [ofA, ofB] = [{ now: ['p'] as string[] | null }, { now: ['p'] as string[] | null }]
    const servers = [server('a', tick, ofA), server('b', tick, ofB)]
    const holder = async () => {
      const listed = new Map(await Promise.all(servers.map(async (one) => [one, await one.upstream.offers('PROMPTS').catch(() => [])] as const)))
      return offerByName('PROMPTS', servers, (one) => listed.get(one)!, everyPrompt).offered.get('p')?.server.name
    }
    expect(await holder()).toBe('a')
    ofA.now = null
    expect(await holder()).toBe('b')
    ofA.now = ['p']
    expect(await holder()).toBe('b')
    ofB.now = []
    expect(await holder()).toBe('a')
  })
})
