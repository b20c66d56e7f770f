import { type Problem } from './problem.js'

export interface Page<Item> {
  nodes: readonly Item[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
}

export interface PagesState<Item> {
  items: readonly Item[]
  hasMore: boolean
  /** Nothing of this list was read yet. */
  isLoading: boolean
  problem: Problem | null
}

export interface PageReaderOptions<Item> {
  /** @throws a Problem */
  read: (after: string | null, first: number) => Promise<Page<Item>>
  changed: (state: PagesState<Item>) => void
}

export interface PageReader {
  /** Reads as much again as is there, from the top. What was read stands before the rest of the old list at once: ten thousand rows take twenty answers. */
  refresh: () => void
  /** The next page, if there is one. */
  more: () => void
  stop: () => void
}

const firstSize = 100
/** The API serves no larger page. */
const largestSize = 500

const idOf = (item: unknown): unknown => (item as { id?: unknown }).id

/** What was read anew, and behind it the rest of the list as it was before; nothing twice. */
function followedBy<Item>(found: readonly Item[], before: readonly Item[]): readonly Item[] {
  const known = new Set(found.map(idOf))
  const last = before.findIndex((item) => idOf(item) === idOf(found.at(-1)))
  const rest = before.slice(last === -1 ? found.length : last + 1)
  return [...found, ...rest.filter((item) => !known.has(idOf(item)))]
}

/** A list of pages that grows as it is scrolled and is read again as a whole. One request at a time; what is asked for meanwhile is done once, afterwards. */
export function createPageReader<Item>({ read, changed }: PageReaderOptions<Item>): PageReader {
  let items: readonly Item[] = []
  let end: string | null = null
  let hasMore = false
  let isReading = false
  let isStale = false
  let isStopped = false

  async function readAgain(): Promise<void> {
    const wanted = Math.max(items.length, firstSize)
    const found: Item[] = []
    let after: string | null = null
    let isThereMore = true
    while (isThereMore && found.length < wanted) {
      // A small one first: most who look at a list look at its beginning.
      const page: Page<Item> = await read(after, Math.min(wanted - found.length, found.length === 0 ? firstSize : largestSize))
      found.push(...page.nodes)
      after = page.pageInfo.endCursor ?? null
      isThereMore = page.pageInfo.hasNextPage
      // Without ids nobody could tell what of the rest was read already.
      const isShown = !isStopped && isThereMore && found.length < wanted && idOf(found[0]) !== undefined
      if (isShown) changed({ items: followedBy(found, items), hasMore, isLoading: false, problem: null })
    }
    items = found
    end = after
    hasMore = isThereMore
  }

  async function readMore(): Promise<void> {
    const { nodes, pageInfo } = await read(end, largestSize)
    items = [...items, ...nodes]
    end = pageInfo.endCursor ?? null
    hasMore = pageInfo.hasNextPage
  }

  async function run(step: () => Promise<void>): Promise<void> {
    isReading = true
    const problem = await step().then(() => null, (error: unknown) => error as Problem)
    isReading = false
    if (isStopped) return
    // What one may see no more is not shown any more; after any other failure the old list is better than none.
    if (problem !== null && ['NOT_FOUND', 'FORBIDDEN'].includes(problem.code)) [items, end, hasMore] = [[], null, false]
    changed({ items, hasMore: hasMore && problem === null, isLoading: false, problem })
    if (!isStale) return
    isStale = false
    void run(readAgain)
  }

  return {
    refresh: () => {
      if (isReading) isStale = true
      else void run(readAgain)
    },
    more: () => {
      if (!isReading && hasMore) void run(readMore)
    },
    stop: () => { isStopped = true },
  }
}
