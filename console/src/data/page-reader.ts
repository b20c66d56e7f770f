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
  /** Reads as much again as is there, and shows it at once: a list that is being read does not jump. */
  refresh: () => void
  /** The next page, if there is one. */
  more: () => void
  stop: () => void
}

const firstSize = 100
/** The API serves no larger page. */
const largestSize = 500

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
      const page: Page<Item> = await read(after, Math.min(wanted - found.length, largestSize))
      found.push(...page.nodes)
      after = page.pageInfo.endCursor ?? null
      isThereMore = page.pageInfo.hasNextPage
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
