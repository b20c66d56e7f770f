import { type SessionServer } from './adapter.js'
import { type OfferChange } from './offer-book.js'

export type ShelfChange = 'TOOLS' | OfferChange

/** The servers that an adapter was given. */
export interface ServerShelf {
  /** In the order of loading; a changed server keeps its place. */
  servers: () => SessionServer[]
  get: (name: string) => SessionServer | undefined
  /** Takes it in, in place of the one of that name. */
  load: (server: SessionServer) => void
  /** Nothing happens when it is not there. */
  unload: (name: string) => void
}

/** @param tell told after every change of what the servers offer, with the name of the one that changed */
export function createServerShelf(tell: (change: ShelfChange, serverName: string) => void): ServerShelf {
  const servers = new Map<string, SessionServer>()
  const unlisten = new Map<string, () => void>()
  const tellAll = (name: string) => { for (const change of ['TOOLS', 'PROMPTS', 'RESOURCES'] as const) tell(change, name) }
  return {
    servers: () => [...servers.values()],
    get: (name) => servers.get(name),
    load: (server) => {
      const { name, upstream } = server
      const isSame = servers.get(name)?.upstream === upstream
      servers.set(name, server)
      // Only what is told of it changed.
      if (isSame) return
      unlisten.get(name)?.()
      const [ofTools, ofOffers] = [upstream.onToolsChanged(() => tell('TOOLS', name)), upstream.onOffersChanged((change) => tell(change, name))]
      unlisten.set(name, () => { ofTools(); ofOffers() })
      tellAll(name)
    },
    unload: (name) => {
      if (!servers.delete(name)) return
      unlisten.get(name)?.()
      unlisten.delete(name)
      tellAll(name)
    },
  }
}
