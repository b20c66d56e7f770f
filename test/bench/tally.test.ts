import { describe, expect, it } from 'vitest'
import { createTally, markerText, readMarkers, sortedTimes } from '../../bench/tally.js'

function numbersIn(text: string): number[] {
  const found: number[] = []
  readMarkers(Buffer.from(text), (number) => found.push(number))
  return found
}

describe('markers', () => {
  it.each([
    ['one', `{"text":"${markerText(7, 5)}"}`, [7]],
    ['several in one frame, as in a folded delta', `[${[1, 20, 300].map((number) => `"${markerText(number, 3)}"`).join()}]`, [1, 20, 300]],
    ['one side by side with the next', '@@1@@@@2@@', [1, 2]],
    ['none', '{"type":"next"}', []],
    ['a lone sign is none', '{"mail":"a@b","text":"@@4@@"}', [4]],
    ['one cut short ends with the frame', '@@12', [12]],
  ])('%s', (_, text, numbers) => expect(numbersIn(text)).toEqual(numbers))
})

describe('the tally', () => {
  it('counts each marker once for each socket, and says who is missing', async () => {
    const tally = createTally(2)
    const expected = tally.expect(1)
    tally.saw(1, 0, 30)
    expect([tally.lost(), tally.doubled()]).toEqual([1, 0])
    tally.saw(1, 1, 20)
    await expected.bySockets
    expect([tally.lost(), tally.doubled()]).toEqual([0, 0])
    expect([...sortedTimes(expected)]).toEqual([20, 30])
  })

  it('a marker that comes again is doubled', () => {
    const tally = createTally(1)
    tally.expect(1)
    tally.saw(1, 0, 10)
    tally.saw(1, 0, 11)
    expect([tally.lost(), tally.doubled()]).toEqual([0, 1])
  })

  it('a whole set may hold what was seen, and counts for what was not', () => {
    const tally = createTally(1)
    tally.expect(1)
    tally.expect(2)
    tally.saw(1, 0, 10)
    tally.holds(1, 0, 11)
    tally.holds(2, 0, 11)
    expect([tally.lost(), tally.doubled()]).toEqual([0, 0])
  })

  it('leaves alone what nobody waits for', () => {
    const tally = createTally(1)
    tally.saw(9, 0, 10)
    tally.saw(9, 0, 10)
    expect([tally.lost(), tally.doubled()]).toEqual([0, 0])
  })
})
