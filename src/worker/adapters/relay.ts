import { type CatalogAdapter, type SessionItem, type SessionRelay } from '../adapter.js'

/** The session's tools, prompts and resources for any MCP client that speaks Streamable HTTP. */
export interface RelayAdapter extends CatalogAdapter {
  /**
   * The URL of everything the session has, from when `openSession` has called the adapter until the session closes. It is
   * a secret: whoever knows it may call the session's tools.
   * @throws TypeError when no session is open
   */
  endpoint: () => string
  /** The URL of one server, which need not be there yet. @throws TypeError as `endpoint` */
  endpointOf: (serverName: string) => string
}

/** Lets a client hot-load that has no adapter of its own: it is given one URL, and the rest comes by `list_changed`. */
export function relayAdapter(): RelayAdapter {
  const held = new Map<string, SessionItem>()
  let relay: SessionRelay | null = null
  const opened = () => {
    if (relay === null) throw new TypeError('The relay has an endpoint only while the session of this adapter is open.')
    return relay
  }
  return {
    open: async ({ openRelay }) => {
      relay = await openRelay()
      for (const item of held.values()) if (item.kind === 'MCP_SERVER') relay.load(item)
    },
    close: async () => {
      await relay?.close()
      relay = null
    },
    load: async (item) => {
      held.set(`${item.kind}:${item.name}`, item)
      if (item.kind === 'MCP_SERVER') relay?.load(item)
    },
    unload: async (kind, name) => {
      held.delete(`${kind}:${name}`)
      if (kind === 'MCP_SERVER') relay?.unload(name)
    },
    list: () => {
      const withheld = relay?.withheld()
      return [...held.values()].sort((a, b) => a.order - b.order).map(({ kind, name, origin, entryId, revision }) => (
        { kind, name, origin, entryId, revision, reason: kind === 'MCP_SERVER' ? withheld?.get(name) ?? null : null }
      ))
    },
    endpoint: () => opened().url,
    endpointOf: (serverName) => opened().urlOf(serverName),
  }
}
