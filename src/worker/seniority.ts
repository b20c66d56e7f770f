import { type Offers } from './offers.js'

/** What its server tells apart the things of one kind by. */
const keyOf: { [Kind in keyof Offers]: (offer: Offers[Kind]) => string } = {
  TOOLS: ({ name }) => name,
  PROMPTS: ({ name }) => name,
  RESOURCES: ({ uri }) => uri,
  TEMPLATES: ({ uriTemplate }) => uriTemplate,
}

/**
 * When each thing that one server of a session offers was first offered: of two servers that come to one name, the one that
 * offered it first has it (S18). What is offered no more is forgotten, and new when it comes back.
 */
export interface Seniority {
  /** A place in time, to be compared with those of the same session; Infinity for what is not offered, as far as is known. */
  since: <Kind extends keyof Offers>(kind: Kind, offer: Offers[Kind]) => number
  /**
   * The server offers these of the kind now, and no others. The first time, they count as there since the server was: what
   * nobody has asked for has led nobody anywhere.
   */
  saw: <Kind extends keyof Offers>(kind: Kind, offers: ReadonlyArray<Offers[Kind]>) => void
  /** For the revision that is to take its place: what the server offered keeps its time, everything else is new. */
  heir: () => Seniority
}

/** Tells no time, only what came before what. */
export type Ticker = () => number

export function createTicker(): Ticker {
  let last = 0
  return () => last += 1
}

/** Of a server that comes now. @param tick one for all servers of a session */
export function createSeniority(tick: Ticker): Seniority {
  return seniorityOf(tick, tick(), new Map())
}

function seniorityOf(tick: Ticker, arrival: number, seen: Map<keyof Offers, ReadonlyMap<string, number>>): Seniority {
  return {
    since: (kind, offer) => {
      const times = seen.get(kind)
      return times === undefined ? arrival : times.get(keyOf[kind](offer)) ?? Infinity
    },
    saw: (kind, offers) => {
      const times = seen.get(kind)
      seen.set(kind, new Map(offers.map(keyOf[kind]).map((key) => [key, times === undefined ? arrival : times.get(key) ?? tick()])))
    },
    heir: () => seniorityOf(tick, arrival, new Map(seen)),
  }
}
