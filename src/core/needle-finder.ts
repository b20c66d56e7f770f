import { type Needle, shortestValue } from './needle.js'

/** Looks for many texts at once. */
export interface NeedleFinder {
  /** Characters of the longest. */
  longest: number
  /** Tells every place of every needle, those inside others too. */
  find: (text: string, tell: (start: number, end: number, isBase64: boolean) => void) => void
  /** Where the longest end of the text begins that a needle begins with; the text's length where there is none. */
  openFrom: (text: string) => number
}

/** Characters that are looked at together, and of each needle's beginning. */
const block = 3
const window = shortestValue
const furthest = window - block + 1

/**
 * Wu and Manber's way: the last three characters of a window of eight say how far the next place is where any needle could end its first
 * eight. So most of the text is never looked at, and time does not grow with the number of needles. No regular expression is made of a value.
 * @param needles of 8 characters or more
 */
export function createNeedleFinder(needles: readonly Needle[]): NeedleFinder {
  const unique = new Map<string, boolean>()
  for (const { text, isBase64 } of needles) unique.set(text, isBase64 || unique.get(text) === true)
  const steps = new Uint8Array(65_536).fill(furthest)
  const byBlock = new Map<number, string[]>()
  for (const needle of unique.keys()) {
    for (let end = block; end <= window; end += 1) {
      const hash = hashAt(needle, end)
      steps[hash] = Math.min(steps[hash]!, window - end)
    }
    const hash = hashAt(needle, window)
    byBlock.set(hash, [...byBlock.get(hash) ?? [], needle])
  }
  const repeats = new Map<string, Uint32Array>()
  const repeatsIn = (needle: string) => {
    const known = repeats.get(needle) ?? repeatsOf(needle)
    repeats.set(needle, known)
    return known
  }
  return {
    longest: Math.max(0, ...[...unique.keys()].map(({ length }) => length)),
    find: (text, tell) => {
      const measures = new Map<string, Measure>()
      const stands = (needle: string, start: number) => {
        const measure = measures.get(needle) ?? measureOf(needle, text, repeatsIn)
        measures.set(needle, measure)
        return measure(start) === needle.length
      }
      for (let end = window; end <= text.length;) {
        const hash = hashAt(text, end)
        const step = steps[hash]!
        end += step || 1
        if (step > 0) continue
        const start = end - 1 - window
        for (const needle of byBlock.get(hash) ?? []) if (stands(needle, start)) tell(start, start + needle.length, unique.get(needle)!)
      }
    },
    openFrom: (text) => {
      let open = text.length
      for (const needle of unique.keys()) {
        const first = needle[0]!
        const measure = measureOf(needle, text, repeatsIn)
        for (let at = text.indexOf(first, text.length - needle.length + 1); at >= 0 && at < open; at = text.indexOf(first, at + 1)) {
          if (at + measure(at) === text.length) open = at
        }
      }
      return open
    },
  }
}

/** How many characters at a place are those that the needle begins with; asked for places from left to right. */
type Measure = (start: number) => number

/** So many are looked at again rather than remembered. */
const fewCharacters = 32

/** In time that grows with the text alone, also where text and needle repeat themselves (`aaaa…`): what was seen to be the same is not compared again. */
function measureOf(needle: string, text: string, repeatsIn: (needle: string) => Uint32Array): Measure {
  // What stands there is how the needle begins.
  let [from, to] = [0, 0]
  return (start) => {
    let same = 0
    if (to - start > fewCharacters && start > from) {
      same = repeatsIn(needle)[start - from]!
      if (same < to - start) return same
      same = to - start
    }
    while (same < needle.length && text.charCodeAt(start + same) === needle.charCodeAt(same)) same += 1
    if (start + same > to) [from, to] = [start, start + same]
    return same
  }
}

/** For each place in the needle, how many characters there are those that it begins with (the Z algorithm). */
function repeatsOf(needle: string): Uint32Array {
  const repeats = new Uint32Array(needle.length)
  for (let [at, from, to] = [1, 0, 0]; at < needle.length; at += 1) {
    let same = at < to ? Math.min(repeats[at - from]!, to - at) : 0
    while (needle.charCodeAt(at + same) === needle.charCodeAt(same)) same += 1
    repeats[at] = same
    if (at + same > to) [from, to] = [at, at + same]
  }
  return repeats
}

function hashAt(text: string, end: number): number {
  return (text.charCodeAt(end - 1) ^ (text.charCodeAt(end - 2) << 5) ^ (text.charCodeAt(end - 3) << 10)) & 0xffff
}
