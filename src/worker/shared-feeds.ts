import { type OwnerInput } from '../client/index.js'
import { canonicalJson } from '../core/canonical.js'
import { type Clock } from './clock.js'
import { createOwnerFeed, type OwnerFeed } from './owner-feed.js'
import { type FeedTransport } from './transport.js'

/** One operation for all sessions of an owner; it ends with the last of them. */
export interface SharedFeeds {
  acquire: (owner: OwnerInput) => { feed: OwnerFeed; release: () => void }
  close: () => void
}

interface SharedFeed {
  feed: OwnerFeed
  sessions: number
}

export function createSharedFeeds(transport: FeedTransport, clock: Clock, log: (message: string) => void): SharedFeeds {
  const feeds = new Map<string, SharedFeed>()
  return {
    acquire: (owner) => {
      const key = canonicalJson(owner)
      const held = feeds.get(key)
      // One that ended (the token was refused, say) stays with its sessions; a new session tries anew.
      const shared = held !== undefined && held.feed.ended() === null ? held : { feed: createOwnerFeed(owner, transport, clock, log), sessions: 0 }
      feeds.set(key, shared)
      shared.sessions += 1
      return {
        feed: shared.feed,
        release: () => {
          shared.sessions -= 1
          if (shared.sessions > 0) return
          shared.feed.close()
          if (feeds.get(key) === shared) feeds.delete(key)
        },
      }
    },
    close: () => {
      for (const { feed } of feeds.values()) feed.close()
      feeds.clear()
    },
  }
}
