import { setTimeout as delay } from 'node:timers/promises'
import { type OwnerInput } from '../../src/client/index.js'
import { type CatalogEvent, subscribe, type Subscriber, viewOf } from '../support/subscriber.js'

/** Somebody who subscribed once and resumes by cursor whenever the connection is lost, over everything that is killed. */
export interface Reader {
  cursor: () => string | null
  /** Entries at their revisions, by kind and name. */
  view: () => Map<string, string>
  close: () => Promise<void>
}

export function startReader(url: string, token: string, owner: OwnerInput): Reader {
  let known: CatalogEvent[] = []
  let current: Subscriber | null = null
  let isClosed = false
  const events = () => [...known, ...current?.events ?? []]
  const cursor = () => events().at(-1)?.cursor ?? null

  async function follow(): Promise<void> {
    while (!isClosed) {
      current = subscribe(url, token, owner, cursor())
      await current.ended
      // From the last snapshot on everything counts.
      const all = events()
      known = all.slice(Math.max(0, all.findLastIndex(({ __typename }) => __typename === 'CatalogSnapshot')))
      current = null
      await delay(50)
    }
  }
  const following = follow()
  return {
    cursor, view: () => viewOf(events()),
    close: async () => {
      isClosed = true
      await current?.close()
      await following
    },
  }
}
