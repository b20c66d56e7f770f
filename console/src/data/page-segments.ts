export interface Page<Item> {
  nodes: readonly Item[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
}

/** What one question brought: the rows behind the segment before it, up to where it ends. */
export interface Segment<Item> {
  items: readonly Item[]
  /** The cursor of its last row. null: nothing of it was read. */
  end: string | null
  /** How many changes had been told when it was asked for. -1: it was never read, or no longer begins where it did. */
  readAt: number
}

export interface SegmentList<Item> {
  segments: ReadonlyArray<Segment<Item>>
  /** Rows follow that nobody asked for. */
  hasMore: boolean
}

/** The first and last row that can be seen, counted from 0. */
export interface Sight {
  first: number
  last: number
}

/** What is asked next: so many rows from the beginning of a segment. */
export interface Question {
  from: number
  first: number
}

/** Most who look at a list look at its beginning. */
const firstSize = 100
/** The API serves no larger page. */
const largestSize = 500

const unread = { items: [], end: null, readAt: -1 } as const

/** A list of which nothing was read. */
export const unreadList = { segments: [unread], hasMore: true } as const

export const itemsOf = <Item>({ segments }: SegmentList<Item>): readonly Item[] => segments.flatMap(({ items }) => items)

/** Where a question begins, as the API wants it told. */
export const cursorOf = <Item>({ segments }: SegmentList<Item>, { from }: Question): string | null => segments[from - 1]?.end ?? null

/** With one more page to be read at its end. */
export function extended<Item>({ segments, hasMore }: SegmentList<Item>): SegmentList<Item> {
  const isAsked = segments.at(-1)?.items.length === 0
  return hasMore && !isAsked ? { segments: [...segments, unread], hasMore } : { segments, hasMore }
}

/** What can be seen, or was asked for, and is older than the last change. null: all of that is as new as it can be. */
export function questionInSight<Item>({ segments }: SegmentList<Item>, changes: number, sight: Sight): Question | null {
  let start = 0
  for (const [from, { items: { length }, readAt }] of segments.entries()) {
    const isSeen = length === 0 || (start <= sight.last && start + length > sight.first)
    if (isSeen && readAt < changes) return { from, first: length === 0 ? sizeOfUnread(from) : within(Math.min(length, sight.last + 1 - start)) }
    start += length
  }
  return null
}

/** Of everything that is older than the last change, what was read longest ago: however often something changes, nothing is left behind for ever. */
export function questionOutOfSight<Item>({ segments }: SegmentList<Item>, changes: number): Question | null {
  const oldest = segments.reduce((least, { readAt }) => Math.min(least, readAt), changes)
  if (oldest === changes) return null
  const from = segments.findIndex(({ readAt }) => readAt === oldest)
  let first = segments[from]!.items.length
  // Short neighbours become one again.
  for (const { items, readAt } of segments.slice(from + 1)) {
    if (readAt === changes || first + items.length > largestSize) break
    first += items.length
  }
  return { from, first: first === 0 ? sizeOfUnread(from) : within(first) }
}

const sizeOfUnread = (from: number) => (from === 0 ? firstSize : largestSize)
const within = (size: number) => Math.min(largestSize, Math.max(firstSize, size))

/**
 * The list with an answer in it, and nothing twice. Old rows that the answer does not reach stay behind it until they are read themselves, so that what is
 * looked at keeps its place; rows that did not change stay the same objects.
 * @param changes how many had been told when it was asked
 */
export function answered<Item>({ segments, hasMore }: SegmentList<Item>, { from, first }: Question, { nodes, pageInfo }: Page<Item>, changes: number): SegmentList<Item> {
  const behind = segments.slice(from)
  // A row that came from farther away is no sign of how far the answer reaches.
  const near = behind.flatMap(({ items }) => items).slice(0, 2 * first)
  const before = new Map(near.map((item) => [keyOf(item), item]))
  const items = nodes.map((node) => unchanged(before.get(keyOf(node)), node))
  const found = new Set(items.map(keyOf))
  const own: Segment<Item> = { items, end: pageInfo.endCursor ?? null, readAt: changes }
  const above = segments.slice(0, from).map((segment) => without(segment, found))
  if (!pageInfo.hasNextPage) return { segments: items.length > 0 || from === 0 ? [...above, own] : above, hasMore: false }
  const reach = near.findLastIndex((item) => found.has(keyOf(item))) + 1 || Math.min(items.length, near.length)
  // What follows begins where it began only if the answer ends with the same row, unchanged: what a list is in the order of never changes, or is part of its rows.
  const isSeamless = reach > 0 && items.at(-1) === near[reach - 1]
  const rest = beyond(behind, reach).map((segment, at) => without(at > 0 || isSeamless ? segment : { ...segment, readAt: -1 }, found))
  if (rest.length > 0 || hasMore) return { segments: [...above, own, ...rest], hasMore }
  // Something new stands behind the end of a whole list: a page of it is read at once, and more only when it is asked for.
  const wasAsked = segments[from]!.items.length === 0
  return { segments: [...above, own, ...(wasAsked ? [] : [unread])], hasMore: wasAsked }
}

/** Without so many rows at the beginning. */
function beyond<Item>(segments: ReadonlyArray<Segment<Item>>, count: number): Array<Segment<Item>> {
  let left = count
  return segments.flatMap((segment, at) => {
    const { length } = segment.items
    const taken = Math.min(left, length)
    left -= taken
    // One behind that was asked for and is not read yet is still wanted.
    const isGone = taken === length && (at === 0 || length > 0)
    return isGone ? [] : [taken === 0 ? segment : { ...segment, items: segment.items.slice(taken) }]
  })
}

function without<Item>(segment: Segment<Item>, keys: ReadonlySet<unknown>): Segment<Item> {
  const items = segment.items.filter((item) => !keys.has(keyOf(item)))
  return items.length === segment.items.length ? segment : { ...segment, items }
}

/** What has no id is another row when anything of it is another. */
const keyOf = (item: unknown): unknown => (item as { id?: unknown }).id ?? JSON.stringify(item)

const unchanged = <Item>(before: Item | undefined, now: Item): Item => (before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? before : now)
