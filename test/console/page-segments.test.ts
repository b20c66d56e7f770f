import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPageReader, type PagesState } from '../../console/src/data/page-reader.js'
import { type Sight } from '../../console/src/data/page-segments.js'

interface Row {
  id: number
  /** What the list is in the order of, as a name is. */
  place: number
  text: string
}

const inOrder = (rows: readonly Row[]) => rows.toSorted((a, b) => a.place - b.place || a.id - b.id)

/** A server whose rows change, and that answers when it is told to: by turns with what it had when it was asked and what it has then. */
function served(begin: readonly Row[]) {
  let rows = inOrder(begin)
  const sizes: number[] = []
  const states: Array<PagesState<Row>> = []
  const open: Array<() => void> = []
  const waits: Array<() => void> = []
  let sight: Sight = { first: 0, last: 20 }
  const pageOf = (after: string | null, first: number) => {
    const [place, id] = after === null ? [-1, -1] : JSON.parse(after) as [number, number]
    const behind = rows.filter((row) => row.place > place || (row.place === place && row.id > id))
    const nodes = behind.slice(0, first).map((row) => ({ ...row }))
    const last = nodes.at(-1)
    return { nodes, pageInfo: { hasNextPage: behind.length > first, endCursor: last === undefined ? after : JSON.stringify([last.place, last.id]) } }
  }
  const reader = createPageReader<Row>({
    read: (after, first) => {
      sizes.push(first)
      const early = sizes.length % 2 === 0 ? pageOf(after, first) : null
      return new Promise((resolve) => { open.push(() => resolve(early ?? pageOf(after, first))) })
    },
    changed: (state) => { states.push(state) },
    sight: () => sight,
    after: (_ms, run) => {
      waits.push(run)
      return () => void waits.splice(waits.indexOf(run), 1)
    },
  })
  /** One answer. @returns false: nothing was asked */
  const answer = async () => {
    const one = open.shift()
    one?.()
    for (let turns = 0; turns < 5; turns++) await Promise.resolve()
    return one !== undefined
  }
  const answerAll = async () => {
    while (await answer());
  }
  return {
    reader, sizes, states, answer, answerAll, rows: () => rows, items: () => states.at(-1)!.items,
    /** Everything that somebody might have to wait for. */
    settle: async () => {
      await answerAll()
      for (const run of waits.splice(0)) run()
      await answerAll()
    },
    look: (first: number, last: number) => {
      sight = { first, last }
      reader.look()
    },
    change: (to: readonly Row[]) => {
      rows = inOrder(to)
      reader.refresh()
    },
  }
}

const row = (id: number, place = id * 10, text = 'old'): Row => ({ id, place, text })
const some = (count: number) => Array.from({ length: count }, (_, at) => row(at))

/** All of it, as after scrolling to its end. */
async function loaded(rows: readonly Row[]) {
  const all = served(rows)
  all.reader.refresh()
  await all.answerAll()
  while (all.states.at(-1)!.hasMore) {
    all.reader.more()
    await all.answerAll()
  }
  await all.settle()
  all.sizes.length = all.states.length = 0
  return all
}

it('a burst of changes reads what is seen alone, and the rest of ten thousand rows once, when it is quiet', async () => {
  const { reader, sizes, answerAll, settle, change, rows, items } = await loaded(some(10_000))
  for (let number = 1; number <= 50; number++) {
    change(rows().map((each) => (each.id === 3 || each.id === number * 190 ? { ...each, text: `new ${number}` } : each)))
    await answerAll()
  }
  expect(items()[3]!.text).toBe('new 50')
  expect(sizes).toEqual(Array.from({ length: 50 }, () => 100))
  sizes.length = 0
  await settle()
  expect(items()).toEqual(rows())
  expect(sizes.length).toBeLessThanOrEqual(21)
  reader.stop()
})

it('what is scrolled to is read again before it is quiet, from as near as it can be', async () => {
  const { sizes, states, answerAll, change, rows, look, items } = await loaded(some(3_000))
  change(rows().map((each) => ({ ...each, text: 'new' })))
  await answerAll()
  expect(items()[700]!.text).toBe('old')
  look(690, 720)
  await answerAll()
  expect(items().slice(600, 721).every(({ text }) => text === 'new')).toBe(true)
  expect(sizes).toEqual([100, 121])
  states.length = 0
  look(640, 660)
  await answerAll()
  expect(states).toEqual([])
})

it('rows that did not change are the same as before, and a list that did not change is not shown again', async () => {
  const { states, settle, change, rows, reader, items } = await loaded(some(700))
  reader.refresh()
  await settle()
  expect(states).toEqual([])
  change(rows().map((each) => (each.id === 5 ? { ...each, text: 'new' } : each)))
  await settle()
  const before = items()
  change(rows().map((each) => (each.id === 6 ? { ...each, text: 'new' } : each)))
  await settle()
  expect(items().filter((each, at) => each !== before[at]).map(({ id }) => id)).toEqual([6])
})

it('what takes the place of a page that went is read to its end, also when the page behind it was read already', async () => {
  const { answerAll, settle, change, rows, look, items } = await loaded(some(1_000))
  look(110, 130)
  change([...rows().filter(({ id }) => id >= 100), ...Array.from({ length: 150 }, (_, at) => row(5_000 + at, at))])
  await answerAll()
  await settle()
  expect(items()).toEqual(rows())
})

it('what was taken away while its page is on its way is gone with the next answer', async () => {
  const { answer, answerAll, change, rows, reader, items } = await loaded(some(50))
  reader.refresh()
  change(rows().filter(({ id }) => id !== 7))
  change(rows().filter(({ id }) => id !== 8))
  await answer()
  await answerAll()
  expect(items()).toEqual(rows())
})

const act = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('move' as const), at: fc.nat(), to: fc.integer({ min: 0, max: 16_000 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('add' as const), to: fc.integer({ min: 0, max: 16_000 }), count: fc.integer({ min: 1, max: 150 }) }),
  fc.record({ kind: fc.constant('look' as const), at: fc.integer({ min: 0, max: 1_600 }) }),
  fc.record({ kind: fc.constant('answer' as const) }),
  fc.record({ kind: fc.constant('settle' as const) }),
)

it('whatever changes in whatever moment, in the end it is what the server has, and nothing is ever there twice', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1_600 }), fc.array(act, { maxLength: 25 }), async (count, acts) => {
    const { states, settle, answer, change, rows, look } = await loaded(some(count))
    let newest = 100_000
    for (const each of acts) {
      const old = rows()
      const at = 'at' in each ? each.at % Math.max(1, old.length) : 0
      if (each.kind === 'change') change(old.map((one, index) => (index === at ? { ...one, text: `new ${newest++}` } : one)))
      if (each.kind === 'move') change(old.map((one, index) => (index === at ? { ...one, place: each.to } : one)))
      if (each.kind === 'remove') change(old.filter((_, index) => index < at || index >= at + each.count))
      if (each.kind === 'add') change([...old, ...Array.from({ length: each.count }, () => row(newest++, each.to))])
      if (each.kind === 'look') look(each.at, each.at + 30)
      if (each.kind === 'answer') await answer()
      if (each.kind === 'settle') await settle()
    }
    change(rows())
    await settle()
    const shown = states.at(-1)?.items ?? some(count)
    // A list that grew by more than a page at its end has the rest when it is asked for.
    expect(shown).toEqual(rows().slice(0, shown.length))
    if (states.at(-1)?.hasMore !== true) expect(shown.length).toBe(rows().length)
    for (const { items } of states) expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
  }), { numRuns: 100 })
})
