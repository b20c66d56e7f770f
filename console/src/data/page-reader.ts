import { byClock } from './latest.js'
import { answered, cursorOf, extended, itemsOf, type Page, type Question, questionInSight, questionOutOfSight, type SegmentList, type Sight, unreadList } from './page-segments.js'
import { type Problem } from './problem.js'

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
  /** The rows that can be seen. Default: all, as where a list is short and wholly in the page. */
  sight?: () => Sight
  /** Runs something after so many milliseconds. @returns ends it. Default: the clock's. */
  after?: (ms: number, run: () => void) => () => void
}

export interface PageReader {
  /** Something changed: what can be seen is read again at once, and the rest once it is quiet. What was read stays until then. */
  refresh: () => void
  /** Other rows can be seen: old ones among them are read again. */
  look: () => void
  /** The next page, if there is one. */
  more: () => void
  stop: () => void
}

/** Milliseconds without a change before what nobody sees is read again: twenty questions for ten thousand rows, which a burst of changes must not wait for. */
const quietMs = 1_000

const everything: Sight = { first: 0, last: Infinity }

/** A list of pages that grows as it is scrolled and is kept up to date. One question at a time. */
export function createPageReader<Item>({ read, changed, sight = () => everything, after = byClock }: PageReaderOptions<Item>): PageReader {
  let list: SegmentList<Item> = unreadList
  let shown: PagesState<Item> | null = null
  let changes = 0
  let isReading = false
  let isQuiet = false
  let isStopped = false
  let endWait = () => {}

  const next = () => questionInSight(list, changes, sight()) ?? (isQuiet ? questionOutOfSight(list, changes) : null)

  function show(problem: Problem | null): void {
    const state: PagesState<Item> = { items: itemsOf(list), hasMore: list.hasMore && problem === null, isLoading: false, problem }
    if (shown !== null && isSame(shown, state)) return
    shown = state
    changed(state)
  }

  async function ask(question: Question): Promise<void> {
    isReading = true
    const asked = changes
    const problem = await read(cursorOf(list, question), question.first)
      .then((page) => { list = answered(list, question, page, asked) })
      .then(() => null, (error: unknown) => error as Problem)
    isReading = false
    if (isStopped) return
    // What one may see no more is not shown any more; after any other failure the old list is better than none.
    if (problem !== null && ['NOT_FOUND', 'FORBIDDEN'].includes(problem.code)) list = unreadList
    show(problem)
    // What failed is not tried again by itself.
    if (problem === null || changes > asked) proceed()
  }

  function proceed(): void {
    if (isReading || isStopped) return
    const question = next()
    if (question !== null) void ask(question)
  }

  return {
    refresh: () => {
      changes++
      isQuiet = false
      endWait()
      endWait = after(quietMs, () => {
        isQuiet = true
        proceed()
      })
      proceed()
    },
    look: proceed,
    more: () => {
      if (changes === 0) return
      list = extended(list)
      proceed()
    },
    stop: () => {
      isStopped = true
      endWait()
    },
  }
}

function isSame<Item>(a: PagesState<Item>, b: PagesState<Item>): boolean {
  return a.hasMore === b.hasMore && a.problem === b.problem && a.items.length === b.items.length && a.items.every((item, at) => item === b.items[at])
}
