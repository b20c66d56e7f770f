import { type Link } from './link.js'
import { type Offers } from './offers.js'
import { tellEach } from './tell-each.js'

/** Everything but tools, which are listed as soon as a connection stands. */
export type OfferKind = Exclude<keyof Offers, 'TOOLS'>
/** Which lists are others now; RESOURCES stands for templates too. */
export type OfferChange = 'PROMPTS' | 'RESOURCES'

/** What one server was found to offer besides tools, and who watches which of its resources, over all its connections. */
export interface OfferBook {
  /** Asks once for each connection if the server tells of changes, else every time: most sessions never ask. */
  list: <Kind extends OfferKind>(kind: Kind, link: Link) => Promise<ReadonlyArray<Offers[Kind]>>
  /** What was listed may be old. */
  changed: (change: OfferChange) => void
  /** Returns what ends it. */
  listen: (listener: (change: OfferChange) => void) => () => void
  /** Returns what ends it, which answers whether that was the last watcher of the URI. */
  watch: (uri: string, listener: (updated: string) => void) => () => boolean
  watched: () => string[]
  updated: (uri: string) => void
}

interface Listing {
  link: Link
  items: Promise<ReadonlyArray<Offers[OfferKind]>>
}

export function createOfferBook(): OfferBook {
  const listings = new Map<OfferKind, Listing>()
  const listeners = new Set<(change: OfferChange) => void>()
  const watchers = new Map<string, Set<(updated: string) => void>>()
  return {
    list: <Kind extends OfferKind>(kind: Kind, link: Link) => {
      const held = listings.get(kind)
      if (held?.link === link) return held.items as Promise<ReadonlyArray<Offers[Kind]>>
      const items = link.list(kind)
      if (link.tellsOf(kind)) {
        const listing = { link, items }
        listings.set(kind, listing)
        items.catch(() => { if (listings.get(kind) === listing) listings.delete(kind) })
      }
      return items
    },
    changed: (change) => {
      for (const kind of change === 'PROMPTS' ? ['PROMPTS'] as const : ['RESOURCES', 'TEMPLATES'] as const) listings.delete(kind)
      tellEach(listeners, change)
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    watch: (uri, listener) => {
      const own = (updated: string) => listener(updated)
      const all = watchers.get(uri) ?? new Set()
      watchers.set(uri, all.add(own))
      return () => {
        if (!all.delete(own) || all.size > 0) return false
        return watchers.delete(uri)
      }
    },
    watched: () => [...watchers.keys()],
    updated: (uri) => {
      // A server may name a part of what is watched.
      tellEach([...watchers].filter(([watched]) => uri.startsWith(watched)).flatMap(([, all]) => [...all]), uri)
    },
  }
}
