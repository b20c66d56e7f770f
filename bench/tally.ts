/**
 * Who has seen which change. Every mutation carries a marker with its number; every socket must see each marker
 * exactly once. One that never comes is lost, one that comes again is doubled.
 */
export interface Expected {
  /** When each socket saw it; 0 for one that has not. */
  times: Float64Array
  seen: number
  /** Resolves when the last socket has seen it. */
  bySockets: Promise<void>
  done: () => void
}

export interface Tally {
  expect: (number: number) => Expected
  saw: (number: number, socket: number, at: number) => void
  /** As `saw`, for a whole set sent anew: it may hold what was seen before, and says nothing twice. */
  holds: (number: number, socket: number, at: number) => void
  lost: () => number
  doubled: () => number
}

export function createTally(sockets: number): Tally {
  const expected = new Map<number, Expected>()
  let doubled = 0

  function note(one: Expected, socket: number, at: number): void {
    one.times[socket] = at
    if (++one.seen === sockets) one.done()
  }

  return {
    expect: (number) => {
      let done = () => {}
      const bySockets = new Promise<void>((resolve) => { done = resolve })
      const one: Expected = { times: new Float64Array(sockets), seen: 0, bySockets, done }
      expected.set(number, one)
      return one
    },
    saw: (number, socket, at) => {
      const one = expected.get(number)
      if (one === undefined) return
      if (one.times[socket] === 0) note(one, socket, at)
      else doubled++
    },
    holds: (number, socket, at) => {
      const one = expected.get(number)
      if (one !== undefined && one.times[socket] === 0) note(one, socket, at)
    },
    lost: () => [...expected.values()].reduce((sum, { seen }) => sum + sockets - seen, 0),
    doubled: () => doubled,
  }
}

/** When sockets saw it, the first first. */
export function sortedTimes({ times }: Expected): Float64Array {
  return times.filter((at) => at > 0).sort()
}

const at = 64 // '@'

/** The text that a mutation carries; `padding` makes an event as large as those of real entries. */
export function markerText(number: number, padding: number): string {
  return `@@${number}@@${'x'.repeat(padding)}`
}

/** Calls `found` for each marker in a frame. Nothing else in the catalogs of the bench has two such signs in a row. */
export function readMarkers(frame: Buffer, found: (number: number) => void): void {
  let from = frame.indexOf(at)
  while (from >= 0) {
    let end = from + 1
    if (frame[end] === at) {
      let number = 0
      for (end++; frame[end] !== at && end < frame.length; end++) number = number * 10 + frame[end]! - 48
      found(number)
      end += 2
    }
    from = frame.indexOf(at, end)
  }
}
