import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type SessionServer } from '../../src/worker/adapter.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createGate, type Gate } from '../../src/worker/gate.js'
import { type PinGate } from '../../src/worker/held-tools.js'
import { mergedSurface, singleSurface } from '../../src/worker/relay-surface.js'
import { createSeniority, createTicker, type Seniority } from '../../src/worker/seniority.js'
import { gated } from '../../src/worker/slot.js'
import { createToolBook, type ToolBook } from '../../src/worker/tool-book.js'
import { toolHash } from '../../src/worker/tool-hash.js'
import { publicToolName } from '../../src/worker/tool-name.js'
import { serverItem, upstreamOf } from '../suites/adapter-conformance.js'
import { handClock } from '../support/fake-feed.js'
import { text } from '../support/mcp-servers.js'

/** Names that come to one name in more than one way: `a` with `b-x`, `a-b` with `x`; `A b` is reduced to `A-b`. */
const serverNames = ['a', 'a-b', 'a-b-c', 'A b', 'A-b']
const toolNames = ['x', 'b-x', 'c-x', 'b-c-x', 'b', 'y.z']
const everyName = [...new Set(serverNames.flatMap((server) => toolNames.map((tool) => publicToolName(server, tool)))), 'nobody-x']

const inventories = fc.array(fc.constantFrom(...toolNames), { maxLength: 8 })
const patterns = fc.array(fc.constantFrom('*', ...toolNames, 'b*', '*x', '*-*', 'b-*-x', ''), { maxLength: 3 })
const servers = fc.constantFrom(...serverNames)
const limits = fc.integer({ min: 0, max: 6 })
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({
    type: fc.constant('LOAD' as const), server: servers, inventory: inventories, include: fc.oneof(fc.constant<string[]>(['*']), patterns), exclude: patterns, isStatic: fc.boolean(),
  }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('LIST' as const), server: servers, inventory: inventories }) },
  fc.record({ type: fc.constant('LIMIT' as const), most: limits }),
  fc.record({ type: fc.constant('WITHDRAW' as const), server: servers }),
  fc.record({ type: fc.constant('UNLOAD' as const), server: servers }),
  fc.record({ type: fc.constant('TRUST' as const), isTrusted: fc.boolean() }),
  fc.record({ type: fc.constant('PIN' as const), pinned: fc.option(fc.dictionary(fc.constantFrom(...toolNames), fc.boolean())), holds: fc.boolean() }),
)
type Step = typeof steps extends fc.Arbitrary<infer Value> ? Value : never

interface Held {
  book: ToolBook
  gate: Gate
  seniority: Seniority
  item: SessionServer
  inventory: string[]
  include: string[]
  exclude: string[]
  isWithdrawn: boolean
}

/** What the moment says. */
interface Now {
  most: number
  isTrusted: boolean
  /** Whether the definition of a name is the pinned one; null: nothing is pinned yet. */
  pinned: Record<string, boolean> | null
  holds: boolean
}

/** A session's real pieces but for the wire: each call answers who was reached, in the words of the list. */
function createSession() {
  const host = mcpAdapter()
  const held = new Map<string, Held>()
  const now: Now = { most: 6, isTrusted: true, pinned: null, holds: false }
  const tick = createTicker()
  const toolOf = (server: string, name: string) => ({ name, description: `${server}/${name}`, inputSchema: { type: 'object' as const } })
  const inventoryOf = (server: string, names: string[]) => names.map((name) => toolOf(server, name))
  const gateOf = (server: string): PinGate => ({
    holds: () => now.holds,
    pins: () => now.pinned && new Map(Object.entries(now.pinned).map(([name, isSame]) => [name, isSame ? toolHash(name, toolOf(server, name))! : 'another'])),
  })
  return {
    host, held, now,
    apply: async (step: Step) => {
      switch (step.type) {
        case 'LOAD': {
          const { server, inventory, include, exclude, isStatic } = step
          const book = createToolBook({ include, exclude }, () => now.most, isStatic ? undefined : gateOf(server))
          book.list(inventoryOf(server, inventory))
          const gate = createGate(handClock(), () => now.isTrusted)
          const before = held.get(server)
          // What was withdrawn, and what comes from elsewhere, is another entry; else it is a new revision.
          const seniority = before !== undefined && isSameEntry(before, step) ? before.seniority.heir() : createSeniority(tick)
          const upstream = gated({
            ...upstreamOf(), tools: book.offered, onToolsChanged: book.listen, note: book.note, policyChanged: book.review, heldTools: () => book.held().flatMap(({ name }) => name ?? []), close: async () => {},
            callTool: async (name) => {
              book.check(name)
              return text(`${server}/${name}`)
            },
          }, gate, seniority)
          const item = serverItem(server, { order: serverNames.indexOf(server), entryId: isStatic ? null : server, upstream })
          held.set(server, { book, gate, seniority, item, inventory, include, exclude, isWithdrawn: false })
          return host.load(item)
        }
        case 'LIST': {
          const one = held.get(step.server)
          if (one !== undefined) one.inventory = step.inventory
          return one?.book.list(inventoryOf(step.server, step.inventory))
        }
        case 'LIMIT': {
          now.most = step.most
          return held.forEach(({ book }) => book.review())
        }
        case 'PIN': {
          Object.assign(now, { pinned: step.pinned, holds: step.holds })
          return held.forEach(({ book }) => book.review())
        }
        case 'WITHDRAW': {
          const one = held.get(step.server)
          if (one !== undefined) one.isWithdrawn = true
          return one?.gate.close({ mode: 'IMMEDIATE', deadlineSeconds: 0, reason: 'REVOKED' })
        }
        case 'UNLOAD': {
          held.delete(step.server)
          return host.unload('MCP_SERVER', step.server, 'IMMEDIATE')
        }
        case 'TRUST': {
          now.isTrusted = step.isTrusted
          return undefined
        }
      }
    },
  }
}

function isSameEntry({ isWithdrawn, item }: Held, { isStatic }: { isStatic: boolean }): boolean {
  return !isWithdrawn && (item.entryId === null) === isStatic
}

/** What comes late to a name that another server has: by itself, in another revision, and after it was given up. */
const loaded = (server: string, inventory: string[], isStatic = false): Step => ({ type: 'LOAD', server, inventory, include: ['*'], exclude: [], isStatic })
const late: Array<[Step[]]> = [
  [[loaded('a', ['x']), loaded('a-b', ['x']), { type: 'LIST', server: 'a', inventory: ['b-x', 'x'] }, loaded('a-b', ['c-x', 'x'])]],
  [[loaded('a', ['b']), loaded('a-b', ['x']), loaded('a', ['b', 'b-x'])]],
  [[loaded('a', ['b-x']), loaded('a-b', ['x']), { type: 'LIST', server: 'a', inventory: [] }, { type: 'LIST', server: 'a', inventory: ['b-x'] }]],
  [[loaded('a', ['b', 'b-x']), { type: 'LIMIT', most: 1 }, loaded('a-b', ['x']), { type: 'LIMIT', most: 6 }]],
]

/** Nearly everything in it collides. */
const crowd = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('a', 'a-b', 'A b', 'A-b'), fc.subarray(['x', 'b-x']), fc.nat(5)).map(([server, inventory, nth]) => loaded(server, inventory, nth === 0)) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('LIST' as const), server: fc.constantFrom('a', 'a-b', 'A b', 'A-b'), inventory: fc.subarray(['x', 'b-x']) }) },
  { weight: 2, arbitrary: steps },
)

/** Who is reached by each name that reaches anybody. */
async function reached(names: string[], call: (name: string) => Promise<{ content: unknown[] }>): Promise<Record<string, string>> {
  const answers = await Promise.all(names.map((name) => call(name).then(({ content }) => [[name, (content[0] as { text: string }).text]], () => [])))
  return Object.fromEntries(answers.flat()) as Record<string, string>
}

function listed(tools: Array<{ name: string; description?: string | undefined }>): Record<string, string> {
  const names = tools.map(({ name }) => name)
  expect(new Set(names).size, names.join()).toBe(names.length)
  return Object.fromEntries(tools.map(({ name, description }) => [name, description!]))
}

/** What it has to come to, in other words than the code's. */
function expected({ inventory, include, exclude, isWithdrawn, item }: Held, { most, isTrusted, pinned, holds }: Now): string[] {
  const matches = (all: string[], name: string) => all.some((pattern) => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.]/g, '\\.')).join('.*')}$`).test(name))
  return isWithdrawn || !isTrusted ? [] : [...new Set(inventory)].filter((name) => matches(include, name) && !matches(exclude, name))
    .filter((name) => item.entryId === null || !holds || pinned?.[name] === true).slice(0, most)
}

async function holdsAfterEachOf(all: Step[]): Promise<void> {
  const { host, held, now, apply } = createSession()
  const merged = mergedSurface(() => [...held.values()].map(({ item }) => item), () => {})
  const isStatic = (who: string) => held.get(who.split('/')[0]!)?.item.entryId === null
  let before: Record<string, string> = {}
  for (const step of all) {
    const isReplaced = step.type === 'LOAD' && held.has(step.server) && !isSameEntry(held.get(step.server)!, step)
    await apply(step)
    const ofHost = listed(await host.listTools())
    expect(await reached(everyName, (name) => host.callTool(name))).toEqual(ofHost)
    expect(await reached(everyName, (name) => merged.callTool(name, {}, {}))).toEqual(listed(merged.tools()))
    expect(listed(merged.tools())).toEqual(ofHost)
    const offered = new Map<string, string[]>()
    for (const name of serverNames) {
      const one = held.get(name)
      const single = singleSurface(name, () => one?.item, () => {})
      expect(await reached(toolNames, (tool) => single.callTool(tool, {}, {}))).toEqual(listed(single.tools()))
      const own = one === undefined ? [] : expected(one, now)
      expect(single.tools().map((tool) => tool.name)).toEqual(own)
      for (const tool of own) offered.set(publicToolName(name, tool), [...offered.get(publicToolName(name, tool)) ?? [], `${name}/${tool}`])
    }
    // Of several that come to one name one is offered, and nothing else is lost.
    expect(Object.keys(ofHost).sort()).toEqual([...offered.keys()].sort())
    for (const [name, who] of Object.entries(ofHost)) {
      const claims = offered.get(name)!
      expect(claims).toContain(who)
      expect(isStatic(who), name).toBe(claims.some(isStatic))
      // A name never moves while its holder still offers it, but to what the deployment itself has.
      const holder = before[name]
      const isHeld = holder !== undefined && claims.includes(holder) && !(isReplaced && holder.startsWith(`${step.server}/`))
      if (isHeld && isStatic(holder) === isStatic(who)) expect(who, name).toBe(holder)
    }
    before = ofHost
  }
}

describe('S28: a tool is listed if and only if it is callable', () => {
  it('S10, S18, S19: over inventories, selections, limits, pins and names that collide, and after every hot change of them', async () => {
    await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 12 }), holdsAfterEachOf), { numRuns: 80 })
  })

  it('S18: and its name stays with whoever offered it first, for as long as that offers it', async () => {
    await fc.assert(fc.asyncProperty(fc.array(crowd, { minLength: 1, maxLength: 12 }), holdsAfterEachOf), { numRuns: 80, examples: late })
  })
})
