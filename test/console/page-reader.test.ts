import { expect, it } from 'vitest'
import { createPageReader, type PagesState } from '../../console/src/data/page-reader.js'
import { problem } from '../../console/src/data/problem.js'

interface Row {
  id: number
  text: string
}

/** A server with rows in the order of their ids, which answers when it is told to. */
function served(rows: Row[]) {
  const sizes: number[] = []
  const states: Array<PagesState<Row>> = []
  let told = () => {}
  const reader = createPageReader<Row>({
    read: (after, first) => {
      sizes.push(first)
      const from = after === null ? 0 : rows.findIndex(({ id }) => id > Number(after))
      const nodes = from === -1 ? [] : rows.slice(from, from + first)
      return Promise.resolve({ nodes, pageInfo: { hasNextPage: from !== -1 && from + first < rows.length, endCursor: String(nodes.at(-1)?.id ?? after) } })
    },
    changed: (state) => {
      states.push(state)
      told()
    },
  })
  /** When the list is shown the next time for which this holds. */
  const until = (holds: (state: PagesState<Row>) => boolean) => new Promise<PagesState<Row>>((resolve) => {
    told = () => {
      const state = states.at(-1)!
      if (holds(state)) resolve(state)
    }
  })
  return { reader, sizes, states, until }
}

const row = (id: number, text = 'old'): Row => ({ id, text })

it('shows what was read again before the rest of a long list, nothing twice, and ends with what the server has', async () => {
  const rows = Array.from({ length: 1_000 }, (_, at) => row(at * 10))
  const { reader, sizes, states, until } = served(rows)
  const first = until(({ items }) => items.length === 100)
  reader.refresh()
  await first
  for (const length of [600, 1_000]) {
    const more = until(({ items }) => items.length === length)
    reader.more()
    await more
  }
  sizes.length = states.length = 0
  // One changed, one came, one went, one went to the end: before and behind the first page.
  rows[3] = row(30, 'new')
  rows.splice(1, 0, row(5, 'new'))
  rows.splice(rows.findIndex(({ id }) => id === 40), 1)
  rows.splice(rows.findIndex(({ id }) => id === 8_000), 1)
  rows.push(row(99_990, 'new'))
  const done = until(({ items }) => items.at(-1)!.id === 99_990)
  reader.refresh()
  await done
  expect(sizes.slice(0, 2)).toEqual([100, 500])
  expect(states[0]!.items.slice(0, 6)).toEqual([row(0), row(5, 'new'), row(10), row(20), row(30, 'new'), row(50)])
  for (const { items } of states) expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
  expect(states[0]!.items.length).toBe(1_000)
  expect(states.at(-1)!.items).toEqual(rows)
})

it.each([['NOT_FOUND', 0], ['FORBIDDEN', 0], ['UNAVAILABLE', 1], ['RATE_LIMITED', 1]])('S19: refused with %s, a list that was read before has %i of its rows', async (code, count) => {
  const states: Array<PagesState<Row>> = []
  let isRefused = false
  const read = new Promise<void>((resolve) => {
    const reader = createPageReader<Row>({
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the console has it: what is shown
      read: () => (isRefused ? Promise.reject(problem('Refused.', null, code)) : Promise.resolve({ nodes: [row(1)], pageInfo: { hasNextPage: false, endCursor: '1' } })),
      changed: (state) => {
        states.push(state)
        if (isRefused) return resolve()
        isRefused = true
        reader.refresh()
      },
    })
    reader.refresh()
  })
  await read
  expect(states.map(({ items, problem: why }) => [items.length, why?.code])).toEqual([[1, undefined], [count, code]])
})
