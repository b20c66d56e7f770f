import { expect } from 'vitest'
import { EffectiveCatalogDocument, type OwnerInput } from '../../src/client/index.js'
import { type Person } from './server.js'
import { type CatalogEvent, viewOf } from './subscriber.js'

/** What the server says that an owner's set holds now: what a subscriber's view is compared with. */
export async function setOf(who: Person, owner: OwnerInput): Promise<{ cursor: string; view: Map<string, string> }> {
  const { effectiveCatalog: { cursor, mcpServers, agents } } = await who.client.execute(EffectiveCatalogDocument, { owner })
  const view = [...mcpServers, ...agents].map(({ kind, name, id, revision }) => [`${kind}:${name}`, `${id}@${revision}`] as const)
  return { cursor, view: new Map([...view].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** After every event, what its receiver holds is what it might see at that event's cursor, and no removal names a stranger. */
export function expectFaithful(events: CatalogEvent[], past: Map<string, Map<string, string>>): void {
  let checked = 0
  for (const [at, event] of events.entries()) {
    expectNoStrangers(event, viewOf(events.slice(0, at)))
    const allowed = past.get(event.cursor)
    if (allowed === undefined) continue
    expect(viewOf(events.slice(0, at + 1)), `at ${event.cursor}`).toEqual(allowed)
    checked++
  }
  expect(checked).toBeGreaterThan(3)
}

export function expectNoStrangers(event: CatalogEvent, held: Map<string, string>): void {
  if (event.__typename !== 'CatalogDelta') return
  for (const { kind, name, id } of event.removed) expect(held.get(`${kind}:${name}`)?.split('@')[0], `removed ${name}`).toBe(id)
}

/** A view as an event, to resume from. */
export function asSnapshot(view: Map<string, string>, cursor: string): CatalogEvent {
  const mcpServers = [...view].map(([key, value]) => {
    const [id, revision] = value.split('@')
    return { kind: 'MCP_SERVER', name: key.slice('MCP_SERVER:'.length), id, revision: Number(revision) }
  })
  return { __typename: 'CatalogSnapshot', cursor, trustForSeconds: 1, secretVersions: [], toolPins: [], teamPolicies: [], policy: { revision: 0, document: {} }, mcpServers: mcpServers as never, agents: [] }
}
