import { type CatalogAdapter, type SessionItem } from '../adapter.js'

export interface MemoryAdapter extends CatalogAdapter {
  /** What it was given and still holds. */
  items: () => SessionItem[]
}

/** Keeps what it is given and does nothing else with it: for tests, examples, and hosts that look for themselves. */
export function memoryAdapter(): MemoryAdapter {
  const held = new Map<string, SessionItem>()
  const items = () => [...held.values()].sort((a, b) => a.order - b.order)
  return {
    items,
    load: async (item) => { held.set(`${item.kind}:${item.name}`, item) },
    unload: async (kind, name) => { held.delete(`${kind}:${name}`) },
    list: () => items().map(({ kind, name, origin, entryId, revision }) => ({ kind, name, origin, entryId, revision, reason: null })),
  }
}
