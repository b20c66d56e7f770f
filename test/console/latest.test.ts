import { describe, expect, it } from 'vitest'
import { createLatest } from '../../console/src/data/latest.js'

/** A clock that is moved by hand, and questions that are answered by hand. */
function bench() {
  const waits = new Set<() => void>()
  const asked: Array<{ input: string; answer: (text: string) => Promise<void> }> = []
  const told: string[] = []
  const latest = createLatest<string, string>({
    quietMs: 300,
    ask: (input) => new Promise((resolve) => {
      asked.push({ input, answer: async (text) => { resolve(text); await Promise.resolve(); await Promise.resolve() } })
    }),
    tell: (answer, input) => void told.push(`${input}: ${answer}`),
    after: (_, run) => {
      waits.add(run)
      return () => void waits.delete(run)
    },
  })
  const pass = () => [...waits].forEach((run) => { waits.delete(run); run() })
  return { latest, asked, told, pass, waits }
}

describe('createLatest', () => {
  it('asks once, about the last of what came without a pause', async () => {
    const { latest, asked, told, pass } = bench()
    for (const input of ['a', 'ab', 'abc']) latest.give(input)
    expect(asked).toEqual([])
    pass()
    expect(asked.map(({ input }) => input)).toEqual(['abc'])
    await asked[0]!.answer('fine')
    expect(told).toEqual(['abc: fine'])
  })

  it('drops an answer to what is not the newest, and asks about the newest then', async () => {
    const { latest, asked, told, pass } = bench()
    latest.give('old')
    pass()
    latest.give('new')
    await asked[0]!.answer('late')
    expect([told, asked.length]).toEqual([[], 1])
    pass()
    await asked[1]!.answer('fine')
    expect(told).toEqual(['new: fine'])
  })

  it('has one question on its way at a time', async () => {
    const { latest, asked, pass } = bench()
    latest.give('one')
    pass()
    latest.give('two')
    pass()
    latest.give('three')
    pass()
    expect(asked.map(({ input }) => input)).toEqual(['one'])
    await asked[0]!.answer('')
    expect(asked.map(({ input }) => input)).toEqual(['one', 'three'])
  })

  it('is not put off, nor left without an answer, by the same input again and again', async () => {
    const { latest, asked, told, pass, waits } = bench()
    latest.give('a')
    const [wait] = waits
    latest.give('a')
    expect([...waits]).toEqual([wait])
    pass()
    latest.give('a')
    latest.give('a')
    await asked[0]!.answer('one')
    expect([told, asked.length]).toEqual([['a: one'], 1])
    pass()
    await asked[1]!.answer('two')
    pass()
    expect([told, asked.length]).toEqual([['a: one', 'a: two'], 2])
  })

  it('asks and tells nothing once it is stopped', async () => {
    const { latest, asked, told, pass, waits } = bench()
    latest.give('one')
    pass()
    latest.give('two')
    latest.stop()
    await asked[0]!.answer('late')
    expect([told, asked.length, waits.size]).toEqual([[], 1, 0])
  })
})
