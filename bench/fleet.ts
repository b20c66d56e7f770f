import { type SubscriberPlan } from './plan.js'
import { type Counts, type Fellowship, Subscriber } from './subscriber.js'
import { type Tally } from './tally.js'

/** Handshakes under way at once, when many come. */
const inFlight = 200

/** N subscribers that count what they get. */
export interface Fleet {
  counts: Counts
  faults: Fellowship['faults']
  /** Opens sockets until there are so many; the new ones begin at the cursor, where the target has such a thing. */
  open: (upTo: number, cursor: string | null) => Promise<void>
  /** All connections are lost at once. */
  drop: () => Promise<void>
  /** All come back at once, each at its cursor; resolves when all have asked. */
  comeBack: () => Promise<void>
}

export function createFleet(plan: SubscriberPlan, tally: Tally, keepsCursors: boolean): Fleet {
  const subscribers: Subscriber[] = []
  const shared: Fellowship = {
    plan, url: new URL(plan.url), tally, keepsCursors, counts: { frames: 0, changes: 0, bytes: 0, snapshots: 0 },
    faults: { refused: 0, closed: 0, retries: 0, examples: [] },
  }
  return {
    counts: shared.counts, faults: shared.faults,
    open: async (upTo, cursor) => {
      const known = subscribers.length
      const begin = plan.after === null ? null : cursor
      for (let index = known; index < upTo; index++) subscribers.push(new Subscriber(index, shared, begin))
      await connectAll(subscribers.slice(known))
    },
    drop: async () => void await Promise.all(subscribers.map((subscriber) => subscriber.drop())),
    comeBack: () => {
      subscribers.forEach((subscriber) => { subscriber.isReturning = true })
      return connectAll(subscribers)
    },
  }
}

async function connectAll(subscribers: Subscriber[]): Promise<void> {
  let next = 0
  const line = async () => {
    while (next < subscribers.length) await subscribers[next++]!.connect()
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, subscribers.length) }, line))
}
