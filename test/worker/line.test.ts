import { expect, it } from 'vitest'
import { SurvivorError } from '../../src/worker/errors.js'
import { createLine, type Line, type LineEnd, type LineOptions } from '../../src/worker/line.js'
import { type Link } from '../../src/worker/link.js'
import { handClock } from '../support/fake-feed.js'

/** A line whose connections end when the test says so; nobody is at their other end. */
function setUp(isRemote = true) {
  const opened: Array<{ link: Link; end: LineEnd; gone: () => void; survives: () => void }> = []
  const clock = handClock()
  const line = createLine({
    isRemote, clock, prepare: async () => {}, onStanding: () => {},
    open: async (end) => {
      let [gone, survives] = [() => {}, () => {}]
      const ending = new Promise<void>((resolve, reject) => { [gone, survives] = [resolve, () => reject(new Error('survived'))] })
      const link = { ping: async () => { throw new Error('no answer') }, close: () => ending } as unknown as Link
      opened.push({ link, end, gone, survives })
      return link
    },
  })
  return { line, opened, clock }
}

/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

it('S13: closes when the connections that it let go of are gone too', async () => {
  const { line, opened } = setUp()
  line.drop(await line.link())
  await line.link()
  let isClosed = false
  const closed = line.close().then(() => { isClosed = true })
  opened[1]!.gone()
  await turns()
  expect(isClosed).toBe(false)
  opened[0]!.gone()
  await closed
})

it('S13: says when one that it let go of survives', async () => {
  const { line, opened } = setUp()
  line.drop(await line.link())
  opened[0]!.survives()
  await turns()
  await expect(line.close()).rejects.toThrow('survived')
})

it.each<[string, (line: Line) => Promise<unknown>, Partial<LineOptions>]>([
  ['a start that was given up', async (line) => { line.link().catch(() => {}) }, {}],
  ['a start that failed', (line) => line.link().catch(() => {}), { prepare: () => Promise.reject(new Error('no list')) }],
])('S13: says when something of %s survives', async (_, begin, changes) => {
  const survivor = new SurvivorError('process group 7 is still there')
  let prepared = () => {}
  const line = createLine({
    isRemote: false, clock: handClock(), onStanding: () => {}, prepare: () => new Promise((resolve) => { prepared = resolve }),
    open: async () => ({ close: () => Promise.reject(survivor) }) as unknown as Link, ...changes,
  })
  await begin(line)
  await turns()
  const closed = line.close()
  prepared()
  await expect(closed).rejects.toBe(survivor)
  await expect(line.close()).rejects.toBe(survivor)
})

it('S13: says when something of a handshake survives, and forgets what went wrong otherwise', async () => {
  const failures = [new Error('refused'), new SurvivorError('process group 7 is still there'), new Error('refused')]
  const line = createLine({
    isRemote: false, clock: handClock(), onStanding: () => {}, prepare: async () => {}, open: () => Promise.reject(failures.shift()!),
  })
  for (const message of ['refused', 'still there', 'refused']) await expect(line.link()).rejects.toThrow(message)
  await expect(line.close()).rejects.toThrow('process group 7 is still there')
})

it.each([[true, 2], [false, 1]])('to a server elsewhere (%s) is made again in the background when it is lost or gives no answer', async (isRemote, connections) => {
  const { line, opened, clock } = setUp(isRemote)
  await line.link()
  opened[0]!.end.onTrouble()
  await turns()
  expect(line.current() === null).toBe(isRemote)
  opened[0]!.end.onDropped()
  expect(line.current()).toBeNull()
  clock.advance(60_000)
  await turns()
  expect(opened).toHaveLength(connections)
  // What an earlier connection still says is nothing to the line.
  opened[0]!.end.onDropped()
  expect(line.current()).toBe(opened[1]?.link ?? null)
})

it('opens one connection for all who ask at once, and none once it is closed', async () => {
  const { line, opened } = setUp()
  const [one, other] = await Promise.all([line.link(), line.link()])
  expect([one === other, opened.length]).toEqual([true, 1])
  opened[0]!.gone()
  await line.close()
  expect(opened[0]!.end.signal.aborted).toBe(true)
  await expect(line.link()).rejects.toThrow('the connection was closed')
})
