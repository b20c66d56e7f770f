import { type LoggedChange } from '../../src/core/change.js'

/** COMMITTED: answered as done. REFUSED: a coded error. UNKNOWN: the answer got lost, or the server could not say. */
export type Outcome = 'COMMITTED' | 'REFUSED' | 'UNKNOWN'

export interface Expectation {
  what: string
  /** Whether a row of the change log is the change that was answered. */
  fits: (change: LoggedChange) => boolean
}

/** How long an attempt whose answer got lost may still be under way somewhere. */
const lateForMs = 90_000

interface Right {
  value: string
  open: Array<{ value: string; at: number }>
}

/** What the writers were told, to be held against what the database says. */
export interface Model {
  counts: Record<Outcome, number>
  /** By code. */
  refusals: Map<string, number>
  committed: (cursor: string, expectation: Expectation) => void
  /** A description that must never be found in the log. */
  refused: (marker: string) => void
  /** Somebody's right was set, or perhaps was: `value` is what it then is. */
  right: (key: string, value: string, outcome: Outcome) => void
  /** Holds a row of the log against what was answered. */
  judge: (cursor: string, change: LoggedChange) => string[]
  /** Answers whose change was not found in the log; asked once everything that was answered before has been read. */
  missing: (incarnation: string) => string[]
  judgeRights: (actual: (key: string) => string) => string[]
  /** From now on nobody can know which database got what was answered without a cursor; until `certain`. */
  uncertain: () => void
  certain: (actual: (key: string) => string) => void
  /** The log starts anew from these descriptions, by entry. */
  rebase: (markers: Iterable<[id: string, marker: string]>) => void
}

export function createModel(now: () => number): Model {
  const expected = new Map<string, Expectation>()
  const refusedMarkers = new Set<string>()
  const markerOf = new Map<string, string>()
  const introduced = new Map<string, string>()
  const rights = new Map<string, Right>()
  let isCertain = true

  function judgeMarker(change: LoggedChange): string[] {
    if (change.subject !== 'ENTRY' || change.after === null) return []
    const { id, definition: { description } } = change.after
    if (description === '' || markerOf.get(id) === description) return []
    markerOf.set(id, description)
    const twice = introduced.get(description)
    introduced.set(description, id)
    return [
      ...(refusedMarkers.has(description) ? [`F1 ${description} was refused, and is in the log at ${change.sequence}`] : []),
      ...(twice === undefined ? [] : [`F1 ${description} was sent once, and is in the log for ${twice} and again for ${id} at ${change.sequence}`]),
    ]
  }

  return {
    counts: { COMMITTED: 0, REFUSED: 0, UNKNOWN: 0 }, refusals: new Map(),
    committed: (cursor, expectation) => {
      // Two answers with one cursor can only be a lost change: it is told when the row fits the one and not the other.
      expected.set(expected.has(cursor) ? `${cursor} again` : cursor, expectation)
    },
    refused: (marker) => void refusedMarkers.add(marker),
    right: (key, value, outcome) => {
      if (outcome === 'REFUSED') return
      const known = rights.get(key) ?? { value: '', open: [] }
      rights.set(key, known)
      if (outcome === 'COMMITTED' && isCertain) {
        known.value = value
        known.open = known.open.filter(({ at }) => now() - at < lateForMs)
      } else known.open.push({ value, at: now() })
    },
    judge: (cursor, change) => {
      const expectation = expected.get(cursor)
      expected.delete(cursor)
      const wrong = expectation === undefined || expectation.fits(change)
        ? [] : [`F1 ${expectation.what} was answered with ${cursor}, where the log has ${change.subject} ${change.id}`]
      return [...wrong, ...judgeMarker(change)]
    },
    missing: (incarnation) => [...expected].map(([cursor, { what }]) => {
      expected.delete(cursor)
      const why = cursor.startsWith(`${incarnation}-`) ? 'and the log has no such change' : `and the database is ${incarnation}`
      return `F1 ${what} was answered with ${cursor}, ${why}`
    }),
    judgeRights: (actual) => (isCertain ? [...rights] : []).flatMap(([key, { value, open }]) => {
      const is = actual(key)
      if (value === '' || is === value || open.some((one) => one.value === is)) return []
      return [`F1 ${key} was last answered as ${value} and is ${is}`]
    }),
    uncertain: () => { isCertain = false },
    certain: (actual) => {
      isCertain = true
      for (const [key, right] of rights) Object.assign(right, { value: actual(key), open: [] })
    },
    rebase: (markers) => {
      markerOf.clear()
      introduced.clear()
      for (const [id, marker] of markers) markerOf.set(id, marker)
    },
  }
}
